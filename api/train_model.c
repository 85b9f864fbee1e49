/* SPDX-License-Identifier: MIT
 *
 * From a network that is served back to layers that learn. Reshapes fall away:
 * training sees flat rows. */
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

static enum lip_status take_layer(struct lip_trainable *out,
                                  const struct lip_layer *layer, size_t i,
                                  struct api_problem *problem)
{
    char where[24];
    snprintf(where, sizeof where, "%zu", i);
    out->kind = lip_trainable_find(lip_layer_type(layer));
    bool own_numbers =
        (layer->activation && layer->weight.data) || layer->kind->slopes;
    /* Images: how a stored layer slides is not read back yet. */
    bool slides =
        layer->kind->infer_shape && layer->kind->role != LIP_ROLE_RESHAPE;
    if (!out->kind || own_numbers || slides) {
        api_problem_set_at(problem, API_PROBLEM_UNSUPPORTED_MODEL, LIP_AT_LAYER,
                           where,
                           "Layer %zu (%s) of the stored model cannot be "
                           "trained. GET /constraints lists the layers that "
                           "can.",
                           i, lip_layer_type(layer));
        return LIP_UNSUPPORTED;
    }
    out->units = out->kind->matrix ? layer->outputs : 0;
    out->group = layer->group;
    for (size_t k = 0; out->kind->parameter[k].name; k++)
        out->parameter[k] = parameter_of(layer, &out->kind->parameter[k]);
    return LIP_OK;
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
            lip_calloc(ctx, network->count, sizeof *request->layer);
        status = request->layer ? LIP_OK : ctx->error.status;
    }
    if (status != LIP_OK) {
        api_problem_from_error(problem, &ctx->error);
        return status;
    }
    for (; status == LIP_OK && i < network->count; i++)
        if (learns(&network->layer[i]))
            status = take_layer(&request->layer[request->layers++],
                                &network->layer[i], i, problem);
    return status == LIP_OK ? check_shares(request, problem) : status;
}

/* An absent bias is zero. */
static void widen(float *out, size_t count, const struct lip_tensor *tensor)
{
    for (size_t k = 0; k < count; k++)
        out[k] = tensor->data ? (float)lip_tensor_at(tensor, k) : 0;
}

void api_train_model_weights(const struct lip_model *model,
                             const struct lip_network *network)
{
    size_t k = 0;
    for (size_t i = count_scaling(network); i < network->count; i++) {
        if (!learns(&network->layer[i]))
            continue;
        const struct lip_trainable *to = &model->layer[k++];
        if (to->weights)
            widen(to->weight, to->weights, &network->layer[i].weight);
        if (to->biases)
            widen(to->bias, to->biases, &network->layer[i].bias);
    }
}
