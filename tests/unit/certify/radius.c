/* SPDX-License-Identifier: MIT
 *
 * No input closer than the radius has another class: held against the exact
 * distance where the network is linear, against search, and against the
 * formula in ball arithmetic; ties certify nothing. */
#include "certify/radius.h"

#include "bounds/method.h"
#include "tests/support/exact.h"
#include "tests/support/exact_network.h"
#include "tests/support/layers.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PREC = 4000 };

static const uint64_t seed = 20261121;
static struct lip_ctx none;

static struct lip_radius_rule *rule_of(const struct lip_network *network,
                                       struct lip_norm_pair pair,
                                       double seconds)
{
    struct lip_radius_rule *rule;
    struct lip_ctx ctx = {0};
    enum lip_status status =
        lip_radius_new(&rule, network, pair, seconds, &ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    return rule;
}

static struct lip_prediction predict(const struct lip_network *network,
                                     enum lip_norm norm, const double *x)
{
    struct lip_norm_pair pair = {norm, norm};
    struct lip_radius_rule *rule = rule_of(network, pair, 0);
    struct lip_prediction p;
    ck_assert_int_eq(lip_radius_predict(&p, NULL, rule, x, 1, &none), LIP_OK);
    lip_radius_free(rule);
    return p;
}

/* --- the formula in balls */

/* |v_y - v_j|_r, or |v_j|_r where y is v's number of rows. */
static void exact_apart(arb_t out, const double *v, size_t n, size_t rows,
                        size_t y, size_t j, enum lip_norm r)
{
    arb_t d, e;
    arb_init(d);
    arb_init(e);
    arb_zero(out);
    for (size_t k = 0; k < n; k++) {
        arb_set_d(d, v[j * n + k]);
        arb_set_d(e, y == rows ? 0 : v[y * n + k]);
        arb_sub(d, d, e, PREC);
        arb_abs(d, d);
        if (r == LIP_NORM_INF)
            arb_max(out, out, d, PREC);
        else if (r == LIP_NORM_1)
            arb_add(out, out, d, PREC);
        else
            arb_addmul(out, d, d, PREC);
    }
    if (r == LIP_NORM_2)
        arb_sqrt(out, out, PREC);
    arb_clear(d);
    arb_clear(e);
}

/* The product of the norms of all but the last layer, as exact as may be. */
static void exact_product(arb_t out, const struct plain *net,
                          enum lip_norm norm)
{
    arb_t one;
    arb_init(one);
    arb_one(out);
    for (size_t i = 0; i + 1 < net->links; i++) {
        struct lip_matrix at = {net->width[i], net->width[i + 1],
                                net->weight[i]};
        arb_mat_t m;
        exact_matrix(m, &at, true);
        exact_norm(one, m, (struct lip_norm_pair){norm, norm});
        arb_mul(out, out, one, PREC);
        arb_mat_clear(m);
    }
    arb_clear(one);
}

/* min over j of (z_y - z_j) / (L |v_y - v_j|), a ball; one output: z / L |v|.
 * Slopes of the activation are at most 1. */
static void exact_radius(arb_t out, const struct plain *net,
                         const struct lip_network *network, const double *x,
                         size_t y, enum lip_norm norm)
{
    size_t m = network->outputs, n = net->width[net->links - 1];
    const double *v = net->weight[net->links - 1];
    arb_ptr z = _arb_vec_init((slong)m);
    arb_t l, move, r;
    arb_init(l);
    arb_init(move);
    arb_init(r);
    exact_evaluate(z, network, x, PREC);
    exact_product(l, net, norm);
    arb_pos_inf(out);
    for (size_t j = 0; j < m; j++) {
        if (j == y && m > 1)
            continue;
        exact_apart(move, v, n, m, m > 1 ? y : m, j, lip_norm_dual(norm));
        arb_mul(move, move, l, PREC);
        if (m > 1)
            arb_sub(r, z + y, z + j, PREC);
        else
            arb_abs(r, z);
        arb_div(r, r, move, PREC);
        arb_min(out, out, r, PREC);
    }
    arb_clear(l);
    arb_clear(move);
    arb_clear(r);
    _arb_vec_clear(z, (slong)m);
}

/* Radius <= formula, and not far below. Returns the shortfall. */
static double hold(const struct plain *net, const double *x, enum lip_norm norm)
{
    struct lip_network *network = plain_network(net, &none);
    struct lip_prediction p = predict(network, norm, x);
    arb_t truth, claim;
    arb_init(truth);
    arb_init(claim);
    exact_radius(truth, net, network, x, p.label, norm);
    arb_set_d(claim, p.radius);
    double t = arf_get_d(arb_midref(truth), ARF_RND_NEAR);
    ck_assert_msg(p.radius == 0 || arb_le(claim, truth),
                  "l%s: %.17g, but %.17g is true", lip_norm_name(norm),
                  p.radius, t);
    arb_clear(claim);
    arb_clear(truth);
    lip_network_free(network);
    return t > 0 ? 1 - p.radius / t : 1;
}

START_TEST(radius_is_the_formula_rounded_down)
{
    uint64_t state = seed;
    const char *phi[] = {"relu", "tanh", "abs"};
    double worst = 0;
    for (int round = 0; round < 150; round++) {
        struct plain net;
        size_t outputs = 1 + (size_t)round % 5;
        size_t width[] = {4, 9, 7, outputs};
        plain_random(&net, phi[round % 3], width, 3, seed + (uint64_t)round);
        double x[4];
        for (int k = 0; k < 4; k++)
            x[k] = 3 * plain_normal(&state);
        for (int r = 0; r < LIP_NORM_COUNT; r++)
            worst = fmax(worst, hold(&net, x, (enum lip_norm)r));
        plain_clear(&net);
    }
    printf("radii at most %.2g below the formula\n", worst);
    ck_assert_double_le(worst, 1e-8);
}
END_TEST

/* Offsets of 10^9 in front of the last layer, which the last layer's rows do
 * not see but for their rounding: margins are of the order of the error. */
START_TEST(rounding_of_the_evaluation_is_taken_off)
{
    uint64_t state = seed;
    size_t certified = 0, rounds = 400;
    for (size_t round = 0; round < rounds; round++) {
        struct plain net;
        plain_random(&net, "relu", (size_t[]){3, 8, 3}, 2, seed + round);
        for (size_t k = 0; k < 8; k++)
            net.bias[0][k] = 1e9 * (1 + plain_uniform(&state, 0, 1));
        for (size_t j = 1; j < 3; j++) {
            memcpy(net.weight[1] + j * 8, net.weight[1], 8 * sizeof(double));
            net.bias[1][j] = net.bias[1][0];
            for (size_t k = 0; k < 8; k++)
                net.weight[1][j * 8 + k] *=
                    1 +
                    ldexp(plain_uniform(&state, -8, 8), (int)(round % 16) - 52);
        }
        double x[3];
        for (int k = 0; k < 3; k++)
            x[k] = plain_normal(&state);
        for (int r = 0; r < LIP_NORM_COUNT; r++)
            certified += hold(&net, x, (enum lip_norm)r) < 1;
        plain_clear(&net);
    }
    printf("%zu of %zu certified\n", certified, 3 * rounds);
    ck_assert_uint_gt(certified, rounds);
}
END_TEST

/* A linear classifier: the formula is the true distance to the border. */
START_TEST(linear_networks_get_the_true_distance)
{
    uint64_t state = seed;
    for (int round = 0; round < 100; round++) {
        struct plain net;
        plain_random(&net, "relu", (size_t[]){5, 4}, 1, seed + (uint64_t)round);
        double x[5];
        for (int k = 0; k < 5; k++)
            x[k] = plain_normal(&state);
        for (int r = 0; r < LIP_NORM_COUNT; r++)
            ck_assert_double_le(hold(&net, x, (enum lip_norm)r), 1e-9);
        plain_clear(&net);
    }
}
END_TEST

/* --- search */

/* The class by plain evaluation; SIZE_MAX where two logits are the same. */
static size_t class_of(const struct lip_network *network, const double *x)
{
    double z[16];
    size_t best = 0, ties = 0;
    ck_assert_int_eq(lip_network_eval(z, network, x, &none), LIP_OK);
    for (size_t k = 1; k < network->outputs; k++)
        best = z[k] > z[best] ? k : best;
    for (size_t k = 0; k < network->outputs; k++)
        ties += z[k] >= z[best];
    return ties > 1 ? SIZE_MAX : best;
}

/* The nearest point of another class along a direction, by halving between
 * the last point that has the class and the first that has not; INFINITY where
 * none is met up to 50. */
static double border(const struct lip_network *network, const double *x,
                     const double *d, size_t label)
{
    double y[8], in = 0, out = 0x1p-10;
    size_t n = network->inputs;
    for (; out < 50; out *= 1.25) {
        for (size_t k = 0; k < n; k++)
            y[k] = x[k] + out * d[k];
        if (class_of(network, y) != label)
            break;
        in = out;
    }
    if (out >= 50)
        return INFINITY;
    for (int i = 0; i < 50; i++) {
        double t = (in + out) / 2;
        for (size_t k = 0; k < n; k++)
            y[k] = x[k] + t * d[k];
        *(class_of(network, y) == label ? &in : &out) = t;
    }
    return out;
}

/* The nearest border over many directions, of norm 1: all around the circle in
 * two dimensions. */
static double search(const struct lip_network *network, const double *x,
                     size_t label, enum lip_norm norm)
{
    double least = INFINITY, d[8];
    size_t n = network->inputs;
    uint64_t state = seed;
    for (int i = 0; i < 720; i++) {
        d[0] = cos(i * 6.283185307179586 / 720);
        d[1] = sin(i * 6.283185307179586 / 720);
        for (size_t k = 2; k < n; k++)
            d[k] = plain_normal(&state);
        double size = vector_norm(d, n, norm);
        for (size_t k = 0; k < n; k++)
            d[k] /= size;
        least = fmin(least, border(network, x, d, label));
    }
    return least;
}

START_TEST(search_finds_nothing_nearer)
{
    uint64_t state = seed;
    const char *phi[] = {"relu", "softplus", "leaky-relu", "sin"};
    double best = 0;
    for (int round = 0; round < 24; round++) {
        struct plain net;
        size_t width[] = {1 + (size_t)round % 3, 6, 5, 2 + (size_t)round % 3};
        plain_random(&net, phi[round % 4], width, 3, seed + (uint64_t)round);
        struct lip_network *network = plain_network(&net, &none);
        double x[3];
        for (int k = 0; k < 3; k++)
            x[k] = plain_normal(&state);
        for (int r = 0; r < LIP_NORM_COUNT; r++) {
            struct lip_prediction p = predict(network, (enum lip_norm)r, x);
            double found = search(network, x, p.label, (enum lip_norm)r);
            ck_assert_msg(p.radius <= found, "l%s: radius %g, border at %g",
                          lip_norm_name((enum lip_norm)r), p.radius, found);
            best = fmax(best, p.radius / found);
        }
        lip_network_free(network);
        plain_clear(&net);
    }
    printf("the best radius is %.3g of what search found\n", best);
    ck_assert_double_gt(best, 0.2);
}
END_TEST

/* Networks that sort and mirror, the same way. */
START_TEST(joint_layers_hold_too)
{
    uint64_t state = seed;
    for (int round = 0; round < 24; round++) {
        double w[4 * 6], angle[2] = {1, -2}, x[2];
        for (int k = 0; k < 24; k++)
            w[k] = plain_normal(&state);
        struct lip_layer sort = {.kind = &lip_layer_group_sort, .group = 2};
        struct lip_layer mirror = {.kind = &lip_layer_householder};
        mirror.weight = make_tensor(LIP_F64, false, 2, 0, angle, &none);
        struct lip_layer layer[] = {make_dense(4, 2, w, w + 3, &none),
                                    round % 2 ? sort : mirror,
                                    make_dense(3, 4, w + 8, w + 5, &none)};
        if (round % 2)
            lip_layer_clear(&mirror);
        struct lip_network *network;
        ck_assert_int_eq(make_network(&network, layer, 3, &none), LIP_OK);
        for (int k = 0; k < 2; k++)
            x[k] = 2 * plain_normal(&state);
        for (int r = 0; r < LIP_NORM_COUNT; r++) {
            struct lip_prediction p = predict(network, (enum lip_norm)r, x);
            double found = search(network, x, p.label, (enum lip_norm)r);
            ck_assert_msg(p.radius <= found, "radius %g, border at %g",
                          p.radius, found);
            ck_assert(p.radius > 0);
        }
        lip_network_free(network);
    }
}
END_TEST

/* --- the corners */

START_TEST(ties_certify_nothing)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){2, 4, 3}, 2, seed);
    for (int k = 0; k < 4; k++)
        net.weight[1][4 + k] = net.weight[1][k];
    net.bias[1][1] = net.bias[1][0];
    net.bias[1][2] = -100;
    struct lip_network *network = plain_network(&net, &none);
    ck_assert_double_eq(predict(network, LIP_NORM_2, (double[]){1, 2}).radius,
                        0);
    lip_network_free(network);

    /* A constant function whose logits are all the same. */
    memset(net.weight[1], 0, 12 * sizeof(double));
    memset(net.bias[1], 0, 3 * sizeof(double));
    network = plain_network(&net, &none);
    ck_assert_double_eq(predict(network, LIP_NORM_INF, (double[]){1, 2}).radius,
                        0);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

/* The same rows with other offsets: no input changes the class. */
START_TEST(constant_margins_have_no_border)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){2, 4, 2}, 2, seed);
    for (int k = 0; k < 4; k++)
        net.weight[1][4 + k] = net.weight[1][k];
    net.bias[1][0] = 0;
    net.bias[1][1] = 1;
    struct lip_network *network = plain_network(&net, &none);
    struct lip_prediction p = predict(network, LIP_NORM_2, (double[]){1, 2});
    ck_assert_uint_eq(p.label, 1);
    ck_assert(isinf(p.radius));
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

/* 10 / |(3, 4)|, whatever stands in front and changes nothing. */
START_TEST(activations_that_do_nothing_may_come_first)
{
    static const double weight[] = {3, 4}, x[] = {2, 1};
    for (size_t count = 2; count <= 3; count++) {
        struct lip_layer layer[] = {make_activation("identity"),
                                    make_activation("leaky-relu"),
                                    make_dense(1, 2, weight, NULL, &none)};
        struct lip_network *network;
        layer[1].parameter[0] = 1;
        ck_assert_int_eq(
            make_network(&network, layer + 3 - count, count, &none), LIP_OK);
        struct lip_prediction p = predict(network, LIP_NORM_2, x);
        ck_assert_double_le(p.radius, 2);
        ck_assert_double_ge(p.radius, 2 - 1e-9);
        lip_network_free(network);
    }
}
END_TEST

/* Weights whose squares underflow or overflow are no smaller nor larger for
 * it. */
START_TEST(extreme_weights_keep_their_size)
{
    const int power[] = {-500, -300, 300, 480};
    for (size_t s = 0; s < 4; s++) {
        struct plain net;
        plain_random(&net, "relu", (size_t[]){2, 4, 3}, 2, seed + s);
        for (int k = 0; k < 12; k++)
            net.weight[1][k] = ldexp(net.weight[1][k], power[s]);
        for (int k = 0; k < 4; k++)
            net.bias[0][k] = 4;
        for (int k = 0; k < 3; k++)
            net.bias[1][k] = 0;
        double shortfall = hold(&net, (double[]){1, 2}, LIP_NORM_2);
        ck_assert_msg(shortfall <= 1e-8, "2^%d: %g short", power[s], shortfall);
        plain_clear(&net);
    }
}
END_TEST

/* Subnormal and tiny first layers: a bound of 0 would certify everything. */
START_TEST(tiny_weights_do_not_vanish)
{
    const double size[] = {0x1p-1070, 0x1p-1022, 0x1p-600};
    for (size_t s = 0; s < 3; s++) {
        struct plain net;
        plain_zero(&net, "relu", (size_t[]){1, 1, 2}, 2);
        net.weight[0][0] = size[s];
        net.weight[1][0] = 1;
        net.weight[1][1] = -1;
        struct lip_network *network = plain_network(&net, &none);
        struct lip_prediction p = predict(network, LIP_NORM_2, (double[]){1});
        ck_assert_double_le(p.radius, 1);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

static enum lip_status refused(const struct lip_layer *layer, size_t count,
                               const char *word)
{
    struct lip_network *network;
    struct lip_radius_rule *rule;
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(make_network(&network, layer, count, &ctx), LIP_OK);
    enum lip_status status = lip_radius_new(&rule, network, PAIR_22, 0, &ctx);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, word));
    lip_network_free(network);
    return status;
}

START_TEST(what_cannot_be_certified_is_refused)
{
    double one[] = {1, 2, 3, 4};
    struct lip_layer layer[] = {make_dense(2, 2, one, NULL, &none),
                                make_activation("sigmoid")};
    ck_assert_int_eq(refused(layer, 2, "sigmoid"), LIP_UNSUPPORTED);

    double huge[] = {0x1p1000, 1};
    struct lip_layer big[] = {make_dense(2, 1, huge, NULL, &none),
                              make_flatten()};
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, big, 2, &none), LIP_OK);
    struct lip_radius_rule *rule = rule_of(network, PAIR_22, 0);
    struct lip_prediction p[3];
    struct lip_ctx ctx = {0};
    double x[] = {1, 2, 0x1p100};
    ck_assert_int_eq(lip_radius_predict(p, NULL, rule, x, 3, &ctx),
                     LIP_UNPROVEN);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "input 2"));
    lip_radius_free(rule);
    lip_network_free(network);
}
END_TEST

/* A better bound of the part before gives larger radii, and the whole
 * network's bound counts where it is the better one. */
START_TEST(seconds_give_larger_radii)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){6, 24, 24, 24, 3}, 4, seed);
    struct lip_network *network = plain_network(&net, &none);
    struct lip_radius_rule *quick = rule_of(network, PAIR_22, 0);
    struct lip_radius_rule *slow = rule_of(network, PAIR_22, 20);
    const char *method, *other;
    double first = lip_radius_lipschitz(quick, &method);
    double second = lip_radius_lipschitz(slow, &other);
    ck_assert_str_eq(method, "spectral");
    ck_assert_str_eq(other, "lipsdp");
    ck_assert_double_lt(second, 0.8 * first);
    ck_assert(isinf(lip_radius_whole(quick, &method)));
    ck_assert(isfinite(lip_radius_whole(slow, &method)));
    double x[] = {1, 2, 3, -1, -2, -3};
    struct lip_prediction a, b;
    ck_assert_int_eq(lip_radius_predict(&a, NULL, quick, x, 1, &none), LIP_OK);
    ck_assert_int_eq(lip_radius_predict(&b, NULL, slow, x, 1, &none), LIP_OK);
    ck_assert_double_gt(b.radius, 1.2 * a.radius);
    ck_assert_double_le(b.radius, search(network, x, b.label, LIP_NORM_2));
    lip_radius_free(quick);
    lip_radius_free(slow);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

/* Bounds of the differences of logits one by one: no radius shrinks, most grow,
 * and none is above what search finds. */
START_TEST(pairs_give_larger_radii)
{
    uint64_t state = seed;
    double most = 0;
    for (int round = 0; round < 6; round++) {
        struct plain net;
        plain_random(&net, round % 2 ? "tanh" : "relu",
                     (size_t[]){2, 12, 12, 3}, 3, seed + (uint64_t)round);
        struct lip_network *network = plain_network(&net, &none);
        for (int r = 0; r < LIP_NORM_COUNT; r++) {
            struct lip_norm_pair pair = {(enum lip_norm)r, (enum lip_norm)r};
            struct lip_radius_rule *slow = rule_of(network, pair, 3);
            double x[2] = {plain_normal(&state), plain_normal(&state)};
            struct lip_prediction a = predict(network, (enum lip_norm)r, x), b;
            ck_assert_int_eq(lip_radius_predict(&b, NULL, slow, x, 1, &none),
                             LIP_OK);
            double found = search(network, x, b.label, (enum lip_norm)r);
            ck_assert_double_ge(b.radius, a.radius);
            ck_assert_double_le(b.radius, found);
            most = fmax(most, b.radius / a.radius);
            lip_radius_free(slow);
        }
        lip_network_free(network);
        plain_clear(&net);
    }
    printf("with pairs, radii grow up to %.3g times\n", most);
    ck_assert_double_gt(most, 1.5);
}
END_TEST

/* What the last layer does not look at moves a hundred times as much: only the
 * bound of the whole network knows, and it stands for differences of logits. */
START_TEST(whole_networks_count_where_they_are_better)
{
    struct plain net;
    plain_zero(&net, "relu", (size_t[]){2, 2, 2}, 2);
    net.weight[0][0] = 1;
    net.weight[0][3] = 100;
    net.weight[1][0] = 1;
    net.weight[1][2] = -1;
    struct lip_network *network = plain_network(&net, &none);
    struct lip_radius_rule *rule = rule_of(network, PAIR_22, 5);
    struct lip_prediction p;
    double x[] = {0.5, 0};
    ck_assert_int_eq(lip_radius_predict(&p, NULL, rule, x, 1, &none), LIP_OK);
    ck_assert_double_le(p.radius, 0.5);
    ck_assert_double_gt(p.radius, 0.49);
    lip_radius_free(rule);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

/* Mixed norms: |dx|_1 <= r says less than |dx|_2 <= r, so that the radius for
 * l1 by way of l2 is not smaller. */
START_TEST(mixed_pairs_are_bounded)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){2, 8, 3}, 2, seed);
    struct lip_network *network = plain_network(&net, &none);
    double x[] = {0.5, -0.25};
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        for (int q = 0; q < LIP_NORM_COUNT; q++) {
            struct lip_norm_pair pair = {(enum lip_norm)p, (enum lip_norm)q};
            struct lip_radius_rule *rule = rule_of(network, pair, p == q);
            struct lip_prediction got;
            ck_assert_int_eq(lip_radius_predict(&got, NULL, rule, x, 1, &none),
                             LIP_OK);
            double found = search(network, x, got.label, (enum lip_norm)p);
            ck_assert(got.radius > 0);
            ck_assert_double_le(got.radius, found);
            lip_radius_free(rule);
        }
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

/* Many inputs at once as one by one, with the logits of plain evaluation; more
 * classes than the table of pairs has room for as well. */
static void same_in_blocks(size_t outputs, size_t count)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){7, 9, outputs}, 2, seed);
    struct lip_network *network = plain_network(&net, &none);
    struct lip_radius_rule *rule = rule_of(network, PAIR_22, 0);
    double *x = calloc(count, 7 * sizeof *x), *z = calloc(count, outputs * 8);
    struct lip_prediction *p = calloc(count, sizeof *p), alone;
    double *single = calloc(outputs, sizeof *single);
    uint64_t state = seed;
    for (size_t k = 0; k < 7 * count; k++)
        x[k] = plain_normal(&state);
    ck_assert_int_eq(lip_radius_predict(p, z, rule, x, count, &none), LIP_OK);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(
            lip_radius_predict(&alone, NULL, rule, x + 7 * i, 1, &none),
            LIP_OK);
        lip_network_eval(single, network, x + 7 * i, &none);
        ck_assert_uint_eq(alone.label, p[i].label);
        ck_assert_double_eq_tol(alone.radius, p[i].radius, 1e-12);
        for (size_t k = 0; k < outputs; k++)
            ck_assert_double_eq_tol(single[k], z[i * outputs + k], 1e-12);
    }
    free(x);
    free(z);
    free(p);
    free(single);
    lip_radius_free(rule);
    lip_network_free(network);
    plain_clear(&net);
}

START_TEST(blocks_change_nothing)
{
    same_in_blocks(3, 600);
    same_in_blocks(1030, 20);
}
END_TEST

START_TEST(memory_is_as_promised)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){30, 40, 20, 7}, 3, seed);
    struct lip_network *network = plain_network(&net, &none);
    struct lip_budget budget;
    double x[30 * 9] = {0}, z[63];
    struct lip_prediction p[9];
    for (long after = 0;; after++) {
        lip_budget_init(&budget, 0);
        budget.fail_after = after;
        struct lip_ctx ctx = {.budget = &budget};
        struct lip_radius_rule *rule = NULL;
        enum lip_status status =
            lip_radius_new(&rule, network, PAIR_22, 0, &ctx);
        if (status == LIP_OK)
            status = lip_radius_predict(p, z, rule, x, 9, &ctx);
        lip_radius_free(rule);
        ck_assert_uint_eq(budget.used, 0);
        if (status == LIP_OK)
            break;
        ck_assert_int_eq(status, LIP_NO_MEMORY);
    }
    ck_assert_double_le((double)budget.peak, lip_radius_bytes(network));
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

/* Ten thousand images' worth of inputs. The clock of the process counts, with
 * room for a machine that does other things. */
START_TEST(thousands_take_no_time)
{
    enum { COUNT = 10000 };
    struct plain net;
    plain_random(&net, "relu", (size_t[]){784, 256, 128, 10}, 3, seed);
    struct lip_network *network = plain_network(&net, &none);
    struct lip_radius_rule *rule = rule_of(network, PAIR_22, 0);
    double *x = calloc(COUNT, 784 * sizeof *x);
    struct lip_prediction *p = calloc(COUNT, sizeof *p);
    uint64_t state = seed;
    for (size_t k = 0; k < 784 * COUNT; k++)
        x[k] = plain_uniform(&state, 0, 1);
    struct timespec a, b;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    ck_assert_int_eq(lip_radius_predict(p, NULL, rule, x, COUNT, &none),
                     LIP_OK);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    printf("%d inputs in %.3f s\n", COUNT,
           (double)(b.tv_sec - a.tv_sec) +
               1e-9 * (double)(b.tv_nsec - a.tv_nsec));
    size_t certified = 0;
    for (size_t i = 0; i < COUNT; i++)
        certified += p[i].radius > 0;
    ck_assert_uint_eq(certified, COUNT);
    free(x);
    free(p);
    lip_radius_free(rule);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("radius");
    TCase *test = tcase_create("radius");
    tcase_set_timeout(test, 240);
    tcase_add_test(test, radius_is_the_formula_rounded_down);
    tcase_add_test(test, rounding_of_the_evaluation_is_taken_off);
    tcase_add_test(test, linear_networks_get_the_true_distance);
    tcase_add_test(test, search_finds_nothing_nearer);
    tcase_add_test(test, joint_layers_hold_too);
    tcase_add_test(test, ties_certify_nothing);
    tcase_add_test(test, constant_margins_have_no_border);
    tcase_add_test(test, activations_that_do_nothing_may_come_first);
    tcase_add_test(test, extreme_weights_keep_their_size);
    tcase_add_test(test, tiny_weights_do_not_vanish);
    tcase_add_test(test, what_cannot_be_certified_is_refused);
    tcase_add_test(test, seconds_give_larger_radii);
    tcase_add_test(test, pairs_give_larger_radii);
    tcase_add_test(test, whole_networks_count_where_they_are_better);
    tcase_add_test(test, mixed_pairs_are_bounded);
    tcase_add_test(test, blocks_change_nothing);
    tcase_add_test(test, memory_is_as_promised);
    tcase_add_test(test, thousands_take_no_time);
    suite_add_tcase(suite, test);
    return run_suite(suite);
}
