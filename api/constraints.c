/* SPDX-License-Identifier: MIT
 *
 * GET /constraints: the tables that a training request may choose from, as
 * they are. */
#include "api/train_parts.h"

static void put_row(struct api_text *text, const char *name, const char *title,
                    const char *citation)
{
    api_object_open(text, NULL);
    api_put_string(text, "name", name);
    api_put_string(text, "title", title);
    if (citation)
        api_put_string(text, "citation", citation);
}

static void put_parameters(struct api_text *text,
                           const struct lip_parameter *parameter)
{
    api_array_open(text, "parameters");
    for (const struct lip_parameter *p = parameter; p->name; p++) {
        api_object_open(text, NULL);
        api_put_string(text, "name", p->name);
        api_put_number(text, "default", p->fallback);
        api_put_number(text, "minimum", p->min);
        api_put_number(text, "maximum", p->max);
        api_object_close(text);
    }
    api_array_close(text);
}

static void put_norm(struct api_text *text, const char *key, enum lip_norm norm)
{
    if (norm == LIP_NORM_INF)
        api_put_string(text, key, lip_norm_name(norm));
    else
        api_put_count(text, key, norm == LIP_NORM_1 ? 1 : 2);
}

/* The pairs that the constraint can keep in all layers of a network. */
static void put_norms(struct api_text *text,
                      const struct lip_constraint *constraint)
{
    api_array_open(text, "norms");
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        for (int q = 0; q < LIP_NORM_COUNT; q++) {
            struct lip_norm_pair pair = {(enum lip_norm)p, (enum lip_norm)q};
            if (lip_constraint_check(constraint, pair, NULL) != LIP_OK)
                continue;
            api_object_open(text, NULL);
            put_norm(text, "input", pair.input);
            put_norm(text, "output", pair.output);
            api_object_close(text);
        }
    api_array_close(text);
}

static void put_constraints(struct api_text *text)
{
    api_array_open(text, "constraints");
    for (size_t i = 0; lip_constraints[i]; i++) {
        const struct lip_constraint *row = lip_constraints[i];
        put_row(text, row->name, row->title, row->citation);
        api_put_string(text, "keeps",
                       row->free     ? "nothing"
                       : row->mapped ? "every step"
                                     : "after steps");
        put_norms(text, row);
        api_put_string(text, "convolutions",
                       row->monotone  ? "none"
                       : row->windows ? "operator"
                                      : "kernel");
        api_put_bool(text, "directions", row->monotone);
        if (row->mend)
            api_put_count(text, "every", row->every);
        api_object_close(text);
    }
    api_array_close(text);
}

static void put_layers(struct api_text *text)
{
    api_array_open(text, "layers");
    for (size_t i = 0; lip_trainable_kinds[i]; i++) {
        const struct lip_trainable_kind *row = lip_trainable_kinds[i];
        put_row(text, row->name, row->title, NULL);
        api_put_bool(text, "units", row->matrix && !row->windowed);
        api_put_bool(text, "filters", row->matrix && row->windowed);
        api_put_bool(text, "windows", row->windowed);
        api_put_bool(text, "group", row->grouped);
        put_parameters(text, row->parameter);
        api_object_close(text);
    }
    api_array_close(text);
}

static void put_losses(struct api_text *text)
{
    api_array_open(text, "losses");
    for (size_t i = 0; lip_losses[i]; i++) {
        const struct lip_loss *row = lip_losses[i];
        put_row(text, row->name, row->title, row->citation);
        api_put_string(text, "task",
                       row->classification ? "classification" : "regression");
        put_parameters(text, row->parameter);
        api_object_close(text);
    }
    api_array_close(text);
}

static void put_optimizers(struct api_text *text)
{
    api_array_open(text, "optimizers");
    for (size_t i = 0; lip_optimisers[i]; i++) {
        const struct lip_optimiser *row = lip_optimisers[i];
        bool adaptive = train_is_adaptive(row);
        put_row(text, row->name, row->title, row->citation);
        api_object_open(text, "defaults");
        api_put_number(text, "learning_rate", row->rate);
        api_put_number(text, adaptive ? "beta1" : "momentum",
                       row->fallback.momentum);
        if (adaptive) {
            api_put_number(text, "beta2", row->fallback.beta2);
            api_put_number(text, "epsilon", row->fallback.eps);
            api_put_bool(text, "amsgrad", row->fallback.amsgrad);
        } else {
            api_put_bool(text, "nesterov", row->fallback.nesterov);
        }
        api_put_number(text, "weight_decay", row->fallback.weight_decay);
        api_object_close(text);
        api_object_close(text);
    }
    api_array_close(text);
}

static void put_generators(struct api_text *text)
{
    api_array_open(text, "generators");
    for (size_t i = 0; lip_generators[i]; i++) {
        const struct lip_generator *row = lip_generators[i];
        put_row(text, row->name, row->title, NULL);
        api_put_count(text, "features", row->features);
        api_put_count(text, "classes", row->classes);
        api_put_count(text, "targets", row->targets);
        api_object_close(text);
    }
    api_array_close(text);
}

/* A table whose rows have a name and a title. */
#define PUT_TABLE(text, key, table)                                            \
    do {                                                                       \
        api_array_open(text, key);                                             \
        for (size_t i = 0; (table)[i]; i++) {                                  \
            put_row(text, (table)[i]->name, (table)[i]->title, NULL);          \
            api_object_close(text);                                            \
        }                                                                      \
        api_array_close(text);                                                 \
    } while (0)

void api_constraints_write(struct api_text *text)
{
    api_object_open(text, NULL);
    put_constraints(text);
    put_layers(text);
    put_losses(text);
    put_optimizers(text);
    PUT_TABLE(text, "schedules", lip_schedules);
    PUT_TABLE(text, "initializations", lip_initials);
    PUT_TABLE(text, "normalizations", lip_normalisations);
    put_generators(text);
    api_object_close(text);
}
