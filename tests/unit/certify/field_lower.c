/* SPDX-License-Identifier: MIT
 *
 * Lower bounds of networks that are no chains: what is known is reached and
 * never exceeded. */
#include "certify/field_lower.h"

#include "bounds/method.h"
#include "tests/support/attained.h"
#include "tests/support/files.h"
#include "tests/support/graph.h"
#include "tests/support/suite.h"

#include <math.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void start(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static double uniform(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)*seed * 0x1p-63;
}

static double lower(const struct lip_network *network,
                    struct lip_norm_pair norm)
{
    struct lip_lower_options options = {.seed = 1};
    struct lip_lower_bound bound;
    ck_assert_int_eq(lip_lower_bound(&bound, network, norm, &options, &ctx),
                     LIP_OK);
    double value = bound.value;
    lip_lower_bound_clear(&bound);
    return value;
}

/* x + K * x is linear: its norm, by the rows. */
START_TEST(linear_networks_are_reached)
{
    double kernel[9];
    uint64_t seed = 31;
    for (size_t i = 0; i < 9; i++)
        kernel[i] = uniform(&seed);
    struct lip_layer layer[] = {
        make_reshape((long[]){1, 3, 4, 0}),
        make_conv((size_t[]){1, 1, 3, 3, 0}, kernel, NULL, &ctx),
        make_kind(&lip_layer_add)};
    set(&layer[1], "padding", 1, (long[]){1});
    take_from(&layer[2], 2, (size_t[]){0, 1}, &ctx);
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 3, &ctx), LIP_OK);
    double a[12 * 12], unit[12] = {0}, column[12];
    for (size_t j = 0; j < 12; j++) {
        unit[j] = 1;
        lip_network_eval(column, network, unit, &ctx);
        for (size_t i = 0; i < 12; i++)
            a[i * 12 + j] = column[i];
        unit[j] = 0;
    }
    for (int p = 0; p < LIP_NORM_COUNT; p++) {
        struct lip_norm_pair pair = {(enum lip_norm)p, (enum lip_norm)p};
        double norm = plain_norm(a, 12, 12, pair);
        double value = lower(network, pair);
        ck_assert_double_le(value, norm * (1 + 1e-12));
        ck_assert_double_ge(value, norm * (1 - 1e-3));
    }
    lip_network_free(network);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

/* max(x1, x2) with W1 = [1 -1; 0 1; 0 -1] in a relu is 1 in l2; the largest of
 * four numbers is too. */
START_TEST(the_largest_of_numbers_moves_as_fast_as_one)
{
    struct lip_layer layer[] = {make_reshape((long[]){1, 2, 2, 0}),
                                make_kind(&lip_layer_max_pool)};
    struct lip_network *network;
    ck_assert_msg(make_network(&network, layer, 2, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    struct lip_norm_pair two = {LIP_NORM_2, LIP_NORM_2};
    double value = lower(network, two);
    ck_assert_double_le(value, 1);
    ck_assert_double_ge(value, 1 - 1e-6);
    lip_network_free(network);
}
END_TEST

/* relu(x) - relu(x - 1), as two branches: 1, where products say 2. */
START_TEST(branches_may_cancel)
{
    double one[] = {1}, bias[] = {-1};
    struct lip_layer layer[] = {
        make_dense(1, 1, one, NULL, &ctx), make_activation("relu"),
        make_dense(1, 1, one, bias, &ctx), make_activation("relu"),
        make_kind(&lip_layer_add)};
    take_from(&layer[2], 1, (size_t[]){LIP_FROM_INPUT}, &ctx);
    take_from(&layer[4], 2, (size_t[]){1, 3}, &ctx);
    set(&layer[4], "sign", 2, (long[]){1, -1});
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 5, &ctx), LIP_OK);
    double value =
        lower(network, (struct lip_norm_pair){LIP_NORM_2, LIP_NORM_2});
    ck_assert_double_le(value, 1);
    ck_assert_double_ge(value, 1 - 1e-6);
    lip_network_free(network);
}
END_TEST

/* What is not searched has no lower bound, which is no failure. */
START_TEST(other_layers_are_left_alone)
{
    struct lip_layer layer[] = {make_reshape((long[]){2, 2, 0}),
                                make_kind(&lip_layer_softmax)};
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 2, &ctx), LIP_OK);
    struct lip_norm_pair two = {LIP_NORM_2, LIP_NORM_2};
    ck_assert_double_eq(lower(network, two), 0);
    ck_assert_double_gt(lip_field_lower_effort(network), 0);
    ck_assert_double_gt(lip_field_lower_bytes(network), 0);
    lip_network_free(network);
}
END_TEST

/* The least of all methods' bounds. */
static double least_upper(const struct lip_network *network,
                          struct lip_norm_pair norm)
{
    struct lip_bound_options options = {.norm = norm};
    struct lip_chain *chain;
    double least = INFINITY;
    ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
    for (size_t i = 0; lip_methods[i]; i++) {
        struct lip_bound bound;
        ck_assert_int_eq(
            lip_method_run(&bound, lip_methods[i], chain, &options, &ctx),
            LIP_OK);
        if (!bound.skipped)
            least = fmin(least, bound.upper_bound);
        lip_bound_clear(&bound);
    }
    lip_chain_free(chain);
    return least;
}

/* A number that overflows and is then hidden, by a weight of 0 or the larger
 * of two, must not hide its error as well: each of these had a lower bound far
 * above its upper ones. */
START_TEST(overflow_is_not_hidden)
{
    static const char first[] =
        "{\"name\":\"a\",\"type\":\"dense\",\"weight\":[[1e308,1e308],[1,0],"
        "[0,1]],\"bias\":[1.7e308,0,0],\"inputs\":[\"input\"]},"
        "{\"name\":\"b\",\"type\":\"relu\",\"inputs\":[\"a\"]}";
    static const char two[] =
        "{\"name\":\"c\",\"type\":\"dense\",\"weight\":[[0,1,0]],"
        "\"bias\":[1e12],\"inputs\":[\"b\"]},"
        "{\"name\":\"d\",\"type\":\"relu\",\"inputs\":[\"c\"]},"
        "{\"name\":\"e\",\"type\":\"dense\",\"weight\":[[1,1]],"
        "\"bias\":[1e12],\"inputs\":[\"input\"]},"
        "{\"name\":\"f\",\"type\":\"concat\",\"inputs\":[\"d\",\"e\"]}";
    static const char pool[] =
        "{\"name\":\"c\",\"type\":\"dense\",\"weight\":[[0,1,0],[0,0,1],[0,1,1]"
        ","
        "[0,1,-1]],\"bias\":[1e12,1e12,1e12,1e12],\"inputs\":[\"b\"]},"
        "{\"type\":\"relu\"},{\"type\":\"reshape\",\"shape\":[1,2,2]},"
        "{\"type\":\"max-pool\",\"kernel\":[2,2]},{\"type\":\"flatten\"}";
    static const char *const last[] = {
        "{\"type\":\"groupsort\",\"group\":2,\"inputs\":[\"f\"]}",
        "{\"type\":\"householder\",\"angles\":[1.0],\"inputs\":[\"f\"]}", NULL,
        "{\"type\":\"dense\",\"weight\":[[1,0],[0,1e307]],"
        "\"bias\":[1e300,8.938e307]},"
        "{\"type\":\"householder\",\"angles\":[0]},{\"type\":\"relu\"},"
        "{\"type\":\"dense\",\"weight\":[[1,0]]}"};
    for (size_t i = 0; i < 4; i++)
        for (int p = 0; p < LIP_NORM_COUNT; p++) {
            struct bytes bytes = {0};
            struct lip_network *network;
            struct lip_norm_pair norm = {(enum lip_norm)p, (enum lip_norm)p};
            bytes_text(&bytes, "{\"layers\":[");
            if (i == 3)
                bytes_text(&bytes, "%s]}", last[i]);
            else if (i == 2)
                bytes_text(&bytes, "%s,%s]}", first, pool);
            else
                bytes_text(&bytes, "%s,%s,%s]}", first, two, last[i]);
            ck_assert_msg(read_bytes(&network, &bytes, NULL, &ctx) == LIP_OK,
                          "%s", ctx.error.detail);
            double most = least_upper(network, norm);
            ck_assert_msg(lower(network, norm) <= most,
                          "network %zu, norm %d: above %g", i, p, most);
            lip_network_free(network);
            bytes_clear(&bytes);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certify/field_lower");
    TCase *tc = tcase_create("field_lower");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, linear_networks_are_reached);
    tcase_add_test(tc, the_largest_of_numbers_moves_as_fast_as_one);
    tcase_add_test(tc, branches_may_cancel);
    tcase_add_test(tc, other_layers_are_left_alone);
    tcase_add_test(tc, overflow_is_not_hidden);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
