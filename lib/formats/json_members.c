/* SPDX-License-Identifier: MIT
 *
 * Splitting an object into its members without reading them. */
#include "formats/json_scan.h"

#include <string.h>

/* The current member; the value has been peeked at. */
static enum lip_status read_member(struct lip_json_member *member,
                                   size_t before, struct lip_json *json)
{
    struct lip_json_member *now = &member[before];
    struct lip_json_span span;
    enum lip_status status = lip_json_key(json, now->key, sizeof now->key);
    for (size_t i = 0; status == LIP_OK && i < before; i++)
        if (strcmp(member[i].key, now->key) == 0)
            return lip_json_fail(json, LIP_INVALID,
                                 "This member is given twice.");
    if (status == LIP_OK)
        status = lip_json_peek(json, &now->type);
    if (status == LIP_OK)
        status = lip_json_skip(json, &span);
    if (status != LIP_OK)
        return status;
    now->start = (size_t)(span.data - json->start);
    now->end = now->start + span.size;
    return LIP_OK;
}

enum lip_status lip_json_members(struct lip_json_member *member,
                                 size_t capacity, size_t *count,
                                 struct lip_json *json)
{
    bool more;
    *count = 0;
    enum lip_status status = lip_json_open_object(json);
    while (status == LIP_OK &&
           (status = lip_json_next_member(json, &more)) == LIP_OK && more) {
        if (*count == capacity)
            return lip_json_fail(json, LIP_TOO_LARGE,
                                 "This object has more than %zu members.",
                                 capacity);
        status = read_member(member, *count, json);
        *count += status == LIP_OK;
    }
    return status == LIP_OK ? lip_json_end(json) : status;
}
