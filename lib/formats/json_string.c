/* SPDX-License-Identifier: MIT
 *
 * JSON strings: RFC 8259 section 7, UTF-8 as RFC 3629 has it. */
#include "formats/json_string.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at p; 0 where it is not one. */
static size_t utf8_length(const unsigned char *p, const unsigned char *end)
{
    unsigned char c = *p, lo = 0x80, hi = 0xbf;
    size_t n = c < 0x80   ? 1
               : c < 0xc2 ? 0
               : c < 0xe0 ? 2
               : c < 0xf0 ? 3
               : c < 0xf5 ? 4
                          : 0;
    if (n < 2 || (size_t)(end - p) < n)
        return n == 1 ? 1 : 0;
    if (c == 0xe0)
        lo = 0xa0; /* shorter forms exist */
    if (c == 0xed)
        hi = 0x9f; /* surrogates */
    if (c == 0xf0)
        lo = 0x90;
    if (c == 0xf4)
        hi = 0x8f; /* above U+10FFFF */
    if (p[1] < lo || p[1] > hi)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool lip_utf8_valid(const unsigned char *bytes, size_t n)
{
    const unsigned char *p = bytes, *end = bytes + n;
    while (p < end) {
        size_t step = utf8_length(p, end);
        if (!step)
            return false;
        p += step;
    }
    return true;
}

/* Four hexadecimal digits; -1 where they are not. */
static long hex4(const unsigned char *p, const unsigned char *end)
{
    long value = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        unsigned char c = p[i], lower = c | 0x20;
        if (c >= '0' && c <= '9')
            value = 16 * value + (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            value = 16 * value + (lower - 'a' + 10);
        else
            return -1;
    }
    return value;
}

static bool is_high(long unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(long unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* Bytes of the escape at p, its backslash included; 0 where it is broken. */
static size_t escape_length(const unsigned char *p, const unsigned char *end)
{
    if (end - p < 2)
        return 0;
    if (p[1] != 'u')
        return p[1] && strchr("\"\\/bfnrt", p[1]) ? 2 : 0;
    long unit = hex4(p + 2, end);
    if (unit < 0 || is_low(unit))
        return 0;
    if (!is_high(unit))
        return 6;
    if (end - p < 12 || p[6] != '\\' || p[7] != 'u' ||
        !is_low(hex4(p + 8, end)))
        return 0;
    return 12;
}

const unsigned char *lip_json_string_end(const unsigned char *at,
                                         const unsigned char *end,
                                         const char **fault,
                                         const unsigned char **where)
{
    while (at < end && *at != '"') {
        size_t step = 1;
        *where = at;
        if (*at == '\\') {
            *fault = "this is not an escape that JSON has, or half a "
                     "surrogate pair";
            step = escape_length(at, end);
        } else if (*at < 0x20) {
            *fault = "a string must not contain a control character or a "
                     "line break";
            step = 0;
        } else if (*at >= 0x80) {
            *fault = "the string is not UTF-8 here";
            step = utf8_length(at, end);
        }
        if (!step)
            return NULL;
        at += step;
    }
    *where = end;
    *fault = "the text ends inside a string";
    return at < end ? at : NULL;
}

static size_t utf8_put(unsigned char out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (unsigned char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    static const unsigned char lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (unsigned char)(lead[n] | c);
    return n;
}

size_t lip_json_string_next(unsigned char out[4], const unsigned char **at)
{
    static const char letter[] = "bfnrt", meaning[] = "\b\f\n\r\t";
    const unsigned char *p = *at;
    if (*p != '\\') {
        out[0] = *p;
        *at = p + 1;
        return 1;
    }
    if (p[1] != 'u') {
        const char *known = strchr(letter, p[1]);
        out[0] = known ? (unsigned char)meaning[known - letter] : p[1];
        *at = p + 2;
        return 1;
    }
    uint32_t c = (uint32_t)hex4(p + 2, p + 6);
    *at = p + 6;
    if (is_high((long)c)) {
        c = 0x10000 + ((c - 0xd800) << 10) +
            ((uint32_t)hex4(p + 8, p + 12) - 0xdc00);
        *at = p + 12;
    }
    return utf8_put(out, c);
}
