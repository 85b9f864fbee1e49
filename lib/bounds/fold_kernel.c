/* SPDX-License-Identifier: MIT
 *
 * From linear layers to one kernel, layer by layer. What a channel is
 * multiplied by alone is a depthwise convolution of one tap; so is what a layer
 * takes unchanged, where it is added to others. */
#include "bounds/fold_kernel.h"

#include "bounds/fold.h"
#include "bounds/norms/layer_norm.h"
#include "network/operator.h"

#include <string.h>

/* Sums of kernels of more weights than that are not made. */
static const double most_weights = 1 << 24;

enum shape { NONE, SAME, KERNEL }; /* what came so far: SAME is x -> x */

struct piece {
    enum shape shape;
    struct lip_kernel kernel;
};

static enum lip_status no_memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

void lip_kernel_clear(struct lip_kernel *kernel)
{
    lip_free(kernel->weight);
    kernel->weight = NULL;
}

static size_t per_channel(const struct lip_window *w)
{
    return w->channels[0] / w->groups * w->kernel[0] * w->kernel[1];
}

static size_t weights(const struct lip_window *w)
{
    return w->channels[1] * per_channel(w);
}

/* Of an image or a sequence of this shape to itself. */
static struct lip_window one_tap(const struct lip_shape *shape)
{
    size_t c = shape->dim[0], last = shape->rank - 1;
    size_t h = shape->rank == 3 ? shape->dim[1] : 1, v = shape->dim[last];
    return (struct lip_window){.channels = {c, c},
                               .groups = c,
                               .in = {h, v},
                               .out = {h, v},
                               .kernel = {1, 1},
                               .stride = {1, 1},
                               .dilation = {1, 1}};
}

/* Whether what comes out of the piece has this shape. */
static bool fits(const struct piece *piece, const struct lip_shape *shape)
{
    if (shape->rank != 2 && shape->rank != 3)
        return false;
    if (piece->shape == SAME)
        return true;
    struct lip_window w = one_tap(shape);
    const struct lip_window *have = &piece->kernel.window;
    return have->channels[1] == w.channels[1] && have->out[0] == w.in[0] &&
           have->out[1] == w.in[1];
}

/* x <- x s, unless that loses more than the last bit. */
static bool scale(double *x, double s)
{
    double product = *x * s;
    if (*x != 0 && s != 0 && !isnormal(product))
        return false;
    *x = product;
    return true;
}

/* (1 + a)(1 + b)(1 + 2^-53) - 1, rounded up. */
static double join_errors(double a, double b)
{
    double sum = lip_add_up(lip_add_up(a, b), lip_mul_up(a, b));
    return lip_add_up(sum, lip_mul_up(LIP_UNIT, lip_up(1 + sum)));
}

/* --- convolutions */

/* A depthwise kernel of one tap times the input channels of a convolution. */
static bool scale_inputs(struct lip_kernel *kernel,
                         const struct lip_kernel *tap)
{
    const struct lip_window *w = &kernel->window;
    size_t area = w->kernel[0] * w->kernel[1];
    size_t in = w->channels[0] / w->groups, out = w->channels[1] / w->groups;
    for (size_t o = 0; o < w->channels[1]; o++)
        for (size_t c = 0; c < in; c++)
            for (size_t q = 0; q < area; q++)
                if (!scale(&kernel->weight[(o * in + c) * area + q],
                           tap->weight[o / out * in + c]))
                    return false;
    kernel->error = join_errors(kernel->error, tap->error);
    return true;
}

static bool is_tap(const struct lip_window *w)
{
    return w->groups == w->channels[0] && w->groups == w->channels[1] &&
           w->kernel[0] == 1 && w->kernel[1] == 1 && w->stride[0] == 1 &&
           w->stride[1] == 1 && w->in[0] == w->out[0] && w->in[1] == w->out[1];
}

static enum lip_status after_conv(struct piece *out, const struct piece *in,
                                  const struct lip_layer *layer,
                                  struct lip_ctx *ctx)
{
    if (in->shape == KERNEL && !is_tap(&in->kernel.window))
        return LIP_OK;
    struct lip_kernel *kernel = &out->kernel;
    kernel->window = lip_layer_window(layer);
    kernel->error = 0;
    kernel->weight =
        lip_alloc(ctx, weights(&kernel->window), sizeof *kernel->weight);
    if (!kernel->weight)
        return no_memory(ctx);
    lip_tensor_widen_part(kernel->weight, &layer->weight, 0,
                          weights(&kernel->window));
    if (in->shape == SAME || scale_inputs(kernel, &in->kernel))
        out->shape = KERNEL;
    return LIP_OK;
}

/* --- one factor for each channel */

/* The factors into factor[channels]; false where the layer is no such one. */
static bool find_factors(double *factor, struct lip_operator *op)
{
    const struct lip_layer *layer = op->layer;
    size_t area = layer->outputs / layer->out.dim[0];
    for (size_t k = 0; k < layer->outputs; k++) {
        size_t n = lip_operator_row(op, k);
        double x = n ? op->value[0] : 0;
        if (n > 1 || (n == 1 && op->column[0] != k))
            return false;
        if (k % area == 0)
            factor[k / area] = x;
        else if (memcmp(&factor[k / area], &x, sizeof x) != 0)
            return false;
    }
    return true;
}

static enum lip_status copy(struct lip_kernel *to,
                            const struct lip_kernel *from, struct lip_ctx *ctx)
{
    size_t count = weights(&from->window);
    *to = *from;
    to->weight = lip_alloc(ctx, count, sizeof *to->weight);
    if (!to->weight)
        return no_memory(ctx);
    memcpy(to->weight, from->weight, count * sizeof *to->weight);
    return LIP_OK;
}

/* Output channels times factors of relative error `error`. */
static bool scale_outputs(struct lip_kernel *kernel, const double *factor,
                          double error)
{
    size_t each = per_channel(&kernel->window);
    for (size_t o = 0; o < kernel->window.channels[1]; o++)
        for (size_t j = 0; j < each; j++)
            if (!scale(&kernel->weight[o * each + j], factor[o]))
                return false;
    kernel->error = join_errors(kernel->error, error);
    return true;
}

/* A depthwise kernel of ones. */
static enum lip_status make_tap(struct lip_kernel *out,
                                const struct lip_shape *shape,
                                struct lip_ctx *ctx)
{
    *out = (struct lip_kernel){.window = one_tap(shape)};
    out->weight = lip_alloc(ctx, shape->dim[0], sizeof *out->weight);
    if (!out->weight)
        return no_memory(ctx);
    for (size_t c = 0; c < shape->dim[0]; c++)
        out->weight[c] = 1;
    return LIP_OK;
}

static enum lip_status kernel_of(struct lip_kernel *out,
                                 const struct piece *piece,
                                 const struct lip_shape *shape,
                                 struct lip_ctx *ctx)
{
    return piece->shape == SAME ? make_tap(out, shape, ctx)
                                : copy(out, &piece->kernel, ctx);
}

static enum lip_status after_factors(struct piece *out, const struct piece *in,
                                     const struct lip_layer *layer,
                                     struct lip_ctx *ctx)
{
    struct lip_operator op = {0};
    double *factor = lip_alloc(ctx, layer->out.dim[0], sizeof *factor);
    enum lip_status status = factor ? LIP_OK : no_memory(ctx);
    if (status == LIP_OK)
        status = lip_operator_new(&op, layer, ctx);
    if (status == LIP_OK && op.uncertainty < 0.5 && find_factors(factor, &op)) {
        double e = op.uncertainty;
        e = e > 0 ? lip_div_up(e, lip_down(1 - e)) : 0;
        status = kernel_of(&out->kernel, in, &layer->in, ctx);
        if (status == LIP_OK && scale_outputs(&out->kernel, factor, e))
            out->shape = KERNEL;
    }
    lip_operator_clear(&op);
    lip_free(factor);
    return status;
}

/* --- sums */

/* The geometry in which both kernels can be written; false where there is
 * none. */
static bool join_axis(struct lip_window *w, const struct lip_window *a,
                      const struct lip_window *b, int axis)
{
    size_t da = a->kernel[axis] > 1 ? a->dilation[axis] : 0;
    size_t db = b->kernel[axis] > 1 ? b->dilation[axis] : 0;
    size_t d = da && db && da != db ? 1 : da ? da : db ? db : 1;
    size_t shift = a->before[axis] > b->before[axis]
                       ? a->before[axis] - b->before[axis]
                       : b->before[axis] - a->before[axis];
    if (shift % d != 0)
        d = 1;
    if (a->stride[axis] != b->stride[axis] || a->in[axis] != b->in[axis] ||
        a->out[axis] != b->out[axis])
        return false;
    size_t before =
        a->before[axis] > b->before[axis] ? a->before[axis] : b->before[axis];
    size_t end_a = before - a->before[axis] + (a->kernel[axis] - 1) * da;
    size_t end_b = before - b->before[axis] + (b->kernel[axis] - 1) * db;
    w->before[axis] = before;
    w->dilation[axis] = d;
    w->kernel[axis] = (end_a > end_b ? end_a : end_b) / d + 1;
    size_t span =
        (w->out[axis] - 1) * w->stride[axis] + (w->kernel[axis] - 1) * d + 1;
    w->after[axis] =
        span > w->in[axis] + before ? span - w->in[axis] - before : 0;
    return true;
}

/* Adds sign times the kernel's weights to sum[], which has the window w, and
 * their errors to error[]. */
static void add_weights(double *sum, double *error, const struct lip_window *w,
                        const struct lip_kernel *kernel, double sign)
{
    const struct lip_window *k = &kernel->window;
    size_t in = k->channels[0] / k->groups, out = k->channels[1] / k->groups;
    size_t inner = w->channels[0] / w->groups;
    const double *x = kernel->weight;
    for (size_t o = 0; o < k->channels[1]; o++)
        for (size_t c = 0; c < in; c++)
            for (size_t p = 0; p < k->kernel[0]; p++)
                for (size_t q = 0; q < k->kernel[1]; q++, x++) {
                    size_t channel =
                        w->groups == k->groups ? c : o / out * in + c;
                    size_t i = p * k->dilation[0] + w->before[0] - k->before[0];
                    size_t j = q * k->dilation[1] + w->before[1] - k->before[1];
                    size_t at = ((o * inner + channel) * w->kernel[0] +
                                 i / w->dilation[0]) *
                                    w->kernel[1] +
                                j / w->dilation[1];
                    sum[at] += sign * *x;
                    error[at] = lip_add_up(error[at],
                                           lip_mul_up(kernel->error, fabs(*x)));
                }
}

/* The largest error in units of the weight it is of, one more addition
 * included; infinite where a weight has gone and its error has not, or where
 * the sum has overflowed. */
static double relative_error(const double *sum, const double *error,
                             size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(sum[i]))
            most = INFINITY;
        else if (error[i] > 0)
            most = fmax(most, sum[i] == 0 ? INFINITY
                                          : lip_div_up(error[i], fabs(sum[i])));
    return join_errors(lip_up(most * (1 + 4 * LIP_UNIT)), 0);
}

/* a <- a + sign b */
static enum lip_status add_kernel(struct piece *a, const struct lip_kernel *b,
                                  double sign, struct lip_ctx *ctx)
{
    struct lip_window w = a->kernel.window;
    const struct lip_window *v = &b->window;
    bool fine = w.channels[0] == v->channels[0] &&
                w.channels[1] == v->channels[1] &&
                join_axis(&w, &a->kernel.window, v, 0) &&
                join_axis(&w, &a->kernel.window, v, 1);
    a->shape = NONE;
    if (w.groups != v->groups)
        w.groups = 1;
    if (!fine || (double)w.channels[0] / (double)w.groups *
                         (double)w.channels[1] * (double)w.kernel[0] *
                         (double)w.kernel[1] >
                     most_weights)
        return LIP_OK;
    size_t count = weights(&w);
    double *sum = lip_calloc(ctx, count, sizeof *sum);
    double *error = sum ? lip_calloc(ctx, count, sizeof *error) : NULL;
    if (!error) {
        lip_free(sum);
        return no_memory(ctx);
    }
    add_weights(sum, error, &w, &a->kernel, 1);
    add_weights(sum, error, &w, b, sign);
    double e = relative_error(sum, error, count);
    lip_free(error);
    lip_free(a->kernel.weight);
    a->kernel = (struct lip_kernel){w, sum, e};
    if (e < 1e-3)
        a->shape = KERNEL;
    return LIP_OK;
}

/* --- all of them */

struct folding {
    const struct lip_network *network;
    size_t from;
    const size_t *layer;
    size_t layers;
    struct piece piece[LIP_MAX_FOLD];
};

static const struct piece same = {.shape = SAME};

/* NULL: not of this map. */
static const struct piece *piece_of(const struct folding *f, size_t source)
{
    if (source == f->from)
        return &same;
    for (size_t i = 0; i < f->layers; i++)
        if (f->layer[i] == source)
            return &f->piece[i];
    return NULL;
}

static enum lip_status after_add(struct piece *out, const struct folding *f,
                                 size_t i, struct lip_ctx *ctx)
{
    const struct lip_layer *layer = &f->network->layer[f->layer[i]];
    const struct lip_setting *sign = lip_layer_setting(layer, "sign");
    enum lip_status status = LIP_OK;
    bool first = true;
    for (size_t j = 0; status == LIP_OK && j < layer->sources; j++) {
        const struct piece *in = piece_of(f, layer->source[j]);
        struct lip_kernel kernel;
        if (!in)
            continue;
        if (in->shape == NONE || !fits(in, &layer->out) ||
            (!first && out->shape == NONE)) {
            out->shape = NONE;
            return LIP_OK;
        }
        status = kernel_of(&kernel, in, &layer->out, ctx);
        if (status != LIP_OK)
            return status;
        double s = sign->value[j] > 0 ? 1 : -1;
        if (first) {
            out->kernel = kernel;
            out->shape = KERNEL;
            for (size_t k = 0; k < weights(&kernel.window); k++)
                kernel.weight[k] *= s;
        } else {
            status = add_kernel(out, &kernel, s, ctx);
            lip_kernel_clear(&kernel);
        }
        first = false;
    }
    return status;
}

static enum lip_status fold_layer(struct folding *f, size_t i,
                                  struct lip_ctx *ctx)
{
    const struct lip_layer *layer = &f->network->layer[f->layer[i]];
    struct piece *out = &f->piece[i];
    if (layer->kind == &lip_layer_add)
        return after_add(out, f, i, ctx);
    if (lip_network_sources(f->network, f->layer[i]) > 1)
        return LIP_OK;
    const struct piece *in =
        piece_of(f, lip_network_source(f->network, f->layer[i], 0));
    if (!in || in->shape == NONE)
        return LIP_OK;
    if (layer->kind->role == LIP_ROLE_RESHAPE) {
        out->shape = in->shape;
        return in->shape == SAME ? LIP_OK
                                 : copy(&out->kernel, &in->kernel, ctx);
    }
    if (!fits(in, &layer->in) || !layer->kind->row)
        return LIP_OK;
    if (layer->kind == &lip_layer_conv)
        return after_conv(out, in, layer, ctx);
    bool plain = layer->fan_in == 1 && layer->inputs == layer->outputs &&
                 lip_shape_equal(&layer->in, &layer->out);
    return plain ? after_factors(out, in, layer, ctx) : LIP_OK;
}

enum lip_status lip_fold_kernel(struct lip_kernel *out,
                                const struct lip_network *network, size_t from,
                                const size_t *layer, size_t layers,
                                struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    *out = (struct lip_kernel){.weight = NULL};
    if (layers == 0 || layers > LIP_MAX_FOLD)
        return LIP_OK;
    struct folding *f = lip_calloc(ctx, 1, sizeof *f);
    if (!f)
        return no_memory(ctx);
    f->network = network;
    f->from = from;
    f->layer = layer;
    f->layers = layers;
    for (size_t i = 0; status == LIP_OK && i < layers; i++)
        status = fold_layer(f, i, ctx);
    if (status == LIP_OK && f->piece[layers - 1].shape == KERNEL) {
        *out = f->piece[layers - 1].kernel;
        f->piece[layers - 1].kernel.weight = NULL;
    }
    for (size_t i = 0; i < layers; i++)
        lip_kernel_clear(&f->piece[i].kernel);
    lip_free(f);
    return status;
}

enum lip_status lip_fold_kernel_norm(struct lip_big *out,
                                     const struct lip_network *network,
                                     size_t from, const size_t *layer,
                                     size_t layers, enum lip_norm p,
                                     struct lip_ctx *ctx)
{
    struct lip_kernel kernel;
    enum lip_status status =
        lip_fold_kernel(&kernel, network, from, layer, layers, ctx);
    if (status == LIP_OK && kernel.weight)
        status = lip_kernel_norm(out, kernel.weight, kernel.error,
                                 &kernel.window, p, ctx);
    lip_kernel_clear(&kernel);
    return status;
}
