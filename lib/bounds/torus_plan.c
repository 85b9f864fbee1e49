/* SPDX-License-Identifier: MIT
 *
 * From layers to the stages of a torus network: kernels with the scalings of
 * channels folded in, and what stands between them. */
#include "bounds/torus.h"

#include "base/size.h"
#include "bounds/norms/filter.h"
#include "linalg/rounding.h"
#include "network/operator.h"

#include <stdio.h>
#include <string.h>

struct builder {
    struct lip_torus *torus;
    const struct lip_network *network;
    size_t channels, image[2]; /* what the next layer takes */
    double *scale;             /* [channels] before the next kernel, or NULL */
    double scale_error;
    bool open; /* the last stage has nothing behind it yet */
    char *reason;
    struct lip_ctx *ctx;
};

static enum lip_status no_memory(const struct builder *b)
{
    return b->ctx && b->ctx->error.status != LIP_OK ? b->ctx->error.status
                                                    : LIP_NO_MEMORY;
}

static enum lip_status refuse(struct builder *b, size_t i, const char *why)
{
    if (b->reason)
        snprintf(b->reason, 240, "Layer %zu (%s) %s.", i,
                 lip_layer_type(&b->network->layer[i]), why);
    return LIP_UNPROVEN;
}

static struct lip_torus_stage *last(struct builder *b)
{
    return &b->torus->stage[b->torus->count - 1];
}

/* A number of the stage's kernel. */
static double *at(struct lip_torus_stage *s, size_t p, size_t q, size_t o,
                  size_t c)
{
    return &s->number[((p * s->tap[1] + q) * s->out + o) * s->in + c];
}

/* What was open is followed by another map. */
static void close_linear(struct builder *b)
{
    if (b->open)
        last(b)->gap = LIP_TORUS_LINEAR;
    b->open = false;
}

/* Taps of an axis that ever see the image, [*first, *last]. */
static void seen(const struct lip_window *w, int axis, size_t *first,
                 size_t *end)
{
    *first = w->kernel[axis];
    *end = 0;
    for (size_t q = 0; q < w->kernel[axis]; q++)
        for (size_t t = 0; t < w->out[axis]; t++) {
            size_t x = t * w->stride[axis] + q * w->dilation[axis];
            if (x < w->before[axis] || x - w->before[axis] >= w->in[axis])
                continue;
            *first = q < *first ? q : *first;
            *end = q + 1;
            break;
        }
    if (*end == 0)
        *first = 0, *end = 1;
}

/* A stage of that window, its kernel all zero. */
static enum lip_status append(struct builder *b, const struct lip_window *w,
                              size_t first[2])
{
    struct lip_torus *torus = b->torus;
    close_linear(b);
    struct lip_torus_stage *s = &torus->stage[torus->count];
    *s = (struct lip_torus_stage){.in = w->channels[0], .out = w->channels[1]};
    size_t count;
    for (int axis = 0; axis < 2; axis++) {
        size_t end;
        seen(w, axis, &first[axis], &end);
        s->tap[axis] = end - first[axis];
        s->dilation[axis] = w->dilation[axis];
        s->image[axis] = w->in[axis];
        s->window[axis] = w->out[axis];
        s->step[axis] = w->stride[axis];
        s->before[axis] =
            (long)w->before[axis] - (long)(first[axis] * w->dilation[axis]);
        b->image[axis] = w->out[axis];
    }
    torus->count++;
    b->open = true;
    b->channels = w->channels[1];
    if (!lip_size_mul(&count, s->tap[0] * s->tap[1], s->in) ||
        !lip_size_mul(&count, count, s->out))
        return lip_fail(b->ctx, LIP_TOO_LARGE, "the kernel is too large.");
    s->number = lip_calloc(b->ctx, count, sizeof *s->number);
    return s->number ? LIP_OK : no_memory(b);
}

/* a b, into *out; false where it is out of range, or so small that it has lost
 * digits. */
static bool times(double *out, double a, double b)
{
    double product = a * b;
    *out = product;
    return a == 0 || b == 0 ||
           (fabs(product) > 0x1p-900 && fabs(product) < 0x1p900);
}

/* Columns times what stands before, then order 1. */
static enum lip_status finish_kernel(struct builder *b, size_t i)
{
    struct lip_torus_stage *s = last(b);
    size_t size = s->in * s->out, taps = s->tap[0] * s->tap[1];
    double most = 0, square = 0;
    bool fine = true;
    if (b->scale) {
        for (size_t k = 0; k < taps * size; k++)
            fine =
                times(&s->number[k], s->number[k], b->scale[k % s->in]) && fine;
        s->error += b->scale_error + 2 * LIP_UNIT;
        b->scale_error = 0;
        lip_free(b->scale);
        b->scale = NULL;
    }
    for (size_t k = 0; k < taps * size; k++)
        most = fmax(most, fabs(s->number[k]));
    if (!fine || !isfinite(most))
        return refuse(b, i, "has numbers that are too large or too small");
    s->exponent = most > 0 ? ilogb(most) + 1 : 0;
    for (size_t k = 0; k < taps * size; k++)
        s->number[k] = ldexp(s->number[k], (int)-s->exponent);
    for (size_t k = 0; k < size; k++) {
        double sum = 0;
        for (size_t t = 0; t < taps; t++)
            sum += fabs(s->number[t * size + k]);
        square += sum * sum;
    }
    s->spread = lip_sqrt_up(lip_inflate(square, 2 * taps + size + 2));
    return LIP_OK;
}

/* Neurons with slopes in [0, 1], for what is less than the kernel says. */
static enum lip_status less_than_kernel(struct builder *b)
{
    struct lip_torus_stage *s = last(b);
    s->slopes = lip_alloc(b->ctx, s->out, sizeof *s->slopes);
    for (size_t c = 0; c < s->out && s->slopes; c++)
        s->slopes[c] = (struct lip_slopes){0, 1};
    s->gap = LIP_TORUS_SLOPES;
    b->open = false;
    return s->slopes ? LIP_OK : no_memory(b);
}

static enum lip_status add_window(struct builder *b, size_t i)
{
    const struct lip_layer *layer = &b->network->layer[i];
    struct lip_filter f;
    size_t first[2];
    enum lip_status status = lip_filter_new(&f, layer, b->ctx);
    if (status != LIP_OK)
        return status;
    const struct lip_window *w = &f.window;
    if (f.adjoint)
        status = refuse(b, i, "widens its image");
    else if (w->channels[0] != b->channels || w->in[0] != b->image[0] ||
             w->in[1] != b->image[1])
        status = refuse(b, i, "sees the numbers in another shape");
    if (status == LIP_OK)
        status = append(b, w, first);
    size_t in = w->channels[0] / w->groups, out = w->channels[1] / w->groups;
    for (size_t o = 0; o < w->channels[1] && status == LIP_OK; o++)
        for (size_t c = 0; c < in; c++)
            for (size_t p = 0; p < last(b)->tap[0]; p++)
                for (size_t q = 0; q < last(b)->tap[1]; q++)
                    *at(last(b), p, q, o, o / out * in + c) = ldexp(
                        f.number[((o * in + c) * w->kernel[0] + p + first[0]) *
                                     w->kernel[1] +
                                 q + first[1]],
                        (int)f.exponent);
    if (status == LIP_OK) {
        last(b)->error = f.error;
        status = finish_kernel(b, i);
    }
    if (status == LIP_OK && f.dominates)
        status = less_than_kernel(b);
    lip_filter_clear(&f);
    return status;
}

/* A convolution as large as the image. */
static enum lip_status add_dense(struct builder *b, size_t i)
{
    const struct lip_layer *layer = &b->network->layer[i];
    struct lip_window w = {.channels = {b->channels, layer->outputs},
                           .groups = 1,
                           .in = {b->image[0], b->image[1]},
                           .out = {1, 1},
                           .kernel = {b->image[0], b->image[1]},
                           .stride = {1, 1},
                           .dilation = {1, 1}};
    size_t first[2];
    double *row = lip_alloc(b->ctx, layer->inputs, sizeof *row);
    enum lip_status status = row ? append(b, &w, first) : no_memory(b);
    for (size_t o = 0; o < layer->outputs && status == LIP_OK; o++) {
        const double *from = row;
        lip_tensor_widen_part(row, &layer->weight, o * layer->inputs,
                              layer->inputs);
        for (size_t c = 0; c < w.channels[0]; c++)
            for (size_t p = 0; p < w.kernel[0]; p++)
                for (size_t q = 0; q < w.kernel[1]; q++)
                    *at(last(b), p, q, o, c) = *from++;
    }
    lip_free(row);
    return status == LIP_OK ? finish_kernel(b, i) : status;
}

static enum lip_status add_identity(struct builder *b, size_t i)
{
    struct lip_window w = {.channels = {b->channels, b->channels},
                           .groups = 1,
                           .in = {b->image[0], b->image[1]},
                           .out = {b->image[0], b->image[1]},
                           .kernel = {1, 1},
                           .stride = {1, 1},
                           .dilation = {1, 1}};
    size_t first[2];
    enum lip_status status = append(b, &w, first);
    for (size_t c = 0; c < w.channels[0] && status == LIP_OK; c++)
        *at(last(b), 0, 0, c, c) = 1;
    return status == LIP_OK ? finish_kernel(b, i) : status;
}

/* One factor for each channel: of the rows of what is open, or of the columns
 * of what comes. */
static enum lip_status add_scale(struct builder *b, size_t i)
{
    const struct lip_layer *layer = &b->network->layer[i];
    size_t area = b->image[0] * b->image[1], column;
    double error =
        layer->kind->uncertainty ? layer->kind->uncertainty(layer) : 0;
    double *scale = lip_alloc(b->ctx, b->channels, sizeof *scale), value;
    if (!scale)
        return no_memory(b);
    for (size_t k = 0; k < layer->outputs; k++) {
        value = 0;
        bool own =
            layer->kind->row(layer, k, &column, &value) == 1 && column == k;
        if (k % area == 0)
            scale[k / area] = value;
        if (!own || scale[k / area] != value) {
            lip_free(scale);
            return refuse(b, i, "is not one factor for each channel");
        }
    }
    if (b->open) {
        struct lip_torus_stage *s = last(b);
        size_t rows = s->tap[0] * s->tap[1] * s->out;
        bool fine = true;
        for (size_t k = 0; k < rows * s->in; k++) {
            double own = ldexp(s->number[k], (int)s->exponent);
            fine = times(&s->number[k], own, scale[k / s->in % s->out]) && fine;
        }
        s->error += error + 2 * LIP_UNIT;
        lip_free(scale);
        return fine ? finish_kernel(b, i)
                    : refuse(b, i,
                             "scales by numbers that are too large or "
                             "too small");
    }
    close_linear(b);
    for (size_t c = 0; c < b->channels && b->scale; c++)
        if (!times(&scale[c], scale[c], b->scale[c])) {
            lip_free(scale);
            return refuse(b, i,
                          "scales by numbers that are too large or too "
                          "small");
        }
    b->scale_error += error + (b->scale ? 2 * LIP_UNIT : 0);
    lip_free(b->scale);
    b->scale = scale;
    return LIP_OK;
}

static double steepest(const struct lip_slopes *slopes)
{
    return fmax(fabs(slopes->lo), fabs(slopes->hi));
}

/* From slopes, or nothing, and a scale behind the last stage to a metric. */
static enum lip_status make_metric(struct builder *b, size_t i)
{
    enum lip_status status = LIP_OK;
    if (b->torus->count == 0)
        status = add_identity(b, i);
    if (status != LIP_OK)
        return status;
    struct lip_torus_stage *s = last(b);
    if (!s->factor) {
        s->factor = lip_alloc(b->ctx, s->out, sizeof *s->factor);
        for (size_t c = 0; c < s->out && s->factor; c++)
            s->factor[c] = s->slopes ? steepest(&s->slopes[c]) : 1;
        if (!s->factor)
            return no_memory(b);
    }
    for (size_t c = 0; c < s->out && b->scale; c++) {
        double most = lip_mul_up(fabs(b->scale[c]), 1 + 2 * b->scale_error);
        s->factor[c] = lip_mul_up(s->factor[c], most);
    }
    lip_free(b->scale);
    b->scale = NULL;
    b->scale_error = 0;
    s->gap = LIP_TORUS_METRIC;
    b->open = false;
    return LIP_OK;
}

/* The largest of windows, channel by channel. */
static enum lip_status add_max_pool(struct builder *b, size_t i)
{
    const struct lip_layer *layer = &b->network->layer[i];
    struct lip_window w = lip_layer_window(layer);
    double factor = layer->kind->constant(layer, LIP_NORM_2);
    if (w.channels[0] != b->channels || w.in[0] != b->image[0] ||
        w.in[1] != b->image[1])
        return refuse(b, i, "sees the numbers in another shape");
    enum lip_status status = make_metric(b, i);
    if (status != LIP_OK)
        return status;
    for (size_t c = 0; c < b->channels; c++)
        last(b)->factor[c] = lip_mul_up(last(b)->factor[c], factor);
    b->image[0] = w.out[0];
    b->image[1] = w.out[1];
    return LIP_OK;
}

/* Slopes behind a metric only stretch it. */
static enum lip_status stretch(struct builder *b, size_t i)
{
    const struct lip_layer *layer = &b->network->layer[i];
    size_t area = b->image[0] * b->image[1];
    enum lip_status status = make_metric(b, i);
    for (size_t c = 0; c < b->channels && status == LIP_OK; c++) {
        double most = 0;
        for (size_t k = c * area; k < (c + 1) * area; k++) {
            struct lip_slopes own = lip_layer_slopes(layer, k);
            most = fmax(most, steepest(&own));
        }
        last(b)->factor[c] = lip_mul_up(last(b)->factor[c], most);
    }
    return status;
}

/* The slopes of each channel, over its positions, and zero. */
static enum lip_status add_slopes(struct builder *b, size_t i)
{
    const struct lip_layer *layer = &b->network->layer[i];
    size_t area = b->image[0] * b->image[1];
    enum lip_status status = LIP_OK;
    if (!b->open && b->torus->count > 0 && last(b)->gap == LIP_TORUS_METRIC)
        return stretch(b, i);
    if (!b->open)
        status = add_identity(b, i);
    if (status != LIP_OK)
        return status;
    struct lip_torus_stage *s = last(b);
    s->slopes = lip_calloc(b->ctx, s->out, sizeof *s->slopes);
    if (!s->slopes)
        return no_memory(b);
    for (size_t k = 0; k < layer->outputs; k++) {
        struct lip_slopes own = lip_layer_slopes(layer, k);
        struct lip_slopes *all = &s->slopes[k / area];
        all->lo = fmin(all->lo, own.lo);
        all->hi = fmax(all->hi, own.hi);
        if (!isfinite(own.lo) || !isfinite(own.hi))
            return refuse(b, i, "has no finite slopes");
    }
    s->gap = LIP_TORUS_SLOPES;
    b->open = false;
    return LIP_OK;
}

/* A reshape may say what the input is, or flatten. */
static enum lip_status add_reshape(struct builder *b, size_t i)
{
    const struct lip_shape *to = &b->network->layer[i].out;
    size_t height = to->rank == 3 ? to->dim[1] : 1;
    bool image = to->rank == 2 || to->rank == 3;
    if (to->rank == 1 ||
        (image && to->dim[0] == b->channels && height == b->image[0] &&
         to->dim[to->rank - 1] == b->image[1]))
        return LIP_OK;
    if (!image || b->torus->count > 0 || b->scale)
        return refuse(b, i, "gives the numbers another shape");
    b->channels = to->dim[0];
    b->image[0] = height;
    b->image[1] = to->dim[to->rank - 1];
    return LIP_OK;
}

static bool is_scale(const struct lip_layer *layer)
{
    return layer->kind->role == LIP_ROLE_LINEAR && layer->kind->row &&
           layer->fan_in == 1 && lip_shape_equal(&layer->in, &layer->out) &&
           layer->sources <= 1;
}

static enum lip_status add(struct builder *b, size_t i)
{
    const struct lip_layer *layer = &b->network->layer[i];
    if (layer->kind->role == LIP_ROLE_RESHAPE)
        return add_reshape(b, i);
    if (layer->kind->role == LIP_ROLE_ELEMENTWISE)
        return add_slopes(b, i);
    if (lip_filter_of(layer))
        return add_window(b, i);
    if (layer->kind == &lip_layer_max_pool)
        return add_max_pool(b, i);
    if (layer->kind == &lip_layer_dense)
        return add_dense(b, i);
    if (is_scale(layer))
        return add_scale(b, i);
    return refuse(b, i, "is none that this method knows");
}

bool lip_torus_applies(const struct lip_network *network, char *reason,
                       size_t reason_size)
{
    bool windows = false;
    const char *why = NULL;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        enum lip_layer_role role = layer->kind->role;
        windows = windows || lip_filter_of(layer);
        if ((role == LIP_ROLE_JOINT && layer->kind != &lip_layer_max_pool) ||
            layer->kind == &lip_layer_conv_transpose)
            why = "The model has a layer between convolutions that this "
                  "method does not know: it takes convolutions, pools, "
                  "scalings of channels, dense layers and activations.";
    }
    if (!windows)
        why = "The model has no convolution.";
    else if (!lip_network_is_chain(network))
        why = "The model is no chain: this method does not know connections "
              "that skip layers.";
    if (why)
        snprintf(reason, reason_size, "%s", why);
    return why == NULL;
}

enum lip_status lip_torus_new(struct lip_torus *out,
                              const struct lip_network *network, char *reason,
                              struct lip_ctx *ctx)
{
    struct builder b = {.torus = out,
                        .network = network,
                        .channels = network->inputs,
                        .image = {1, 1},
                        .reason = reason,
                        .ctx = ctx};
    *out = (struct lip_torus){0};
    /* Each layer makes at most two, and one stands at the end. */
    out->stage = lip_calloc(ctx, 2 * network->count + 1, sizeof *out->stage);
    enum lip_status status = out->stage ? LIP_OK : no_memory(&b);
    for (size_t i = 0; i < network->count && status == LIP_OK; i++)
        status = add(&b, i);
    if (status == LIP_OK && !b.open)
        status = add_identity(&b, network->count - 1);
    lip_free(b.scale);
    if (status == LIP_OK)
        status = lip_torus_sizes(out, ctx);
    if (status != LIP_OK)
        lip_torus_clear(out);
    return status;
}

void lip_torus_clear(struct lip_torus *torus)
{
    for (size_t i = 0; i < torus->count; i++) {
        lip_free(torus->stage[i].number);
        lip_free(torus->stage[i].slopes);
        lip_free(torus->stage[i].factor);
    }
    lip_free(torus->stage);
    *torus = (struct lip_torus){0};
}
