/* SPDX-License-Identifier: MIT
 *
 * Rows of folded linear layers: those of the exact product, within the error
 * that they say; norms from above and close. */
#include "bounds/fold.h"

#include "tests/support/attained.h"
#include "tests/support/graph.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <arb_mat.h>
#include <math.h>
#include <string.h>

enum { N = 3, H = 4, M = 2 };

static struct lip_ctx none;

static struct lip_layer random_dense(size_t outputs, size_t inputs,
                                     double scale, uint64_t *seed)
{
    double weight[64];
    for (size_t k = 0; k < outputs * inputs; k++)
        weight[k] = scale * plain_normal(seed);
    return make_dense(outputs, inputs, weight, NULL, &none);
}

/* x -> C (B x - A x) with the sum as a layer and a reshape on the way; the fold
 * is of layers 1 to 5, from the activation. */
static const size_t path[] = {1, 2, 3, 4, 5};

static struct lip_network *make(double scale, uint64_t seed)
{
    size_t first = 0, both[] = {1, 2};
    long sign[] = {-1, 1};
    struct lip_layer layer[] = {
        make_activation("relu"),          random_dense(H, N, scale, &seed),
        random_dense(H, N, scale, &seed), make_kind(&lip_layer_add),
        make_reshape((long[]){2, 2, 0}),  random_dense(M, H, scale, &seed),
    };
    struct lip_network *network;
    take_from(&layer[1], 1, &first, &none);
    take_from(&layer[2], 1, &first, &none);
    take_from(&layer[3], 2, both, &none);
    set(&layer[3], "sign", 2, sign);
    enum lip_status s = make_network(&network, layer, 6, &none);
    ck_assert_msg(s == LIP_OK, "%s", none.error.detail);
    return network;
}

static void matrix_of(arb_mat_t out, const struct lip_layer *layer)
{
    arb_mat_init(out, (slong)layer->outputs, (slong)layer->inputs);
    for (size_t i = 0; i < layer->outputs; i++)
        for (size_t j = 0; j < layer->inputs; j++)
            arb_set_d(arb_mat_entry(out, (slong)i, (slong)j),
                      lip_tensor_at(&layer->weight, i * layer->inputs + j));
}

/* C (B - A) in 300 bits. */
static void exact(arb_mat_t out, const struct lip_network *network)
{
    arb_mat_t a, b, c;
    matrix_of(a, &network->layer[1]);
    matrix_of(b, &network->layer[2]);
    matrix_of(c, &network->layer[5]);
    arb_mat_init(out, M, N);
    arb_mat_sub(b, b, a, 300);
    arb_mat_mul(out, c, b, 300);
    arb_mat_clear(a);
    arb_mat_clear(b);
    arb_mat_clear(c);
}

static struct lip_fold *fold_of(const struct lip_network *network)
{
    struct lip_fold *fold;
    enum lip_status s = lip_fold_new(&fold, network, 0, path, 5, &none);
    ck_assert_msg(s == LIP_OK, "%s", none.error.detail);
    return fold;
}

/* |value - exact| <= error size, and that is little. */
static void check_entry(const struct lip_fold_row *row, size_t j,
                        const arb_t truth)
{
    arb_t off, allowed;
    arb_init(off);
    arb_init(allowed);
    arb_set_d(off, row->value[j]);
    arb_sub(off, off, truth, 300);
    arb_abs(off, off);
    arb_set_d(allowed, row->error * row->size[j]);
    ck_assert(arb_le(off, allowed));
    arb_clear(off);
    arb_clear(allowed);
}

START_TEST(rows_are_those_of_the_product)
{
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct lip_network *network = make(seed % 3 ? 1 : 1e60, seed);
        struct lip_fold *fold = fold_of(network);
        arb_mat_t truth;
        exact(truth, network);
        for (size_t k = M; k-- > 0;) {
            struct lip_fold_row row;
            lip_fold_row(&row, fold, k);
            ck_assert_uint_eq(row.count, N);
            ck_assert_double_le(row.error, 1e-14);
            for (size_t j = 0; j < N; j++)
                check_entry(
                    &row, row.column[j],
                    arb_mat_entry(truth, (slong)k, (slong)row.column[j]));
        }
        arb_mat_clear(truth);
        lip_fold_free(fold);
        lip_network_free(network);
    }
}
END_TEST

/* Against the norms of the product in plain arithmetic. */
START_TEST(norms_are_above_and_close)
{
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct lip_network *network = make(1, seed);
        struct lip_fold *fold = fold_of(network);
        struct lip_fold_norms norms;
        double a[M * N], squares = 0;
        for (size_t k = 0; k < M; k++) {
            struct lip_fold_row row;
            lip_fold_row(&row, fold, k);
            memcpy(a + k * N, row.value, N * sizeof *a);
        }
        for (size_t k = 0; k < M * N; k++)
            squares += a[k] * a[k];
        ck_assert_int_eq(lip_fold_norms(&norms, fold, &none), LIP_OK);
        for (int p = 0; p < 9; p++) {
            struct lip_norm_pair pair = {(enum lip_norm)(p / 3),
                                         (enum lip_norm)(p % 3)};
            struct lip_big big;
            double plain = plain_norm(a, M, N, pair);
            ck_assert_int_eq(lip_fold_matrix_norm(&big, fold, pair, &none),
                             LIP_OK);
            double value = lip_big_double(big);
            ck_assert_double_ge(value, plain * (1 - 1e-12));
            if (lip_norm_pair_easy(pair))
                ck_assert_double_le(value, plain * (1 + 1e-9));
            double by_rows = p == 0 ? norms.one : p == 8 ? norms.inf : plain;
            ck_assert_double_le(fabs(by_rows - plain), 1e-12 * plain);
        }
        ck_assert_double_le(fabs(norms.frobenius - sqrt(squares)), 1e-12);
        lip_fold_free(fold);
        lip_network_free(network);
    }
}
END_TEST

/* Numbers whose products leave the doubles are not multiplied. */
START_TEST(out_of_range)
{
    static const double scale[] = {1e200, 1e-200};
    for (int k = 0; k < 2; k++) {
        struct lip_ctx ctx = {0};
        struct lip_fold *fold;
        struct lip_network *network = make(scale[k], 3);
        ck_assert_int_eq(lip_fold_new(&fold, network, 0, path, 5, &ctx),
                         LIP_UNPROVEN);
        ck_assert_ptr_null(fold);
        lip_network_free(network);
    }
}
END_TEST

/* H numbers of the sum, N of each of two dense layers, from M rows. */
START_TEST(work_is_told_beforehand)
{
    struct lip_network *network = make(1, 1);
    double flops = lip_fold_flops(network, 0, path, 5);
    ck_assert_double_ge(flops, M * (H + H + 2 * H * N));
    ck_assert_double_le(flops, M * (H + H + 2 * H + 2 * H * N));
    lip_network_free(network);
}
END_TEST

static double unlimited(const struct lip_layer *layer)
{
    (void)layer;
    return INFINITY;
}

/* Entries of which nothing is known, next to one that is zero for certain. */
START_TEST(nothing_is_known)
{
    static struct lip_layer_kind kind;
    static const double zero[] = {0, 0}, one[] = {1, 1}, weight[] = {0, 1};
    static const size_t both[] = {1, 2};
    kind = lip_layer_batch_norm;
    kind.uncertainty = unlimited;
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 1, 0}),
        make_kind(&kind),
        make_dense(1, 2, one, NULL, &none),
    };
    layer[1].weight = make_tensor(LIP_F64, false, 2, 0, weight, &none);
    layer[1].bias = make_tensor(LIP_F64, false, 2, 0, zero, &none);
    layer[1].mean = make_tensor(LIP_F64, false, 2, 0, zero, &none);
    layer[1].variance = make_tensor(LIP_F64, false, 2, 0, one, &none);
    struct lip_network *network;
    struct lip_fold *fold;
    struct lip_fold_norms norms;
    struct lip_big big;
    struct lip_ctx ctx = {0};
    enum lip_status s = make_network(&network, layer, 3, &ctx);
    ck_assert_msg(s == LIP_OK, "%s", ctx.error.detail);
    ck_assert_int_eq(lip_fold_new(&fold, network, 0, both, 2, &ctx), LIP_OK);
    ck_assert_int_eq(lip_fold_norms(&norms, fold, &ctx), LIP_UNPROVEN);
    lip_error_clear(&ctx);
    ck_assert_int_eq(
        lip_fold_matrix_norm(
            &big, fold, (struct lip_norm_pair){LIP_NORM_2, LIP_NORM_2}, &ctx),
        LIP_UNPROVEN);
    lip_fold_free(fold);
    lip_network_free(network);
}
END_TEST

START_TEST(memory_that_runs_out)
{
    struct lip_network *network = make(1, 1);
    for (long n = 0;; n++) {
        struct lip_budget budget;
        struct lip_ctx ctx = {.budget = &budget};
        struct lip_fold *fold;
        struct lip_fold_norms norms;
        lip_budget_init(&budget, 0);
        budget.fail_after = n;
        enum lip_status s = lip_fold_new(&fold, network, 0, path, 5, &ctx);
        if (s == LIP_OK)
            s = lip_fold_norms(&norms, fold, &ctx);
        lip_fold_free(fold);
        ck_assert_uint_eq(budget.used, 0);
        if (s == LIP_OK)
            break;
        ck_assert_int_eq(s, LIP_NO_MEMORY);
    }
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fold");
    TCase *tc = tcase_create("fold");
    tcase_add_test(tc, rows_are_those_of_the_product);
    tcase_add_test(tc, norms_are_above_and_close);
    tcase_add_test(tc, out_of_range);
    tcase_add_test(tc, work_is_told_beforehand);
    tcase_add_test(tc, nothing_is_known);
    tcase_add_test(tc, memory_that_runs_out);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
