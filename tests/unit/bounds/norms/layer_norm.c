/* SPDX-License-Identifier: MIT
 *
 * Norms of single layers: every way, on random convolutions of every shape,
 * never below the SVD of the matrix; closed-form values; exact 1- and
 * inf-norms. */
#include "bounds/norms/layer_norm.h"

#include "bounds/norms/ways.h"
#include "linalg/blas.h"
#include "tests/support/graph.h"
#include "tests/support/random_conv.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void start(void)
{
    lip_blas_single_threaded();
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static void finish(void)
{
    ck_assert_uint_eq(budget.used, 0);
}

/* Largest sum of |entries| of a column (rows: of a row). */
static double largest_sum(const struct lip_layer *layer, bool rows)
{
    struct lip_matrix a;
    double most = 0;
    layer_matrix(&a, layer);
    for (size_t i = 0; i < (rows ? a.rows : a.cols); i++) {
        double sum = 0;
        for (size_t j = 0; j < (rows ? a.cols : a.rows); j++)
            sum += fabs(rows ? a.data[j * a.rows + i] : a.data[i * a.rows + j]);
        most = fmax(most, sum);
    }
    lip_matrix_clear(&a);
    return most;
}

/* All ways are at least the truth, exact ones no more. */
static void check(const struct lip_layer *layer, enum lip_norm p, double truth,
                  const char *what)
{
    struct lip_layer_norm norm;
    ck_assert_int_eq(lip_layer_norm(&norm, layer, p, 0, true, &ctx), LIP_OK);
    ck_assert_uint_ge(norm.count, 1);
    for (size_t k = 0; k < norm.count; k++) {
        double value = lip_big_double(norm.tried[k].value);
        const struct lip_norm_method *method = norm.tried[k].method;
        ck_assert_msg(value >= truth * (1 - 1e-12),
                      "%s: %s gives %.17g < %.17g", what, method->id, value,
                      truth);
        ck_assert_msg(!method->exact || value <= truth * (1 + 1e-5) + 1e-300,
                      "%s: %s gives %.17g > %.17g", what, method->id, value,
                      truth);
        ck_assert_double_le(lip_big_double(norm.value), value);
    }
}

START_TEST(random_convolutions)
{
    uint64_t seed = 1000 + (uint64_t)_i;
    for (int k = 0; k < 12; k++) {
        char text[96];
        struct lip_network *network = random_conv(&seed, 160, text, &ctx);
        const struct lip_layer *layer = &network->layer[1];
        check(layer, LIP_NORM_2, layer_sigma(layer), text);
        check(layer, LIP_NORM_1, largest_sum(layer, false), text);
        check(layer, LIP_NORM_INF, largest_sum(layer, true), text);
        lip_network_free(network);
    }
}
END_TEST

/* One layer of an image or a sequence. */
static double norm_of(struct lip_layer layer, const long *shape,
                      const struct lip_norm_method *only)
{
    struct lip_layer both[2] = {make_reshape(shape), layer};
    struct lip_network *network;
    struct lip_big value;
    ck_assert_int_eq(make_network(&network, both, 2, &ctx), LIP_OK);
    if (only) {
        ck_assert(only->applies(&network->layer[1], LIP_NORM_2, 0));
        ck_assert_int_eq(
            only->run(&value, &network->layer[1], LIP_NORM_2, &ctx), LIP_OK);
    } else {
        struct lip_layer_norm norm;
        ck_assert_int_eq(lip_layer_norm(&norm, &network->layer[1], LIP_NORM_2,
                                        0, false, &ctx),
                         LIP_OK);
        value = norm.value;
    }
    lip_network_free(network);
    return lip_big_double(value);
}

static struct lip_layer conv_of(const size_t *dim, const double *weight,
                                size_t count, const long *padding)
{
    struct lip_layer layer = make_conv(dim, weight, NULL, &ctx);
    set(&layer, "padding", count, padding);
    return layer;
}

static void near_above(double value, double truth, double tolerance)
{
    ck_assert_double_ge(value, truth * (1 - 1e-15));
    ck_assert_double_le(value, truth * (1 + tolerance));
}

/* Zero-padded [1, 1, 1] on n points: 1 + 2 cos(pi / (n + 1)), 3 on the line;
 * [-1, 2, -1]: 2 + 2 cos(pi / (n + 1)), 4. */
START_TEST(closed_forms_on_a_line)
{
    static const double ones[3] = {1, 1, 1}, second[3] = {-1, 2, -1};
    static const size_t dim[] = {1, 1, 3, 0};
    for (long n = 2; n < 60; n += 13) {
        const long shape[] = {1, n, 0}, pad[] = {1};
        double top = 2 * cos(M_PI / (double)(n + 1));
        near_above(norm_of(conv_of(dim, ones, 1, pad), shape, NULL), 1 + top,
                   1e-12);
        near_above(norm_of(conv_of(dim, second, 1, pad), shape, NULL), 2 + top,
                   1e-12);
        near_above(norm_of(conv_of(dim, ones, 1, pad), shape, &lip_norm_symbol),
                   3, 3e-5);
        near_above(
            norm_of(conv_of(dim, second, 1, pad), shape, &lip_norm_symbol), 4,
            3e-5);
    }
}
END_TEST

/* Kernels a b^T have the product of the norms of a and b. */
START_TEST(closed_forms_in_the_plane)
{
    static const size_t dim[] = {1, 1, 3, 3, 0};
    static const double a[3] = {1, 1, 1}, b[3] = {-1, 2, -1};
    static const long shape[] = {1, 7, 12, 0}, pad[] = {1, 1};
    double kernel[9], ones[25];
    for (int k = 0; k < 9; k++)
        kernel[k] = a[k / 3] * b[k % 3];
    for (int k = 0; k < 25; k++)
        ones[k] = 1;
    double truth = (1 + 2 * cos(M_PI / 8)) * (2 + 2 * cos(M_PI / 13));
    near_above(norm_of(conv_of(dim, kernel, 2, pad), shape, NULL), truth,
               1e-12);
    near_above(norm_of(conv_of(dim, kernel, 2, pad), shape, &lip_norm_symbol),
               12, 3e-5);
    for (size_t k = 1; k <= 5; k++) {
        size_t size[] = {1, 1, k, k, 0};
        near_above(
            norm_of(conv_of(size, ones, 2, pad), shape, &lip_norm_symbol),
            (double)(k * k), 3e-5);
    }
}
END_TEST

/* A band large enough that it is not done as a dense matrix. */
START_TEST(banded_matrices)
{
    static const size_t dim[] = {2, 2, 3, 3, 0};
    static const long pad[] = {1, 1};
    double kernel[36] = {0}, a[3] = {1, 1, 1};
    /* Two channels that do not meet, the second three times the first. */
    for (int k = 0; k < 9; k++) {
        kernel[k] = a[k / 3] * a[k % 3];
        kernel[27 + k] = 3 * kernel[k];
    }
    for (int turn = 0; turn < 2; turn++) {
        const long shape[] = {2, turn ? 20 : 60, turn ? 60 : 20, 0};
        double truth = 3 * (1 + 2 * cos(M_PI / 21)) * (1 + 2 * cos(M_PI / 61));
        near_above(
            norm_of(conv_of(dim, kernel, 2, pad), shape, &lip_norm_unrolled),
            truth, 1e-5);
    }
}
END_TEST

/* What stands still, scales, chooses, copies, adds. */
START_TEST(other_kinds)
{
    static const long shape[] = {2, 4, 6, 0};
    struct lip_layer pool = make_kind(&lip_layer_average_pool);
    set(&pool, "kernel", 2, (long[]){2, 2});
    near_above(norm_of(pool, shape, NULL), 0.5, 1e-14);
    struct lip_layer all = make_kind(&lip_layer_average_pool);
    near_above(norm_of(all, shape, NULL), 1 / sqrt(24), 1e-14);
    struct lip_layer turn = make_kind(&lip_layer_transpose);
    set(&turn, "axes", 3, (long[]){2, 0, 1});
    ck_assert_double_eq(norm_of(turn, shape, NULL), 1);
    struct lip_layer up = make_kind(&lip_layer_upsample);
    set(&up, "factor", 2, (long[]){2, 3});
    near_above(norm_of(up, shape, NULL), sqrt(6), 1e-12);
}
END_TEST

/* Pools that overlap, with windows that see less at the border. */
START_TEST(pools)
{
    for (long include = 0; include < 2; include++)
        for (long pad = 0; pad < 2; pad++) {
            struct lip_layer both[2] = {make_reshape((long[]){3, 8, 11, 0}),
                                        make_kind(&lip_layer_average_pool)};
            struct lip_network *network;
            set(&both[1], "kernel", 2, (long[]){3, 3});
            set(&both[1], "stride", 2, (long[]){2, 1});
            set(&both[1], "padding", 2, (long[]){pad, pad});
            set(&both[1], "include_padding", 1, &include);
            ck_assert_int_eq(make_network(&network, both, 2, &ctx), LIP_OK);
            const struct lip_layer *layer = &network->layer[1];
            check(layer, LIP_NORM_2, layer_sigma(layer), "pool");
            check(layer, LIP_NORM_1, largest_sum(layer, false), "pool");
            check(layer, LIP_NORM_INF, largest_sum(layer, true), "pool");
            lip_network_free(network);
        }
}
END_TEST

/* Numbers near both ends of the range. */
START_TEST(sizes)
{
    static const size_t dim[] = {1, 1, 3, 0};
    static const long shape[] = {1, 9, 0}, pad[] = {1};
    static const double unit[] = {1e300, 1e-300, 0};
    for (int k = 0; k < 3; k++) {
        double weight[3] = {unit[k], unit[k], unit[k]};
        double truth = unit[k] * (1 + 2 * cos(M_PI / 10));
        near_above(norm_of(conv_of(dim, weight, 1, pad), shape, NULL), truth,
                   1e-12);
        near_above(
            norm_of(conv_of(dim, weight, 1, pad), shape, &lip_norm_symbol),
            3 * unit[k], 3e-5);
    }
}
END_TEST

/* lip_kernel_norm is the layer's, and an error in its entries counts. */
START_TEST(kernels)
{
    uint64_t seed = 77;
    for (int k = 0; k < 40; k++) {
        char text[96];
        struct lip_network *network = random_conv(&seed, 120, text, &ctx);
        const struct lip_layer *layer = &network->layer[1];
        struct lip_window window = lip_layer_window(layer);
        double kernel[4000];
        ck_assert_uint_le(lip_tensor_count(&layer->weight), 4000);
        lip_tensor_widen(kernel, &layer->weight);
        bool adjoint = layer->kind == &lip_layer_conv_transpose;
        for (enum lip_norm p = LIP_NORM_1; p <= LIP_NORM_INF; p++) {
            struct lip_big value, wide;
            enum lip_norm q = adjoint ? lip_norm_dual(p) : p;
            double truth = p == LIP_NORM_2
                               ? layer_sigma(layer)
                               : largest_sum(layer, p == LIP_NORM_INF);
            ck_assert_int_eq(
                lip_kernel_norm(&value, kernel, 0, &window, q, &ctx), LIP_OK);
            near_above(lip_big_double(value), truth * (1 - 1e-13), 1e-9);
            ck_assert_int_eq(
                lip_kernel_norm(&wide, kernel, 1e-3, &window, q, &ctx), LIP_OK);
            ck_assert_double_ge(lip_big_double(wide), truth * 1.001);
        }
        lip_network_free(network);
    }
}
END_TEST

/* Out of memory at any moment is a status and leaks nothing. */
/* Around an image of one number only the middle of the kernel counts, however
 * small it is beside the rest. */
START_TEST(large_numbers_that_see_nothing)
{
    double kernel[9];
    size_t dim[] = {1, 1, 3, 3, 0};
    for (int k = 0; k < 9; k++)
        kernel[k] = k == 4 ? 1e-300 : 1e300;
    struct lip_layer layer[] = {make_reshape((long[]){1, 1, 1, 0}),
                                make_conv(dim, kernel, NULL, &ctx)};
    struct lip_network *network;
    long one = 1;
    set(&layer[1], "padding", 1, &one);
    ck_assert_int_eq(make_network(&network, layer, 2, &ctx), LIP_OK);
    for (int p = 0; p < LIP_NORM_COUNT; p++) {
        struct lip_layer_norm norm;
        ck_assert_int_eq(lip_layer_norm(&norm, &network->layer[1],
                                        (enum lip_norm)p, 0, true, &ctx),
                         LIP_OK);
        for (size_t k = 0; k < norm.count; k++)
            ck_assert_msg(lip_big_double(norm.tried[k].value) >= 1e-300, "%s",
                          norm.tried[k].method->id);
    }
    lip_network_free(network);
}
END_TEST

START_TEST(memory)
{
    uint64_t seed = 5;
    char text[96];
    struct lip_network *network = random_conv(&seed, 100, text, &ctx);
    for (long after = 0;; after++) {
        struct lip_budget small;
        struct lip_ctx poor = {.budget = &small};
        struct lip_layer_norm norm;
        lip_budget_init(&small, 0);
        small.fail_after = after;
        enum lip_status status = lip_layer_norm(&norm, &network->layer[1],
                                                LIP_NORM_2, 0, true, &poor);
        ck_assert_uint_eq(small.used, 0);
        if (status == LIP_OK)
            break;
        ck_assert_int_eq(status, LIP_NO_MEMORY);
    }
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/norms/layer_norm");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_loop_test(tests, random_convolutions, 0, 10);
    tcase_add_test(tests, closed_forms_on_a_line);
    tcase_add_test(tests, closed_forms_in_the_plane);
    tcase_add_test(tests, banded_matrices);
    tcase_add_test(tests, other_kinds);
    tcase_add_test(tests, pools);
    tcase_add_test(tests, sizes);
    tcase_add_test(tests, kernels);
    tcase_add_test(tests, large_numbers_that_see_nothing);
    tcase_add_test(tests, memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
