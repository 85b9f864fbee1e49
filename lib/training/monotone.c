/* SPDX-License-Identifier: MIT
 *
 * Monotone networks: what they are asked for, the path beside the layers, and
 * the chain of layers that is served. */
#include "training/monotone.h"

#include "base/size.h"
#include "network/partials.h"
#include "training/layers/serve.h"

#include <stdio.h>
#include <string.h>

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

static enum lip_status check_directions(const struct lip_train_options *options,
                                        const struct lip_model *model,
                                        struct lip_ctx *ctx)
{
    size_t bound = 0;
    if (!options->direction || options->directions != model->inputs)
        return lip_fail(ctx, LIP_INVALID,
                        "The monotone constraint has %zu directions for %zu "
                        "inputs: give 1 (increasing), -1 (decreasing) or 0 "
                        "(free) for each.",
                        options->direction ? options->directions : 0,
                        model->inputs);
    for (size_t j = 0; j < model->inputs; j++) {
        int c = options->direction[j];
        if (c < -1 || c > 1)
            return lip_fail(ctx, LIP_INVALID,
                            "The direction of input %zu is %d: choose 1 "
                            "(increasing), -1 (decreasing) or 0 (free).",
                            j, c);
        bound += c != 0;
    }
    if (bound == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "The monotone constraint leaves all inputs free: name "
                        "at least one that is increasing or decreasing.");
    return LIP_OK;
}

static enum lip_status check_layer(const struct lip_model *model, size_t i,
                                   struct lip_ctx *ctx)
{
    const struct lip_trainable *layer = &model->layer[i];
    char list[160] = "";
    size_t used = 0;
    if (layer->kind->matrix ||
        (layer->kind->copies && layer->kind->copies(layer) > 0))
        return LIP_OK;
    for (size_t k = 0; lip_trainable_kinds[k]; k++)
        if (lip_trainable_kinds[k]->copies && used < sizeof list) {
            int n = snprintf(list + used, sizeof list - used, "%s%s",
                             used ? ", " : "", lip_trainable_kinds[k]->name);
            used += n > 0 ? (size_t)n : 0;
        }
    return lip_fail(ctx, LIP_INVALID,
                    "Layer %zu (%s) cannot stand in a monotone model. Choose "
                    "one of: %s.",
                    i, layer->kind->name, list);
}

enum lip_status lip_monotone_check(const struct lip_train_options *options,
                                   const struct lip_model *model, bool classes,
                                   struct lip_ctx *ctx)
{
    size_t last = model->count - 1;
    if (classes && model->outputs != 2)
        return lip_fail(ctx, LIP_INVALID,
                        "The model has %zu outputs: a monotone classifier has "
                        "2, one for each of two classes.",
                        model->outputs);
    if (model->input.axes > 0)
        return lip_fail(ctx, LIP_INVALID,
                        "A monotone model takes a list of numbers, not images: "
                        "leave \"input\" out.");
    if (options->layer_limit)
        return lip_fail(ctx, LIP_INVALID,
                        "The monotone constraint divides the limit among the "
                        "layers itself: leave out the limits of layers.");
    if (last == 0 || !model->layer[0].kind->matrix ||
        !model->layer[last].kind->matrix)
        return lip_fail(ctx, LIP_INVALID,
                        "A monotone model begins and ends with a dense layer, "
                        "and has at least two.");
    enum lip_status status = check_directions(options, model, ctx);
    for (size_t i = 0; status == LIP_OK && i < last; i++)
        status = check_layer(model, i, ctx);
    return status;
}

enum lip_status lip_monotone_begin(struct lip_model *model,
                                   const signed char *direction, float r,
                                   bool opposed, struct lip_ctx *ctx)
{
    if (!model->path)
        model->path = lip_calloc(ctx, model->inputs, sizeof *model->path);
    if (!model->path)
        return memory(ctx);
    model->opposed = opposed;
    for (size_t j = 0; j < model->inputs; j++)
        model->path[j] = r * (float)direction[j];
    return LIP_OK;
}

static float sign_of(const struct lip_model *model, size_t output)
{
    return model->opposed && output == 0 ? -1.0F : 1.0F;
}

void lip_monotone_add(const struct lip_model *model, float *y, const float *x,
                      size_t rows)
{
    size_t n = model->inputs, outputs = model->outputs;
    for (size_t i = 0; i < rows; i++) {
        float s = 0;
        for (size_t j = 0; j < n; j++)
            s += model->path[j] * x[i * n + j];
        for (size_t k = 0; k < outputs; k++)
            y[i * outputs + k] += sign_of(model, k) * s;
    }
}

static size_t divisor(size_t a, size_t b)
{
    return b == 0 ? a : divisor(b, a % b);
}

/* How often s stands beside the numbers that come out of layer i, a matrix: as
 * often as the layers up to the next matrix need it. All they ask for divides
 * the layer's own width, so that what comes together stays so. */
static size_t copies_after(const struct lip_model *model, size_t i)
{
    size_t copies = 1;
    while (++i < model->count && !model->layer[i].kind->matrix) {
        size_t own = model->layer[i].kind->copies(&model->layer[i]);
        copies = copies / divisor(copies, own) * own;
    }
    return i < model->count ? copies : 0;
}

static size_t copies_before(const struct lip_model *model, size_t i)
{
    while (i-- > 0)
        if (model->layer[i].kind->matrix)
            return copies_after(model, i);
    return 0;
}

/* Row k of the widened matrix: W in its place, then the rows that make s or
 * hand it on. */
static void fill_row(float *row, const struct lip_model *model, size_t i,
                     size_t k)
{
    const struct lip_trainable *layer = &model->layer[i];
    size_t n = layer->inputs;
    if (k < layer->outputs)
        memcpy(row, layer->weight + k * n, n * sizeof *row);
    else if (i == 0)
        memcpy(row, model->path, n * sizeof *row);
    if (i + 1 == model->count)
        row[n] = sign_of(model, k);
    else if (k >= layer->outputs && i > 0)
        row[n] = 1;
}

static enum lip_status serve_matrix(struct lip_layer *out,
                                    const struct lip_model *model, size_t i,
                                    struct lip_ctx *ctx)
{
    const struct lip_trainable *layer = &model->layer[i];
    size_t rows = layer->outputs + copies_after(model, i);
    size_t cols = layer->inputs + copies_before(model, i);
    size_t shape[] = {rows, cols}, count;
    float *w = NULL;
    if (lip_size_mul(&count, rows, cols + 1))
        w = lip_calloc(ctx, count, sizeof *w);
    if (!w)
        return memory(ctx);
    float *bias = w + rows * cols;
    for (size_t k = 0; k < rows; k++)
        fill_row(w + k * cols, model, i, k);
    memcpy(bias, layer->bias, layer->biases * sizeof *bias);
    out->kind = &lip_layer_dense;
    enum lip_status status = lip_float_tensor(&out->weight, w, shape, 2, ctx);
    if (status == LIP_OK)
        status = lip_float_tensor(&out->bias, bias, shape, 1, ctx);
    lip_free(w);
    return status;
}

enum lip_status lip_monotone_serve(struct lip_layer *out,
                                   const struct lip_model *model, size_t i,
                                   struct lip_ctx *ctx)
{
    const struct lip_trainable *layer = &model->layer[i];
    if (layer->kind->matrix)
        return serve_matrix(out, model, i, ctx);
    return layer->kind->serve_beside(out, layer, copies_before(model, i), ctx);
}

enum lip_status lip_monotone_prove(const struct lip_network *network,
                                   const signed char *direction, bool opposed,
                                   struct lip_ctx *ctx)
{
    struct lip_partials p;
    enum lip_status status = lip_partials_new(&p, network, ctx);
    for (size_t i = 0; status == LIP_OK && i < p.outputs * p.inputs; i++) {
        int c = direction[i % p.inputs];
        if (opposed && i < p.inputs)
            c = -c;
        if ((c > 0 && !(p.lo[i] >= 0)) || (c < 0 && !(p.hi[i] <= 0)))
            status = lip_fail(ctx, LIP_UNPROVEN,
                              "Output %zu was not proven monotone in input "
                              "%zu: its slope lies between %g and %g.",
                              i / p.inputs, i % p.inputs, p.lo[i], p.hi[i]);
    }
    lip_partials_clear(&p);
    return status;
}
