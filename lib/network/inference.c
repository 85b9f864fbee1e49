/* SPDX-License-Identifier: MIT
 *
 * Batches go through the network block by block: so many rows at a time that
 * what all layers give of them stays in the cache. Dense layers and
 * convolutions are matrix products, elementwise layers loops, all other linear
 * layers their rows, kept as lists of columns and values. */
#include "network/inference.h"

#include "base/size.h"
#include "network/operator.h"
#include "network/window.h"

#include <cblas.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* On x86 the compiler makes the loops for several register widths and the
 * loader picks one. Sanitizers start too late for that. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) &&                   \
    !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif

struct step;

/* How a layer is computed. */
struct way {
    bool (*takes)(const struct lip_layer *layer);
    enum lip_status (*prepare)(struct step *step, struct lip_ctx *ctx);
    /* y[count x outputs] from x[count x inputs] */
    void (*run)(const struct step *step, float *y, const float *x,
                size_t count);
};

struct step {
    const struct lip_layer *layer;
    const struct way *way;
    size_t users;         /* layers that take its numbers */
    bool cut;             /* the relu behind it is done in its place */
    float *weight, *bias; /* bias: one for each output; NULL: none */
    /* By rows: entries start[k] .. start[k + 1] - 1 are those of output k. */
    size_t *start;
    uint32_t *column;
    struct lip_window window;
    /* Convolutions: one group of an image and a zero after it, and what all
     * windows see of it, which `column` says. */
    float *image, *patches;
    double *in, *out; /* room for a vector of doubles */
    float *gathered;  /* several sources: what they give, row by row */
    float *value;     /* [block x outputs]; NULL: the source's own */
    const float *at;  /* where the numbers of the block are */
};

struct lip_inference {
    const struct lip_network *network;
    size_t block;
    struct step *step;
};

static enum lip_status why(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

static float *narrow(const struct lip_tensor *tensor, struct lip_ctx *ctx)
{
    size_t count = lip_tensor_count(tensor);
    size_t strip = lip_tensor_strip(tensor);
    strip = strip < count ? strip : count;
    float *to = lip_alloc(ctx, count, sizeof *to);
    double *wide = lip_alloc(ctx, strip, sizeof *wide);
    for (size_t i = 0; to && wide && i < count; i += strip) {
        size_t n = count - i < strip ? count - i : strip;
        lip_tensor_widen_part(wide, tensor, i, n);
        for (size_t k = 0; k < n; k++)
            to[i + k] = (float)wide[k];
    }
    if (!wide) {
        lip_free(to);
        to = NULL;
    }
    lip_free(wide);
    return to;
}

/* --- loops */

WIDE static void pick(float *restrict to, const float *restrict from,
                      const uint32_t *restrict at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[at[i]];
}

WIDE static void cut(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > 0 ? x[i] : 0;
}

/* y = max(y + b, least) */
WIDE static void finish(float *y, float b, float least, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = y[i] + b > least ? y[i] + b : least;
}

WIDE static void finish_row(float *restrict y, const float *restrict b,
                            float least, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = y[i] + b[i] > least ? y[i] + b[i] : least;
}

static float least_of(const struct step *step)
{
    return step->cut ? 0 : -INFINITY;
}

/* --- dense layers */

static bool is_dense(const struct lip_layer *layer)
{
    return layer->kind == &lip_layer_dense;
}

static enum lip_status prepare_weights(struct step *step, struct lip_ctx *ctx)
{
    step->weight = narrow(&step->layer->weight, ctx);
    if (step->weight && step->layer->bias.data)
        step->bias = narrow(&step->layer->bias, ctx);
    bool done = step->weight && (step->bias || !step->layer->bias.data);
    return done ? LIP_OK : why(ctx);
}

static void run_dense(const struct step *step, float *y, const float *x,
                      size_t count)
{
    size_t m = step->layer->outputs, n = step->layer->inputs;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)m,
                (int)n, 1, x, (int)n, step->weight, (int)n, 0, y, (int)m);
    for (size_t i = 0; step->bias && i < count; i++)
        finish_row(y + i * m, step->bias, least_of(step), m);
    if (step->cut && !step->bias)
        cut(y, y, count * m);
}

/* --- convolutions: channels out x patches = kernel x patches */

static bool is_conv(const struct lip_layer *layer)
{
    return layer->kind == &lip_layer_conv;
}

/* Where the kernel's entry (p, q) looks for each place of the output, in an
 * image of one channel; `outside` where that is not in it. */
static void look(uint32_t *to, const struct lip_window *w, size_t p, size_t q,
                 uint32_t base, uint32_t outside)
{
    for (size_t y = 0; y < w->out[0]; y++)
        for (size_t x = 0; x < w->out[1]; x++) {
            size_t i = y * w->stride[0] + p * w->dilation[0] - w->before[0];
            size_t j = x * w->stride[1] + q * w->dilation[1] - w->before[1];
            bool in = i < w->in[0] && j < w->in[1];
            *to++ = in ? base + (uint32_t)(i * w->in[1] + j) : outside;
        }
}

static enum lip_status prepare_conv(struct step *step, struct lip_ctx *ctx)
{
    const struct lip_window *w = &step->window;
    step->window = lip_layer_window(step->layer);
    enum lip_status status = prepare_weights(step, ctx);
    size_t room;
    if (status == LIP_OK &&
        (!lip_size_mul(&room, w->out[0] * w->out[1], step->layer->fan_in)))
        status = lip_fail(ctx, LIP_TOO_LARGE,
                          "The windows of a convolution see too much.");
    if (status != LIP_OK)
        return status;
    size_t channels = w->channels[0] / w->groups, plane = w->in[0] * w->in[1];
    size_t seen = channels * plane, area = w->out[0] * w->out[1];
    step->patches = lip_alloc(ctx, room, sizeof *step->patches);
    step->column = lip_alloc(ctx, room, sizeof *step->column);
    step->image = lip_alloc(ctx, seen + 1, sizeof *step->image);
    if (!step->patches || !step->column || !step->image)
        return why(ctx);
    step->image[seen] = 0;
    uint32_t *to = step->column;
    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < w->kernel[0]; p++)
            for (size_t q = 0; q < w->kernel[1]; q++, to += area)
                look(to, w, p, q, (uint32_t)(c * plane), (uint32_t)seen);
    return LIP_OK;
}

static void run_group(const struct step *step, float *y, const float *image,
                      size_t group)
{
    const struct lip_window *w = &step->window;
    size_t area = w->out[0] * w->out[1], k = step->layer->fan_in;
    size_t in = w->channels[0] / w->groups, out = w->channels[1] / w->groups;
    size_t seen = in * w->in[0] * w->in[1];
    memcpy(step->image, image + group * seen, seen * sizeof *image);
    pick(step->patches, step->image, step->column, k * area);
    y += group * out * area;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)out, (int)area,
                (int)k, 1, step->weight + group * out * k, (int)k,
                step->patches, (int)area, 0, y, (int)area);
    for (size_t o = 0; o < out && (step->bias || step->cut); o++)
        finish(y + o * area, step->bias ? step->bias[group * out + o] : 0,
               least_of(step), area);
}

static void run_conv(const struct step *step, float *y, const float *x,
                     size_t count)
{
    const struct lip_layer *layer = step->layer;
    for (size_t i = 0; i < count; i++)
        for (size_t g = 0; g < step->window.groups; g++)
            run_group(step, y + i * layer->outputs, x + i * layer->inputs, g);
}

/* --- the largest of some numbers, and linear layers by their rows */

static bool has_rows(const struct lip_layer *layer)
{
    return layer->kind->row || layer->kind->largest_of;
}

/* The rows of a layer, one after the other; value NULL: columns only. */
static size_t row_of(const struct lip_layer *layer, struct lip_operator *op,
                     size_t k)
{
    return layer->kind->row ? lip_operator_row(op, k)
                            : layer->kind->largest_of(layer, k, op->column);
}

static enum lip_status prepare_rows(struct step *step, struct lip_ctx *ctx)
{
    const struct lip_layer *layer = step->layer;
    struct lip_operator op;
    size_t entries, used = 0;
    if (layer->inputs > UINT32_MAX ||
        !lip_size_mul(&entries, layer->outputs, layer->fan_in))
        return lip_fail(ctx, LIP_TOO_LARGE, "A layer has too many entries.");
    enum lip_status status = lip_operator_new(&op, layer, ctx);
    if (status != LIP_OK)
        return status;
    step->start = lip_alloc(ctx, layer->outputs + 1, sizeof *step->start);
    step->column = lip_alloc(ctx, entries, sizeof *step->column);
    step->weight = lip_alloc(ctx, entries, sizeof *step->weight);
    step->bias = lip_alloc(ctx, layer->outputs, sizeof *step->bias);
    bool room = step->start && step->column && step->weight && step->bias;
    for (size_t k = 0; room && k < layer->outputs; k++) {
        size_t n = row_of(layer, &op, k);
        step->start[k] = used;
        step->bias[k] =
            layer->kind->row ? (float)lip_operator_offset(&op, k) : 0;
        for (size_t j = 0; j < n; j++, used++) {
            step->column[used] = (uint32_t)op.column[j];
            step->weight[used] = (float)op.value[j];
        }
    }
    if (room)
        step->start[layer->outputs] = used;
    lip_operator_clear(&op);
    return room ? LIP_OK : why(ctx);
}

static void run_rows(const struct step *step, float *y, const float *x,
                     size_t count)
{
    const struct lip_layer *layer = step->layer;
    for (size_t i = 0; i < count; i++, x += layer->inputs)
        for (size_t k = 0; k < layer->outputs; k++) {
            float sum = step->bias[k];
            for (size_t j = step->start[k]; j < step->start[k + 1]; j++)
                sum += step->weight[j] * x[step->column[j]];
            *y++ = sum;
        }
}

static bool is_largest(const struct lip_layer *layer)
{
    return layer->kind->largest_of;
}

static void run_largest(const struct step *step, float *y, const float *x,
                        size_t count)
{
    const struct lip_layer *layer = step->layer;
    for (size_t i = 0; i < count; i++, x += layer->inputs)
        for (size_t k = 0; k < layer->outputs; k++) {
            size_t j = step->start[k];
            float most = x[step->column[j]];
            while (++j < step->start[k + 1])
                most = x[step->column[j]] > most ? x[step->column[j]] : most;
            *y++ = most;
        }
}

/* --- activations, reshapes and all the rest */

static bool is_relu(const struct lip_layer *layer)
{
    return layer->activation &&
           layer->activation == lip_activation_find("relu");
}

static void run_relu(const struct step *step, float *y, const float *x,
                     size_t count)
{
    cut(y, x, count * step->layer->outputs);
}

static bool is_reshape(const struct lip_layer *layer)
{
    return layer->kind->role == LIP_ROLE_RESHAPE;
}

static bool is_any(const struct lip_layer *layer)
{
    (void)layer;
    return true;
}

static enum lip_status prepare_room(struct step *step, struct lip_ctx *ctx)
{
    step->in = lip_alloc(ctx, step->layer->inputs, sizeof *step->in);
    step->out = lip_alloc(ctx, step->layer->outputs, sizeof *step->out);
    return step->in && step->out ? LIP_OK : why(ctx);
}

static void run_any(const struct step *step, float *y, const float *x,
                    size_t count)
{
    const struct lip_layer *layer = step->layer;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < layer->inputs; k++)
            step->in[k] = *x++;
        layer->kind->eval(step->out, layer, step->in);
        for (size_t k = 0; k < layer->outputs; k++)
            *y++ = (float)step->out[k];
    }
}

/* The first that takes a layer counts. */
static const struct way ways[] = {
    {is_reshape, NULL, NULL},           {is_dense, prepare_weights, run_dense},
    {is_conv, prepare_conv, run_conv},  {is_largest, prepare_rows, run_largest},
    {has_rows, prepare_rows, run_rows}, {is_relu, NULL, run_relu},
    {is_any, prepare_room, run_any},
};

/* --- the network */

/* So many floats of a block may lie between the layers: dense layers want many
 * rows, caches few. */
enum { CACHED = 1 << 21, MOST_ROWS = 256 };

static size_t block_of(const struct lip_network *network)
{
    size_t row = network->inputs;
    for (size_t i = 0; i < network->count; i++)
        row += network->layer[i].outputs;
    size_t block = CACHED / row;
    block = block < MOST_ROWS ? block : MOST_ROWS;
    return block > 0 ? block : 1;
}

/* Whether layer i is a relu that its source, taken by nobody else, can do
 * while its numbers are at hand. */
static bool joins(struct lip_inference *inference, size_t i,
                  const struct way *way)
{
    if (way->run != run_relu)
        return false;
    size_t from = lip_network_source(inference->network, i, 0);
    if (from == LIP_FROM_INPUT)
        return false;
    struct step *source = &inference->step[from];
    void (*run)(const struct step *, float *, const float *, size_t) =
        source->way->run;
    source->cut = source->users == 1 && (run == run_dense || run == run_conv);
    return source->cut;
}

static void count_users(struct lip_inference *inference)
{
    const struct lip_network *network = inference->network;
    for (size_t i = 0; i < network->count; i++)
        for (size_t k = 0; k < lip_network_sources(network, i); k++) {
            size_t from = lip_network_source(network, i, k);
            if (from != LIP_FROM_INPUT)
                inference->step[from].users++;
        }
}

static enum lip_status prepare(struct lip_inference *inference, size_t i,
                               struct lip_ctx *ctx)
{
    struct step *step = &inference->step[i];
    const struct lip_layer *layer = &inference->network->layer[i];
    const struct way *way = ways;
    step->layer = layer;
    while (!way->takes(layer))
        way++;
    step->way = way = joins(inference, i, way) ? &ways[0] : way;
    enum lip_status status = way->prepare ? way->prepare(step, ctx) : LIP_OK;
    if (status == LIP_OK && layer->sources > 1) {
        step->gathered =
            lip_alloc(ctx, layer->inputs, inference->block * sizeof(float));
        status = step->gathered ? LIP_OK : why(ctx);
    }
    if (status == LIP_OK && way->run) {
        step->value =
            lip_alloc(ctx, layer->outputs, inference->block * sizeof(float));
        status = step->value ? LIP_OK : why(ctx);
    }
    return status;
}

enum lip_status lip_inference_new(struct lip_inference **out,
                                  const struct lip_network *network,
                                  struct lip_ctx *ctx)
{
    struct lip_inference *inference = lip_calloc(ctx, 1, sizeof *inference);
    *out = NULL;
    if (!inference)
        return why(ctx);
    inference->network = network;
    inference->block = block_of(network);
    inference->step = lip_calloc(ctx, network->count, sizeof *inference->step);
    enum lip_status status = inference->step ? LIP_OK : why(ctx);
    if (status == LIP_OK)
        count_users(inference);
    for (size_t i = 0; i < network->count && status == LIP_OK; i++)
        status = prepare(inference, i, ctx);
    if (status == LIP_OK)
        *out = inference;
    else
        lip_inference_free(inference);
    return status;
}

void lip_inference_free(struct lip_inference *inference)
{
    if (!inference)
        return;
    for (size_t i = 0; inference->step && i < inference->network->count; i++) {
        struct step *step = &inference->step[i];
        lip_free(step->weight);
        lip_free(step->bias);
        lip_free(step->start);
        lip_free(step->column);
        lip_free(step->image);
        lip_free(step->patches);
        lip_free(step->in);
        lip_free(step->out);
        lip_free(step->gathered);
        lip_free(step->value);
    }
    lip_free(inference->step);
    lip_free(inference);
}

/* What layer i takes of the block, rows one after the other. */
static const float *source(struct lip_inference *inference, size_t i,
                           const float *x, size_t count)
{
    const struct lip_network *network = inference->network;
    const struct step *step = &inference->step[i];
    size_t sources = lip_network_sources(network, i), used = 0;
    for (size_t k = 0; k < sources; k++) {
        size_t from = lip_network_source(network, i, k);
        bool input = from == LIP_FROM_INPUT;
        const float *at = input ? x : inference->step[from].at;
        size_t n = input ? network->inputs : network->layer[from].outputs;
        if (sources == 1)
            return at;
        for (size_t r = 0; r < count; r++)
            memcpy(step->gathered + r * step->layer->inputs + used, at + r * n,
                   n * sizeof *at);
        used += n;
    }
    return step->gathered;
}

static void run_block(struct lip_inference *inference, const float *x,
                      size_t count)
{
    for (size_t i = 0; i < inference->network->count; i++) {
        struct step *step = &inference->step[i];
        const float *from = source(inference, i, x, count);
        step->at = step->value ? step->value : from;
        if (step->way->run)
            step->way->run(step, step->value, from, count);
    }
}

enum lip_status lip_inference_run(float *y, struct lip_inference *inference,
                                  const float *x, size_t count,
                                  struct lip_ctx *ctx)
{
    const struct lip_network *network = inference->network;
    for (size_t i = 0; i < count; i += inference->block) {
        size_t n = count - i < inference->block ? count - i : inference->block;
        enum lip_status status =
            lip_tick(ctx, "evaluating", (double)i, (double)count, NAN);
        if (status != LIP_OK)
            return status;
        run_block(inference, x + i * network->inputs, n);
        memcpy(y + i * network->outputs, inference->step[network->count - 1].at,
               n * network->outputs * sizeof *y);
    }
    return LIP_OK;
}
