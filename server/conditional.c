/* SPDX-License-Identifier: MIT
 *
 * The tag is made of the very bytes that go out: what is written may change
 * with a version, and a part of the old is not to be put to a part of the new.
 */
#include "server/conditional.h"

#include "base/digest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TAG_DIGITS = 32 };

void lipd_etag(char out[LIPD_ETAG], const void *bytes, size_t size)
{
    char digest[LIP_DIGEST_TEXT];
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, size, bytes);
    lip_digest_text(digest, &hash);
    snprintf(out, LIPD_ETAG, "\"%.*s\"", TAG_DIGITS,
             digest + strlen("sha256:"));
}

bool lipd_etag_any(const char *list)
{
    const char *at = list ? list + strspn(list, " \t") : "";
    return *at == '*' && !at[1 + strspn(at + 1, " \t")];
}

bool lipd_etag_among(const char *list, const char *etag)
{
    size_t length = strlen(etag);
    if (lipd_etag_any(list))
        return true;
    for (const char *at = list; at && *at;) {
        at += strspn(at, ", \t");
        if (!strncmp(at, "W/", 2))
            at += 2;
        if (*at != '"')
            return false; /* not a list of tags */
        size_t tag = 1 + strcspn(at + 1, "\"");
        if (!at[tag])
            return false;
        if (++tag == length && !memcmp(at, etag, tag))
            return true;
        at += tag;
    }
    return false;
}

/* Digits up to the end of them; a number beyond all sizes is SIZE_MAX. False
 * where there are none. */
static bool read_number(size_t *out, const char **at)
{
    const char *start = *at;
    *out = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, (size_t)(**at - '0'), out))
            *out = SIZE_MAX;
    return *at > start;
}

enum lipd_range lipd_range_read(size_t *first, size_t *count, const char *field,
                                size_t size)
{
    static const char unit[] = "bytes=";
    size_t from, to;
    if (!field || strncasecmp(field, unit, sizeof unit - 1) != 0)
        return LIPD_WHOLE;
    const char *at = field + sizeof unit - 1;
    at += strspn(at, " \t");
    bool has_first = read_number(&from, &at);
    if (*at++ != '-')
        return LIPD_WHOLE;
    bool has_last = read_number(&to, &at);
    at += strspn(at, " \t");
    if (*at || (!has_first && !has_last) ||
        (has_first && has_last && to < from))
        return LIPD_WHOLE;
    if (!has_first) /* the last `to` bytes */
        from = to < size ? size - to : 0;
    if (from >= size)
        return LIPD_NO_PART;
    *first = from;
    *count = has_first && has_last && to < size ? to + 1 - from : size - from;
    return LIPD_PART;
}

/* 416, with the size that there is. */
static void refuse_range(struct lipd_request *request, size_t size,
                         const char *etag)
{
    lipd_reply_fail(request, API_PROBLEM_RANGE,
                    "The file has %zu bytes; no byte of the Range is among "
                    "them.",
                    size);
    snprintf(request->reply.content_range, sizeof request->reply.content_range,
             "bytes */%zu", size);
    snprintf(request->reply.etag, sizeof request->reply.etag, "%s", etag);
}

static void reply_part(struct lipd_request *request)
{
    struct lipd_reply *reply = &request->reply;
    size_t first, count, size = reply->size;
    char etag[LIPD_ETAG];
    enum lipd_range range =
        lipd_range_read(&first, &count, request->range, size);
    memcpy(etag, reply->etag, sizeof etag);
    if (range == LIPD_NO_PART)
        refuse_range(request, size, etag);
    if (range != LIPD_PART)
        return;
    reply->status = 206;
    reply->data += first;
    reply->size = count;
    snprintf(reply->content_range, sizeof reply->content_range,
             "bytes %zu-%zu/%zu", first, first + count - 1, size);
}

void lipd_reply_conditional(struct lipd_request *request, bool parts)
{
    struct lipd_reply *reply = &request->reply;
    if (reply->status != 200 || reply->stream)
        return;
    lipd_etag(reply->etag, reply->data, reply->size);
    reply->ranges = parts;
    reply->caching = "private, no-cache";
    if (lipd_etag_among(request->if_none_match, reply->etag)) {
        reply->status = 304;
        reply->file_name[0] = '\0';
        reply->media_type = NULL;
        return;
    }
    /* A range has a meaning with GET only; If-Range: all, unless it is this. */
    if (parts && request->range && !request->head_only &&
        (!request->if_range || !strcmp(request->if_range, reply->etag)))
        reply_part(request);
}
