/* SPDX-License-Identifier: MIT
 *
 * Plain text under construction, growing and bounded: the metrics and the
 * front page. (JSON has its own writer, api/text.h.) */
#ifndef LIPD_OUT_H
#define LIPD_OUT_H

#include "base/context.h"

#include <stdbool.h>

/* Failure is remembered: prints after it do nothing, lipd_out_take tells. */
struct lipd_out {
    struct lip_ctx *ctx;
    char *data;
    size_t size, capacity, limit;
    bool failed;
};

void lipd_out_init(struct lipd_out *out, size_t limit, struct lip_ctx *ctx);
void lipd_out_print(struct lipd_out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The finished text, the caller's to lip_free, or NULL where anything failed.
 */
char *lipd_out_take(struct lipd_out *out, size_t *size);

#endif
