/* SPDX-License-Identifier: MIT
 *
 * What the readers share. */
#ifndef LIP_FORMATS_READER_H
#define LIP_FORMATS_READER_H

#include "base/context.h"
#include "formats/format.h"

/* Why an allocation that returned NULL failed. */
static inline enum lip_status lip_memory_status(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

/* The options with defaults in the place of zeros; `options` may be NULL. */
void lip_read_options_fill(struct lip_read_options *out,
                           const struct lip_read_options *options);

#endif
