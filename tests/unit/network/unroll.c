/* SPDX-License-Identifier: MIT
 *
 * Graphs as chains: the chain's value is the network's at random points, where
 * slopes are what signs say; exact products stay within the radius; numbers
 * cross gaps as few as that takes; what has no such form says so. */
#include "network/unroll.h"

#include "tests/support/drawn.h"
#include "tests/support/graph.h"
#include "tests/support/plain.h"
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void start(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static void nothing_is_left(void)
{
    size_t used = atomic_load(&budget.used);
    ck_assert_uint_eq(used, 0);
}

/* y = W x */
static void times(double *y, const struct lip_link *link, const double *x)
{
    const struct lip_matrix *t = &link->transposed;
    for (size_t k = 0; k < t->cols; k++) {
        double sum = 0;
        for (size_t j = 0; j < t->rows; j++)
            sum += t->data[j + k * t->rows] * x[j];
        y[k] = ldexp(sum, (int)link->exponent);
    }
}

/* The value of a chain whose neurons are straight on either side of 0. */
static void value(double *out, const struct lip_chain *chain, const double *x)
{
    double *z = malloc(2 * chain->widest * sizeof *z), *y = z + chain->widest;
    ck_assert_ptr_nonnull(z);
    memcpy(z, x, chain->inputs * sizeof *x);
    for (size_t i = 0; i < chain->count; i++) {
        times(y, &chain->link[i], z);
        for (size_t k = 0; k < lip_chain_width(chain, i + 1); k++) {
            struct lip_slopes s = {1, 1};
            if (i + 1 < chain->count)
                s = chain->slopes[i][k];
            z[k] = y[k] * (y[k] >= 0 ? s.hi : s.lo);
        }
    }
    memcpy(out, z, chain->outputs * sizeof *z);
    free(z);
}

static struct lip_chain *chain_of(const struct lip_network *network)
{
    struct lip_chain *chain;
    enum lip_status status = lip_chain_new(&chain, network, &ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    ck_assert_msg(chain->unrolled, "%s", chain->obstacle);
    return chain;
}

static void check_value(const struct lip_network *network,
                        const struct lip_chain *chain, uint64_t *seed,
                        int number)
{
    double x[64], y[8], z[8];
    ck_assert(network->inputs <= 64 && network->outputs <= 8);
    for (int t = 0; t < 5; t++) {
        for (size_t i = 0; i < network->inputs; i++)
            x[i] = shaped_uniform(seed);
        ck_assert_int_eq(lip_network_eval(y, network, x, &ctx), LIP_OK);
        value(z, chain, x);
        for (size_t i = 0; i < network->outputs; i++)
            ck_assert_msg(fabs(y[i] - z[i]) <= 1e-12 * (1 + fabs(y[i])),
                          "graph %d: %.17g, as a chain %.17g", number, y[i],
                          z[i]);
    }
}

START_TEST(a_chain_computes_what_the_network_does)
{
    uint64_t seed = 20;
    for (int t = 0; t < 400; t++) {
        struct drawn what = {.straight = true, .pairs = t % 2};
        struct lip_network *network = drawn_graph(&seed, what, &ctx);
        struct lip_chain *chain = chain_of(network);
        check_value(network, chain, &seed, t);
        lip_chain_free(chain);
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

/* Estimates are from shapes alone; they bound what is there. */
START_TEST(the_estimate_covers_the_matrices)
{
    uint64_t seed = 21;
    for (int t = 0; t < 100; t++) {
        struct drawn what = {.pairs = t % 2};
        struct lip_network *network = drawn_graph(&seed, what, &ctx);
        size_t before = atomic_load(&budget.used);
        struct lip_chain *chain = chain_of(network);
        size_t after = atomic_load(&budget.used);
        double bytes = 0;
        for (size_t i = 0; i < chain->count; i++)
            bytes += 8.0 * (double)chain->link[i].transposed.rows *
                     (double)chain->link[i].transposed.cols;
        double said = lip_chain_bytes(network);
        if (!lip_network_is_dense(network)) {
            ck_assert_double_ge(said, bytes);
            ck_assert_double_le((double)(after - before), said + 20000);
        }
        lip_chain_free(chain);
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

/* Of x + W2 relu(W1 x) the gap has the neurons of W1 and x; where W1 x is
 * narrower and is what goes on, that. */
START_TEST(few_numbers_cross)
{
    uint64_t seed = 3;
    struct lip_network *network =
        drawn_residual(&seed, "relu", 3, 5, 7, 1, 2, 1, &ctx);
    struct lip_chain *chain = chain_of(network);
    ck_assert_uint_eq(chain->count, 3);
    ck_assert_uint_eq(lip_chain_width(chain, 1), 7 + 3); /* the input */
    ck_assert_uint_eq(chain->gap[0].passes, 3);
    ck_assert_uint_eq(lip_chain_width(chain, 2), 5);
    ck_assert_uint_eq(chain->gap[1].passes, 0);
    lip_chain_free(chain);
    lip_network_free(network);
    network = drawn_residual(&seed, "relu", 9, 5, 7, 2, 2, 1, &ctx);
    chain = chain_of(network);
    ck_assert_uint_eq(chain->count, 4);
    ck_assert_uint_eq(lip_chain_width(chain, 1), 7 + 5);
    ck_assert_uint_eq(lip_chain_width(chain, 2), 7 + 5);
    ck_assert_uint_eq(chain->gap[1].passes, 5);
    lip_chain_free(chain);
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

/* The largest of nine, at borders of four or six. */
START_TEST(overlapping_windows)
{
    long shape[] = {2, 5, 4, 0}, kernel[] = {3, 3}, stride[] = {2}, pad[] = {1};
    struct lip_layer pool = make_kind(&lip_layer_max_pool);
    double w[2 * 12];
    uint64_t seed = 4;
    for (int i = 0; i < 24; i++)
        w[i] = shaped_uniform(&seed);
    set(&pool, "kernel", 2, kernel);
    set(&pool, "stride", 1, stride);
    set(&pool, "padding", 1, pad);
    struct lip_layer layer[] = {make_reshape(shape), pool, make_flatten(),
                                make_dense(2, 12, w, NULL, &ctx)};
    struct lip_network *network;
    enum lip_status status = make_network(&network, layer, 4, &ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    struct lip_chain *chain = chain_of(network);
    ck_assert_uint_eq(chain->count, 5);
    check_value(network, chain, &seed, 0);
    lip_chain_free(chain);
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

/* Weights of any size: entries in [1/2, 1), nothing infinite, and the value as
 * far as doubles reach. */
START_TEST(any_scale)
{
    uint64_t seed = 5;
    for (int t = 0; t < 60; t++) {
        double scale = pow(10, 10 * (t % 60 - 30));
        struct drawn what = {.straight = true, .scale = scale};
        struct lip_network *network = drawn_graph(&seed, what, &ctx);
        struct lip_chain *chain = chain_of(network);
        for (size_t i = 0; i < chain->count; i++) {
            const struct lip_link *link = &chain->link[i];
            size_t n = link->transposed.rows * link->transposed.cols;
            ck_assert(isfinite(link->radius) && link->radius >= 0);
            for (size_t k = 0; k < n; k++)
                ck_assert_double_lt(fabs(link->transposed.data[k]), 1);
        }
        lip_chain_free(chain);
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

START_TEST(layers_without_such_a_form)
{
    double w[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    long shape[] = {1, 2, 2, 0};
    struct lip_layer sort = make_kind(&lip_layer_group_sort);
    struct lip_layer layer[] = {
        make_reshape(shape),
        make_conv((size_t[]){4, 1, 2, 2, 0}, w, NULL, &ctx), sort};
    struct lip_network *network;
    struct lip_chain *chain;
    char reason[240];
    ck_assert_int_eq(make_network(&network, layer, 3, &ctx), LIP_OK);
    ck_assert(isinf(lip_unroll_bytes(network, reason)));
    ck_assert_msg(strstr(reason, "groupsort"), "%s", reason);
    ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
    ck_assert(!chain->unrolled && chain->count == 0);
    ck_assert_str_eq(chain->obstacle, reason);
    ck_assert_double_eq(lip_chain_bytes(network), 0);
    lip_chain_free(chain);
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

/* Over a limit the chain is there without matrices. */
START_TEST(a_limit_of_bytes)
{
    uint64_t seed = 6;
    struct lip_network *network =
        drawn_residual(&seed, "relu", 3, 5, 7, 2, 2, 1, &ctx);
    struct lip_chain *chain;
    double bytes = lip_chain_bytes(network);
    ck_assert_double_gt(bytes, 0);
    ck_assert_int_eq(lip_chain_new_within(&chain, network, bytes, &ctx),
                     LIP_OK);
    ck_assert(chain->unrolled);
    lip_chain_free(chain);
    ck_assert_int_eq(lip_chain_new_within(&chain, network, bytes - 1, &ctx),
                     LIP_OK);
    ck_assert(!chain->unrolled && chain->obstacle[0]);
    lip_chain_free(chain);
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

/* Memory that ends anywhere: a chain without matrices, or the failure. */
START_TEST(memory_that_runs_out)
{
    uint64_t seed = 7;
    struct drawn what = {.pairs = true};
    for (int t = 0; t < 6; t++) {
        struct lip_network *network = drawn_graph(&seed, what, &ctx);
        struct lip_chain *chain;
        for (long left = 0; left < 200; left++) {
            atomic_store(&budget.fail_after, left);
            enum lip_status status = lip_chain_new(&chain, network, &ctx);
            atomic_store(&budget.fail_after, -1);
            ck_assert(status == LIP_OK || ctx.error.status == status);
            bool whole = status == LIP_OK && chain->unrolled;
            if (status == LIP_OK)
                lip_chain_free(chain);
            lip_error_clear(&ctx);
            if (whole)
                break;
        }
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unroll");
    TCase *tc = tcase_create("unroll");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_chain_computes_what_the_network_does);
    tcase_add_test(tc, the_estimate_covers_the_matrices);
    tcase_add_test(tc, few_numbers_cross);
    tcase_add_test(tc, overlapping_windows);
    tcase_add_test(tc, any_scale);
    tcase_add_test(tc, layers_without_such_a_form);
    tcase_add_test(tc, a_limit_of_bytes);
    tcase_add_test(tc, memory_that_runs_out);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
