/* SPDX-License-Identifier: MIT
 *
 * The largest of several numbers in pairs, windows that overlap and are cut off
 * at borders among them; sorts; mirrors, whose rounding is in the radius. */
#include "network/chain.h"

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
    struct lip_chain *chain = unrolled_chain(network, &ctx);
    ck_assert_uint_eq(chain->count, 5);
    unrolled_value(network, chain, &seed, 0);
    lip_chain_free(chain);
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

/* A sort of three of a chain of dense layers: what it gives, ties included, and
 * the first matrix is exact. */
START_TEST(sorts_of_dense_layers)
{
    double w[6 * 4], v[2 * 6];
    uint64_t seed = 9;
    for (int t = 0; t < 40; t++) {
        for (int i = 0; i < 24; i++)
            w[i] = t % 2 ? shaped_uniform(&seed) : (double)(i % 3) - 1;
        for (int i = 0; i < 12; i++)
            v[i] = shaped_uniform(&seed);
        struct lip_layer sort = make_kind(&lip_layer_group_sort);
        sort.group = t % 4 < 2 ? 3 : 6;
        struct lip_layer layer[] = {make_dense(6, 4, w, NULL, &ctx), sort,
                                    make_activation("relu"),
                                    make_dense(2, 6, v, NULL, &ctx)};
        struct lip_network *network;
        struct lip_chain *chain;
        ck_assert_int_eq(make_network(&network, layer, 4, &ctx), LIP_OK);
        ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
        ck_assert_ptr_nonnull(chain->plain);
        ck_assert(chain->plain->unrolled && !chain->plain->dense);
        ck_assert_uint_eq(chain->plain->count, 2 + lip_layer_steps(&layer[1]));
        unrolled_value(network, chain->plain, &seed, t);
        lip_chain_free(chain);
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

/* The matrices of a Householder layer on its own against long double: as far
 * off as the radius says at most, and it is not zero. */
START_TEST(mirrors_have_a_radius)
{
    uint64_t seed = 3;
    double angle[3];
    for (int t = 0; t < 100; t++) {
        for (int k = 0; k < 3; k++)
            angle[k] = 7 * shaped_uniform(&seed);
        struct lip_layer layer = make_kind(&lip_layer_householder);
        layer.weight = make_array((size_t[]){3, 0}, angle, &ctx);
        struct lip_network *network;
        struct lip_chain *chain;
        ck_assert_int_eq(make_network(&network, &layer, 1, &ctx), LIP_OK);
        ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
        const struct lip_chain *plain = chain->plain;
        ck_assert_uint_eq(plain->count, 2);
        ck_assert_uint_eq(plain->gap[0].passes, 3);
        for (size_t i = 0; i < 2; i++) {
            const struct lip_link *link = &plain->link[i];
            long double off = 0;
            for (size_t j = 0; j < 3; j++) { /* |d| first, then what passes */
                long double c = cosl((long double)angle[j] / 2);
                long double s = sinl((long double)angle[j] / 2);
                for (size_t k = 0; k < 4; k++) {
                    size_t number = 2 * j + k % 2, inner = j + 3 * (k / 2);
                    long double entry = k == 0   ? s
                                        : k == 1 ? -c
                                        : k == 2 ? c
                                                 : s;
                    size_t at = i ? inner + 6 * number : number + 6 * inner;
                    long double x =
                        ldexpl(link->transposed.data[at], (int)link->exponent);
                    off += (x - entry) * (x - entry);
                }
            }
            double radius = ldexp(link->radius, (int)link->exponent);
            ck_assert(radius > 0 && radius < 1e-13);
            ck_assert(off > 0 && sqrtl(off) <= radius);
        }
        lip_chain_free(chain);
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pairs");
    TCase *tc = tcase_create("pairs");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, overlapping_windows);
    tcase_add_test(tc, sorts_of_dense_layers);
    tcase_add_test(tc, mirrors_have_a_radius);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
