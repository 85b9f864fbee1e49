/* SPDX-License-Identifier: MIT
 *
 * Numbers that are finite, sources that exist, shapes that meet. */
#include "network/validate.h"

#include <stdio.h>

/* Passes a layer's own complaint on, with the layer it is about. */
static enum lip_status blame(const struct lip_layer *layer, size_t i,
                             enum lip_status status, const char *complaint,
                             struct lip_ctx *ctx)
{
    if (status == LIP_OK)
        return LIP_OK;
    char where[24];
    snprintf(where, sizeof where, "%zu", i);
    const char *quote = *layer->name ? "\"" : "", *comma = *quote ? ", " : "";
    return lip_fail_at(ctx, status, LIP_AT_LAYER, where,
                       "Layer %zu (%s%s%s%s%s): %s", i, quote, layer->name,
                       quote, comma, lip_layer_type(layer), complaint);
}

static enum lip_status check_numbers(const struct lip_layer *layer, size_t i,
                                     struct lip_ctx *ctx)
{
    static const char *const name[LIP_PARTS] = {"weight", "bias", "mean",
                                                "variance"};
    struct lip_ctx own = {0};
    enum lip_status status = LIP_OK;
    for (int part = 0; part < LIP_PARTS && status == LIP_OK; part++)
        status = lip_tensor_check_finite(
            lip_layer_tensor_const(layer, (enum lip_part)part), LIP_NOWHERE,
            name[part], &own);
    return blame(layer, i, status, own.error.detail, ctx);
}

/* Numbers that the kind's checks may rely on being within their ranges. */
static enum lip_status check_settings(const struct lip_layer *layer, size_t i,
                                      struct lip_ctx *ctx)
{
    const struct lip_setting_kind *kind = layer->kind->setting;
    char complaint[160] = "";
    for (size_t k = 0; kind && kind[k].name && !*complaint; k++) {
        const struct lip_setting *setting = &layer->setting[k];
        if (setting->count < kind[k].least || setting->count > kind[k].most)
            snprintf(complaint, sizeof complaint,
                     "%s has %zu numbers: it needs %zu to %zu.", kind[k].name,
                     setting->count, kind[k].least, kind[k].most);
        for (size_t j = 0; j < setting->count && !*complaint; j++)
            if (setting->value[j] < kind[k].min ||
                setting->value[j] > kind[k].max)
                snprintf(complaint, sizeof complaint,
                         "%s is %ld: it must be at least %ld and at most %ld.",
                         kind[k].name, setting->value[j], kind[k].min,
                         kind[k].max);
    }
    return blame(layer, i, *complaint ? LIP_INVALID : LIP_OK, complaint, ctx);
}

static size_t source_of(const struct lip_layer *layer, size_t i, size_t k)
{
    if (layer->sources)
        return layer->source[k];
    return i > 0 ? i - 1 : LIP_FROM_INPUT;
}

static size_t sources_of(const struct lip_layer *layer)
{
    return layer->sources ? layer->sources : 1;
}

/* Marks in `used` the layers that others take numbers from. */
static enum lip_status check_sources(const struct lip_layer *layer, size_t i,
                                     unsigned char *used, struct lip_ctx *ctx)
{
    size_t most = layer->kind->most_sources ? layer->kind->most_sources : 1;
    char complaint[160];
    if (layer->sources > most) {
        snprintf(complaint, sizeof complaint,
                 "it takes numbers from %zu layers, but may from at most %zu.",
                 layer->sources, most);
        return blame(layer, i, LIP_INVALID, complaint, ctx);
    }
    for (size_t k = 0; k < sources_of(layer); k++) {
        size_t from = source_of(layer, i, k);
        if (from == LIP_FROM_INPUT)
            continue;
        if (from >= i) {
            snprintf(complaint, sizeof complaint,
                     "it takes numbers from layer %zu, which does not come "
                     "before it; the layers of a model may not go in a circle.",
                     from);
            return blame(layer, i, LIP_INVALID, complaint, ctx);
        }
        used[from] = 1;
    }
    return LIP_OK;
}

static enum lip_status check_graph(const struct lip_layer *layer, size_t count,
                                   struct lip_ctx *ctx)
{
    unsigned char *used = lip_calloc(ctx, count, 1);
    if (!used)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    enum lip_status status = LIP_OK;
    for (size_t i = 0; i < count && status == LIP_OK; i++)
        status = check_sources(&layer[i], i, used, ctx);
    for (size_t i = 0; i + 1 < count && status == LIP_OK; i++)
        if (!used[i])
            status = blame(&layer[i], i, LIP_INVALID,
                           "it leads nowhere: no later layer takes its "
                           "numbers. Leave it out.",
                           ctx);
    lip_free(used);
    return status;
}

/* --- shapes */

/* Of the numbers that a layer gives, or the network's input; count 0 where it
 * is not known yet. */
struct given {
    struct lip_shape shape;
    size_t count;
};

static struct given given_by(const struct lip_layer *layer, size_t from,
                             struct given input)
{
    if (from == LIP_FROM_INPUT)
        return input;
    return (struct given){layer[from].out, layer[from].outputs};
}

/* A kind that does not care for shapes. */
static enum lip_status infer_plain(struct lip_layer *layer, struct given from,
                                   struct lip_ctx *ctx)
{
    layer->out = (struct lip_shape){0};
    enum lip_status status = layer->kind->infer(layer, from.count, ctx);
    if (status != LIP_OK || layer->out.rank)
        return status;
    enum lip_layer_role role = layer->kind->role;
    bool keeps = role == LIP_ROLE_ELEMENTWISE || role == LIP_ROLE_JOINT;
    layer->out =
        keeps && from.count ? from.shape : lip_shape_vector(layer->outputs);
    return LIP_OK;
}

static enum lip_status infer_shaped(struct lip_layer *layer,
                                    const struct lip_shape *in, size_t count,
                                    struct lip_ctx *ctx)
{
    layer->inputs = 0;
    for (size_t k = 0; k < count; k++)
        layer->inputs += lip_shape_count(&in[k]);
    enum lip_status status = layer->kind->infer_shape(layer, in, count, ctx);
    if (status != LIP_OK)
        return status;
    layer->outputs = lip_shape_count(&layer->out);
    if (layer->outputs == 0)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "more than %zu numbers, or none, come out of it.",
                        LIP_MAX_WIDTH);
    return LIP_OK;
}

static enum lip_status infer_one(struct lip_layer *layer, size_t i,
                                 struct given input, struct lip_ctx *ctx)
{
    struct lip_layer *self = &layer[i];
    struct given first = given_by(layer, source_of(self, i, 0), input);
    self->in = first.shape;
    if (!self->kind->infer_shape)
        return infer_plain(self, first, ctx);
    size_t count = sources_of(self);
    struct lip_shape *in = lip_alloc(ctx, count, sizeof *in);
    if (!in)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    enum lip_status status = LIP_OK;
    for (size_t k = 0; k < count && status == LIP_OK; k++) {
        struct given from = given_by(layer, source_of(self, i, k), input);
        in[k] = from.shape;
        if (from.count == 0)
            status = lip_fail(ctx, LIP_INVALID,
                              "the shape of what comes in is not known. Begin "
                              "the model with {\"type\": \"reshape\", "
                              "\"shape\": [channels, height, width]}.");
    }
    if (status == LIP_OK)
        status = infer_shaped(self, in, count, ctx);
    lip_free(in);
    return status;
}

static enum lip_status infer(struct lip_layer *layer, size_t count,
                             struct given input, bool stop, size_t *inputs,
                             struct lip_ctx *ctx)
{
    for (size_t i = 0; i < count; i++) {
        struct lip_ctx own = {.budget = ctx ? ctx->budget : NULL};
        size_t from = source_of(&layer[i], i, 0);
        bool unknown = given_by(layer, from, input).count == 0;
        enum lip_status status = infer_one(layer, i, input, &own);
        if (status != LIP_OK)
            return blame(&layer[i], i, status, own.error.detail, ctx);
        if (stop && unknown && layer[i].inputs) {
            *inputs = layer[i].inputs;
            return LIP_OK;
        }
    }
    return LIP_OK;
}

/* Layers that take any number of inputs give as many outputs, so that the first
 * layer of fixed size tells the network's. */
static enum lip_status infer_all(size_t *inputs, struct lip_layer *layer,
                                 size_t count, struct lip_ctx *ctx)
{
    *inputs = 0;
    enum lip_status status =
        infer(layer, count, (struct given){.count = 0}, true, inputs, ctx);
    if (status != LIP_OK)
        return status;
    if (*inputs == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "The model has no layer with weights, so that the "
                        "size of its input is not known. Add a dense layer.");
    struct given input = {lip_shape_vector(*inputs), *inputs};
    return infer(layer, count, input, false, inputs, ctx);
}

enum lip_status lip_layers_validate(size_t *inputs, struct lip_layer *layer,
                                    size_t count, struct lip_ctx *ctx)
{
    if (count == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "The model has no layers. Add a dense layer.");
    for (size_t i = 0; i < count; i++) {
        enum lip_status status = check_settings(&layer[i], i, ctx);
        if (status == LIP_OK)
            status = check_numbers(&layer[i], i, ctx);
        if (status != LIP_OK)
            return status;
    }
    enum lip_status status = check_graph(layer, count, ctx);
    return status == LIP_OK ? infer_all(inputs, layer, count, ctx) : status;
}
