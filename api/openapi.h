/* SPDX-License-Identifier: MIT
 *
 * The document of GET /openapi.yaml, built into the program. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include <stddef.h>

extern const char api_openapi_yaml[];
extern const size_t api_openapi_yaml_size;

#endif
