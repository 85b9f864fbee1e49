/* SPDX-License-Identifier: MIT
 *
 * "directions" of the monotone constraint: one of 1, -1 and 0 for each input.
 */
#include "api/train_parts.h"

#include "training/monotone.h"

#include <math.h>
#include <string.h>

enum { MOST_DIRECTIONS = 1 << 20 };

static enum lip_status read_direction(struct train_reader *r, signed char *out,
                                      const json_t *value,
                                      const struct train_place *at)
{
    double x = json_is_number(value) ? json_number_value(value) : 2;
    if (x < 0 || x > 0)
        *out = x < 0 ? -1 : 1;
    if (x == 0 || (x >= 1 && x <= 1) || (x >= -1 && x <= -1))
        return LIP_OK;
    return train_refuse(r, at,
                        "A direction is 1 (increasing), -1 (decreasing) or 0 "
                        "(free).");
}

enum lip_status train_read_directions(struct train_reader *r,
                                      const json_t *value,
                                      const struct train_place *at)
{
    struct lip_train_options *options = &r->out->options;
    size_t count = json_array_size(value);
    if (!options->constraint->monotone)
        return value ? train_refuse(r, at,
                                    "The constraint %s has no directions: "
                                    "leave them out, or choose another method.",
                                    options->constraint->name)
                     : LIP_OK;
    if (count == 0 || count > MOST_DIRECTIONS)
        return train_refuse(r, at,
                            "\"directions\" is a list with a number for each "
                            "input: 1 (increasing), -1 (decreasing) or 0 "
                            "(free).");
    signed char *direction = lip_calloc(r->ctx, count, 1);
    if (!direction)
        return train_failed(r, at);
    options->direction = direction;
    options->directions = count;
    enum lip_status status = LIP_OK;
    for (size_t j = 0; status == LIP_OK && j < count; j++) {
        struct train_place place = train_at_index(at, j);
        status =
            read_direction(r, &direction[j], json_array_get(value, j), &place);
    }
    return status;
}

static enum lip_status read_input_limits(struct train_reader *r, double *limit,
                                         const json_t *value,
                                         const struct train_place *at)
{
    static const struct train_range range = {1e-6, 1e12, false, false};
    enum lip_status status = LIP_OK;
    r->out->options.limit = 0;
    for (size_t j = 0; status == LIP_OK && j < json_array_size(value); j++) {
        struct train_place place = train_at_index(at, j);
        status = train_number_value(r, &limit[j], json_array_get(value, j),
                                    &place, "lipschitz_per_input", range);
        r->out->options.limit = fmax(r->out->options.limit, limit[j]);
    }
    return status;
}

enum lip_status train_read_input_limits(struct train_reader *r,
                                        const json_t *value,
                                        const struct train_place *at)
{
    size_t count = json_array_size(value);
    if (!r->out->options.constraint->monotone)
        return train_refuse(r, at,
                            "The constraint %s has no limits of inputs: leave "
                            "them out, or choose another method.",
                            r->out->options.constraint->name);
    if (r->out->model_id[0]) /* it has its scaling, which cannot change */
        return train_refuse(r, at,
                            "A stored model keeps the scaling of its inputs: "
                            "give \"lipschitz\", or begin with new layers.");
    if (count == 0 || count > MOST_DIRECTIONS)
        return train_refuse(r, at,
                            "\"lipschitz_per_input\" is a list with a limit "
                            "for each input.");
    r->out->input_limit = lip_alloc(r->ctx, count, sizeof *r->out->input_limit);
    if (!r->out->input_limit)
        return train_failed(r, at);
    r->out->input_limits = count;
    return read_input_limits(r, r->out->input_limit, value, at);
}

enum lip_status train_check_monotone(struct train_reader *r,
                                     const struct api_train_request *request,
                                     const struct lip_data *data)
{
    struct train_place at = {"/constraint"};
    size_t inputs = data->features;
    if (!request->options.constraint->monotone)
        return LIP_OK;
    if (request->input_limit && request->input_limits != inputs) {
        struct train_place limits = train_at(&at, "lipschitz_per_input");
        return train_refuse(r, &limits, "There are %zu limits for %zu inputs.",
                            request->input_limits, inputs);
    }
    struct lip_trainable *layer =
        lip_calloc(r->ctx, request->layers, sizeof *layer);
    if (!layer)
        return train_failed(r, &at);
    memcpy(layer, request->layer, request->layers * sizeof *layer);
    struct lip_image input = api_train_input(request, inputs), in = input;
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < request->layers; i++) {
        status = lip_trainable_plan(&layer[i], &in, r->ctx);
        in = layer[i].out;
        inputs = layer[i].outputs;
    }
    struct lip_model shape = {.layer = layer,
                              .count = request->layers,
                              .inputs = data->features,
                              .input = input,
                              .outputs = inputs};
    if (status == LIP_OK)
        status = lip_monotone_check(&request->options, &shape,
                                    data->classes > 0, r->ctx);
    lip_free(layer);
    return status == LIP_OK ? LIP_OK : train_failed(r, &at);
}
