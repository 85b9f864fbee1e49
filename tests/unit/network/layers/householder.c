/* SPDX-License-Identifier: MIT
 *
 * householder: what it computes, that it moves no two points apart by more than
 * its constant, and what it refuses. */
#include "linalg/random.h"
#include "network/chain.h"

#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <math.h>

static struct lip_network *network(size_t pairs, const double *angle)
{
    struct lip_layer layer = {
        .kind = &lip_layer_householder,
        .weight = make_tensor(LIP_F64, false, pairs, 0, angle, NULL)};
    struct lip_network *out;
    ck_assert_int_eq(make_network(&out, &layer, 1, NULL), LIP_OK);
    return out;
}

/* t = pi/2 is MaxMin. */
START_TEST(right_angle_is_max_min)
{
    const double angle[] = {M_PI_2, M_PI_2};
    const double x[] = {1, 2, 5, -3};
    double y[4];
    struct lip_network *n = network(2, angle);
    ck_assert_uint_eq(n->inputs, 4);
    ck_assert_uint_eq(n->outputs, 4);
    ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
    ck_assert_double_eq_tol(y[0], 2, 1e-15);
    ck_assert_double_eq_tol(y[1], 1, 1e-15);
    ck_assert_double_eq_tol(y[2], 5, 1e-15);
    ck_assert_double_eq_tol(y[3], -3, 1e-15);
    lip_network_free(n);
}
END_TEST

static double length(const double *a, const double *b, enum lip_norm p)
{
    double s = fabs(a[0] - b[0]), t = fabs(a[1] - b[1]);
    return p == LIP_NORM_1 ? s + t : p == LIP_NORM_2 ? hypot(s, t) : fmax(s, t);
}

/* The constant holds for all pairs, and at pi/4 some pair comes close. */
START_TEST(constants_hold_and_are_met)
{
    double most[LIP_NORM_COUNT] = {0};
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        double r[5], x[2], y[2];
        lip_random_fill(r, 5, seed);
        double angle = seed % 2 ? M_PI_4 : 4 * r[4];
        struct lip_network *n = network(1, &angle);
        ck_assert_int_eq(lip_network_eval(x, n, r, NULL), LIP_OK);
        ck_assert_int_eq(lip_network_eval(y, n, r + 2, NULL), LIP_OK);
        for (int p = 0; p < LIP_NORM_COUNT; p++) {
            double ratio = length(x, y, (enum lip_norm)p) /
                           length(r, r + 2, (enum lip_norm)p);
            ck_assert_msg(ratio <= lip_layer_householder.constant(
                                       &n->layer[0], (enum lip_norm)p) +
                                       1e-12,
                          "seed %d, norm %d: %g", (int)seed, p, ratio);
            most[p] = fmax(most[p], ratio);
        }
        lip_network_free(n);
    }
    ck_assert(most[LIP_NORM_2] > 0.999 && most[LIP_NORM_1] > 1.3 &&
              most[LIP_NORM_INF] > 1.3);
}
END_TEST

/* The one step is the layer: with p and d as it says and |d| in the place of
 * d. Cosines and sines are as near as it says, huge and tiny angles too. */
START_TEST(one_step_mirrors)
{
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        double x[2], y[2], r[3];
        struct lip_mirror m;
        lip_random_fill(r, 3, seed);
        double angle = seed % 3 ? 10 * r[2] : ldexp(r[2], (int)(seed % 900));
        angle = seed % 3 == 2 ? ldexp(r[2], -(int)(seed % 1070)) : angle;
        struct lip_network *n = network(1, &angle);
        const struct lip_layer *layer = &n->layer[0];
        ck_assert_uint_eq(lip_layer_steps(layer), 1);
        ck_assert_uint_eq(layer->kind->mirrors(layer, 0, &m), 1);
        ck_assert(m.a == 0 && m.b == 1 && m.scale == 1);
        long double half = (long double)angle / 2;
        double error = layer->kind->mirror_error;
        ck_assert(error > 0 && error < 1e-14);
        ck_assert(fabsl(m.cosine - cosl(half)) <= error);
        ck_assert(fabsl(m.sine - sinl(half)) <= error);
        double p = m.cosine * r[0] + m.sine * r[1];
        double d = fabs(m.sine * r[0] - m.cosine * r[1]);
        x[0] = m.cosine * p + m.sine * d;
        x[1] = m.sine * p - m.cosine * d;
        ck_assert_int_eq(lip_network_eval(y, n, r, NULL), LIP_OK);
        ck_assert_double_eq_tol(x[0], y[0], 1e-14);
        ck_assert_double_eq_tol(x[1], y[1], 1e-14);
        lip_network_free(n);
    }
}
END_TEST

START_TEST(needs_an_angle_a_pair)
{
    const double angle[] = {1, 2, 3}, weight[] = {1, 2, 3, 4};
    for (size_t pairs = 1; pairs <= 3; pairs++) {
        struct lip_layer layer[] = {
            make_dense(4, 1, weight, NULL, NULL),
            {.kind = &lip_layer_householder,
             .weight = make_tensor(LIP_F64, false, pairs, 0, angle, NULL)}};
        struct lip_network *out;
        ck_assert_int_eq(make_network(&out, layer, 2, NULL),
                         pairs == 2 ? LIP_OK : LIP_INVALID);
        lip_network_free(out);
    }
    struct lip_layer none = {.kind = &lip_layer_householder};
    struct lip_network *out;
    ck_assert_int_eq(make_network(&out, &none, 1, NULL), LIP_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/householder");
    TCase *tests = tcase_create("householder");
    tcase_add_test(tests, right_angle_is_max_min);
    tcase_add_test(tests, constants_hold_and_are_met);
    tcase_add_test(tests, one_step_mirrors);
    tcase_add_test(tests, needs_an_angle_a_pair);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
