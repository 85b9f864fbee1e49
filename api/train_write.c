/* SPDX-License-Identifier: MIT
 *
 * A training request written out in full: the same run, whatever the defaults
 * of the build that reads it. */
#include "api/train_parts.h"

static void put_parameters(struct api_text *text,
                           const struct lip_parameter *parameter,
                           const double *value)
{
    for (size_t k = 0; parameter[k].name; k++)
        api_put_number(text, parameter[k].name, value[k]);
}

static void put_data(struct api_text *text,
                     const struct api_train_request *request)
{
    api_object_open(text, "dataset");
    if (request->source == API_DATA_GENERATED) {
        api_put_string(text, "generate", request->generator->name);
        api_put_count(text, "samples", request->samples);
        api_put_number(text, "noise", request->noise);
        api_put_count(text, "seed", request->data_seed);
    } else {
        api_put_string(text, "id", request->dataset_id);
    }
    api_object_close(text);
}

static void put_window(struct api_text *text, const struct lip_trainable *layer,
                       enum train_window which)
{
    const struct lip_setting *setting = train_window_setting(layer, which);
    if (setting->count == 0)
        return;
    api_array_open(text, train_window_name(which));
    for (size_t k = 0; k < setting->count; k++)
        api_put_count(text, NULL, (uint64_t)setting->value[k]);
    api_array_close(text);
}

static void put_layer(struct api_text *text, const struct lip_trainable *layer)
{
    api_object_open(text, NULL);
    api_put_string(text, "type", layer->kind->name);
    if (layer->kind->matrix)
        api_put_count(text, train_units_name(layer->kind), layer->units);
    if (layer->kind->grouped && layer->group)
        api_put_count(text, "group", layer->group);
    else if (layer->kind->grouped)
        api_put_string(text, "group", "all");
    for (int k = 0; layer->kind->windowed && k < TRAIN_WINDOWS; k++)
        put_window(text, layer, (enum train_window)k);
    put_parameters(text, layer->kind->parameter, layer->parameter);
    api_object_close(text);
}

static void put_input(struct api_text *text, const struct lip_image *input)
{
    if (input->axes == 0)
        return;
    api_array_open(text, "input");
    api_put_count(text, NULL, input->channels);
    if (input->axes == 2)
        api_put_count(text, NULL, input->height);
    api_put_count(text, NULL, input->width);
    api_array_close(text);
}

static void put_model(struct api_text *text,
                      const struct api_train_request *request)
{
    api_object_open(text, "model");
    if (request->model_id[0]) {
        api_put_string(text, "id", request->model_id);
    } else {
        put_input(text, &request->input);
        api_array_open(text, "layers");
        for (size_t i = 0; i < request->layers; i++)
            put_layer(text, &request->layer[i]);
        api_array_close(text);
    }
    api_object_close(text);
    if (request->model_id[0])
        return;
    api_put_string(text, "initialization", request->initial->name);
    api_put_string(text, "normalization", request->normalisation->name);
}

static void put_norm(struct api_text *text, const char *key, enum lip_norm norm)
{
    if (norm == LIP_NORM_INF)
        api_put_string(text, key, lip_norm_name(norm));
    else
        api_put_count(text, key, norm == LIP_NORM_1 ? 1 : 2);
}

static void put_constraint(struct api_text *text,
                           const struct api_train_request *request)
{
    const struct lip_train_options *options = &request->options;
    api_object_open(text, "constraint");
    api_put_string(text, "method", options->constraint->name);
    api_object_open(text, "norm");
    put_norm(text, "input", options->pair.input);
    put_norm(text, "output", options->pair.output);
    api_object_close(text);
    if (request->input_limit) {
        api_array_open(text, "lipschitz_per_input");
        for (size_t j = 0; j < request->input_limits; j++)
            api_put_number(text, NULL, request->input_limit[j]);
        api_array_close(text);
    } else if (options->limit > 0) {
        api_put_number(text, "lipschitz", options->limit);
    }
    if (options->layer_limit) {
        api_array_open(text, "lipschitz_per_layer");
        for (size_t i = 0; i < options->layer_limits; i++)
            api_put_number(text, NULL, options->layer_limit[i]);
        api_array_close(text);
    }
    if (options->direction) {
        api_array_open(text, "directions");
        for (size_t j = 0; j < options->directions; j++)
            api_put_number(text, NULL, options->direction[j]);
        api_array_close(text);
    }
    if (options->constraint->mend)
        api_put_count(text, "every", options->every);
    api_object_close(text);
}

static void put_loss(struct api_text *text, const struct lip_loss_use *use)
{
    api_object_open(text, "loss");
    api_put_string(text, "type", use->loss->name);
    put_parameters(text, use->loss->parameter, use->parameter);
    api_object_close(text);
}

static void put_optimizer(struct api_text *text,
                          const struct lip_train_options *options)
{
    const struct lip_step_options *step = &options->step;
    bool adaptive = train_is_adaptive(options->optimiser);
    api_object_open(text, "optimizer");
    api_put_string(text, "type", options->optimiser->name);
    api_put_number(text, "learning_rate", options->rate);
    api_put_number(text, adaptive ? "beta1" : "momentum", step->momentum);
    if (adaptive) {
        api_put_number(text, "beta2", step->beta2);
        api_put_number(text, "epsilon", step->eps);
        api_put_bool(text, "amsgrad", step->amsgrad);
    } else {
        api_put_bool(text, "nesterov", step->nesterov);
    }
    api_put_number(text, "weight_decay", step->weight_decay);
    api_put_string(text, "schedule", options->schedule->name);
    api_put_number(text, "clip", options->clip);
    api_object_close(text);
}

static void put_augmentation(struct api_text *text,
                             const struct lip_augment *augment)
{
    if (augment->height == 0)
        return;
    api_object_open(text, "augmentation");
    api_put_count(text, "height", augment->height);
    api_put_count(text, "width", augment->width);
    api_put_count(text, "shift", augment->shift);
    api_put_number(text, "turn", augment->turn);
    api_put_number(text, "stretch", augment->stretch);
    api_object_close(text);
}

static void put_validation(struct api_text *text,
                           const struct api_train_request *request)
{
    api_object_open(text, "validation");
    api_put_number(text, "split", request->split);
    api_array_open(text, "radii");
    for (size_t i = 0; i < request->radii; i++)
        api_put_number(text, NULL, request->radius[i]);
    api_array_close(text);
    api_put_count(text, "patience", request->options.patience);
    api_object_close(text);
}

void api_train_write(struct api_text *text, const char *key,
                     const struct api_train_request *request)
{
    const struct lip_train_options *options = &request->options;
    api_object_open(text, key);
    put_data(text, request);
    api_put_string(text, "task",
                   request->regression ? "regression" : "classification");
    put_model(text, request);
    put_constraint(text, request);
    put_loss(text, &options->loss);
    put_optimizer(text, options);
    put_augmentation(text, &options->augment);
    api_put_count(text, "epochs", options->epochs);
    api_put_count(text, "batch_size", options->batch);
    api_put_count(text, "seed", options->seed);
    put_validation(text, request);
    api_put_number(text, "time_limit", request->time_limit);
    api_object_close(text);
}
