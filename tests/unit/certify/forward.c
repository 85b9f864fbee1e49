/* SPDX-License-Identifier: MIT
 *
 * What comes out of a forward pass is within the claimed error of f(x) in ball
 * arithmetic, in every norm and for every activation, also where terms cancel;
 * and the claim is narrow. */
#include "certify/forward.h"

#include "tests/support/exact_network.h"
#include "tests/support/layers.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREC = 4000, MOST = 64 };

static const uint64_t seed = 20261121;
static struct lip_ctx none;

static void ball_size(arb_t out, arb_ptr v, slong n, enum lip_norm norm)
{
    arb_zero(out);
    for (slong k = 0; k < n; k++) {
        arb_abs(v + k, v + k);
        if (norm == LIP_NORM_INF)
            arb_max(out, out, v + k, PREC);
        else if (norm == LIP_NORM_1)
            arb_add(out, out, v + k, PREC);
        else
            arb_addmul(out, v + k, v + k, PREC);
    }
    if (norm == LIP_NORM_2)
        arb_sqrt(out, out, PREC);
}

/* |y - truth|_r <= error. */
static void check_error(const double *y, arb_srcptr truth, size_t n,
                        enum lip_norm norm, double error)
{
    arb_ptr d = _arb_vec_init((slong)n);
    arb_t size, claim;
    arb_init(size);
    arb_init(claim);
    for (size_t k = 0; k < n; k++) {
        arb_set_d(d + k, y[k]);
        arb_sub(d + k, d + k, truth + k, PREC);
    }
    ball_size(size, d, (slong)n, norm);
    arb_set_d(claim, error);
    ck_assert_msg(arb_le(size, claim), "l%s: %g off, claimed %g",
                  lip_norm_name(norm), arf_get_d(arb_midref(size), ARF_RND_UP),
                  error);
    arb_clear(claim);
    arb_clear(size);
    _arb_vec_clear(d, (slong)n);
}

/* All of a network on `count` inputs; the largest error relative to the
 * largest number that comes out. */
static double hold(const struct lip_network *network, const double *x,
                   size_t count)
{
    double worst = 0;
    size_t m = network->outputs;
    double y[MOST * MOST], error[MOST];
    ck_assert_uint_le(m * count, MOST * MOST);
    for (int r = 0; r < LIP_NORM_COUNT; r++) {
        struct lip_forward *f;
        ck_assert_int_eq(lip_forward_new(&f, network, network->count,
                                         (enum lip_norm)r, &none),
                         LIP_OK);
        ck_assert_uint_eq(lip_forward_outputs(f), m);
        ck_assert_int_eq(lip_forward_run(y, error, f, x, count, &none), LIP_OK);
        arb_ptr truth = _arb_vec_init((slong)m);
        for (size_t i = 0; i < count; i++) {
            exact_evaluate(truth, network, x + i * network->inputs, PREC);
            check_error(y + i * m, truth, m, (enum lip_norm)r, error[i]);
            double size = lip_vector_upper(y + i * m, m, (enum lip_norm)r);
            worst = fmax(worst, error[i] / size);
        }
        _arb_vec_clear(truth, (slong)m);
        lip_forward_free(f);
    }
    return worst;
}

START_TEST(every_activation_is_within_the_error)
{
    const struct lip_activation *phi = lip_activations[_i];
    uint64_t state = seed + (uint64_t)_i;
    double worst = 0;
    for (int round = 0; round < 8; round++) {
        struct plain net;
        plain_random(&net, phi->name, (size_t[]){3, 17, 12, 4}, 3,
                     seed + (uint64_t)round);
        struct lip_network *network = plain_network(&net, &none);
        double x[3 * 5], size = exp2(plain_uniform(&state, -8, 8));
        for (int k = 0; k < 15; k++)
            x[k] = size * plain_uniform(&state, -1, 1);
        worst = fmax(worst, hold(network, x, 5));
        lip_network_free(network);
        plain_clear(&net);
    }
    printf("%s: %.2g\n", phi->name, worst);
    ck_assert_double_le(worst, 1e-8);
}
END_TEST

/* The terms of the second layer's sums cancel but for one part in 10^9, and
 * what rounding left of the first layer's is multiplied by 10^6. */
START_TEST(cancelled_terms_are_within_the_error)
{
    uint64_t state = seed;
    for (int round = 0; round < 40; round++) {
        struct plain net;
        size_t width[] = {6, 24, 12, 5};
        plain_random(&net, "leaky-relu", width, 3, seed + (uint64_t)round);
        for (size_t i = 0; i < 12; i++)
            for (size_t k = 0; k < 24; k += 2)
                net.weight[1][i * 24 + k + 1] =
                    -net.weight[1][i * 24 + k] * (1 + 1e-9);
        for (size_t k = 0; k < 24; k += 2) {
            memcpy(net.weight[0] + (k + 1) * 6, net.weight[0] + k * 6,
                   6 * sizeof(double));
            net.bias[0][k] = net.bias[0][k + 1] = 1000;
        }
        for (size_t k = 0; k < 60; k++)
            net.weight[2][k] *= 1e6;
        for (size_t k = 0; k < 12; k++)
            net.bias[1][k] = round % 2 ? 0 : net.bias[1][k];
        struct lip_network *network = plain_network(&net, &none);
        double x[6 * 8];
        for (int k = 0; k < 48; k++)
            x[k] = plain_normal(&state);
        hold(network, x, 8);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

/* Numbers that underflow, and a bias that nothing else measures up to. */
START_TEST(extreme_numbers_are_within_the_error)
{
    const double scale[] = {0x1p-1060, 0x1p-540, 0x1p-200, 0x1p200};
    for (size_t s = 0; s < 4; s++) {
        struct plain net;
        plain_random(&net, "relu", (size_t[]){3, 5, 4}, 2, seed + s);
        for (size_t k = 0; k < 15; k++)
            net.weight[0][k] *= scale[s];
        for (size_t k = 0; k < 5; k++)
            net.bias[0][k] *= scale[s];
        for (size_t k = 0; k < 20; k++)
            net.weight[1][k] *= scale[s];
        for (size_t k = 0; k < 4; k++)
            net.bias[1][k] = k == 0 && s < 2 ? 0 : net.bias[1][k];
        struct lip_network *network = plain_network(&net, &none);
        hold(network, (double[]){1, -2, 1.0 / 3}, 1);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

/* Two hundred products, each below half of the smallest double. */
START_TEST(underflow_counts)
{
    enum { N = 200 };
    struct plain net;
    plain_zero(&net, "relu", (size_t[]){N, 1}, 1);
    double x[N];
    for (int k = 0; k < N; k++) {
        net.weight[0][k] = 0x1p-600;
        x[k] = 0x1.fp-477;
    }
    struct lip_network *network = plain_network(&net, &none);
    hold(network, x, 1);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

static double off_value(double x, const double *parameter)
{
    return x * (1 + parameter[0]) + parameter[1] * x;
}

static struct lip_slopes one(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){1, 1};
}

/* The identity, evaluated as badly as it says. */
START_TEST(errors_of_activations_count)
{
    for (int which = 0; which < 2; which++) {
        struct lip_activation bad = {
            .name = "bad", .slopes = one, .value = off_value};
        *(which ? &bad.accuracy.argument : &bad.accuracy.relative) = 0x1p-30;
        struct lip_layer layer = {.kind = &lip_layer_activation,
                                  .activation = &bad,
                                  .parameter = {0x1p-31},
                                  .inputs = 3,
                                  .outputs = 3};
        struct lip_network network = {
            .layer = &layer, .count = 1, .inputs = 3, .outputs = 3};
        double x[] = {1, -2, 3}, y[3], error;
        arb_ptr truth = _arb_vec_init(3);
        for (int k = 0; k < 3; k++)
            arb_set_d(truth + k, x[k]);
        for (int r = 0; r < LIP_NORM_COUNT; r++) {
            struct lip_forward *f;
            ck_assert_int_eq(
                lip_forward_new(&f, &network, 1, (enum lip_norm)r, &none),
                LIP_OK);
            ck_assert_int_eq(lip_forward_run(y, &error, f, x, 1, &none),
                             LIP_OK);
            check_error(y, truth, 3, (enum lip_norm)r, error);
            lip_forward_free(f);
        }
        _arb_vec_clear(truth, 3);
    }
}
END_TEST

/* Mirrors: the exact ones have sine and cosine of the stored angle. */
static void exact_mirror(arb_ptr out, const double *x, const double *angle,
                         size_t pairs)
{
    arb_t s, c, t, a;
    arb_init(s);
    arb_init(c);
    arb_init(t);
    arb_init(a);
    for (size_t j = 0; j < pairs; j++) {
        arb_ptr y = out + 2 * j;
        arb_set_d(a, angle[j]);
        arb_mul_2exp_si(a, a, -1);
        arb_sin_cos(s, c, a, PREC);
        arb_neg(c, c);
        arb_set_d(y, x[2 * j]);
        arb_set_d(y + 1, x[2 * j + 1]);
        arb_mul(t, s, y, PREC);
        arb_addmul(t, c, y + 1, PREC);
        if (!arb_is_positive(t)) {
            arb_mul_2exp_si(t, t, 1);
            arb_submul(y, t, s, PREC);
            arb_submul(y + 1, t, c, PREC);
        }
    }
    arb_clear(s);
    arb_clear(c);
    arb_clear(t);
    arb_clear(a);
}

START_TEST(mirrors_are_within_the_error)
{
    enum { PAIRS = 9 };
    uint64_t state = seed;
    double angle[PAIRS], x[2 * PAIRS], y[2 * PAIRS], error;
    arb_ptr truth = _arb_vec_init(2 * PAIRS);
    for (int round = 0; round < 200; round++) {
        for (int k = 0; k < PAIRS; k++)
            angle[k] = plain_uniform(&state, -7, 7);
        for (int k = 0; k < 2 * PAIRS; k++)
            x[k] = plain_normal(&state);
        struct lip_layer layer = {.kind = &lip_layer_householder,
                                  .inputs = 2 * PAIRS,
                                  .outputs = 2 * PAIRS};
        layer.weight = make_tensor(LIP_F64, false, PAIRS, 0, angle, &none);
        struct lip_network network = {.layer = &layer,
                                      .count = 1,
                                      .inputs = 2 * PAIRS,
                                      .outputs = 2 * PAIRS};
        exact_mirror(truth, x, angle, PAIRS);
        for (int r = 0; r < LIP_NORM_COUNT; r++) {
            struct lip_forward *f;
            ck_assert_int_eq(
                lip_forward_new(&f, &network, 1, (enum lip_norm)r, &none),
                LIP_OK);
            ck_assert_int_eq(lip_forward_run(y, &error, f, x, 1, &none),
                             LIP_OK);
            check_error(y, truth, 2 * PAIRS, (enum lip_norm)r, error);
            ck_assert_double_lt(error, 1e-11);
            lip_forward_free(f);
        }
        lip_tensor_clear(&layer.weight);
    }
    _arb_vec_clear(truth, 2 * PAIRS);
}
END_TEST

/* Where doubles overflow, the error says so. */
START_TEST(overflow_is_told)
{
    struct plain net;
    plain_zero(&net, "relu", (size_t[]){2, 1, 1}, 2);
    net.weight[0][0] = net.weight[0][1] = -0x1p1000;
    net.weight[1][0] = 1;
    struct lip_network *network = plain_network(&net, &none);
    struct lip_forward *f;
    ck_assert_int_eq(lip_forward_new(&f, network, 3, LIP_NORM_2, &none),
                     LIP_OK);
    double y, error;
    ck_assert_int_eq(
        lip_forward_run(&y, &error, f, (double[]){0x1p100, 0x1p100}, 1, &none),
        LIP_OK);
    ck_assert(isinf(error));
    lip_forward_free(f);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

/* What overflows in a row of two layers and is multiplied by 0 then, and what
 * a relu makes of it, too: the classes were wrong with a positive radius. */
START_TEST(overflow_is_not_hidden)
{
    static const double large[] = {1e200, 1e200}, zero[] = {0, 0},
                        bias[] = {3, -1}, unit[] = {1, 0, 0, 1},
                        some[] = {1, 0, 0, 0}, far[] = {0, 1e297};
    struct lip_layer dense[] = {
        make_dense(1, 2, large, NULL, &none),
        make_dense(1, 1, large, NULL, &none),
        make_dense(2, 1, zero, bias, &none), make_activation("relu"),
        make_dense(2, 2, unit, (double[]){0, 1}, &none)};
    struct lip_layer mirror[] = {{.kind = &lip_layer_householder},
                                 make_activation("relu"),
                                 make_dense(2, 2, some, far, &none),
                                 make_activation("relu"),
                                 make_dense(2, 2, unit, NULL, &none)};
    mirror[0].weight = make_tensor(LIP_F64, false, 1, 0, zero, &none);
    const struct lip_layer *const both[] = {dense, mirror};
    const double at[2][2] = {{1, 1}, {1e300, 1.7e308}};
    const double is[2][2] = {{3, 1}, {1e300, 1e297}};
    for (int i = 0; i < 2; i++)
        for (int p = 0; p < LIP_NORM_COUNT; p++) {
            struct lip_network *network;
            struct lip_forward *f;
            double y[2], error;
            if (p == 0)
                ck_assert_int_eq(make_network(&network, both[i], 5, &none),
                                 LIP_OK);
            ck_assert_int_eq(
                lip_forward_new(&f, network, 5, (enum lip_norm)p, &none),
                LIP_OK);
            ck_assert_int_eq(lip_forward_run(y, &error, f, at[i], 1, &none),
                             LIP_OK);
            double off = fmax(fabs(y[0] - is[i][0]), fabs(y[1] - is[i][1]));
            ck_assert_msg(isinf(error) || off <= error,
                          "network %d, norm %d: %g, off by %g", i, p, error,
                          off);
            lip_forward_free(f);
            if (p + 1 == LIP_NORM_COUNT)
                lip_network_free(network);
        }
}
END_TEST

/* The promised memory is enough, and every failed allocation is survived. */
START_TEST(memory_is_as_promised)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){40, 60, 30, 7}, 3, seed);
    struct lip_network *network = plain_network(&net, &none);
    struct lip_budget budget;
    double x[40 * 9] = {0}, y[63], error[9];
    for (long after = 0;; after++) {
        lip_budget_init(&budget, 0);
        budget.fail_after = after;
        struct lip_ctx ctx = {.budget = &budget};
        struct lip_forward *f = NULL;
        enum lip_status status =
            lip_forward_new(&f, network, network->count, LIP_NORM_2, &ctx);
        if (status == LIP_OK)
            status = lip_forward_run(y, error, f, x, 9, &ctx);
        lip_forward_free(f);
        ck_assert_uint_eq(budget.used, 0);
        if (status == LIP_OK)
            break;
        ck_assert_int_eq(status, LIP_NO_MEMORY);
    }
    ck_assert_double_le((double)budget.peak, lip_forward_bytes(network, 9));
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("forward");
    TCase *test = tcase_create("forward");
    tcase_set_timeout(test, 120);
    size_t activations = 0;
    while (lip_activations[activations])
        activations++;
    tcase_add_loop_test(test, every_activation_is_within_the_error, 0,
                        (int)activations);
    tcase_add_test(test, cancelled_terms_are_within_the_error);
    tcase_add_test(test, extreme_numbers_are_within_the_error);
    tcase_add_test(test, underflow_counts);
    tcase_add_test(test, errors_of_activations_count);
    tcase_add_test(test, mirrors_are_within_the_error);
    tcase_add_test(test, overflow_is_told);
    tcase_add_test(test, overflow_is_not_hidden);
    tcase_add_test(test, memory_is_as_promised);
    suite_add_tcase(suite, test);
    return run_suite(suite);
}
