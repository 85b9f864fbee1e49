/* SPDX-License-Identifier: MIT
 *
 * Layer norms against the formula, and their constants. */
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <math.h>

static const double weights[] = {1, -2, 0.5, 1.5, 1, 1, 1, 1, 3, 1, 1, 1};

static struct lip_layer make(const size_t *weight, double epsilon)
{
    struct lip_layer layer = make_kind(&lip_layer_layer_norm);
    layer.parameter[0] = epsilon;
    if (weight) {
        layer.weight = make_array(weight, weights, NULL);
        layer.bias = make_array(weight, weights, NULL);
    }
    return layer;
}

/* Blocks of n numbers of 12. */
static void check(const size_t *weight, size_t n)
{
    double x[12], y[12];
    uint64_t seed = 4;
    struct lip_network *network = shaped((long[]){3, 4, 0}, make(weight, 0.01));
    for (size_t i = 0; i < 12; i++)
        x[i] = shaped_uniform(&seed);
    ck_assert_int_eq(lip_network_eval(y, network, x, NULL), LIP_OK);
    for (size_t k = 0; k < 12; k++) {
        const double *block = x + k / n * n;
        double mean = 0, square = 0;
        for (size_t i = 0; i < n; i++)
            mean += block[i];
        mean /= (double)n;
        for (size_t i = 0; i < n; i++)
            square += block[i] * block[i];
        double w = weight ? weights[k % n] : 1, b = weight ? w : 0;
        double want =
            w * (x[k] - mean) / sqrt(square / (double)n - mean * mean + 0.01);
        ck_assert_double_eq_tol(y[k], want + b, 1e-12);
    }
    lip_network_free(network);
}

START_TEST(follows_the_formula)
{
    check(NULL, 4);
    check((size_t[]){4, 0}, 4);
    check((size_t[]){3, 4, 0}, 12);
    check((size_t[]){12, 0}, 12);
}
END_TEST

/* A first axis of length 1 may be named by the weight, or not. */
START_TEST(the_shape_of_the_weight_tells_the_axes)
{
    for (int first = 0; first < 2; first++) {
        struct lip_network *n = shaped(
            (long[]){1, 3, 4, 0},
            make(first ? (size_t[]){1, 3, 4, 0} : (size_t[]){3, 4, 0}, 1));
        ck_assert_int_eq(lip_layer_setting(&n->layer[1], "axis")->value[0],
                         1 - first);
        lip_network_free(n);
    }
}
END_TEST

START_TEST(constants_hold)
{
    static const double size[] = {1e-3, 0.03, 0.1, 0.3, 3};
    for (long d = 1; d <= 12; d = d < 4 ? d + 1 : 3 * d) {
        struct lip_network *n =
            shaped((long[]){d, 0}, make((size_t[]){(size_t)d, 0}, 0.01));
        for (int p = 0; p < LIP_NORM_COUNT; p++) {
            enum lip_norm norm = (enum lip_norm)p;
            double c = lip_layer_layer_norm.constant(&n->layer[1], norm);
            double low = 0;
            for (int s = 0; s < 5; s++)
                low = fmax(low, shaped_steepest(n, norm, size[s], 4000));
            ck_assert_msg(low <= c, "%ld: %g > %g", d, low, c);
            /* w of 2 / sqrt 0.01, nearly met in l2 */
            if (norm == LIP_NORM_2 && d == 2)
                ck_assert_double_gt(low, 0.75 * c);
        }
        lip_network_free(n);
    }
}
END_TEST

/* One large number among many of size 1: where the step goes with the signs of
 * the first row of the Jacobian, more than the diagonal shows. */
START_TEST(large_rows_are_counted)
{
    enum { D = 401 };
    double x[D], step[D], y[D], z[D], mean = 0, norm = 0;
    struct lip_network *n = shaped((long[]){D, 0}, make(NULL, 1));
    for (int i = 1; i < D; i++)
        x[i] = i % 2 ? 1 : -1.1;
    x[0] = 20;
    for (int i = 0; i < D; i++)
        mean += x[i] / D;
    for (int i = 0; i < D; i++) {
        x[i] -= mean;
        norm += x[i] * x[i];
    }
    for (int i = 0; i < D; i++)
        x[i] *= sqrt(2 * D / norm); /* a variance of 2 epsilon */
    for (int j = 0; j < D; j++) {
        double entry = (j == 0) - 1.0 / D - x[0] * x[j] / (3.0 * D);
        step[j] = x[j] + (entry > 0 ? 1e-6 : -1e-6);
    }
    ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
    ck_assert_int_eq(lip_network_eval(z, n, step, NULL), LIP_OK);
    double low = fabs(y[0] - z[0]) / 1e-6;
    ck_assert_double_gt(low, 3);
    ck_assert_double_le(
        low, lip_layer_layer_norm.constant(&n->layer[1], LIP_NORM_INF));
    lip_network_free(n);
}
END_TEST

START_TEST(without_epsilon_there_is_none)
{
    struct lip_network *n = shaped((long[]){3, 0}, make(NULL, 0));
    double c = lip_layer_layer_norm.constant(&n->layer[1], LIP_NORM_2);
    ck_assert(isinf(c));
    lip_network_free(n);
}
END_TEST

START_TEST(refusals)
{
    static const long shape[] = {3, 4, 0};
    shaped_refused(shape, make((size_t[]){3, 0}, 1), "3 numbers");
    shaped_refused(shape, make((size_t[]){4, 3, 0}, 1), "dimensions");
    shaped_refused(shape, make(NULL, -1), "must not be negative");
    struct lip_layer layer = make(NULL, 1);
    set(&layer, "axis", 1, (long[]){2});
    shaped_refused(shape, layer, "axis is 2");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/layer_norm");
    TCase *tc = tcase_create("layer_norm");
    tcase_add_test(tc, follows_the_formula);
    tcase_add_test(tc, the_shape_of_the_weight_tells_the_axes);
    tcase_add_test(tc, constants_hold);
    tcase_add_test(tc, large_rows_are_counted);
    tcase_add_test(tc, without_epsilon_there_is_none);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
