/* SPDX-License-Identifier: MIT
 *
 * f(x) in ball arithmetic lies in what the enclosure claims, for every
 * activation, near kinks and far out; and the claim is narrow. */
#include "certify/enclosure.h"

#include "tests/support/exact_network.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREC = 4000 };

static const uint64_t seed = 20260713;
static struct lip_ctx none;

/* |f(x)_k - entry k| <= radius; the largest radius relative to the largest
 * entry. */
static double enclosed(const struct lip_network *network, const double *x,
                       size_t limbs)
{
    struct lip_stages *stages;
    struct lip_fixed y;
    ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
    ck_assert_int_eq(lip_enclose(&y, stages, x, limbs, &none), LIP_OK);
    ck_assert_uint_eq(y.count, network->outputs);
    arb_ptr truth = _arb_vec_init((slong)y.count);
    arb_t m, r;
    arb_init(m);
    arb_init(r);
    exact_evaluate(truth, network, x, PREC);
    double widest = 0, largest = 0;
    for (size_t k = 0; k < y.count; k++) {
        arb_zero(m);
        for (size_t i = limbs; i-- > 0;) {
            arb_mul_2exp_si(m, m, 64);
            arb_add_ui(m, m, y.magnitude[k * limbs + i], PREC);
        }
        largest = fmax(largest, arf_get_d(arb_midref(m), ARF_RND_UP));
        widest = fmax(widest, y.radius[k]);
        if (y.negative[k])
            arb_neg(m, m);
        arb_mul_2exp_si(truth + k, truth + k, -y.exponent);
        arb_sub(m, m, truth + k, PREC);
        arb_abs(m, m);
        arb_set_d(r, y.radius[k]);
        ck_assert_msg(arb_le(m, r), "output %zu: %g off, radius %g", k,
                      arf_get_d(arb_midref(m), ARF_RND_UP), y.radius[k]);
    }
    arb_clear(m);
    arb_clear(r);
    _arb_vec_clear(truth, (slong)y.count);
    lip_fixed_clear(&y);
    lip_stages_free(stages);
    return largest > 0 ? widest / largest : 0;
}

START_TEST(every_activation_is_enclosed)
{
    const struct lip_activation *phi = lip_activations[_i];
    uint64_t state = seed + (uint64_t)_i;
    double worst = 0;
    for (int round = 0; round < 24; round++) {
        struct plain net;
        plain_random(&net, phi->name, (size_t[]){3, 7, 6, 2}, 3,
                     seed + (uint64_t)round);
        struct lip_network *network = plain_network(&net, &none);
        double x[3], size = exp2(plain_uniform(&state, -20, 8));
        for (int k = 0; k < 3; k++)
            x[k] = size * plain_uniform(&state, -1, 1);
        double wide = enclosed(network, x, 1 + (size_t)round % 3);
        worst = fmax(worst, wide);
        lip_network_free(network);
        plain_clear(&net);
    }
    printf("%s: %.2g wide\n", phi->name, worst);
    ck_assert_double_le(worst, phi->pieces ? 1e-16 : 1e-8);
}
END_TEST

/* Exactly at kinks, and a bit away from them on either side. */
START_TEST(kinks_are_enclosed)
{
    for (size_t i = 0; lip_activations[i]; i++) {
        const struct lip_activation *phi = lip_activations[i];
        struct lip_piece piece[LIP_MAX_PIECES];
        struct plain net;
        plain_zero(&net, phi->name, (size_t[]){1, 3, 2}, 2);
        for (int k = 0; k < 3; k++) {
            net.weight[0][k] = 1.0 / 3;
            net.bias[0][k] = k == 0 ? 0 : k == 1 ? 0x1p-70 : -0x1p-70;
            net.weight[1][k] = 1 + k;
            net.weight[1][3 + k] = 1e3 / (k + 1);
        }
        struct lip_network *network = plain_network(&net, &none);
        double p[LIP_MAX_PARAMETERS] = {0};
        for (int k = 0; phi->parameter[k].name; k++)
            p[k] = phi->parameter[k].fallback;
        size_t n = phi->pieces ? phi->pieces(piece, p) : 0;
        for (size_t j = 1; j < n; j++)
            for (int side = -2; side <= 2; side++) {
                double x = 3 * piece[j].from * (1 + side * 0x1p-52);
                x += side * 0x1p-60;
                for (size_t limbs = 1; limbs < 5; limbs++)
                    enclosed(network, &x, limbs);
            }
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

/* The number that goes into the last neuron is 2^-70 - 2^-75; one limb makes
 * it -2^-75, on the other side of the kink. */
START_TEST(kink_within_the_error)
{
    struct plain net;
    plain_zero(&net, "relu", (size_t[]){2, 3, 1, 1}, 3);
    const double first[] = {1, 1, 1, 0, 1, 0}, second[] = {1, -1, -0x1p-75};
    memcpy(net.weight[0], first, sizeof first);
    memcpy(net.weight[1], second, sizeof second);
    *net.weight[2] = 0x1p100;
    struct lip_network *network = plain_network(&net, &none);
    for (size_t limbs = 1; limbs < 4; limbs++)
        enclosed(network, (double[]){1, 0x1p-70}, limbs);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

/* Forty layers of width 20: doubles prove nothing, twelve limbs do. */
START_TEST(depth_takes_limbs)
{
    struct plain net;
    size_t width[42];
    for (int i = 0; i < 42; i++)
        width[i] = 20;
    plain_random(&net, "abs", width, 41, seed);
    struct lip_network *network = plain_network(&net, &none);
    double x[20], wide = INFINITY;
    for (int k = 0; k < 20; k++)
        x[k] = k;
    for (size_t limbs = 1; limbs <= 8; limbs *= 2) {
        double now = enclosed(network, x, limbs);
        printf("%zu limbs: %.2g wide\n", limbs, now);
        ck_assert_double_lt(now, wide);
        wide = now;
    }
    ck_assert_double_lt(wide, 1e-80);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

START_TEST(sizes_of_all_kinds)
{
    static const double size[] = {1e300, 1e-300, 5e-324, 1e-160, 1e150};
    static const char *const name[] = {"relu", "leaky-relu", "soft-shrink",
                                       "relu6"};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (size_t a = 0; a < sizeof name / sizeof *name; a++) {
            struct plain net;
            plain_random(&net, name[a], (size_t[]){3, 4, 4, 2}, 3, seed);
            for (int k = 0; k < 16; k++)
                net.weight[1][k] *= size[i];
            net.bias[1][1] = fmin(1 / size[4 - i], 1e305);
            struct lip_network *network = plain_network(&net, &none);
            double x[] = {1, -2, 1e-3};
            for (size_t limbs = 1; limbs < 4; limbs++)
                enclosed(network, x, limbs);
            lip_network_free(network);
            plain_clear(&net);
        }
}
END_TEST

START_TEST(too_large_for_an_activation)
{
    struct plain net;
    plain_random(&net, "softplus", (size_t[]){1, 2, 2, 1}, 3, seed);
    for (int k = 0; k < 4; k++)
        net.weight[1][k % 4] = 1e308;
    net.weight[0][0] = net.weight[0][1] = 1e308;
    struct lip_network *network = plain_network(&net, &none);
    struct lip_stages *stages;
    struct lip_fixed y;
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
    ck_assert_int_eq(lip_enclose(&y, stages, &(double){1e10}, 2, &ctx),
                     LIP_UNPROVEN);
    ck_assert_ptr_null(y.magnitude);
    ck_assert_int_eq(ctx.error.status, LIP_UNPROVEN);
    lip_stages_free(stages);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

START_TEST(memory_and_time_may_run_out)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){900, 1200, 3}, 2, seed);
    struct lip_network *network = plain_network(&net, &none);
    struct lip_stages *stages;
    struct lip_fixed y;
    double *x = calloc(900, sizeof *x);
    struct lip_budget budget;
    lip_budget_init(&budget, 0);
    struct lip_ctx ctx = {.budget = &budget};
    ck_assert_ptr_nonnull(x);
    ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
    for (long n = 0; n < 5; n++) {
        atomic_store(&budget.fail_after, n);
        ck_assert_int_eq(lip_enclose(&y, stages, x, 2, &ctx), LIP_NO_MEMORY);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
    lip_error_clear(&ctx);
    atomic_store(&budget.fail_after, -1);
    ctx.deadline = 1e-9;
    ck_assert_int_eq(lip_enclose(&y, stages, x, 1, &ctx), LIP_TIMEOUT);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    ctx.deadline = 0;
    lip_error_clear(&ctx);
    ck_assert_int_eq(lip_enclose(&y, stages, x, 1, &ctx), LIP_OK);
    ck_assert_double_le((double)atomic_load(&budget.peak),
                        lip_enclose_bytes(1200) + 1000);
    lip_fixed_clear(&y);
    free(x);
    lip_stages_free(stages);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

int main(void)
{
    int count = 0;
    while (lip_activations[count])
        count++;
    printf("seed %llu\n", (unsigned long long)seed);
    Suite *suite = suite_create("certify/enclosure");
    TCase *tc = tcase_create("enclosure");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, every_activation_is_enclosed, 0, count);
    tcase_add_test(tc, kinks_are_enclosed);
    tcase_add_test(tc, kink_within_the_error);
    tcase_add_test(tc, depth_takes_limbs);
    tcase_add_test(tc, sizes_of_all_kinds);
    tcase_add_test(tc, too_large_for_an_activation);
    tcase_add_test(tc, memory_and_time_may_run_out);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
