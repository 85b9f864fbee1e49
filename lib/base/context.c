/* SPDX-License-Identifier: MIT
 *
 * The error record, the clock and the pulse of long computations. */
#include "base/context.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Text from the input can end up in a message: nothing in it may act on a
 * terminal or split a log line. */
static void make_printable(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            *p = '?';
}

static enum lip_status record(struct lip_ctx *ctx, enum lip_status status,
                              enum lip_place place, const char *where,
                              const char *format, va_list args)
{
    if (!ctx || ctx->error.status != LIP_OK)
        return status;
    struct lip_error *e = &ctx->error;
    e->status = status;
    e->place = place;
    snprintf(e->where, sizeof e->where, "%s", where);
    vsnprintf(e->detail, sizeof e->detail, format, args);
    make_printable(e->where);
    make_printable(e->detail);
    return status;
}

enum lip_status lip_fail(struct lip_ctx *ctx, enum lip_status status,
                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(ctx, status, LIP_NOWHERE, "", format, args);
    va_end(args);
    return status;
}

enum lip_status lip_fail_at(struct lip_ctx *ctx, enum lip_status status,
                            enum lip_place place, const char *where,
                            const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(ctx, status, place, where, format, args);
    va_end(args);
    return status;
}

void lip_error_clear(struct lip_ctx *ctx)
{
    memset(&ctx->error, 0, sizeof ctx->error);
}

double lip_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum lip_status lip_report(struct lip_ctx *ctx,
                           const struct lip_progress *progress)
{
    if (!ctx)
        return LIP_OK;
    if (ctx->progress && !ctx->progress(ctx->progress_arg, progress))
        return lip_fail(ctx, LIP_CANCELLED, "The work was cancelled.");
    if (ctx->deadline > 0 && lip_now() >= ctx->deadline)
        return lip_fail(ctx, LIP_TIMEOUT,
                        "The time limit passed while working on: %s.",
                        progress->phase);
    return LIP_OK;
}

enum lip_status lip_tick(struct lip_ctx *ctx, const char *phase, double done,
                         double total, double best)
{
    struct lip_progress progress = {phase, done, total, best, NAN};
    return lip_report(ctx, &progress);
}
