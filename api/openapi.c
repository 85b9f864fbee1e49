/* SPDX-License-Identifier: MIT
 *
 * The bytes of openapi.yaml as they lie in the source tree; the compiler is
 * run from its root. A NUL follows them. */
#include "api/openapi.h"

__asm__(".section .rodata\n"
        ".balign 8\n"
        ".global api_openapi_yaml_size\n"
        ".type api_openapi_yaml_size, @object\n"
        ".size api_openapi_yaml_size, 8\n"
        "api_openapi_yaml_size:\n"
        ".quad 2f - 1f\n"
        ".global api_openapi_yaml\n"
        ".type api_openapi_yaml, @object\n"
        "api_openapi_yaml:\n"
        "1:\n"
        ".incbin \"api/openapi.yaml\"\n"
        "2:\n"
        ".byte 0\n"
        ".size api_openapi_yaml, . - api_openapi_yaml\n"
        ".previous\n");

_Static_assert(sizeof(size_t) == 8, "the size above is written as .quad");
