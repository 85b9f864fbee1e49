/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a request envelope: the scanner takes exactly what jansson
 * takes, apart from limits, and every member it lists stands on its own. */
#include "formats/json_scan.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum lip_status scan(const uint8_t *data, size_t size)
{
    struct lip_ctx ctx = {.deadline = 0};
    struct lip_json json;
    lip_json_init(&json, data, size, 0, "", &ctx);
    enum lip_status status = lip_json_skip(&json, NULL);
    return status == LIP_OK ? lip_json_end(&json) : status;
}

/* jansson does not take these, for reasons of its own. */
static int is_limit(enum json_error_code code)
{
    return code == json_error_null_character ||
           code == json_error_null_byte_in_key ||
           code == json_error_numeric_overflow ||
           code == json_error_duplicate_key ||
           code == json_error_stack_overflow;
}

static void compare(const uint8_t *data, size_t size)
{
    json_error_t error;
    if (size && memchr(data, 0, size))
        return; /* jansson takes a NUL for the end */
    enum lip_status status = scan(data, size);
    json_t *value =
        json_loadb((const char *)data, size,
                   JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (value && status != LIP_OK && status != LIP_TOO_LARGE)
        abort();
    if (!value && status == LIP_OK && !is_limit(json_error_code(&error)))
        abort();
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lip_json_member member[MEMBERS];
    struct lip_ctx ctx = {.deadline = 0};
    struct lip_json json;
    size_t count;
    compare(data, size);
    lip_json_init(&json, data, size, 0, "", &ctx);
    if (lip_json_members(member, MEMBERS, &count, &json) != LIP_OK)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (scan(data + member[i].start, member[i].end - member[i].start) !=
            LIP_OK)
            abort();
    return 0;
}
