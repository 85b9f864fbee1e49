/* SPDX-License-Identifier: MIT
 *
 * "VERSION-TRACE-PARENT-FLAGS" in lower case. A version above 00 may go on
 * after the flags; ff is none. */
#include "server/trace.h"

#include "server/request.h"

#include <stdio.h>
#include <string.h>

/* Takes so many hexadecimal digits and what has to stand after them. */
static bool take(const char **at, char *out, size_t digits)
{
    if (strspn(*at, "0123456789abcdef") < digits)
        return false;
    memcpy(out, *at, digits);
    out[digits] = '\0';
    *at += digits;
    return true;
}

static bool dash(const char **at)
{
    return *(*at)++ == '-';
}

static bool is_zero(const char *digits)
{
    return strspn(digits, "0") == strlen(digits);
}

static bool read_field(struct lipd_trace *out, const char *at)
{
    char version[3];
    if (!take(&at, version, 2) || !dash(&at) ||
        !take(&at, out->id, LIPD_TRACE - 1) || !dash(&at) ||
        !take(&at, out->parent, LIPD_SPAN - 1) || !dash(&at) ||
        !take(&at, out->flags, 2))
        return false;
    bool ends = !*at || (strcmp(version, "00") && *at == '-');
    return ends && strcmp(version, "ff") && !is_zero(out->id) &&
           !is_zero(out->parent);
}

void lipd_trace_read(struct lipd_trace *out, const char *value)
{
    char span[LIPD_REQUEST_ID];
    memset(out, 0, sizeof *out);
    if (!value || !read_field(out, value)) {
        memset(out, 0, sizeof *out);
        return;
    }
    lipd_request_id(span, NULL); /* 16 digits; zero once in 2^64 */
    snprintf(out->span, sizeof out->span, "%.16s", span);
}

void lipd_trace_write(char out[LIPD_TRACE_FIELD],
                      const struct lipd_trace *trace)
{
    out[0] = '\0';
    if (*trace->id)
        snprintf(out, LIPD_TRACE_FIELD, "00-%s-%s-%s", trace->id, trace->span,
                 trace->flags);
}

void lipd_trace_log(struct api_text *line, const struct lipd_trace *trace)
{
    if (!*trace->id)
        return;
    api_put_string(line, "trace", trace->id);
    api_put_string(line, "span", trace->span);
    api_put_string(line, "parent", trace->parent);
}
