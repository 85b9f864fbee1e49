/* SPDX-License-Identifier: MIT
 *
 * The model among the members of a request. */
#include "api/model_member.h"

#include "formats/json.h"

#include <stdio.h>
#include <string.h>

enum { MAX_REFERENCE_BYTES = 1024 };

bool api_is_digest(const char *text)
{
    return strlen(text) == LIP_DIGEST_TEXT - 1 &&
           strncmp(text, "sha256:", 7) == 0 &&
           strspn(text + 7, "0123456789abcdef") == 64;
}

enum lip_status api_reference_member(bool *found, char id[LIP_DIGEST_TEXT],
                                     const unsigned char *text,
                                     const struct lip_json_member *member,
                                     const char *pointer, struct lip_ctx *ctx)
{
    struct lip_json json;
    bool more = false;
    char where[LIP_JSON_KEY + 8];
    size_t size = member->end - member->start;
    *found = false;
    if (size > MAX_REFERENCE_BYTES)
        return LIP_OK;
    lip_json_init(&json, text + member->start, size, member->start, pointer,
                  ctx);
    enum lip_status s = lip_json_open_object(&json);
    if (s == LIP_OK)
        s = lip_json_next_member(&json, &more);
    if (s != LIP_OK || !more || !lip_json_key_is(&json, "id"))
        return s;
    *found = true;
    s = lip_json_string(&json, id, LIP_DIGEST_TEXT);
    if (s == LIP_OK)
        s = lip_json_next_member(&json, &more);
    if (s != LIP_OK || (!more && api_is_digest(id)))
        return s;
    snprintf(where, sizeof where, "%.*s/id", LIP_JSON_KEY, pointer);
    return lip_fail_at(ctx, LIP_INVALID, LIP_AT_POINTER, where,
                       "A stored %s is named by \"id\" alone: \"sha256:\" and "
                       "64 hexadecimal digits in lower case.",
                       pointer + 1);
}

enum lip_status api_model_member(struct lip_network **out,
                                 char id[LIP_DIGEST_TEXT],
                                 const unsigned char *text,
                                 const struct lip_json_member *member,
                                 const struct lip_read_options *options,
                                 struct lip_ctx *ctx)
{
    bool found;
    if (member->type != LIP_JSON_OBJECT)
        return lip_fail_at(ctx, LIP_INVALID, LIP_AT_POINTER, "/model",
                           "The model is an object: {\"layers\": [...]}, or "
                           "{\"id\": \"sha256:...\"} for a stored one.");
    enum lip_status s =
        api_reference_member(&found, id, text, member, "/model", ctx);
    if (s != LIP_OK || found)
        return s;
    return lip_json_read_model(out, text + member->start,
                               member->end - member->start, member->start,
                               "/model", options, ctx);
}
