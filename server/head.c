/* SPDX-License-Identifier: MIT
 *
 * RFC 9112, sections 6.1 and 6.3, read strictly. */
#include "server/head.h"

#include <string.h>
#include <strings.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_token(const char *text, size_t size)
{
    return size && strspn(text, LETTERS DIGITS "!#$%&'*+-.^_`|~") == size;
}

/* Visible characters, bytes beyond ASCII, blanks and tabs. */
static bool is_field_value(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte < ' ' && byte != '\t') || byte == 127)
            return false;
    }
    return true;
}

bool lipd_head_is_host(const char *text, size_t size)
{
    const char *inside = text[0] == '[' ? DIGITS "abcdefABCDEF:."
                                        : LETTERS DIGITS "-._~%!$&'()*+,;=";
    size_t bracket = text[0] == '[';
    size_t host = bracket + strspn(text + bracket, inside);
    if (bracket && text[host++] != ']')
        return false;
    if (host < size && text[host] == ':')
        host += 1 + strspn(text + host + 1, DIGITS);
    return host == size;
}

/* Blanks may follow the value. */
static bool is_host_field(const char *text)
{
    size_t size = strlen(text);
    while (size && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    return !size || lipd_head_is_host(text, size);
}

/* A list may come in parts (RFC 9110, 5.3). One too many is left out. */
static void take_part(struct lipd_field *field, char *list, size_t room,
                      const char *part)
{
    size_t used = field->count++ ? strlen(field->value) : 0;
    size_t more = strlen(part);
    if (!used) {
        field->value = part;
    } else if (used + 2 + more < room) {
        memmove(list, field->value, used);
        memcpy(list + used, ", ", 2);
        memcpy(list + used + 2, part, more + 1);
        field->value = list;
    }
}

void lipd_head_add(struct lipd_head *head, const char *name, size_t name_size,
                   const char *value, size_t value_size)
{
    if (!value)
        value = "";
    if (!is_token(name, name_size) || !is_field_value(value, value_size))
        head->bad_field = true;
#define TAKE(field, spelling)                                                  \
    if (!strcasecmp(name, spelling)) {                                         \
        head->field.value = value;                                             \
        head->field.count++;                                                   \
    }
    TAKE(content_length, "Content-Length")
    TAKE(transfer_encoding, "Transfer-Encoding")
    TAKE(host, "Host")
    TAKE(content_type, "Content-Type")
    TAKE(request_id, "X-Request-Id")
    TAKE(last_event_id, "Last-Event-ID")
    TAKE(idempotency_key, "Idempotency-Key")
    TAKE(if_none_match, "If-None-Match")
    TAKE(range, "Range")
    TAKE(if_range, "If-Range")
    TAKE(authorization, "Authorization")
    TAKE(traceparent, "traceparent")
    TAKE(origin, "Origin")
    TAKE(preflight, "Access-Control-Request-Method")
#undef TAKE
#define TAKE_LIST(field, spelling)                                             \
    if (!strcasecmp(name, spelling))                                           \
        take_part(&head->field, head->field##_list, sizeof head->field##_list, \
                  value);
    TAKE_LIST(cache_control, "Cache-Control")
    TAKE_LIST(prefer, "Prefer")
#undef TAKE_LIST
}

/* Digits only: no sign, no list, no space. */
static bool read_length(uint64_t *out, const char *text)
{
    uint64_t value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' ||
            __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

static bool refuse(struct api_problem *problem, const char *sentence)
{
    api_problem_set(problem, API_PROBLEM_BAD_REQUEST, "%s", sentence);
    return false;
}

bool lipd_head_framing(struct lipd_framing *out, const struct lipd_head *head,
                       struct api_problem *problem)
{
    *out = (struct lipd_framing){LIPD_BODY_NONE, 0};
    if (head->torn)
        return refuse(problem, "The lines of the head end with CR LF; none is "
                               "folded, and none has a zero byte.");
    if (head->bad_field)
        return refuse(problem, "A header field has a character in its name or "
                               "its value that may not stand there.");
    if (!is_token(head->method, strlen(head->method)))
        return refuse(problem, "The method has a character that may not stand "
                               "there.");
    if (!head->path)
        return refuse(problem, "The target of the request names no host.");
    if (head->host.count && !is_host_field(head->host.value))
        return refuse(problem, "Host is not a name or an address with a port "
                               "or without.");
    if (head->host.count > 1)
        return refuse(problem, "There is more than one Host field.");
    if (head->content_length.count > 1)
        return refuse(problem, "There is more than one Content-Length field.");
    if (head->content_type.count > 1)
        return refuse(problem, "There is more than one Content-Type field.");
    if (head->idempotency_key.count > 1)
        return refuse(problem, "There is more than one Idempotency-Key field.");
    if (head->authorization.count > 1)
        return refuse(problem, "There is more than one Authorization field.");
    if (head->content_length.count && head->transfer_encoding.count)
        return refuse(problem, "Content-Length and Transfer-Encoding exclude "
                               "each other; send one of them.");
    if (head->transfer_encoding.count) {
        if (head->transfer_encoding.count > 1 ||
            strcasecmp(head->transfer_encoding.value, "chunked"))
            return refuse(problem, "The only Transfer-Encoding that is read "
                                   "is chunked.");
        if (strcmp(head->version, "HTTP/1.1"))
            return refuse(problem, "Transfer-Encoding needs HTTP/1.1.");
        out->form = LIPD_BODY_CHUNKED;
        return true;
    }
    if (!head->content_length.count)
        return true;
    if (!read_length(&out->size, head->content_length.value))
        return refuse(problem, "Content-Length is not a number of bytes.");
    out->form = out->size ? LIPD_BODY_SIZED : LIPD_BODY_NONE;
    return true;
}
