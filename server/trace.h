/* SPDX-License-Identifier: MIT
 *
 * The trace that a request is a part of: the field traceparent of W3C Trace
 * Context, level 1. */
#ifndef LIPD_TRACE_H
#define LIPD_TRACE_H

#include "api/text.h"

enum {
    LIPD_TRACE = 32 + 1,
    LIPD_SPAN = 16 + 1,
    LIPD_TRACE_FIELD = 55 + 1 /* a whole field of version 00 */
};

struct lipd_trace {
    char id[LIPD_TRACE];    /* hexadecimal; "": the request came without one */
    char parent[LIPD_SPAN]; /* the span of the caller */
    char span[LIPD_SPAN];   /* ours */
    char flags[3];
};

/* Takes the value of the field and makes a span of our own. What is not as the
 * standard says is as if it had not come: all members "". `value` may be NULL.
 */
void lipd_trace_read(struct lipd_trace *out, const char *value);

/* The field for an answer or whoever is called: our span is the parent. "" for
 * a request without a trace. */
void lipd_trace_write(char out[LIPD_TRACE_FIELD],
                      const struct lipd_trace *trace);

/* Members of a line of the log: trace, span and parent; none without a trace.
 */
void lipd_trace_log(struct api_text *line, const struct lipd_trace *trace);

#endif
