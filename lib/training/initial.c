/* SPDX-License-Identifier: MIT
 *
 * The initialisations. */
#include "training/initial.h"

#include "linalg/decompose.h"
#include "training/random.h"

#include <math.h>
#include <string.h>

static void normal(float *weight, size_t count, double size, uint64_t seed,
                   uint64_t stream)
{
    for (size_t i = 0; i < count; i++)
        weight[i] = (float)(size * lip_draw_normal(seed, stream, i));
}

static void uniform(float *weight, size_t count, double size, uint64_t seed,
                    uint64_t stream)
{
    for (size_t i = 0; i < count; i++)
        weight[i] = (float)(size * (2 * lip_draw_uniform(seed, stream, i) - 1));
}

static enum lip_status orthogonal(float *weight, size_t rows, size_t cols,
                                  uint64_t seed, uint64_t stream,
                                  struct lip_ctx *ctx)
{
    size_t count = rows * cols;
    double *a = lip_alloc(ctx, count, sizeof *a);
    if (!a)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        a[i] = lip_draw_normal(seed, stream, i);
    enum lip_status status = lip_orthonormalise(a, rows, cols, ctx);
    for (size_t i = 0; i < count; i++)
        weight[i] = (float)a[i];
    lip_free(a);
    return status;
}

static enum lip_status he_normal(float *weight, size_t rows, size_t cols,
                                 uint64_t seed, uint64_t stream,
                                 struct lip_ctx *ctx)
{
    (void)ctx;
    normal(weight, rows * cols, sqrt(2 / (double)cols), seed, stream);
    return LIP_OK;
}

static enum lip_status he_uniform(float *weight, size_t rows, size_t cols,
                                  uint64_t seed, uint64_t stream,
                                  struct lip_ctx *ctx)
{
    (void)ctx;
    uniform(weight, rows * cols, sqrt(6 / (double)cols), seed, stream);
    return LIP_OK;
}

static enum lip_status glorot_normal(float *weight, size_t rows, size_t cols,
                                     uint64_t seed, uint64_t stream,
                                     struct lip_ctx *ctx)
{
    (void)ctx;
    normal(weight, rows * cols, sqrt(2 / (double)(rows + cols)), seed, stream);
    return LIP_OK;
}

static enum lip_status glorot_uniform(float *weight, size_t rows, size_t cols,
                                      uint64_t seed, uint64_t stream,
                                      struct lip_ctx *ctx)
{
    (void)ctx;
    uniform(weight, rows * cols, sqrt(6 / (double)(rows + cols)), seed, stream);
    return LIP_OK;
}

static const struct lip_initial all[] = {
    {"orthogonal", "Orthonormal rows or columns, uniformly distributed",
     orthogonal},
    {"he-normal", "Normal, variance 2 / inputs", he_normal},
    {"he-uniform", "Uniform, variance 2 / inputs", he_uniform},
    {"glorot-normal", "Normal, variance 2 / (inputs + outputs)", glorot_normal},
    {"glorot-uniform", "Uniform, variance 2 / (inputs + outputs)",
     glorot_uniform},
};

const struct lip_initial *const lip_initials[] = {
    &all[0], &all[1], &all[2], &all[3], &all[4], NULL,
};

const struct lip_initial *lip_initial_find(const char *name)
{
    for (size_t i = 0; lip_initials[i]; i++)
        if (strcmp(lip_initials[i]->name, name) == 0)
            return lip_initials[i];
    return NULL;
}

enum lip_status lip_initialise(const struct lip_model *model,
                               const struct lip_initial *initial, uint64_t seed,
                               struct lip_ctx *ctx)
{
    memset(model->value, 0, model->parameters * sizeof *model->value);
    for (size_t i = 0; i < model->count; i++) {
        const struct lip_trainable *layer = &model->layer[i];
        uint64_t stream = LIP_STREAM_WEIGHTS + i * LIP_STREAM_COUNT;
        if (layer->kind->begin)
            layer->kind->begin(layer);
        if (!layer->kind->matrix)
            continue;
        enum lip_status status = initial->fill(layer->weight, layer->rows,
                                               layer->cols, seed, stream, ctx);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}
