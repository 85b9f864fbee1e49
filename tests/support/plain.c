/* SPDX-License-Identifier: MIT
 *
 * Plain networks, made, changed and bounded. */
#include "tests/support/plain.h"

#include "linalg/random.h"
#include "tests/support/layers.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double plain_uniform(uint64_t *state, double a, double b)
{
    return a + (b - a) * (double)(lip_random_next(state) >> 11) * 0x1p-53;
}

double plain_normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(plain_uniform(state, 0x1p-60, 1)));
    return radius * cos(6.283185307179586 * plain_uniform(state, 0, 1));
}

void plain_zero(struct plain *net, const char *activation, const size_t *width,
                size_t links)
{
    ck_assert_uint_le(links, PLAIN_LINKS);
    *net = (struct plain){.links = links, .activation = activation};
    memcpy(net->width, width, (links + 1) * sizeof *width);
    for (size_t i = 0; i < links; i++) {
        net->weight[i] = calloc(width[i] * width[i + 1], sizeof(double));
        net->bias[i] = calloc(width[i + 1], sizeof(double));
        ck_assert(net->weight[i] && net->bias[i]);
    }
}

void plain_random(struct plain *net, const char *activation,
                  const size_t *width, size_t links, uint64_t seed)
{
    uint64_t state = seed * 1000003 + 17;
    plain_zero(net, activation, width, links);
    for (size_t i = 0; i < links; i++) {
        double scale = 1 / sqrt((double)width[i]);
        for (size_t k = 0; k < width[i] * width[i + 1]; k++)
            net->weight[i][k] = scale * plain_normal(&state);
        for (size_t k = 0; k < width[i + 1]; k++)
            net->bias[i][k] = 0.3 * plain_normal(&state);
    }
}

static double *copy(const double *from, size_t count)
{
    if (!from)
        return NULL;
    double *to = malloc(count * sizeof *to);
    ck_assert_ptr_nonnull(to);
    memcpy(to, from, count * sizeof *to);
    return to;
}

void plain_copy(struct plain *to, const struct plain *from)
{
    *to = *from;
    for (size_t i = 0; i < from->links; i++) {
        size_t n = from->width[i + 1];
        to->weight[i] = copy(from->weight[i], n * from->width[i]);
        to->bias[i] = copy(from->bias[i], n);
        to->slope[i] = copy(from->slope[i], n);
    }
}

void plain_clear(struct plain *net)
{
    for (size_t i = 0; i < net->links; i++) {
        free(net->weight[i]);
        free(net->bias[i]);
        free(net->slope[i]);
    }
    *net = (struct plain){0};
}

struct lip_network *plain_network(const struct plain *net, struct lip_ctx *ctx)
{
    struct lip_layer layer[2 * PLAIN_LINKS];
    size_t count = 0;
    for (size_t i = 0; i < net->links; i++) {
        size_t n = net->width[i + 1];
        layer[count++] =
            make_dense(n, net->width[i], net->weight[i], net->bias[i], ctx);
        if (i + 1 == net->links)
            break;
        layer[count] = make_activation(net->activation);
        if (net->has_parameter)
            layer[count].parameter[0] = net->parameter;
        if (net->slope[i])
            layer[count].weight =
                make_tensor(LIP_F64, false, n, 0, net->slope[i], ctx);
        count++;
    }
    struct lip_network *network;
    enum lip_status status = make_network(&network, layer, count, ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx->error.detail);
    return network;
}

struct lip_chain *plain_chain(const struct plain *net, struct lip_ctx *ctx)
{
    struct lip_network *network = plain_network(net, ctx);
    struct lip_chain *chain;
    enum lip_status status = lip_chain_new(&chain, network, ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx->error.detail);
    lip_network_free(network);
    return chain;
}

static void run(struct lip_bound *bound, const char *method,
                const struct lip_chain *chain, struct lip_norm_pair pair)
{
    struct lip_bound_options options = {.norm = pair};
    struct lip_ctx ctx = {0};
    enum lip_status status =
        lip_method_run(bound, lip_method_find(method), chain, &options, &ctx);
    ck_assert_msg(status == LIP_OK, "%s: %s", method, ctx.error.detail);
}

double bound_or_nan(const char *method, const struct lip_chain *chain,
                    struct lip_norm_pair pair)
{
    struct lip_bound bound;
    run(&bound, method, chain, pair);
    return bound.skipped ? NAN : bound.upper_bound;
}

double bound_of(const char *method, const struct lip_chain *chain,
                struct lip_norm_pair pair)
{
    struct lip_bound bound;
    run(&bound, method, chain, pair);
    ck_assert_msg(!bound.skipped, "%s: %s", method, bound.reason);
    ck_assert_double_ge(bound.upper_bound, 0);
    return bound.upper_bound;
}

double bound_of_plain(const char *method, const struct plain *net,
                      struct lip_norm_pair pair)
{
    struct lip_ctx ctx = {0};
    struct lip_chain *chain = plain_chain(net, &ctx);
    double bound = bound_of(method, chain, pair);
    lip_chain_free(chain);
    return bound;
}

double detail_of(const char *method, const struct lip_chain *chain,
                 const char *rule)
{
    struct lip_bound bound;
    run(&bound, method, chain, PAIR_22);
    for (size_t i = 0; i < bound.detail_count; i++)
        if (strcmp(bound.detail[i].rule, rule) == 0)
            return bound.detail[i].upper_bound;
    ck_abort_msg("%s has no detail %s", method, rule);
    return NAN;
}

double vector_norm(const double *x, size_t n, enum lip_norm norm)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum = norm == LIP_NORM_INF ? fmax(sum, fabs(x[k]))
              : norm == LIP_NORM_1 ? sum + fabs(x[k])
                                   : hypot(sum, x[k]);
    return sum;
}
