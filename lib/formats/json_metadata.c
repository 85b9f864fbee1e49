/* SPDX-License-Identifier: MIT
 *
 * An object of texts as metadata. */
#include "formats/json_parts.h"

#include "formats/reader.h"

#include <string.h>

/* Whether the text may end early when its escapes are resolved. */
static bool has_nul(struct lip_json_span span)
{
    static const char escape[] = "\\u0000";
    return memmem(span.data, span.size, escape, sizeof escape - 1);
}

static enum lip_status read_pair(struct lip_metadata *metadata,
                                 struct lip_json *json)
{
    char name[LIP_METADATA_NAME];
    struct lip_json ahead = *json;
    struct lip_json_span span;
    enum lip_json_type type;
    enum lip_status status = lip_json_key(json, name, sizeof name);
    if (status == LIP_OK)
        status = lip_json_peek(json, &type);
    if (status == LIP_OK && type != LIP_JSON_STRING)
        return lip_json_fail(json, LIP_INVALID,
                             "Metadata may hold only strings.");
    if (status == LIP_OK && lip_metadata_find(metadata, name))
        return lip_json_fail(json, LIP_INVALID, "This member is given twice.");
    if (status == LIP_OK)
        status = lip_json_skip(&ahead, &span);
    if (status != LIP_OK)
        return status;
    if (span.size > LIP_METADATA_VALUE || has_nul(span))
        return lip_json_skip(json, NULL);
    char *value = lip_alloc(json->ctx, span.size + 1, 1);
    if (!value)
        return lip_memory_status(json->ctx);
    status = lip_json_string(json, value, span.size + 1);
    if (status == LIP_OK)
        status = lip_metadata_add(metadata, name, value, json->ctx);
    lip_free(value);
    return status;
}

enum lip_status lip_json_metadata(struct lip_metadata *metadata,
                                  struct lip_json *json)
{
    bool more;
    enum lip_status status = lip_json_open_object(json);
    while (status == LIP_OK &&
           (status = lip_json_next_member(json, &more)) == LIP_OK && more)
        status = read_pair(metadata, json);
    return status;
}
