/* SPDX-License-Identifier: MIT
 *
 * Where the end of a network begins that has no form as matrices, and that what
 * methods say of the layers before it, times its constant, holds for all. */
#include "network/closing.h"

#include "bounds/method.h"
#include "tests/support/drawn.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

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

static const double weight[] = {1, -2, 0.5, 3, 1, 1, -1, 2, 0.25};

/* Three numbers in, three out: dense, relu, dense, and these. */
static struct lip_network *with_end(const char *const *end)
{
    struct lip_layer layer[8];
    size_t count = 3;
    layer[0] = make_dense(3, 3, weight, NULL, &ctx);
    layer[1] = make_activation("relu");
    layer[2] = make_dense(3, 3, weight, NULL, &ctx);
    for (; *end; end++) {
        if (!strcmp(*end, "dense"))
            layer[count++] = make_dense(3, 3, weight, NULL, &ctx);
        else if (!strcmp(*end, "softmax"))
            layer[count++] = make_kind(&lip_layer_softmax);
        else
            layer[count++] = make_activation(*end);
    }
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, count, &ctx), LIP_OK);
    return network;
}

START_TEST(where_it_begins)
{
    static const struct {
        const char *end[5];
        size_t first; /* 0: none */
        double constant;
    } expected[] = {
        {{NULL}, 0, 0},
        {{"relu", NULL}, 0, 0},
        {{"softmax", NULL}, 3, 0.5},
        {{"softmax", "dense", NULL}, 0, 0},
        {{"relu", "softmax", NULL}, 4, 0.5},
        {{"softmax", "sigmoid", NULL}, 3, 0.125},
        {{"softmax", "softmax", NULL}, 3, 0.25},
        {{"dense", "softmax", "relu", "softmax", NULL}, 4, 0.25},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct lip_network *network = with_end(expected[i].end);
        struct lip_closing closing;
        bool found = lip_closing_find(&closing, network);
        ck_assert(found == (expected[i].first > 0));
        ck_assert_uint_eq(closing.first, expected[i].first);
        for (int p = 0; found && p < LIP_NORM_COUNT; p++) {
            ck_assert_double_ge(closing.constant[p], expected[i].constant);
            ck_assert_double_le(closing.constant[p],
                                expected[i].constant * (1 + 1e-15));
        }
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

/* What one method says of both: of the whole by way of the body. */
static void compare(const struct lip_method *method,
                    const struct lip_chain *whole, const struct lip_chain *body,
                    struct lip_norm_pair pair)
{
    struct lip_bound_options options = {.norm = pair};
    struct lip_bound a, b;
    ck_assert_int_eq(lip_method_run(&a, method, whole, &options, &ctx), LIP_OK);
    ck_assert_int_eq(lip_method_run(&b, method, body, &options, &ctx), LIP_OK);
    if (method->joint) {
        lip_bound_clear(&a);
        lip_bound_clear(&b);
        return;
    }
    ck_assert(a.skipped == b.skipped);
    if (!a.skipped) {
        double most = b.upper_bound / 2;
        ck_assert_double_ge(a.upper_bound, most);
        ck_assert_double_le(a.upper_bound, nextafter(most, INFINITY));
        ck_assert(isnan(b.optimum_at_least) ||
                  a.optimum_at_least <= b.optimum_at_least / 2);
        ck_assert_uint_eq(a.detail_count, b.detail_count);
    }
    lip_bound_clear(&a);
    lip_bound_clear(&b);
}

START_TEST(methods_know_what_comes_before)
{
    struct lip_network *open = with_end((const char *[]){NULL});
    struct lip_network *closed = with_end((const char *[]){"softmax", NULL});
    struct lip_chain *body, *whole;
    ck_assert_int_eq(lip_chain_new(&body, open, &ctx), LIP_OK);
    ck_assert_int_eq(lip_chain_new(&whole, closed, &ctx), LIP_OK);
    ck_assert_ptr_null(body->body);
    ck_assert_ptr_nonnull(whole->body);
    for (size_t m = 0; lip_methods[m]; m++)
        for (int p = 0; p < 9; p++)
            compare(lip_methods[m], whole, body, nth_pair(p));
    lip_chain_free(body);
    lip_chain_free(whole);
    lip_network_free(open);
    lip_network_free(closed);
    nothing_is_left();
}
END_TEST

/* A certificate would speak of the whole network. */
START_TEST(there_is_no_certificate)
{
    struct lip_network *closed = with_end((const char *[]){"softmax", NULL});
    struct lip_chain *chain;
    ck_assert_int_eq(lip_chain_new(&chain, closed, &ctx), LIP_OK);
    for (size_t m = 0; lip_methods[m]; m++) {
        struct lip_bound_options options = {.norm = PAIR_22, .evidence = true};
        struct lip_bound bound;
        ck_assert_int_eq(
            lip_method_run(&bound, lip_methods[m], chain, &options, &ctx),
            LIP_OK);
        ck_assert_ptr_null(bound.evidence);
        lip_bound_clear(&bound);
    }
    lip_chain_free(chain);
    lip_network_free(closed);
    nothing_is_left();
}
END_TEST

/* A random graph with a softmax behind it, over its rows. */
static struct lip_network *drawn_closed(uint64_t *seed)
{
    struct drawn what = {.pairs = true, .outputs = 3};
    struct lip_network *inner = drawn_graph(seed, what, &ctx);
    size_t count = inner->count;
    struct lip_layer *layer = lip_calloc(&ctx, count + 1, sizeof *layer);
    memcpy(layer, inner->layer, count * sizeof *layer);
    layer[count] = make_kind(&lip_layer_softmax);
    inner->count = 0; /* the layers are the new one's */
    lip_network_free(inner);
    struct lip_network *network;
    ck_assert_int_eq(lip_network_new(&network, layer, count + 1, &ctx), LIP_OK);
    return network;
}

START_TEST(bounds_are_above_pairs)
{
    uint64_t seed = 77;
    size_t proven = 0;
    for (int t = 0; t < 60; t++) {
        struct lip_network *network = drawn_closed(&seed);
        struct lip_chain *chain;
        ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
        double low[LIP_NORM_COUNT];
        for (int p = 0; p < LIP_NORM_COUNT; p++)
            low[p] = shaped_steepest(network, (enum lip_norm)p, 1, 400);
        for (size_t m = 0; lip_methods[m]; m++)
            for (int p = 0; p < LIP_NORM_COUNT; p++) {
                enum lip_norm norm = (enum lip_norm)p;
                struct lip_bound_options options = {.norm = {norm, norm}};
                struct lip_bound bound;
                ck_assert_int_eq(lip_method_run(&bound, lip_methods[m], chain,
                                                &options, &ctx),
                                 LIP_OK);
                if (!bound.skipped)
                    ck_assert_double_ge(bound.upper_bound * (1 + 1e-9), low[p]);
                proven += !bound.skipped && !lip_methods[m]->joint;
                lip_bound_clear(&bound);
            }
        lip_chain_free(chain);
        lip_network_free(network);
    }
    ck_assert_uint_gt(proven, 200);
    nothing_is_left();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/closing");
    TCase *tc = tcase_create("closing");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, where_it_begins);
    tcase_add_test(tc, methods_know_what_comes_before);
    tcase_add_test(tc, there_is_no_certificate);
    tcase_add_test(tc, bounds_are_above_pairs);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
