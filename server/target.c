/* SPDX-License-Identifier: MIT
 *
 * RFC 3986, sections 2.1 and 3, as far as they concern a server. */
#include "server/target.h"

#include "server/head.h"

#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Of "http://" and "https://"; 0 where it begins with neither. */
static size_t scheme_size(const char *target)
{
    return !strncasecmp(target, "http://", 7)    ? 7
           : !strncasecmp(target, "https://", 8) ? 8
                                                 : 0;
}

size_t lipd_target_decode(char *text)
{
    bool path = text[0] == '/' || scheme_size(text);
    char *out = text;
    for (const char *in = text; *in; in++) {
        int high = *in == '%' ? hex_digit(in[1]) : -1;
        int low = high >= 0 ? hex_digit(in[2]) : -1;
        int byte = low >= 0 ? 16 * high + low : 0;
        if (byte > 0 && !(path && byte == '/')) {
            *out++ = (char)byte;
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

const char *lipd_target_path(const char *target)
{
    size_t scheme = scheme_size(target);
    if (!scheme)
        return target;
    const char *authority = target + scheme;
    size_t size = strcspn(authority, "/");
    if (!size || !lipd_head_is_host(authority, size))
        return NULL;
    return authority[size] ? authority + size : "/";
}
