/* SPDX-License-Identifier: MIT
 *
 * "constraint", "loss" and "optimizer" of a training request. */
#include "api/train_parts.h"

#include <string.h>

enum { MAX_EVERY = 1000000 };

static const struct train_range limits = {1e-6, 1e12, false, false};
static const struct train_range shares = {1e-12, 1e12, false, false};

/* --- loss */

TRAIN_TABLE(loss_name, lip_losses)

/* The loss that a task has where the request names none. */
static const struct lip_loss *usual_loss(bool regression)
{
    if (!regression)
        return lip_train_defaults().loss.loss;
    size_t i = 0;
    while (lip_losses[i]->classification)
        i++;
    return lip_losses[i];
}

enum lip_status train_read_loss(struct train_reader *r, const json_t *value,
                                const struct train_place *at)
{
    static const char *const base[] = {"type", NULL};
    const char *known[TRAIN_NAMES];
    struct lip_loss_use *use = &r->out->options.loss;
    struct train_place place = train_at(at, "type");
    size_t row;
    if (!value) {
        *use = lip_loss_defaults(usual_loss(r->out->regression));
        return LIP_OK;
    }
    enum lip_status status = train_object(r, value, at, NULL);
    if (status == LIP_OK)
        status = train_choose(r, &row, json_object_get(value, "type"), &place,
                              "loss", loss_name);
    if (status != LIP_OK)
        return status;
    *use = lip_loss_defaults(lip_losses[row]);
    if (use->loss->classification == r->out->regression)
        return train_refuse(
            r, &place,
            "The loss %s is for %s, but the task is "
            "%s.",
            use->loss->name,
            r->out->regression ? "classification" : "regression",
            r->out->regression ? "regression" : "classification");
    train_names(known, base, use->loss->parameter);
    status = train_object(r, value, at, known);
    if (status == LIP_OK)
        status = train_parameters(r, use->parameter, use->loss->parameter,
                                  value, at);
    return status;
}

/* --- constraint */

TRAIN_TABLE(constraint_name, lip_constraints)

static enum lip_status read_norm_name(struct train_reader *r,
                                      enum lip_norm *out, const json_t *value,
                                      const struct train_place *at)
{
    const char *text = json_string_value(value);
    double x = json_number_value(value);
    if (text && strcmp(text, "inf") == 0)
        *out = LIP_NORM_INF;
    else if (json_is_number(value) && x >= 1 && x <= 1)
        *out = LIP_NORM_1;
    else if (json_is_number(value) && x >= 2 && x <= 2)
        *out = LIP_NORM_2;
    else
        return train_refuse(r, at,
                            "A norm is 1, 2 or \"inf\", or for two of them "
                            "{\"input\": p, \"output\": q}.");
    return LIP_OK;
}

static enum lip_status read_norm(struct train_reader *r, const json_t *value,
                                 const struct train_place *at)
{
    static const char *const known[] = {"input", "output", NULL};
    struct lip_norm_pair *pair = &r->out->options.pair;
    struct train_place input = train_at(at, "input");
    struct train_place output = train_at(at, "output");
    if (!value)
        return LIP_OK;
    if (!json_is_object(value)) {
        enum lip_status status = read_norm_name(r, &pair->input, value, at);
        pair->output = pair->input;
        return status;
    }
    enum lip_status status = train_object(r, value, at, known);
    if (status == LIP_OK)
        status = read_norm_name(r, &pair->input,
                                json_object_get(value, "input"), &input);
    if (status == LIP_OK)
        status = read_norm_name(r, &pair->output,
                                json_object_get(value, "output"), &output);
    return status;
}

/* `norm` is what the request says of it, or NULL. */
static enum lip_status read_method(struct train_reader *r, const json_t *value,
                                   const json_t *norm,
                                   const struct train_place *at)
{
    struct lip_train_options *options = &r->out->options;
    size_t row;
    if (value) {
        enum lip_status status =
            train_choose(r, &row, value, at, "constraint", constraint_name);
        if (status != LIP_OK)
            return status;
        options->constraint = lip_constraints[row];
        if (options->constraint->monotone && !norm)
            options->pair = (struct lip_norm_pair){LIP_NORM_1, LIP_NORM_INF};
    } else if (options->pair.input != LIP_NORM_2 ||
               options->pair.output != LIP_NORM_2) {
        options->constraint = lip_constraint_find("projection");
    }
    return LIP_OK;
}

static enum lip_status check_norm(struct train_reader *r,
                                  const struct train_place *at)
{
    const struct lip_train_options *options = &r->out->options;
    if (options->constraint->free ||
        lip_constraint_check(options->constraint, options->pair, r->ctx) ==
            LIP_OK)
        return LIP_OK;
    struct train_place place = train_at(at, "norm");
    return train_failed(r, &place);
}

/* One number for each matrix, or one for all of them. */
static enum lip_status read_shares(struct train_reader *r, const json_t *value,
                                   const struct train_place *at)
{
    struct lip_train_options *options = &r->out->options;
    bool list = json_is_array(value);
    size_t count = train_matrices(r->out), given = json_array_size(value);
    if (r->out->model_id[0])
        count = given;
    if (count == 0 || (list && given != count))
        return train_refuse(r, at,
                            "\"lipschitz_per_layer\" is a list of %zu limits, "
                            "one for each dense layer.",
                            count);
    double *share = lip_calloc(r->ctx, count, sizeof *share);
    if (!share)
        return train_failed(r, at);
    options->layer_limit = share;
    options->layer_limits = count;
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < count; i++) {
        struct train_place place = list ? train_at_index(at, i) : *at;
        status = train_number_value(r, &share[i],
                                    list ? json_array_get(value, i) : value,
                                    &place, "lipschitz_per_layer", shares);
    }
    return status;
}

static enum lip_status read_limits(struct train_reader *r, const json_t *object,
                                   const struct train_place *at)
{
    struct lip_train_options *options = &r->out->options;
    const json_t *share = json_object_get(object, "lipschitz_per_layer");
    const json_t *limit = json_object_get(object, "lipschitz");
    const json_t *each = json_object_get(object, "lipschitz_per_input");
    struct train_place place =
        train_at(at, share ? "lipschitz_per_layer" : "lipschitz");
    enum lip_status status = LIP_OK;
    if (options->constraint->free) {
        options->limit = 0;
        return share || limit
                   ? train_refuse(r, &place,
                                  "The constraint %s keeps no limit: leave "
                                  "this out, or choose another method.",
                                  options->constraint->name)
                   : LIP_OK;
    }
    if (each) {
        place = train_at(at, "lipschitz_per_input");
        return share || limit
                   ? train_refuse(r, &place,
                                  "The limits of inputs stand in the place of "
                                  "\"lipschitz\": leave one of the two out.")
                   : train_read_input_limits(r, each, &place);
    }
    if (share) {
        options->limit = 0;
        status = read_shares(r, share, &place);
    }
    if (status == LIP_OK)
        status =
            train_number(r, &options->limit, object, at, "lipschitz", limits);
    return status;
}

static enum lip_status read_every(struct train_reader *r, const json_t *object,
                                  const struct train_place *at)
{
    struct lip_train_options *options = &r->out->options;
    struct train_place place = train_at(at, "every");
    options->every = options->constraint->every;
    if (json_object_get(object, "every") && !options->constraint->mend)
        return train_refuse(r, &place,
                            "The constraint %s holds at every step: leave "
                            "\"every\" out.",
                            options->constraint->name);
    return train_count(r, &options->every, object, at, "every", 1, MAX_EVERY);
}

enum lip_status train_read_constraint(struct train_reader *r,
                                      const json_t *value,
                                      const struct train_place *at)
{
    static const char *const known[] = {
        "method", "norm",       "lipschitz",           "lipschitz_per_layer",
        "every",  "directions", "lipschitz_per_input", NULL};
    if (!value)
        return train_refuse(r, at,
                            "Give the limit: {\"lipschitz\": 1}, or "
                            "{\"method\": \"none\"} for no limit.");
    struct train_place method = train_at(at, "method");
    struct train_place norm = train_at(at, "norm");
    struct train_place directions = train_at(at, "directions");
    enum lip_status status = train_object(r, value, at, known);
    if (status == LIP_OK)
        status = read_norm(r, json_object_get(value, "norm"), &norm);
    if (status == LIP_OK)
        status = read_method(r, json_object_get(value, "method"),
                             json_object_get(value, "norm"), &method);
    if (status == LIP_OK)
        status = check_norm(r, at);
    if (status == LIP_OK)
        status = read_limits(r, value, at);
    if (status == LIP_OK)
        status = read_every(r, value, at);
    if (status == LIP_OK)
        status = train_read_directions(r, json_object_get(value, "directions"),
                                       &directions);
    return status;
}

/* --- optimiser */

TRAIN_TABLE(optimiser_name, lip_optimisers)
TRAIN_TABLE(schedule_name, lip_schedules)

bool train_is_adaptive(const struct lip_optimiser *optimiser)
{
    return optimiser->fallback.beta2 > 0;
}

/* Mapped weights learn with Adam, mended ones with sgd: steps of Adam and
 * projections in the Euclidean metric do not go together. */
static const struct lip_optimiser *
usual(const struct lip_constraint *constraint)
{
    const struct lip_optimiser *optimiser = lip_train_defaults().optimiser;
    for (size_t i = 0; constraint->mapped && lip_optimisers[i]; i++)
        if (train_is_adaptive(lip_optimisers[i]))
            return lip_optimisers[i];
    return optimiser;
}

static enum lip_status read_optimiser(struct train_reader *r,
                                      const json_t *value,
                                      const struct train_place *at)
{
    struct lip_train_options *options = &r->out->options;
    const json_t *type = json_object_get(value, "type");
    struct train_place place = train_at(at, "type");
    size_t row;
    options->optimiser = usual(options->constraint);
    if (type) {
        enum lip_status status =
            train_choose(r, &row, type, &place, "optimizer", optimiser_name);
        if (status != LIP_OK)
            return status;
        options->optimiser = lip_optimisers[row];
    }
    options->rate = options->optimiser->rate;
    options->step = options->optimiser->fallback;
    return LIP_OK;
}

/* "linear", or {"type": "linear"}. */
static enum lip_status read_schedule(struct train_reader *r,
                                     const json_t *value,
                                     const struct train_place *at)
{
    static const char *const known[] = {"type", NULL};
    struct train_place place = *at;
    size_t row;
    if (!value)
        return LIP_OK;
    if (json_is_object(value)) {
        enum lip_status status = train_object(r, value, at, known);
        if (status != LIP_OK)
            return status;
        value = json_object_get(value, "type");
        place = train_at(at, "type");
    }
    enum lip_status status =
        train_choose(r, &row, value, &place, "schedule", schedule_name);
    if (status == LIP_OK)
        r->out->options.schedule = lip_schedules[row];
    return status;
}

static enum lip_status read_step(struct train_reader *r, const json_t *value,
                                 const struct train_place *at)
{
    static const struct train_range part = {0, 1, false, true};
    struct lip_step_options *step = &r->out->options.step;
    bool adaptive = train_is_adaptive(r->out->options.optimiser);
    enum lip_status status = train_number(
        r, &step->momentum, value, at, adaptive ? "beta1" : "momentum", part);
    if (status == LIP_OK && adaptive)
        status = train_number(r, &step->beta2, value, at, "beta2", part);
    if (status == LIP_OK && adaptive)
        status = train_number(r, &step->eps, value, at, "epsilon", part);
    if (status == LIP_OK && adaptive)
        status = train_flag(r, &step->amsgrad, value, at, "amsgrad");
    if (status == LIP_OK && !adaptive)
        status = train_flag(r, &step->nesterov, value, at, "nesterov");
    if (status == LIP_OK)
        status = train_number(r, &step->weight_decay, value, at, "weight_decay",
                              (struct train_range){0, 1e3, false, true});
    return status;
}

enum lip_status train_read_optimizer(struct train_reader *r,
                                     const json_t *value,
                                     const struct train_place *at)
{
    static const char *const plain[] = {
        "type",         "learning_rate", "momentum", "nesterov",
        "weight_decay", "schedule",      "clip",     NULL};
    static const char *const adaptive[] = {
        "type",    "learning_rate", "beta1",    "beta2", "epsilon",
        "amsgrad", "weight_decay",  "schedule", "clip",  NULL};
    struct lip_train_options *options = &r->out->options;
    struct train_place schedule = train_at(at, "schedule");
    enum lip_status status = LIP_OK;
    if (value)
        status = train_object(r, value, at, NULL);
    if (status == LIP_OK)
        status = read_optimiser(r, value, at);
    if (status != LIP_OK || !value)
        return status;
    status = train_object(
        r, value, at, train_is_adaptive(options->optimiser) ? adaptive : plain);
    if (status == LIP_OK)
        status = train_number(r, &options->rate, value, at, "learning_rate",
                              (struct train_range){0, 1e6, true, false});
    if (status == LIP_OK)
        status = read_step(r, value, at);
    if (status == LIP_OK)
        status =
            read_schedule(r, json_object_get(value, "schedule"), &schedule);
    if (status == LIP_OK)
        status = train_number(r, &options->clip, value, at, "clip",
                              (struct train_range){0, 1e12, false, false});
    return status;
}
