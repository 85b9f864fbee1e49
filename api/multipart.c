/* SPDX-License-Identifier: MIT
 *
 * body      = [CRLF] delimiter *(CRLF part CRLF delimiter) "--" [CRLF]
 * delimiter = "--" boundary *(SP / HTAB)
 * part      = *(header CRLF) CRLF content
 *
 * Preambles and epilogues, which RFC 2046 has readers skip, are refused: no
 * client sends them, and they can hide a second form. */
#include "api/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct reader {
    const unsigned char *body;
    size_t size, at;
    char delimiter[2 + 2 + API_MAX_BOUNDARY + 1]; /* CRLF "--" boundary */
    size_t delimiter_size;
    struct lip_ctx *ctx;
};

static enum lip_status fail_at(struct reader *r, enum lip_status status,
                               size_t at, const char *sentence)
{
    char where[24];
    snprintf(where, sizeof where, "%zu", at);
    return lip_fail_at(r->ctx, status, LIP_AT_BYTE, where,
                       "The multipart body cannot be read at byte %zu: %s", at,
                       sentence);
}

static bool is_blank(int c)
{
    return c == ' ' || c == '\t';
}

static bool is_letter_or_digit(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

/* token of RFC 9110 */
static bool is_token(int c)
{
    return is_letter_or_digit(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* bchars of RFC 2046 */
static bool is_boundary(int c)
{
    return is_letter_or_digit(c) || (c && strchr("'()+_,-./:=? ", c));
}

bool api_is_multipart(const char *content_type)
{
    static const char form[] = "multipart/form-data";
    if (!content_type || strncasecmp(content_type, form, sizeof form - 1) != 0)
        return false;
    char c = content_type[sizeof form - 1];
    return c == '\0' || c == ';' || is_blank(c);
}

/* Takes `; name=value` or `; name="value"` at *p. False where there is none,
 * or it is cut short, or the value does not fit. `ended` tells the end. */
static bool next_parameter(const char **p, char *name, size_t name_size,
                           char *value, size_t value_size)
{
    const char *s = *p;
    size_t n = 0;
    s += strspn(s, " \t");
    if (*s++ != ';')
        return false;
    for (s += strspn(s, " \t"); is_token((unsigned char)*s); s++)
        if (n + 1 < name_size)
            name[n++] = *s;
    name[n] = '\0';
    if (n == 0 || *s++ != '=')
        return false;
    bool quoted = *s == '"';
    s += quoted;
    for (n = 0; quoted ? *s && *s != '"' : is_token((unsigned char)*s); s++) {
        if (quoted && *s == '\\' && (s[1] == '"' || s[1] == '\\'))
            s++;
        if (n + 1 == value_size)
            return false;
        value[n++] = *s;
    }
    value[n] = '\0';
    if (quoted && *s++ != '"')
        return false;
    *p = s;
    return true;
}

static bool at_end(const char *p)
{
    return p[strspn(p, " \t")] == '\0';
}

static enum lip_status read_boundary(struct reader *r, const char *type)
{
    char name[16], value[API_MAX_BOUNDARY + 1];
    char boundary[API_MAX_BOUNDARY + 1] = "";
    const char *p = type + strcspn(type, ";");
    while (!at_end(p)) {
        if (!next_parameter(&p, name, sizeof name, value, sizeof value))
            return lip_fail(r->ctx, LIP_MALFORMED,
                            "The parameters of the Content-Type cannot be "
                            "read (a boundary has at most %d characters).",
                            API_MAX_BOUNDARY);
        if (strcasecmp(name, "boundary") != 0)
            continue;
        if (boundary[0])
            return lip_fail(r->ctx, LIP_MALFORMED,
                            "The Content-Type gives two boundaries.");
        memcpy(boundary, value, sizeof boundary);
    }
    size_t n = strlen(boundary);
    if (n == 0)
        return lip_fail(r->ctx, LIP_MALFORMED,
                        "The Content-Type multipart/form-data has no "
                        "boundary parameter.");
    for (size_t i = 0; i < n; i++)
        if (!is_boundary((unsigned char)boundary[i]) || boundary[n - 1] == ' ')
            return lip_fail(r->ctx, LIP_MALFORMED,
                            "The boundary in the Content-Type has a character "
                            "that none may have.");
    r->delimiter_size = (size_t)snprintf(r->delimiter, sizeof r->delimiter,
                                         "\r\n--%s", boundary);
    return LIP_OK;
}

static bool starts_with(const struct reader *r, const char *text, size_t size)
{
    return r->size - r->at >= size && memcmp(r->body + r->at, text, size) == 0;
}

/* Past what follows a delimiter: CRLF before a part, or "--" at the end. */
static enum lip_status after_delimiter(struct reader *r, bool *last)
{
    *last = starts_with(r, "--", 2);
    if (*last)
        r->at += 2;
    while (r->at < r->size && is_blank(r->body[r->at]))
        r->at++;
    if (starts_with(r, "\r\n", 2))
        r->at += 2;
    else if (!*last || r->at < r->size)
        return fail_at(r, LIP_MALFORMED, r->at,
                       "a boundary must end its line.");
    if (*last && r->at < r->size)
        return fail_at(r, LIP_MALFORMED, r->at,
                       "something follows the closing boundary.");
    return LIP_OK;
}

/* The headers of one part as far as they matter. */
struct part_head {
    bool named;
    size_t count;
    char name[API_PART_NAME];
};

static enum lip_status read_disposition(struct reader *r,
                                        struct part_head *head, size_t at,
                                        const char *value)
{
    char name[16], text[512];
    const char *p = value + strcspn(value, "; \t");
    if (p - value != 9 || strncasecmp(value, "form-data", 9) != 0)
        return fail_at(r, LIP_MALFORMED, at,
                       "a part is not of the disposition form-data.");
    while (!at_end(p)) {
        if (!next_parameter(&p, name, sizeof name, text, sizeof text))
            return fail_at(r, LIP_MALFORMED, at,
                           "the parameters of Content-Disposition are cut "
                           "short or too long.");
        if (strcasecmp(name, "name") != 0)
            continue;
        if (head->named)
            return fail_at(r, LIP_MALFORMED, at, "a part has two names.");
        if (strlen(text) >= sizeof head->name)
            return fail_at(r, LIP_TOO_LARGE, at, "a part's name is too long.");
        head->named = true;
        memcpy(head->name, text, strlen(text) + 1);
    }
    return LIP_OK;
}

/* One header line, which is NUL-terminated text. */
static enum lip_status read_header(struct reader *r, struct part_head *head,
                                   size_t at, const char *line)
{
    size_t n = 0;
    while (is_token((unsigned char)line[n]))
        n++;
    if (n == 0 || line[n] != ':')
        return fail_at(r, LIP_MALFORMED, at, "this is not a header line.");
    if (++head->count > API_MAX_PART_HEADERS)
        return fail_at(r, LIP_TOO_LARGE, at, "a part has too many headers.");
    const char *value = line + n + 1 + strspn(line + n + 1, " \t");
    if (n == 19 && strncasecmp(line, "Content-Disposition", n) == 0)
        return read_disposition(r, head, at, value);
    if (n == 12 && strncasecmp(line, "Content-Type", n) == 0 &&
        strncasecmp(value, "multipart/", 10) == 0)
        return fail_at(r, LIP_MALFORMED, at,
                       "a part is itself multipart; parts cannot be nested.");
    if (n == 25 && strncasecmp(line, "Content-Transfer-Encoding", n) == 0 &&
        strcasecmp(value, "binary") != 0 && strcasecmp(value, "8bit") != 0 &&
        strcasecmp(value, "7bit") != 0)
        return fail_at(r, LIP_MALFORMED, at,
                       "a part has a transfer encoding; send it as it is.");
    return LIP_OK;
}

/* Reads the headers and stands at the content afterwards. */
static enum lip_status read_head(struct reader *r, struct part_head *head)
{
    size_t start = r->at;
    for (;;) {
        char line[API_MAX_PART_HEAD];
        const unsigned char *from = r->body + r->at;
        size_t left = r->size - r->at;
        const unsigned char *end = memmem(from, left, "\r\n", 2);
        if (!end)
            return fail_at(r, LIP_MALFORMED, r->at,
                           "the headers of a part do not end.");
        size_t n = (size_t)(end - from), at = r->at;
        if (r->at + n + 2 - start > sizeof line)
            return fail_at(r, LIP_TOO_LARGE, start,
                           "the headers of a part are too long.");
        r->at += n + 2;
        if (n == 0)
            return LIP_OK;
        memcpy(line, from, n);
        line[n] = '\0';
        if (strlen(line) != n)
            return fail_at(r, LIP_MALFORMED, at, "a header has a NUL byte.");
        enum lip_status s = read_header(r, head, at, line);
        if (s != LIP_OK)
            return s;
    }
}

static enum lip_status read_part(struct reader *r, struct api_part *part)
{
    struct part_head head = {.named = false};
    size_t start = r->at;
    enum lip_status s = read_head(r, &head);
    if (s != LIP_OK)
        return s;
    if (!head.named)
        return fail_at(r, LIP_MALFORMED, start,
                       "a part has no Content-Disposition with a name.");
    const unsigned char *from = r->body + r->at;
    const unsigned char *end =
        memmem(from, r->size - r->at, r->delimiter, r->delimiter_size);
    if (!end)
        return fail_at(r, LIP_MALFORMED, r->size,
                       "the body ends within a part; the closing boundary is "
                       "missing.");
    memcpy(part->name, head.name, sizeof part->name);
    part->offset = r->at;
    part->size = (size_t)(end - from);
    r->at += part->size + r->delimiter_size;
    return LIP_OK;
}

static enum lip_status check_names(struct reader *r,
                                   const struct api_part *part, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++)
        if (strcmp(part[i].name, part[count - 1].name) == 0)
            return fail_at(r, LIP_MALFORMED, part[count - 1].offset,
                           "two parts have the same name.");
    return LIP_OK;
}

enum lip_status api_multipart_parts(struct api_part part[API_MAX_PARTS],
                                    size_t *count, const unsigned char *body,
                                    size_t size, const char *content_type,
                                    struct lip_ctx *ctx)
{
    struct reader r = {.body = body, .size = size, .ctx = ctx};
    *count = 0;
    enum lip_status s = read_boundary(&r, content_type);
    if (s != LIP_OK)
        return s;
    if (starts_with(&r, "\r\n", 2))
        r.at = 2;
    if (!starts_with(&r, r.delimiter + 2, r.delimiter_size - 2))
        return fail_at(&r, LIP_MALFORMED, r.at,
                       "it does not begin with the boundary that the "
                       "Content-Type gives.");
    r.at += r.delimiter_size - 2;
    for (;;) {
        bool last;
        s = after_delimiter(&r, &last);
        if (s != LIP_OK || last)
            return s;
        if (*count == API_MAX_PARTS)
            return fail_at(&r, LIP_TOO_LARGE, r.at,
                           "there are too many parts.");
        s = read_part(&r, &part[(*count)++]);
        if (s == LIP_OK)
            s = check_names(&r, part, *count);
        if (s != LIP_OK)
            return s;
    }
}
