/* SPDX-License-Identifier: MIT
 *
 * Batch norms against the formula, and that what they say of their own
 * rounding holds. */
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

/* weight, bias, mean, variance; NULL: left out. */
static struct lip_layer make(size_t channels, const double *const part[4],
                             double epsilon)
{
    struct lip_layer layer = make_kind(&lip_layer_batch_norm);
    for (int k = 0; k < LIP_PARTS; k++)
        if (part[k])
            *lip_layer_tensor(&layer, (enum lip_part)k) =
                make_tensor(LIP_F64, false, channels, 0, part[k], NULL);
    layer.parameter[0] = epsilon;
    return layer;
}

START_TEST(follows_the_formula)
{
    uint64_t seed = 8;
    for (int round = 0; round < 100; round++) {
        double part[4][3], x[12], y[12];
        const double *given[4];
        for (int k = 0; k < 4; k++) {
            given[k] = k < 2 && round >> k & 1 ? NULL : part[k];
            for (int c = 0; c < 3; c++)
                part[k][c] = k == 3 ? fabs(shaped_uniform(&seed))
                                    : 3 * shaped_uniform(&seed);
        }
        for (int i = 0; i < 12; i++)
            x[i] = shaped_uniform(&seed);
        struct lip_network *n =
            shaped((long[]){3, 2, 2, 0}, make(3, given, 1e-3));
        ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
        for (int i = 0; i < 12; i++) {
            int c = i / 4;
            double w = given[0] ? part[0][c] : 1, b = given[1] ? part[1][c] : 0;
            double want = w * (x[i] - part[2][c]) / sqrt(part[3][c] + 1e-3) + b;
            ck_assert_double_eq_tol(y[i], want, 1e-12);
        }
        shaped_rows_agree(n);
        lip_network_free(n);
    }
}
END_TEST

/* Of long double as this machine does it: 2^-63 on x86, 2^-112 elsewhere, 2^-52
 * under valgrind, which has doubles only. */
static long double long_epsilon(void)
{
    volatile long double epsilon = 1, sum = 2;
    while (sum > 1) {
        epsilon /= 2;
        sum = 1 + epsilon / 2;
    }
    return epsilon;
}

/* Against long double: relative to the number itself, also where the mean
 * nearly cancels the bias. */
START_TEST(uncertainty_holds)
{
    uint64_t seed = 9;
    const long double slack = 4 * long_epsilon();
    for (int round = 0; round < 3000; round++) {
        double w = shaped_uniform(&seed), m = 9 * shaped_uniform(&seed);
        double v = fabs(shaped_uniform(&seed)), e = 1e-5;
        long double exact = (long double)w / sqrtl((long double)v + e);
        double b = round % 2 ? shaped_uniform(&seed) : (double)(exact * m);
        if (round % 3 == 0)
            b *= 1 + 0x1p-40;
        const double *part[] = {&w, &b, &m, &v};
        struct lip_network *n = shaped((long[]){1, 1, 0}, make(1, part, e));
        const struct lip_layer *layer = &n->layer[1];
        double scale, error = layer->kind->uncertainty(layer);
        size_t column;
        layer->kind->row(layer, 0, &column, &scale);
        double offset = layer->kind->offset(layer, 0);
        long double shift = (long double)b - exact * m;
        long double own = slack * (fabsl(shift) + fabs(b));
        ck_assert(error < 1e-9 && error > 0);
        ck_assert(fabsl(scale - exact) <=
                  (error * 1.001L + slack) * fabsl(exact));
        ck_assert(fabsl(offset - shift) <= error * fabs(offset) + own);
        lip_network_free(n);
    }
}
END_TEST

/* sqrt and quotient come out even: the shift is zero, exactly. */
START_TEST(exact_cancellation_is_known)
{
    double w = 3, b = 1.5, m = 2, v = 16;
    const double *part[] = {&w, &b, &m, &v};
    struct lip_network *n = shaped((long[]){1, 0}, make(1, part, 0));
    const struct lip_layer *layer = &n->layer[1];
    ck_assert_double_eq(layer->kind->offset(layer, 0), 0);
    ck_assert_double_lt(layer->kind->uncertainty(layer), 1e-15);
    lip_network_free(n);
}
END_TEST

/* A weight of zero, as in pruned networks: whatever the mean, the channel gives
 * its bias. */
START_TEST(channels_may_be_switched_off)
{
    static const double w[] = {0, 0}, b[] = {0, 0.7}, m[] = {0.4, -3},
                        v[] = {0.3, 2}, x[] = {5, 6};
    const double *part[] = {w, b, m, v};
    struct lip_network *n = shaped((long[]){2, 0}, make(2, part, 1e-5));
    double y[2];
    ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
    ck_assert_double_eq(y[0], 0);
    ck_assert_double_eq(y[1], 0.7);
    ck_assert_double_lt(n->layer[1].kind->uncertainty(&n->layer[1]), 1e-14);
    lip_network_free(n);
}
END_TEST

START_TEST(refusals)
{
    static const long shape[] = {2, 3, 0};
    static const double one[] = {1, 1, 1}, zero[3] = {0}, minus[] = {1, -1},
                        huge[] = {1, 1e200}, tiny[] = {1e-280, 1},
                        tiniest[] = {1, 1e-302}, least[] = {1, 5e-324},
                        wide[] = {1, 1e80};
#define PARTS(...) ((const double *const[]){__VA_ARGS__})
    shaped_refused(shape, make(2, PARTS(one, one, NULL, one), 1),
                   "mean is missing");
    shaped_refused(shape, make(2, PARTS(one, one, one, NULL), 1),
                   "variance is missing");
    shaped_refused(shape, make(3, PARTS(one, one, one, one), 1),
                   "weight has 3 numbers");
    shaped_refused(shape, make(2, PARTS(one, one, one, minus), 2),
                   "variance of channel 1 is -1");
    shaped_refused(shape, make(2, PARTS(one, one, one, zero), 0),
                   "variance of channel 0 is 0");
    shaped_refused(shape, make(2, PARTS(one, one, one, one), -0.5),
                   "may be negative");
    shaped_refused(shape, make(2, PARTS(one, one, huge, one), 1), "its mean");
    shaped_refused(shape, make(2, PARTS(tiny, one, one, one), 1), "scaled by");
    /* Below all doubles, but not zero: layers to come may make much of it. */
    shaped_refused(shape, make(2, PARTS(least, one, zero, wide), 1),
                   "channel 1 is scaled by 0");
    shaped_refused(shape, make(2, PARTS(one, zero, tiniest, one), 1),
                   "shift of channel 1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/batch_norm");
    TCase *tc = tcase_create("batch_norm");
    tcase_add_test(tc, follows_the_formula);
    tcase_add_test(tc, uncertainty_holds);
    tcase_add_test(tc, exact_cancellation_is_known);
    tcase_add_test(tc, channels_may_be_switched_off);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
