/* SPDX-License-Identifier: MIT
 *
 * What the fuzz targets of model readers hold, whatever the bytes: a network
 * or a recorded failure, never both; no byte left allocated; no more memory
 * than the budget; a failing allocation is a failure like any other. */
#ifndef LIP_TESTS_FUZZ_READER_H
#define LIP_TESTS_FUZZ_READER_H

#include "formats/format.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HOLDS(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* fail_after as in struct lip_budget. */
static inline void read_once(const struct lip_format *format,
                             const uint8_t *data, size_t size, long fail_after)
{
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_read_options options = {.max_inflated = 4 << 20};
    struct lip_network *network = NULL;
    lip_budget_init(&budget, 64 << 20);
    void *block = lip_alloc(&ctx, size, 1);
    HOLDS(block);
    struct lip_buffer *buffer =
        lip_buffer_take(size ? memcpy(block, data, size) : block, size, &ctx);
    HOLDS(buffer);
    atomic_store(&budget.fail_after, fail_after);
    enum lip_status status = format->read(&network, buffer, &options, &ctx);
    HOLDS((status == LIP_OK) == (network != NULL));
    HOLDS((status == LIP_OK) == (ctx.error.status == LIP_OK));
    HOLDS(status == ctx.error.status);
    HOLDS(status == LIP_OK || *ctx.error.detail);
    lip_network_free(network);
    lip_buffer_put(buffer);
    HOLDS(atomic_load(&budget.used) == 0);
}

static inline int read_model(const struct lip_format *format,
                             const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 20)
        return 0;
    format->detect(data, size);
    read_once(format, data, size, -1);
    read_once(format, data, size, (long)(data[size - 1] % 16));
    return 0;
}

#endif
