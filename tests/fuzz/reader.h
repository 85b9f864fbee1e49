/* SPDX-License-Identifier: MIT
 *
 * What the fuzz targets of model readers hold, whatever the bytes: a network
 * or a recorded failure, never both; no byte left allocated; no more memory
 * than the budget; a failing allocation is a failure like any other. A small
 * network that is read can be evaluated, has rows within its bounds, and is
 * written so that it comes back. */
#ifndef LIP_TESTS_FUZZ_READER_H
#define LIP_TESTS_FUZZ_READER_H

#include "formats/format.h"
#include "formats/writer.h"
#include "network/operator.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HOLDS(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void check_rows(const struct lip_layer *layer,
                              struct lip_ctx *ctx)
{
    struct lip_operator op;
    if (layer->kind->role != LIP_ROLE_LINEAR ||
        lip_operator_new(&op, layer, ctx) != LIP_OK)
        return;
    for (size_t k = 0; k < layer->outputs; k++) {
        size_t n = lip_operator_row(&op, k);
        HOLDS(n <= (layer->kind->row ? layer->fan_in : layer->inputs));
        for (size_t j = 0; j < n; j++)
            HOLDS(op.column[j] < layer->inputs);
        lip_operator_offset(&op, k);
    }
    lip_operator_clear(&op);
}

static inline void check_largest(const struct lip_layer *layer,
                                 struct lip_ctx *ctx)
{
    if (!layer->kind->largest_of)
        return;
    size_t *column = lip_alloc(ctx, layer->fan_in, sizeof *column);
    HOLDS(column);
    for (size_t k = 0; k < layer->outputs; k++) {
        size_t n = layer->kind->largest_of(layer, k, column);
        HOLDS(n >= 1 && n <= layer->fan_in);
        for (size_t j = 0; j < n; j++)
            HOLDS(column[j] < layer->inputs);
    }
    lip_free(column);
}

/* What comes of it in numbers is small enough to be looked at. */
static inline bool is_small(const struct lip_network *network)
{
    size_t work = network->count + network->parameters;
    for (size_t i = 0; i < network->count && work < 1 << 16; i++) {
        const struct lip_layer *layer = &network->layer[i];
        size_t each = layer->fan_in ? layer->fan_in : 1;
        if (each > 1 << 16 || layer->outputs > (1 << 16) / each)
            return false;
        work += layer->outputs * each;
    }
    return work < 1 << 16 && network->inputs < 1 << 16;
}

static inline void check_written(const struct lip_network *network,
                                 const struct lip_writer *writer,
                                 struct lip_ctx *ctx)
{
    unsigned char *bytes;
    size_t size;
    struct lip_network *again;
    if (writer->write(&bytes, &size, network, NULL, ctx) != LIP_OK)
        return;
    struct lip_buffer *buffer = lip_buffer_take(bytes, size, ctx);
    HOLDS(buffer);
    HOLDS(lip_model_read(&again, buffer, NULL, ctx) == LIP_OK);
    HOLDS(strcmp(again->id, network->id) == 0);
    lip_network_free(again);
    lip_buffer_put(buffer);
}

static inline void check_network(const struct lip_network *network,
                                 struct lip_ctx *ctx)
{
    if (!is_small(network))
        return;
    double *x = lip_calloc(ctx, network->inputs, sizeof *x);
    double *y = lip_calloc(ctx, network->outputs, sizeof *y);
    HOLDS(x && y);
    HOLDS(lip_network_eval(y, network, x, ctx) == LIP_OK);
    lip_free(x);
    lip_free(y);
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        check_rows(layer, ctx);
        check_largest(layer, ctx);
        for (int p = 0; layer->kind->constant && p < LIP_NORM_COUNT; p++)
            HOLDS(layer->kind->constant(layer, (enum lip_norm)p) >= 0);
    }
    size_t writers = 0;
    while (lip_writers[writers])
        writers++;
    check_written(network, lip_writers[network->parameters % writers], ctx);
}

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
    if (network && fail_after < 0)
        check_network(network, &ctx);
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
