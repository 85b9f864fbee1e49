/* SPDX-License-Identifier: MIT
 *
 * Random training requests: layers, constraints, losses, optimisers and
 * schedules from the library's tables, data of few rows, and now and then what
 * is hard (limits next to nothing, enormous learning rates, one row, one
 * class, constant features) or makes no sense at all. */
#include "tests/support/train_random.h"

#include "api/train.h"
#include "training/random.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

struct draw {
    uint64_t number, i;
    size_t inputs, outputs;
    bool regression;
};

static size_t below(struct draw *d, size_t n)
{
    return (size_t)(lip_draw(d->number, 1, d->i++) % n);
}

static double uniform(struct draw *d, double a, double b)
{
    return a + (b - a) * lip_draw_uniform(d->number, 2, d->i++);
}

static double power(struct draw *d, double a, double b)
{
    return pow(10, uniform(d, a, b));
}

/* One in n. */
static bool rare(struct draw *d, size_t n)
{
    return below(d, n) == 0;
}

static void put(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

static void put_count(json_t *object, const char *name, size_t n)
{
    put(object, name, json_integer((json_int_t)n));
}

#define TABLE_SIZE(n, table)                                                   \
    size_t n = 0;                                                              \
    while ((table)[n])                                                         \
    n++

static void put_parameters(struct draw *d, json_t *object,
                           const struct lip_parameter *p)
{
    for (; p->name; p++)
        if (rare(d, 3))
            put(object, p->name,
                json_real(rare(d, 4) ? (rare(d, 2) ? p->min : p->max)
                                     : uniform(d, fmax(p->min, -2),
                                               fmin(p->max, 12))));
}

/* --- data */

static json_t *generated(struct draw *d)
{
    TABLE_SIZE(n, lip_generators);
    const struct lip_generator *g = lip_generators[below(d, n)];
    json_t *data = json_object();
    put(data, "generate", json_string(g->name));
    put_count(data, "samples", rare(d, 8) ? 1 + below(d, 3) : 1 + below(d, 90));
    put(data, "noise", json_real(rare(d, 3) ? 0 : uniform(d, 0, 1)));
    d->inputs = g->features;
    d->regression = g->classes == 0;
    d->outputs = d->regression ? g->targets : g->classes;
    return data;
}

static json_t *in_line(struct draw *d)
{
    size_t rows = rare(d, 8) ? 1 : 1 + below(d, 40);
    json_t *x = json_array(), *y = json_array(), *data = json_object();
    double size = rare(d, 4) ? power(d, -7, 7) : 1;
    bool constant = rare(d, 5), one = rare(d, 6);
    d->inputs = 1 + below(d, 6);
    d->regression = rare(d, 2);
    d->outputs = d->regression ? 1 : 1 + below(d, 4);
    for (size_t i = 0; i < rows; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < d->inputs; j++)
            json_array_append_new(
                row,
                json_real(constant && j == 0 ? size : uniform(d, -size, size)));
        json_array_append_new(x, row);
        json_array_append_new(
            y, d->regression
                   ? json_real(uniform(d, -3, 3))
                   : json_integer(
                         one ? 0 : (json_int_t)(below(d, d->outputs + 1))));
    }
    put(data, "x", x);
    put(data, "y", y);
    return json_pack("{s:o}", "inline", data);
}

/* --- the model */

static void put_window(struct draw *d, json_t *layer, bool padded)
{
    if (!rare(d, 8))
        put_count(layer, "kernel", 1 + below(d, 3));
    if (rare(d, 2))
        put_count(layer, "stride", 1 + below(d, 3));
    if (padded && rare(d, 2))
        put_count(layer, "padding", below(d, 3));
    if (rare(d, 6))
        put_count(layer, "dilation", 1 + below(d, 3));
}

static json_t *random_layers(struct draw *d)
{
    static const size_t group[] = {1, 2, 3, 4, 7};
    json_t *list = json_array();
    size_t width = d->inputs, layers = below(d, 6);
    bool images = rare(d, 3);
    TABLE_SIZE(n, lip_trainable_kinds);
    for (size_t i = 0; i < layers; i++) {
        const struct lip_trainable_kind *kind =
            lip_trainable_kinds[i % 2 && !rare(d, 6) ? below(d, n) : 0];
        while (images && kind->flat && !rare(d, 20))
            kind = lip_trainable_kinds[below(d, n)];
        json_t *layer = json_object();
        put(layer, "type", json_string(kind->name));
        if (kind->matrix)
            put_count(layer, kind->windowed ? "filters" : "units",
                      width = rare(d, 5) ? 1 : 2 * (1 + below(d, 5)));
        if (kind->windowed)
            put_window(d, layer, kind->matrix);
        if (kind->grouped && rare(d, 4))
            put(layer, "group", json_string("all"));
        else if (kind->grouped && rare(d, 2))
            put_count(layer, "group", group[below(d, 5)]);
        put_parameters(d, layer, kind->parameter);
        json_array_append_new(list, layer);
    }
    if (images && !rare(d, 6))
        json_array_append_new(list, json_pack("{s:s}", "type", "flatten"));
    size_t outputs = rare(d, 12) ? 1 + below(d, 5) : d->outputs + 1;
    if (d->regression)
        outputs = rare(d, 12) ? 2 : d->outputs;
    json_array_append_new(
        list, json_pack("{s:s,s:i}", "type", "dense", "units", (int)outputs));
    json_t *model = json_pack("{s:o}", "layers", list);
    if (images)
        put(model, "input",
            rare(d, 2) ? json_pack("[i,i]", 1, (int)d->inputs)
                       : json_pack("[i,i,i]", (int)d->inputs, 1, 1));
    return model;
}

/* --- the constraint */

static json_t *norm_name(enum lip_norm norm)
{
    return norm == LIP_NORM_INF ? json_string("inf")
                                : json_integer(norm == LIP_NORM_1 ? 1 : 2);
}

static void put_norm(struct draw *d, json_t *object,
                     const struct lip_constraint *constraint)
{
    struct lip_norm_pair pair;
    bool any = rare(d, 15) || constraint->free;
    do {
        pair.input = (enum lip_norm)below(d, LIP_NORM_COUNT);
        pair.output = (enum lip_norm)below(d, LIP_NORM_COUNT);
    } while (!any && lip_constraint_check(constraint, pair, NULL) != LIP_OK);
    put(object, "norm",
        json_pack("{s:o,s:o}", "input", norm_name(pair.input), "output",
                  norm_name(pair.output)));
}

static double random_limit(struct draw *d)
{
    static const double hard[] = {1e-30, 1e-6, 1e12, 1e-7, 1e13, 1e-300};
    if (rare(d, 10))
        return hard[below(d, 6)];
    return rare(d, 3) ? power(d, -6, 12) : power(d, -1, 1.5);
}

static json_t *random_constraint(struct draw *d, bool *limited)
{
    TABLE_SIZE(n, lip_constraints);
    const struct lip_constraint *constraint = lip_constraints[below(d, n)];
    json_t *object = json_object(), *directions = json_array();
    put(object, "method", json_string(constraint->name));
    put_norm(d, object, constraint);
    *limited = !constraint->free;
    if (!constraint->free && rare(d, 8))
        put(object, "lipschitz_per_layer", json_real(power(d, -2, 1)));
    else if (!constraint->free)
        put(object, "lipschitz", json_real(random_limit(d)));
    if (constraint->mend && rare(d, 2))
        put_count(object, "every", 1 + below(d, 12));
    for (size_t j = 0; j < d->inputs; j++)
        json_array_append_new(directions,
                              json_integer((json_int_t)below(d, 3) - 1));
    if (constraint->monotone)
        put(object, "directions", directions);
    else
        json_decref(directions);
    return object;
}

/* --- how it learns */

static json_t *random_loss(struct draw *d)
{
    TABLE_SIZE(n, lip_losses);
    const struct lip_loss *loss;
    do
        loss = lip_losses[below(d, n)];
    while (loss->classification == d->regression && !rare(d, 20));
    json_t *object = json_object();
    put(object, "type", json_string(loss->name));
    put_parameters(d, object, loss->parameter);
    return object;
}

static json_t *random_optimizer(struct draw *d)
{
    TABLE_SIZE(n, lip_optimisers);
    TABLE_SIZE(schedules, lip_schedules);
    const struct lip_optimiser *optimiser = lip_optimisers[below(d, n)];
    json_t *object = json_object();
    put(object, "type", json_string(optimiser->name));
    put(object, "learning_rate",
        json_real(rare(d, 8) ? power(d, 2, 6) : power(d, -4, 0)));
    if (rare(d, 3))
        put(object, "weight_decay",
            json_real(power(d, -5, rare(d, 4) ? 3 : 0)));
    if (rare(d, 3))
        put(object, "clip", json_real(power(d, -3, 2)));
    if (rare(d, 2))
        put(object, "schedule",
            json_string(lip_schedules[below(d, schedules)]->name));
    return object;
}

static void put_validation(struct draw *d, json_t *request, bool limited)
{
    json_t *object = json_object();
    double split = rare(d, 3) ? 0 : uniform(d, 0.05, 0.6);
    put(object, "split", json_real(split));
    if (split > 0 && rare(d, 3))
        put_count(object, "patience", 1 + below(d, 3));
    if (!d->regression && limited && rare(d, 3))
        put(object, "radii", json_pack("[f,f]", 0.1, power(d, -3, 3)));
    put(request, "validation", object);
}

/* --- nonsense: some member, at any depth, gets a value of another kind */

static json_t *nonsense(struct draw *d)
{
    switch (below(d, 10)) {
    case 0:
        return json_null();
    case 1:
        return json_string("");
    case 2:
        return json_string("dense");
    case 3:
        return json_integer(-1);
    case 4:
        return json_real(1e308);
    case 5:
        return json_real(-0.0);
    case 6:
        return json_array();
    case 7:
        return json_object();
    case 8:
        return json_integer(INT64_MAX);
    default:
        return json_true();
    }
}

static void spoil(struct draw *d, json_t *value)
{
    size_t size =
        json_is_array(value) ? json_array_size(value) : json_object_size(value);
    if (size == 0)
        return;
    size_t k = below(d, size);
    if (json_is_array(value)) {
        json_t *part = json_array_get(value, k);
        if (json_is_number(part) || json_is_string(part) || rare(d, 4))
            json_array_set_new(value, k, nonsense(d));
        else
            spoil(d, part);
        return;
    }
    void *at = json_object_iter(value);
    while (k-- > 0)
        at = json_object_iter_next(value, at);
    json_t *part = json_object_iter_value(at);
    if (rare(d, 12))
        json_object_del(value, json_object_iter_key(at));
    else if (json_is_number(part) || json_is_string(part) || rare(d, 5))
        json_object_iter_set_new(value, at, nonsense(d));
    else
        spoil(d, part);
}

json_t *train_random_request(uint64_t number)
{
    struct draw d = {.number = number};
    json_t *request = json_object();
    bool limited;
    TABLE_SIZE(initials, lip_initials);
    TABLE_SIZE(normalisations, lip_normalisations);
    put(request, "dataset", rare(&d, 2) ? generated(&d) : in_line(&d));
    put(request, "task",
        json_string(d.regression ? "regression" : "classification"));
    put(request, "model", random_layers(&d));
    put(request, "constraint", random_constraint(&d, &limited));
    put(request, "loss", random_loss(&d));
    put(request, "optimizer", random_optimizer(&d));
    put_count(request, "epochs", 1 + below(&d, 3));
    put_count(request, "batch_size", 1 + below(&d, 40));
    put_count(request, "seed", below(&d, 1000));
    put_validation(&d, request, limited);
    put(request, "initialization",
        json_string(lip_initials[below(&d, initials)]->name));
    put(request, "normalization",
        json_string(lip_normalisations[below(&d, normalisations)]->name));
    if (rare(&d, 40))
        put(request, "time_limit", json_real(power(&d, -9, -3)));
    if (rare(&d, 5))
        spoil(&d, request);
    return request;
}
