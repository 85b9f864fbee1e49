/* SPDX-License-Identifier: MIT
 *
 * Products stay within their radius of the exact ones, at any scale. */
#include "network/block.h"

#include "tests/support/drawn.h"
#include "tests/support/exact.h"
#include "tests/support/graph.h"
#include "tests/support/shaped.h"
#include "tests/support/suite.h"
#include "tests/support/unrolled.h"

#include <math.h>
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

/* Weights of any size: entries in [1/2, 1), nothing infinite, and the value as
 * far as doubles reach. */
START_TEST(any_scale)
{
    uint64_t seed = 5;
    for (int t = 0; t < 60; t++) {
        double scale = pow(10, 10 * (t % 60 - 30));
        struct drawn what = {.straight = true, .scale = scale};
        struct lip_network *network = drawn_graph(&seed, what, &ctx);
        struct lip_chain *chain = unrolled_chain(network, &ctx);
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

/* Three layers multiplied out, and the same in balls. */
START_TEST(products_are_within_their_radius)
{
    uint64_t seed = 8;
    for (int t = 0; t < 40; t++) {
        double w[3][36], scale = pow(10, t % 5 * 60 - 120);
        struct lip_layer layer[4];
        arb_mat_t exact, next;
        for (int i = 0; i < 3; i++) {
            for (int k = 0; k < 36; k++)
                w[i][k] = shaped_uniform(&seed) * (i == 1 ? scale : 1);
            layer[i] = make_dense(6, 6, w[i], NULL, &ctx);
        }
        layer[3] = make_kind(&lip_layer_add);
        take_from(&layer[3], 2, (size_t[]){2, 2}, &ctx); /* no dense chain */
        struct lip_network *network;
        ck_assert_int_eq(make_network(&network, layer, 4, &ctx), LIP_OK);
        struct lip_chain *chain = unrolled_chain(network, &ctx);
        ck_assert_uint_eq(chain->count, 1);
        const struct lip_link *link = &chain->link[0];
        arb_mat_init(exact, 6, 6);
        arb_mat_init(next, 6, 6);
        arb_mat_one(exact);
        for (int i = 0; i < 3; i++) {
            for (slong a = 0; a < 6; a++)
                for (slong b = 0; b < 6; b++)
                    arb_set_d(arb_mat_entry(next, a, b), w[i][a * 6 + b]);
            arb_mat_mul(exact, next, exact, EXACT_PREC);
        }
        arb_mat_scalar_mul_2exp_si(exact, exact, 1 - link->exponent);
        double off = 0;
        for (slong a = 0; a < 6; a++)
            for (slong b = 0; b < 6; b++) {
                arb_t x;
                arb_init(x);
                arb_set_d(x, link->transposed.data[b + a * 6]);
                arb_sub(x, x, arb_mat_entry(exact, a, b), EXACT_PREC);
                double d = arf_get_d(arb_midref(x), ARF_RND_NEAR);
                off += d * d;
                arb_clear(x);
            }
        ck_assert_double_le(sqrt(off), link->radius);
        ck_assert_double_le(link->radius, 1e-13);
        arb_mat_clear(exact);
        arb_mat_clear(next);
        lip_chain_free(chain);
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("block");
    TCase *tc = tcase_create("block");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, any_scale);
    tcase_add_test(tc, products_are_within_their_radius);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
