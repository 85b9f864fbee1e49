/* SPDX-License-Identifier: MIT
 *
 * A training request against the shape of its data: what the run would refuse
 * later is refused here, at the field that is to change. */
#include "api/train_parts.h"

#include "base/size.h"

#include <math.h>
#include <string.h>

struct checker {
    const struct api_train_request *request;
    const struct lip_data *data;
    struct train_reader reader; /* to refuse with; `out` is not used */
    double stretch;             /* of the layers without a limit */
};

static struct train_place place_of(const char *pointer)
{
    struct train_place place = {""};
    memcpy(place.pointer, pointer, strlen(pointer) + 1);
    return place;
}

static enum lip_status check_task(struct checker *c)
{
    struct train_place at = place_of("/task");
    bool regression = c->data->classes == 0;
    if (c->request->regression == regression)
        return LIP_OK;
    return train_refuse(&c->reader, &at,
                        "The data set has %s: the task is \"%s\".",
                        regression ? "numbers to predict" : "classes",
                        regression ? "regression" : "classification");
}

static enum lip_status check_images(struct checker *c)
{
    struct train_place at = place_of("/augmentation");
    if (lip_augment_check(&c->request->options.augment, c->data->features,
                          c->reader.ctx) == LIP_OK)
        return LIP_OK;
    return train_failed(&c->reader, &at);
}

/* As lip_data_split: both parts need a row. */
static enum lip_status check_split(struct checker *c)
{
    struct train_place at = place_of("/validation/split");
    double split = c->request->split, rows = (double)c->data->rows;
    double want = round(split * rows);
    if (!(split > 0) || (want >= 1 && want < rows))
        return LIP_OK;
    return train_refuse(&c->reader, &at,
                        "A validation part of %g of %zu rows leaves one side "
                        "empty: choose another part, or 0 for none.",
                        split, c->data->rows);
}

static enum lip_status check_slope(struct checker *c,
                                   const struct lip_trainable *layer,
                                   bool first, const struct train_place *at)
{
    const struct lip_train_options *options = &c->request->options;
    enum lip_norm norm = first ? options->pair.input : options->pair.output;
    double slope = 1;
    if (options->constraint->free || layer->kind->matrix)
        return LIP_OK;
    if (layer->kind->contracts(&slope, layer, norm)) {
        c->stretch *= slope;
        return LIP_OK;
    }
    return train_refuse(&c->reader, at,
                        "The layer %s keeps no distances in the %s-norm: "
                        "choose another activation or norm.",
                        layer->kind->name, lip_norm_name(norm));
}

/* The limits of the layers against that of the network, as far as they do not
 * depend on a scaling. */
static enum lip_status check_shares(struct checker *c)
{
    const struct lip_train_options *options = &c->request->options;
    struct train_place at = place_of("/constraint/lipschitz_per_layer");
    double product = c->stretch;
    for (size_t i = 0; i < options->layer_limits; i++)
        product *= options->layer_limit[i];
    if (!options->layer_limit || !(options->limit > 0) ||
        product <= options->limit * (1 + 1e-9))
        return LIP_OK;
    return train_refuse(&c->reader, &at,
                        "The limits of the layers multiply to %g with what "
                        "activations stretch, over the limit %g of the "
                        "network: lower them, or leave \"lipschitz\" out.",
                        product, options->limit);
}

struct lip_image api_train_input(const struct api_train_request *request,
                                 size_t features)
{
    return request->input.channels ? request->input
                                   : lip_image_vector(features);
}

static enum lip_status check_input(struct checker *c)
{
    bool stored = c->request->model_id[0];
    struct train_place at = place_of(stored ? "/model/id" : "/model/input");
    const struct lip_image *in = &c->request->input;
    size_t count = in->channels * in->height * in->width; /* sides < 2^17 */
    if (in->channels == 0 || count == c->data->features)
        return LIP_OK;
    return train_refuse(&c->reader, &at,
                        "The input%s has %zu numbers, but a row of the data "
                        "set %zu.",
                        stored ? " of the stored model" : "", count,
                        c->data->features);
}

/* Layer i on numbers of the shape `in`, planned as the model will plan it. */
static enum lip_status check_layer(struct checker *c,
                                   struct lip_trainable *layer,
                                   const struct lip_image *in, size_t i,
                                   bool first)
{
    struct train_place all = place_of("/model/layers");
    struct train_place at = train_at_index(&all, i);
    if (lip_trainable_plan(layer, in, c->reader.ctx) != LIP_OK)
        return train_failed(&c->reader, &at);
    if (!layer->kind->serve)
        return train_refuse(&c->reader, &at,
                            "The layer %s can be trained, but models that are "
                            "served do not have it yet.",
                            layer->kind->name);
    return check_slope(c, layer, first, &at);
}

static enum lip_status check_end(struct checker *c, const struct lip_image *out)
{
    struct train_place all = place_of("/model/layers");
    struct train_place at = train_at_index(&all, c->request->layers - 1);
    if (out->channels == 1 || out->height * out->width == 1)
        return LIP_OK;
    return train_refuse(&c->reader, &at,
                        "The model ends with an image of %zu channels: add a "
                        "flatten layer.",
                        out->channels);
}

/* What training takes. */
struct size {
    size_t outputs;            /* of the last layer */
    double parameters, values; /* in all layers; between them, of a row */
};

static enum lip_status check_layers(struct checker *c, struct size *size)
{
    struct lip_image in = api_train_input(c->request, c->data->features);
    bool first = true;
    *size = (struct size){0, 0, (double)c->data->features};
    for (size_t i = 0; i < c->request->layers; i++) {
        struct lip_trainable layer = c->request->layer[i];
        enum lip_status status = check_layer(c, &layer, &in, i, first);
        if (status != LIP_OK)
            return status;
        first = first && !layer.kind->matrix;
        in = layer.out;
        size->outputs = layer.outputs;
        size->parameters += (double)layer.weights + (double)layer.biases;
        size->values += (double)layer.outputs;
    }
    return check_end(c, &in);
}

static enum lip_status check_outputs(struct checker *c, size_t outputs)
{
    static uint32_t none;
    struct lip_data shape = *c->data;
    struct train_place all = place_of("/model/layers");
    struct train_place at = train_at_index(&all, c->request->layers - 1);
    shape.label = shape.classes ? &none : NULL; /* only looked for */
    if (lip_loss_check(&c->request->options.loss, &shape, outputs,
                       c->reader.ctx) == LIP_OK)
        return LIP_OK;
    return train_failed(&c->reader, &at);
}

/* Values, gradients, the models that are kept, the optimiser's numbers, a
 * checkpoint on its way to the disk: about twelve floats a parameter; and what
 * is between the layers, with its gradients, of a batch and of rows that are
 * scored. */
static enum lip_status check_memory(struct checker *c, const struct size *size)
{
    enum { SCORED = 256 };
    double rows = (double)c->request->options.batch + SCORED;
    const struct lip_budget *budget = c->reader.ctx->budget;
    double bytes =
        sizeof(float) * (12 * size->parameters + 2 * rows * size->values);
    double most = budget && budget->limit ? (double)budget->limit : 0x1p40;
    if (bytes <= most)
        return LIP_OK;
    api_problem_set_at(c->reader.problem, API_PROBLEM_MODEL_TOO_LARGE,
                       LIP_AT_POINTER, "/model/layers",
                       "Training %.0f parameters with %.0f numbers between "
                       "the layers takes about %.3g bytes of memory, over the "
                       "limit of %.3g. Make the layers or the batch smaller.",
                       size->parameters, size->values, bytes, most);
    return LIP_TOO_LARGE;
}

enum lip_status api_train_check_data(const struct api_train_request *request,
                                     const struct lip_data *data,
                                     struct api_problem *problem,
                                     struct lip_ctx *ctx)
{
    struct checker c = {request, data, {NULL, problem, ctx, false}, 1};
    struct size size;
    enum lip_status status = check_task(&c);
    if (status == LIP_OK)
        status = check_split(&c);
    if (status == LIP_OK)
        status = check_images(&c);
    if (status != LIP_OK || request->layers == 0)
        return status;
    status = check_input(&c);
    if (status == LIP_OK)
        status = check_layers(&c, &size);
    if (status == LIP_OK)
        status = check_shares(&c);
    if (status == LIP_OK)
        status = check_memory(&c, &size);
    if (status == LIP_OK)
        status = check_outputs(&c, size.outputs);
    if (status == LIP_OK)
        status = train_check_monotone(&c.reader, request, data);
    return status;
}
