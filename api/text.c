/* SPDX-License-Identifier: MIT
 *
 * The JSON writer: one bounded buffer, commas, escapes. Numbers are made in
 * decimal.c. */
#include "api/text.h"

#include "api/decimal.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024, MAX_DEPTH = 32 };

void api_text_init(struct api_text *text, size_t limit, struct lip_ctx *ctx)
{
    *text = (struct api_text){.ctx = ctx, .limit = limit};
}

void api_text_clear(struct api_text *text)
{
    lip_free(text->data);
    *text = (struct api_text){
        .ctx = text->ctx, .limit = text->limit, .failed = true};
}

char *api_text_take(struct api_text *text, size_t *size)
{
    char *data = NULL;
    if (!text->failed && text->depth == 0 && text->size > 0) {
        data = text->data;
        data[text->size] = '\0';
        *size = text->size;
        text->data = NULL;
    }
    api_text_clear(text);
    return data;
}

/* Makes room for `more` bytes and a closing NUL. */
static bool reserve(struct api_text *text, size_t more)
{
    if (text->failed)
        return false;
    if (more > text->limit || text->size > text->limit - more) {
        lip_fail(text->ctx, LIP_TOO_LARGE,
                 "The answer would be longer than %zu bytes.", text->limit);
        text->failed = true;
        return false;
    }
    size_t need = text->size + more + 1;
    if (need <= text->capacity)
        return true;
    size_t capacity = text->capacity ? text->capacity : FIRST_CAPACITY;
    while (capacity < need)
        capacity *= 2; /* need <= limit + 1, far from overflow */
    char *data = lip_realloc(text->ctx, text->data, capacity, 1);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

static void put(struct api_text *text, const char *bytes, size_t size)
{
    if (!reserve(text, size))
        return;
    memcpy(text->data + text->size, bytes, size);
    text->size += size;
}

static void put_text(struct api_text *text, const char *string)
{
    put(text, string, strlen(string));
}

/* Length of the UTF-8 sequence that starts at p, or 0 where there is none
 * (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). The
 * closing NUL ends a cut sequence. */
static size_t utf8_length(const unsigned char *p)
{
    unsigned char c = p[0], lo = 0x80, hi = 0xbf;
    size_t n;
    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        n = 2;
    else if (c >= 0xe0 && c <= 0xef)
        n = 3;
    else if (c >= 0xf0 && c <= 0xf4)
        n = 4;
    else
        return 0;
    if (c == 0xe0)
        lo = 0xa0;
    if (c == 0xed)
        hi = 0x9f;
    if (c == 0xf0)
        lo = 0x90;
    if (c == 0xf4)
        hi = 0x8f;
    if (p[1] < lo || p[1] > hi)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return n;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Writes what is not plain ASCII at p; returns the bytes it stood for. */
static size_t put_special(struct api_text *text, const unsigned char *p)
{
    char escape[8];
    size_t n = utf8_length(p);
    if (n == 0) {
        put_text(text, "\xef\xbf\xbd");
        return 1;
    }
    if (n > 1) {
        put(text, (const char *)p, n);
    } else if (*p == '"' || *p == '\\') {
        escape[0] = '\\';
        escape[1] = (char)*p;
        put(text, escape, 2);
    } else {
        snprintf(escape, sizeof escape, "\\u%04x", *p);
        put_text(text, escape);
    }
    return n;
}

static void put_quoted(struct api_text *text, const char *string)
{
    const unsigned char *p = (const unsigned char *)string;
    put(text, "\"", 1);
    while (*p) {
        const unsigned char *start = p;
        while (is_plain(*p))
            p++;
        put(text, (const char *)start, (size_t)(p - start));
        if (*p)
            p += put_special(text, p);
    }
    put(text, "\"", 1);
}

/* The comma that is due, and the key. */
static void begin(struct api_text *text, const char *key)
{
    if (text->comma)
        put(text, ",", 1);
    text->comma = true;
    if (key) {
        put_quoted(text, key);
        put(text, ":", 1);
    }
}

static void open_value(struct api_text *text, const char *key,
                       const char *bracket)
{
    begin(text, key);
    put(text, bracket, 1);
    text->comma = false;
    if (++text->depth > MAX_DEPTH)
        text->failed = true;
}

static void close_value(struct api_text *text, const char *bracket)
{
    if (text->depth == 0) {
        text->failed = true;
        return;
    }
    put(text, bracket, 1);
    text->comma = true;
    text->depth--;
}

void api_object_open(struct api_text *text, const char *key)
{
    open_value(text, key, "{");
}

void api_object_close(struct api_text *text)
{
    close_value(text, "}");
}

void api_array_open(struct api_text *text, const char *key)
{
    open_value(text, key, "[");
}

void api_array_close(struct api_text *text)
{
    close_value(text, "]");
}

void api_put_string(struct api_text *text, const char *key, const char *value)
{
    begin(text, key);
    put_quoted(text, value);
}

void api_put_bool(struct api_text *text, const char *key, bool value)
{
    begin(text, key);
    put_text(text, value ? "true" : "false");
}

void api_put_count(struct api_text *text, const char *key, uint64_t value)
{
    char digits[24];
    begin(text, key);
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    put_text(text, digits);
}

static void put_decimal(struct api_text *text, const char *key, double value,
                        enum api_side side)
{
    char digits[API_DECIMAL_SIZE];
    if (!isfinite(value)) {
        lip_fail(text->ctx, LIP_UNPROVEN,
                 "A number of the answer is not finite.");
        text->failed = true;
        return;
    }
    begin(text, key);
    put(text, digits, api_decimal(digits, value, side));
}

void api_put_number(struct api_text *text, const char *key, double value)
{
    put_decimal(text, key, value, API_SIDE_NEAREST);
}

void api_put_upper(struct api_text *text, const char *key, double value)
{
    put_decimal(text, key, value, API_SIDE_UPPER);
}

void api_put_lower(struct api_text *text, const char *key, double value)
{
    put_decimal(text, key, value, API_SIDE_LOWER);
}

void api_put_raw(struct api_text *text, const char *key, const char *json)
{
    json_t *value =
        json_loads(json, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (!value) {
        lip_fail(text->ctx, LIP_MALFORMED, "A stored text is not JSON.");
        text->failed = true;
        return;
    }
    json_decref(value);
    begin(text, key);
    put_text(text, json);
}
