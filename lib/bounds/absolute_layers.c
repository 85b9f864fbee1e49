/* SPDX-License-Identifier: MIT
 *
 * Absolute weights, layer by layer. All numbers are sums of products of
 * non-negative ones, each rounded up as a whole. */
#include "bounds/absolute_layers.h"

#include "network/operator.h"

#include <string.h>

/* One vector for each layer, and one for the input: at[i] begins that of layer
 * i, at[count] the input's. */
struct pass {
    const struct lip_network *network;
    size_t *at;
    double *value;
    size_t *column; /* room for one window */
    struct lip_ctx *ctx;
};

static double *numbers_of(const struct pass *p, size_t layer)
{
    size_t i = layer == LIP_FROM_INPUT ? p->network->count : layer;
    return p->value + p->at[i];
}

static size_t width_of(const struct lip_network *network, size_t layer)
{
    return layer == LIP_FROM_INPUT ? network->inputs
                                   : network->layer[layer].outputs;
}

/* Where number c of all that layer i takes comes from. */
static double *source_of(const struct pass *p, size_t i, size_t c)
{
    size_t j = 0;
    for (;; j++) {
        size_t source = lip_network_source(p->network, i, j);
        size_t n = width_of(p->network, source);
        if (c < n)
            return numbers_of(p, source) + c;
        c -= n;
    }
}

/* The steepest slope of neuron k. */
static double steepest(const struct lip_layer *layer, size_t k)
{
    struct lip_slopes s = lip_layer_slopes(layer, k);
    return fmax(fabs(s.lo), fabs(s.hi));
}

/* --- linear layers */

/* Rounds up a sum of n products, not all of them zero even where the sum has
 * underflowed, each factor of the layer off by a relative `uncertainty`. */
static double settle(double sum, size_t n, double uncertainty)
{
    if (!isfinite(sum)) /* 0 times infinity must not hide it */
        return INFINITY;
    double x = lip_inflate(sum, n + 3);
    return uncertainty > 0
               ? lip_div_up(x, lip_down(1 - uncertainty)) * (1 + 4 * LIP_UNIT)
               : x;
}

/* The column's number, without a search where there is one source. */
static double *entry_at(const struct pass *p, size_t i, double *first, size_t c)
{
    return first ? first + c : source_of(p, i, c);
}

static enum lip_status through_linear(struct pass *p, size_t i, bool back)
{
    const struct lip_network *network = p->network;
    const struct lip_layer *layer = &network->layer[i];
    bool single = lip_network_sources(network, i) == 1;
    double *first =
        single ? numbers_of(p, lip_network_source(network, i, 0)) : NULL;
    double *own = numbers_of(p, i);
    struct lip_operator op;
    enum lip_status status = lip_operator_new(&op, layer, p->ctx);
    for (size_t k = 0; status == LIP_OK && k < layer->outputs; k++) {
        size_t n = lip_operator_row(&op, k);
        double sum = 0;
        bool any = false;
        for (size_t j = 0; j < n; j++) {
            double *x = entry_at(p, i, first, op.column[j]);
            double a = fabs(op.value[j]);
            if (back && a > 0 && own[k] > 0)
                *x = lip_add_up(*x, settle(a * own[k], 1, op.uncertainty));
            if (!back && a > 0 && *x > 0) {
                sum += a * *x;
                any = true;
            }
        }
        if (!back)
            own[k] = any ? settle(sum, n, op.uncertainty) : 0;
        if (k % 4096 == 0)
            status = lip_tick(p->ctx, "absolute weights", (double)i,
                              (double)network->count, NAN);
    }
    lip_operator_clear(&op);
    return status;
}

/* --- others */

static void through_elementwise(struct pass *p, size_t i, bool back)
{
    const struct lip_layer *layer = &p->network->layer[i];
    bool alike = layer->activation && !layer->weight.data;
    double *own = numbers_of(p, i), slope = steepest(layer, 0);
    for (size_t k = 0; k < layer->outputs; k++) {
        double *x = source_of(p, i, k);
        slope = alike ? slope : steepest(layer, k);
        if (back)
            *x = lip_add_up(*x, lip_mul_up(slope, own[k]));
        else
            own[k] = lip_mul_up(slope, *x);
    }
}

static void through_reshape(struct pass *p, size_t i, bool back)
{
    double *own = numbers_of(p, i);
    for (size_t k = 0; k < p->network->layer[i].outputs; k++) {
        double *x = source_of(p, i, k);
        if (back)
            *x = lip_add_up(*x, own[k]);
        else
            own[k] = *x;
    }
}

/* Inputs first .. first + count - 1 give as many outputs, or all of them: no
 * output moves by more than c times the largest; going back, their weighted sum
 * by no more than the largest weight times c times the sum. */
static void through_group(struct pass *p, size_t i, size_t first, size_t inputs,
                          size_t outputs, double c, bool back)
{
    double *own = numbers_of(p, i), most = 0;
    for (size_t k = 0; back && k < outputs; k++)
        most = fmax(most, own[first + k]);
    for (size_t k = 0; !back && k < inputs; k++)
        most = fmax(most, *source_of(p, i, first + k));
    most = lip_mul_up(c, most);
    for (size_t k = 0; back && k < inputs; k++) {
        double *x = source_of(p, i, first + k);
        *x = lip_add_up(*x, most);
    }
    for (size_t k = 0; !back && k < outputs; k++)
        own[first + k] = most;
}

/* Each output is the largest of its own inputs. */
static void through_largest(struct pass *p, size_t i, bool back)
{
    const struct lip_layer *layer = &p->network->layer[i];
    double *own = numbers_of(p, i);
    for (size_t k = 0; k < layer->outputs; k++) {
        size_t n = layer->kind->largest_of(layer, k, p->column);
        double most = 0;
        for (size_t j = 0; j < n; j++) {
            double *x = source_of(p, i, p->column[j]);
            if (back)
                *x = lip_add_up(*x, own[k]);
            else
                most = fmax(most, *x);
        }
        if (!back)
            own[k] = most;
    }
}

static enum lip_status through_joint(struct pass *p, size_t i, bool back)
{
    const struct lip_layer *layer = &p->network->layer[i];
    double c = layer->kind->constant(layer, back ? LIP_NORM_1 : LIP_NORM_INF);
    if (layer->kind->largest_of) {
        through_largest(p, i, back);
        return LIP_OK;
    }
    if (!isfinite(c))
        return lip_fail(p->ctx, LIP_UNPROVEN,
                        "Layer %zu (%s) has no known constant in the %s-norm.",
                        i, lip_layer_type(layer),
                        lip_norm_name(back ? LIP_NORM_1 : LIP_NORM_INF));
    size_t group = layer->kind == &lip_layer_group_sort    ? layer->group
                   : layer->kind == &lip_layer_householder ? 2
                                                           : 0;
    if (group == 0)
        through_group(p, i, 0, layer->inputs, layer->outputs, c, back);
    for (size_t k = 0; group && k < layer->inputs; k += group)
        through_group(p, i, k, group, group, c, back);
    return LIP_OK;
}

static enum lip_status through(struct pass *p, size_t i, bool back)
{
    switch (p->network->layer[i].kind->role) {
    case LIP_ROLE_LINEAR:
        return through_linear(p, i, back);
    case LIP_ROLE_ELEMENTWISE:
        through_elementwise(p, i, back);
        return LIP_OK;
    case LIP_ROLE_RESHAPE:
        through_reshape(p, i, back);
        return LIP_OK;
    case LIP_ROLE_JOINT:
        break;
    }
    return through_joint(p, i, back);
}

/* --- the pass */

bool lip_absolute_layers_knows(struct lip_norm_pair pair)
{
    return pair.input == LIP_NORM_INF || pair.output == LIP_NORM_1;
}

static enum lip_status no_memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

static enum lip_status begin(struct pass *p)
{
    const struct lip_network *network = p->network;
    size_t sum = 0, most = 1;
    p->at = lip_alloc(p->ctx, network->count + 1, sizeof *p->at);
    if (!p->at)
        return no_memory(p->ctx);
    for (size_t i = 0; i <= network->count; i++) {
        p->at[i] = sum;
        sum += i < network->count ? network->layer[i].outputs : network->inputs;
        if (i < network->count && network->layer[i].kind->largest_of &&
            network->layer[i].fan_in > most)
            most = network->layer[i].fan_in;
    }
    p->value = lip_calloc(p->ctx, sum, sizeof *p->value);
    p->column = p->value ? lip_alloc(p->ctx, most, sizeof *p->column) : NULL;
    return p->column ? LIP_OK : no_memory(p->ctx);
}

/* An upper bound of |x|_q, or infinity. */
static double norm_of(const double *x, size_t n, enum lip_norm q)
{
    double sum = 0, most = 0;
    for (size_t k = 0; k < n; k++) {
        most = fmax(most, x[k]);
        sum += q == LIP_NORM_2 ? x[k] * x[k] : x[k];
    }
    if (most == 0 || q == LIP_NORM_INF)
        return most;
    sum = lip_inflate(sum, n + 3);
    return q == LIP_NORM_2 ? lip_sqrt_up(sum) : sum;
}

static enum lip_status run(struct pass *p, bool back)
{
    size_t count = p->network->count;
    size_t start = back ? count - 1 : LIP_FROM_INPUT;
    double *ones = numbers_of(p, start);
    for (size_t k = 0; k < width_of(p->network, start); k++)
        ones[k] = 1;
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < count; i++)
        status = through(p, back ? count - 1 - i : i, back);
    return status;
}

enum lip_status lip_absolute_layers(double *out,
                                    const struct lip_network *network,
                                    struct lip_norm_pair pair,
                                    struct lip_ctx *ctx)
{
    struct pass p = {.network = network, .ctx = ctx};
    bool back = pair.input != LIP_NORM_INF;
    size_t end = back ? LIP_FROM_INPUT : network->count - 1;
    enum lip_status status = begin(&p);
    if (status == LIP_OK)
        status = run(&p, back);
    if (status == LIP_OK) {
        *out = norm_of(numbers_of(&p, end), width_of(network, end),
                       back ? lip_norm_dual(pair.input) : pair.output);
        if (!isfinite(*out))
            status = lip_fail(ctx, LIP_UNPROVEN,
                              "The bound is larger than the largest double, "
                              "1.8e308.");
    }
    lip_free(p.at);
    lip_free(p.value);
    lip_free(p.column);
    return status;
}

double lip_absolute_layers_flops(const struct lip_network *network)
{
    double flops = 0;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        bool dense = layer->kind->role == LIP_ROLE_LINEAR && !layer->kind->row;
        double n = (double)(dense ? layer->inputs : layer->fan_in + 1);
        flops += 4 * n * (double)layer->outputs;
    }
    return flops;
}

double lip_absolute_layers_bytes(const struct lip_network *network)
{
    double numbers = (double)network->inputs, most = 0;
    for (size_t i = 0; i < network->count; i++) {
        numbers += (double)network->layer[i].outputs;
        most = fmax(most, (double)network->layer[i].inputs);
    }
    return 8 * numbers + 16 * most + 16 * (double)network->count;
}
