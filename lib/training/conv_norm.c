/* SPDX-License-Identifier: MIT
 *
 * Proven norms of convolutions in training. Besides those of lib/bounds, two
 * that take no time: with m windows over a place at most, |A| <= sqrt(m) |K|
 * and, by the adjoint, |A| <= sqrt(m) |P|, P the kernel in phases. */
#include "training/conv_norm.h"

#include "bounds/norms/layer_norm.h"
#include "linalg/rounding.h"
#include "training/kernel.h"
#include "training/layers/list.h"
#include "training/layers/windowed.h"
#include "training/phases.h"
#include "training/project.h"
#include "training/serve.h"
#include "training/symbol.h"

#include <math.h>

enum { CLIPS = 2, LAST_CLIPS = 12, GRAM_ROUNDS = 8, TRIES = 20 };

static const struct lip_norm_pair spectral = {LIP_NORM_2, LIP_NORM_2};

/* sqrt(m) min(|K|, |P|) */
static enum lip_status quick(double *norm, const float *kernel,
                             const struct lip_trainable *layer,
                             struct lip_ctx *ctx)
{
    const struct lip_window *w = &layer->window;
    size_t rows = lip_phases_rows(w), cols = lip_phases_cols(w);
    double other = INFINITY;
    enum lip_status status =
        lip_float_norm(norm, kernel, layer->rows, layer->cols, spectral, ctx);
    if (status != LIP_OK)
        return status;
    float *p = lip_alloc(ctx, rows * cols, sizeof *p);
    if (!p)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    lip_phases_gather(p, kernel, w);
    status = lip_float_norm(&other, p, rows, cols, spectral, ctx);
    lip_free(p);
    *norm = lip_mul_up(fmin(*norm, other),
                       lip_sqrt_up((double)lip_window_overlap(w)));
    return status;
}

/* The convolution behind a reshape that says what it takes. */
static enum lip_status alone(struct lip_network **out, const float *kernel,
                             const struct lip_trainable *layer,
                             struct lip_ctx *ctx)
{
    struct lip_trainable own = *layer;
    struct lip_layer *two = lip_calloc(ctx, 2, sizeof *two);
    if (!two)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    own.weight = (float *)(uintptr_t)kernel;
    lip_serve_shape(&two[0], &layer->in);
    enum lip_status status = layer->kind->serve(&two[1], &own, ctx);
    if (status == LIP_OK)
        return lip_network_new(out, two, 2, ctx);
    lip_layer_clear(&two[1]);
    lip_free(two);
    return status;
}

/* The best of lib/bounds; infinite where nothing came out. */
static enum lip_status best(double *norm, const float *kernel,
                            const struct lip_trainable *layer,
                            struct lip_ctx *ctx)
{
    struct lip_network *network;
    struct lip_layer_norm found;
    struct lip_ctx own = ctx ? *ctx : (struct lip_ctx){.budget = NULL};
    *norm = INFINITY;
    enum lip_status status = alone(&network, kernel, layer, ctx);
    if (status != LIP_OK)
        return status;
    status =
        lip_layer_norm(&found, &network->layer[1], LIP_NORM_2, 0, false, &own);
    lip_network_free(network);
    if (status == LIP_OK)
        *norm = lip_big_double(found.value);
    else if (status != LIP_UNPROVEN && status != LIP_TOO_LARGE && ctx)
        ctx->error = own.error;
    return status == LIP_UNPROVEN || status == LIP_TOO_LARGE ? LIP_OK : status;
}

enum lip_status lip_conv_norm(double *norm, const float *kernel,
                              const struct lip_trainable *layer,
                              struct lip_ctx *ctx)
{
    double other;
    enum lip_status status = quick(norm, kernel, layer, ctx);
    if (status == LIP_OK)
        status = best(&other, kernel, layer, ctx);
    if (status == LIP_OK)
        *norm = fmin(*norm, other);
    return status;
}

enum lip_status lip_conv_project(float *kernel, const struct lip_window *window,
                                 double limit, float *work, struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    for (int i = 0; status == LIP_OK && i < CLIPS; i++)
        status = lip_symbol_clip(kernel, window, limit, work, ctx);
    if (status != LIP_OK)
        return status;
    double norm = lip_symbol_gram(kernel, window, GRAM_ROUNDS, work);
    if (norm > limit)
        lip_kernel_scale(kernel, (float)(limit / norm),
                         window->channels[0] * window->channels[1] *
                             window->kernel[0] * window->kernel[1]);
    return LIP_OK;
}

enum lip_status lip_conv_project_exactly(double *norm, float *kernel,
                                         const struct lip_trainable *layer,
                                         double limit, float *work,
                                         struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    for (int i = 0; status == LIP_OK && i < LAST_CLIPS; i++)
        status = lip_symbol_clip(kernel, &layer->window, limit, work, ctx);
    double below = 0x1p-24;
    for (int i = 0; status == LIP_OK; i++, below *= 2) {
        status = lip_conv_norm(norm, kernel, layer, ctx);
        if (status != LIP_OK || *norm <= limit)
            break;
        if (i == TRIES)
            return lip_fail(ctx, LIP_UNPROVEN,
                            "The limit %g of a convolution is too small for "
                            "float32 weights.",
                            limit);
        lip_kernel_scale(kernel, (float)(limit / *norm * (1 - below)),
                         layer->rows * layer->cols);
    }
    return status;
}
