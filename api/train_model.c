/* SPDX-License-Identifier: MIT
 *
 * From a network that is served back to layers that learn. Reshapes fall away:
 * training sees flat rows, or images where some layer has windows. What sorts
 * the channels of each pixel stands between two transposes in what is served.
 */
#include "api/train_model.h"

#include "api/train_parts.h"

#include <stdio.h>
#include <string.h>

static bool is_diagonal(const struct lip_tensor *weight)
{
    size_t n = weight->dim[0];
    if (weight->rank != 2 || weight->dim[1] != n)
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double x = lip_tensor_at(weight, i * n + j);
            if (i == j ? !(x > 0) : x != 0)
                return false;
        }
    return true;
}

/* Layers before the first that learns: the scaling, if there is one. */
static size_t count_scaling(const struct lip_network *network)
{
    const struct lip_layer *first = &network->layer[0];
    return network->count > 1 && first->kind == &lip_layer_dense &&
           strcmp(first->name, "normalisation") == 0 &&
           is_diagonal(&first->weight);
}

static bool learns(const struct lip_layer *layer)
{
    return layer->kind->role != LIP_ROLE_RESHAPE;
}

static const struct lip_trainable_kind *kind_of(const struct lip_layer *layer)
{
    return lip_trainable_find(lip_layer_type(layer));
}

static bool has_windows(const struct lip_network *network)
{
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_trainable_kind *kind = kind_of(&network->layer[i]);
        if (kind && kind->windowed)
            return true;
    }
    return false;
}

static struct lip_image image_of(const struct lip_shape *shape)
{
    const size_t *dim = shape->dim;
    if (shape->rank == 3)
        return (struct lip_image){2, dim[0], dim[1], dim[2]};
    if (shape->rank == 2)
        return (struct lip_image){1, dim[0], 1, dim[1]};
    return (struct lip_image){.axes = 0};
}

/* Axis k of what comes out is axis (k + turn) modulo the rank of what comes in.
 */
static bool turns(const struct lip_layer *layer, long turn)
{
    if (layer->kind != &lip_layer_transpose)
        return false;
    const struct lip_setting *axes = lip_layer_setting(layer, "axes");
    long rank = (long)axes->count;
    for (long k = 0; k < rank; k++)
        if (axes->value[k] != (k + turn + rank) % rank)
            return false;
    return rank == 2 || rank == 3;
}

/* Channels last, sorted, and back: layers i, i + 1, i + 2. */
static bool sorts_channels(const struct lip_network *network, size_t i)
{
    const struct lip_layer *layer = &network->layer[i];
    if (i + 2 >= network->count || !turns(&layer[0], 1) ||
        layer[1].kind != &lip_layer_group_sort || !turns(&layer[2], -1))
        return false;
    size_t channels = layer[0].in.dim[0];
    return layer[1].group > 0 && channels % layer[1].group == 0;
}

/* x -> scale (x - centre), from x -> D x + b. */
static enum lip_status take_scaling(struct lip_scaling *scaling,
                                    const struct lip_layer *layer,
                                    struct lip_ctx *ctx)
{
    size_t n = layer->inputs;
    scaling->centre = lip_calloc(ctx, n, sizeof *scaling->centre);
    scaling->scale = lip_calloc(ctx, n, sizeof *scaling->scale);
    if (!scaling->centre || !scaling->scale) {
        lip_scaling_clear(scaling);
        return ctx->error.status;
    }
    scaling->features = n;
    for (size_t i = 0; i < n; i++) {
        double scale = lip_tensor_at(&layer->weight, i * n + i);
        double bias = layer->bias.data ? lip_tensor_at(&layer->bias, i) : 0;
        scaling->scale[i] = (float)scale;
        scaling->centre[i] = (float)(-bias / scale);
    }
    return LIP_OK;
}

/* A parameter by its name in the table of activations. */
static double parameter_of(const struct lip_layer *layer,
                           const struct lip_parameter *wanted)
{
    const struct lip_activation *activation = layer->activation;
    for (size_t k = 0; activation && activation->parameter[k].name; k++)
        if (strcmp(activation->parameter[k].name, wanted->name) == 0)
            return layer->parameter[k];
    return wanted->fallback;
}

static enum lip_status refuse(struct api_problem *problem,
                              const struct lip_layer *layer, size_t i)
{
    char where[24];
    snprintf(where, sizeof where, "%zu", i);
    api_problem_set_at(problem, API_PROBLEM_UNSUPPORTED_MODEL, LIP_AT_LAYER,
                       where,
                       "Layer %zu (%s) of the stored model cannot be "
                       "trained. GET /constraints lists the layers that "
                       "can.",
                       i, lip_layer_type(layer));
    return LIP_UNSUPPORTED;
}

/* Settings of windows; several groups cannot be trained. */
static bool take_window(struct lip_trainable *out,
                        const struct lip_layer *layer)
{
    struct lip_window w = lip_layer_window(layer);
    size_t axes = layer->in.rank - 1;
    out->units = w.channels[1];
    out->kernel = (struct lip_setting){
        axes, {(long)w.kernel[2 - axes], (long)w.kernel[1]}};
    out->stride = *lip_layer_setting(layer, "stride");
    out->padding = *lip_layer_setting(layer, "padding");
    out->dilation = *lip_layer_setting(layer, "dilation");
    return !out->kind->matrix || w.groups == 1;
}

/* `images`: the model is one of images, so that what sorts neighbours in a row
 * of pixels is not what is trained by that name. */
static enum lip_status take_layer(struct lip_trainable *out,
                                  const struct lip_layer *layer, size_t i,
                                  bool images, struct api_problem *problem)
{
    out->kind = kind_of(layer);
    bool own_numbers =
        (layer->activation && layer->weight.data) || layer->kind->slopes;
    if (!out->kind || own_numbers)
        return refuse(problem, layer, i);
    if (out->kind->grouped && images && layer->in.rank > 1)
        return refuse(problem, layer, i);
    out->units = out->kind->matrix ? layer->outputs : 0;
    out->group = layer->group;
    for (size_t k = 0; out->kind->parameter[k].name; k++)
        out->parameter[k] = parameter_of(layer, &out->kind->parameter[k]);
    if (out->kind->windowed && !take_window(out, layer))
        return refuse(problem, layer, i);
    return LIP_OK;
}

/* Layers from `i` on; a network of images is flattened before what takes
 * vectors only. */
static enum lip_status take_layers(struct api_train_request *request,
                                   const struct lip_network *network, size_t i,
                                   struct api_problem *problem)
{
    bool images = has_windows(network), flat = !images;
    enum lip_status status = LIP_OK;
    for (; status == LIP_OK && i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        const struct lip_trainable_kind *kind = kind_of(layer);
        if (!learns(layer))
            continue;
        if (images && request->layers == 0)
            request->input = image_of(&layer->in);
        bool sorts = images && !flat && sorts_channels(network, i);
        if (!flat && !sorts && (layer->in.rank < 2 || (kind && kind->flat))) {
            request->layer[request->layers++].kind =
                lip_trainable_find("flatten");
            flat = true;
        }
        struct lip_trainable *out = &request->layer[request->layers++];
        if (!sorts) {
            status = take_layer(out, layer, i, images && !flat, problem);
            continue;
        }
        out->kind = kind_of(&network->layer[i + 1]);
        out->group = network->layer[i + 1].group;
        i += 2;
    }
    if (!flat)
        request->layer[request->layers++].kind = lip_trainable_find("flatten");
    if (!images) /* rows of any other length do not fit the weights */
        request->input = lip_image_vector(network->inputs);
    return status;
}

static enum lip_status check_shares(const struct api_train_request *request,
                                    struct api_problem *problem)
{
    const struct lip_train_options *options = &request->options;
    size_t matrices = train_matrices(request);
    if (!options->layer_limit || options->layer_limits == matrices)
        return LIP_OK;
    api_problem_set_at(problem, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,
                       "/constraint/lipschitz_per_layer",
                       "There are %zu limits for the %zu dense layers of the "
                       "stored model: give one for each.",
                       options->layer_limits, matrices);
    return LIP_INVALID;
}

enum lip_status api_train_model_layers(struct api_train_request *request,
                                       struct lip_scaling *scaling,
                                       const struct lip_network *network,
                                       struct api_problem *problem,
                                       struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    size_t i = count_scaling(network);
    *scaling = (struct lip_scaling){.features = network->inputs};
    if (!lip_network_is_chain(network)) {
        api_problem_set(problem, API_PROBLEM_UNSUPPORTED_MODEL,
                        "The stored model has layers that take from several "
                        "others or from earlier ones, such as skip "
                        "connections: only chains of layers can be trained.");
        return LIP_UNSUPPORTED;
    }
    if (i > 0)
        status = take_scaling(scaling, &network->layer[0], ctx);
    if (status == LIP_OK) {
        request->layer =
            lip_calloc(ctx, network->count + 1, sizeof *request->layer);
        status = request->layer ? LIP_OK : ctx->error.status;
    }
    if (status != LIP_OK) {
        api_problem_from_error(problem, &ctx->error);
        return status;
    }
    status = take_layers(request, network, i, problem);
    return status == LIP_OK ? check_shares(request, problem) : status;
}

/* An absent bias is zero. */
static void widen(float *out, size_t count, const struct lip_tensor *tensor)
{
    for (size_t k = 0; k < count; k++)
        out[k] = tensor->data ? (float)lip_tensor_at(tensor, k) : 0;
}

/* From channel by channel to pixel by pixel. */
static void widen_kernel(float *out, const struct lip_trainable *to,
                         const struct lip_tensor *tensor)
{
    size_t channels = to->in.channels, area = to->cols / channels;
    for (size_t o = 0; o < to->rows; o++)
        for (size_t c = 0; c < channels; c++)
            for (size_t t = 0; t < area; t++)
                out[o * to->cols + t * channels + c] =
                    (float)lip_tensor_at(tensor, o * to->cols + c * area + t);
}

/* Layers with numbers follow one another in both. */
void api_train_model_weights(const struct lip_model *model,
                             const struct lip_network *network)
{
    size_t k = 0;
    for (size_t i = count_scaling(network); i < network->count; i++) {
        const struct lip_layer *from = &network->layer[i];
        if (!from->weight.data)
            continue;
        while (model->layer[k].weights == 0)
            k++;
        const struct lip_trainable *to = &model->layer[k++];
        if (to->kind->windowed)
            widen_kernel(to->weight, to, &from->weight);
        else
            widen(to->weight, to->weights, &from->weight);
        widen(to->bias, to->biases, &from->bias);
    }
}
