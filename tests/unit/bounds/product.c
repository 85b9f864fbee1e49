/* SPDX-License-Identifier: MIT
 *
 * Products of norms over graphs: the rules for layers one after the other, side
 * by side and joined; folding; and never less than what is attained. */
#include "bounds/product.h"

#include "tests/support/graph.h"
#include "tests/support/grown_graph.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>

static struct lip_ctx none;

static struct lip_network *network_of(const struct lip_layer *layer,
                                      size_t count)
{
    struct lip_network *network;
    enum lip_status s = make_network(&network, layer, count, &none);
    ck_assert_msg(s == LIP_OK, "%s", none.error.detail);
    return network;
}

static double value_of(const struct lip_network *network, enum lip_norm p)
{
    struct lip_product *product;
    enum lip_status s =
        lip_product_new(&product, network, p, LIP_PRODUCT_INDUCED, &none);
    ck_assert_msg(s == LIP_OK, "%s", none.error.detail);
    double value = lip_big_double(product->value);
    lip_product_free(product);
    return value;
}

static struct lip_layer from(struct lip_layer layer, size_t count, size_t a,
                             size_t b)
{
    size_t source[] = {a, b};
    take_from(&layer, count, source, &none);
    return layer;
}

static struct lip_layer dense(size_t outputs, size_t inputs,
                              const double *weight)
{
    return make_dense(outputs, inputs, weight, NULL, &none);
}

#define assert_close(value, expected)                                          \
    do {                                                                       \
        ck_assert_double_ge(value, expected);                                  \
        ck_assert_double_le(value, (expected) * (1 + 1e-12));                  \
    } while (0)

/* relu(2 x) beside |3 x|: joined, and added. */
static const double two[] = {2, 0, 0, 2}, three[] = {3, 0, 0, 3};

static struct lip_network *branches(const struct lip_layer_kind *kind)
{
    struct lip_layer layer[] = {
        from(dense(2, 2, two), 1, LIP_FROM_INPUT, 0),
        make_activation("relu"),
        from(dense(2, 2, three), 1, LIP_FROM_INPUT, 0),
        make_activation("abs"),
        from(make_kind(kind), 2, 1, 3),
    };
    return network_of(layer, 5);
}

START_TEST(joined_branches)
{
    static const double expected[] = {5, 3.605551275463989, 3};
    struct lip_network *network = branches(&lip_layer_concat);
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        assert_close(value_of(network, (enum lip_norm)p), expected[p]);
    lip_network_free(network);
}
END_TEST

START_TEST(added_branches)
{
    struct lip_network *network = branches(&lip_layer_add);
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        assert_close(value_of(network, (enum lip_norm)p), 5);
    lip_network_free(network);
}
END_TEST

/* x - W x with nothing between is the map I - W: not 1 + |W|. */
START_TEST(linear_skips_are_folded)
{
    static const double w[] = {0.5, 0, 0, 0.75};
    struct lip_layer layer[] = {
        make_activation("tanh"),
        dense(2, 2, w),
        from(make_kind(&lip_layer_add), 2, 0, 1),
        make_activation("relu"),
    };
    long sign[] = {1, -1};
    set(&layer[2], "sign", 2, sign);
    struct lip_network *network = network_of(layer, 4);
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        assert_close(value_of(network, (enum lip_norm)p), 0.5);
    lip_network_free(network);
}
END_TEST

/* The same layer twice: x - x is nothing. */
START_TEST(what_cancels_is_nothing)
{
    struct lip_layer layer[] = {
        dense(2, 2, two),
        make_activation("relu"),
        from(make_kind(&lip_layer_add), 2, 1, 1),
    };
    long sign[] = {1, -1};
    set(&layer[2], "sign", 2, sign);
    struct lip_network *network = network_of(layer, 3);
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        ck_assert_double_le(value_of(network, (enum lip_norm)p), 1e-12);
    lip_network_free(network);
}
END_TEST

/* x + relu(W x): 1 + |W|. */
START_TEST(skips_over_activations_add)
{
    struct lip_layer layer[] = {
        make_activation("tanh"), dense(2, 2, three),
        make_activation("relu"), from(make_kind(&lip_layer_add), 2, 0, 2),
        dense(2, 2, two),
    };
    struct lip_network *network = network_of(layer, 5);
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        assert_close(value_of(network, (enum lip_norm)p), 8);
    lip_network_free(network);
}
END_TEST

/* Two dense layers in a row are one: their product is 0 here. */
START_TEST(dense_after_dense_is_one)
{
    static const double a[] = {1, 1}, b[] = {1, -1, 2, -2};
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 0}),  dense(1, 2, a),
        make_activation("relu"),       dense(2, 1, b),
        dense(1, 2, (double[]){2, 2}),
    };
    struct lip_network *network = network_of(layer, 5);
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        ck_assert_double_le(value_of(network, (enum lip_norm)p), 1e-12);
    lip_network_free(network);
}
END_TEST

/* A convolution and the batch norms around it are one kernel: each channel of
 * the convolution is 100 times what the batch norms make of it. */
static struct lip_layer batch_norm(double a, double b)
{
    struct lip_layer layer = make_kind(&lip_layer_batch_norm);
    double weight[] = {a, b}, zero[] = {0, 0}, one[] = {1, 1};
    layer.parameter[0] = 0;
    layer.weight = make_tensor(LIP_F64, false, 2, 0, weight, &none);
    layer.bias = make_tensor(LIP_F64, false, 2, 0, zero, &none);
    layer.mean = make_tensor(LIP_F64, false, 2, 0, zero, &none);
    layer.variance = make_tensor(LIP_F64, false, 2, 0, one, &none);
    return layer;
}

START_TEST(batch_norm_is_folded_into_its_convolution)
{
    static const size_t dim[] = {2, 2, 1, 1, 0};
    static const double weight[] = {100, 0, 0, 1};
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 3, 3, 0}),
        batch_norm(0.1, 10),
        make_conv(dim, weight, NULL, &none),
        batch_norm(0.1, 0.1),
        make_activation("relu"),
    };
    struct lip_network *network = network_of(layer, 5);
    for (int p = 0; p < LIP_NORM_COUNT; p++) {
        double value = value_of(network, (enum lip_norm)p);
        ck_assert_double_ge(value, 1);
        ck_assert_double_le(value, 1.02);
    }
    lip_network_free(network);
}
END_TEST

/* Chains of dense layers have the product that the method naive takes. */
START_TEST(chains_have_the_product_of_their_norms)
{
    static const size_t width[] = {4, 7, 3, 5};
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct plain net;
        plain_random(&net, "relu", width, 3, seed);
        struct lip_network *network = plain_network(&net, &none);
        struct lip_chain *chain = plain_chain(&net, &none);
        for (int p = 0; p < LIP_NORM_COUNT; p++) {
            if (p == LIP_NORM_2)
                continue;
            struct lip_norm_pair pair = {(enum lip_norm)p, (enum lip_norm)p};
            double naive = bound_of("naive", chain, pair);
            double value = value_of(network, (enum lip_norm)p);
            ck_assert_double_le(fabs(value - naive), 1e-10 * naive);
        }
        lip_chain_free(chain);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

/* The steepest slope counts, whatever its sign. */
START_TEST(falling_slopes_count)
{
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 0}),
        dense(2, 2, two),
        make_activation("leaky-relu"),
        make_activation("prelu"),
    };
    static const double slope[] = {-4, 0.5};
    layer[2].parameter[0] = -3;
    layer[3].weight = make_tensor(LIP_F64, false, 2, 0, slope, &none);
    struct lip_network *network = network_of(layer, 4);
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        assert_close(value_of(network, (enum lip_norm)p), 24);
    lip_network_free(network);
}
END_TEST

static void check_shares(const struct lip_product *product)
{
    for (size_t s = 0; s < product->count; s++) {
        const struct lip_segment *segment = &product->segment[s];
        ck_assert_double_ge(segment->sensitivity, 0);
        ck_assert_double_le(segment->sensitivity, 1);
        ck_assert_uint_ge(segment->layers, 1);
        ck_assert_uint_eq(segment->layer[segment->layers - 1], segment->to);
    }
}

/* The parts of a sum share it as their terms do; a chain has 1 everywhere. */
START_TEST(shares_say_what_to_fix)
{
    struct lip_product *product;
    struct lip_network *network = branches(&lip_layer_add);
    ck_assert_int_eq(lip_product_new(&product, network, LIP_NORM_1,
                                     LIP_PRODUCT_INDUCED, &none),
                     LIP_OK);
    check_shares(product);
    ck_assert_uint_eq(product->count, 2);
    ck_assert_double_le(fabs(product->segment[0].sensitivity - 0.4), 1e-12);
    ck_assert_double_le(fabs(product->segment[1].sensitivity - 0.6), 1e-12);
    ck_assert_double_le(fabs(product->sensitivity[1] - 0.4), 1e-12);
    ck_assert(isnan(product->sensitivity[0]));
    lip_product_free(product);
    lip_network_free(network);
}
END_TEST

START_TEST(weights_of_any_size)
{
    static const double big[] = {1e300, -1e299}, tiny[] = {5e-324, 0};
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 0}), dense(1, 2, big), dense(2, 1, tiny),
        make_activation("relu"),      dense(1, 2, big),
    };
    struct lip_network *network = network_of(layer, 5);
    double value = value_of(network, LIP_NORM_INF);
    ck_assert_double_ge(value, 1.1e300 * 5e-324 * 1e300 * 1.0999);
    ck_assert_double_le(value, 1.1e300 * 5e-324 * 1e300 * 1.1001);
    lip_network_free(network);
}
END_TEST

START_TEST(never_below_what_is_attained)
{
    uint64_t seed = 20261121;
    printf("product: graphs from seed %llu\n", (unsigned long long)seed);
    double worst = INFINITY;
    for (int k = 0; k < 300; k++) {
        double attained[9];
        struct lip_network *network =
            grown_graph(&seed, 3 + (size_t)k % 14, true, &none);
        attained_in_pairs(attained, network, 6, seed);
        for (int p = 0; p < 2 * LIP_NORM_COUNT; p++) {
            struct lip_product *product;
            enum lip_status s = lip_product_new(
                &product, network, (enum lip_norm)(p % 3),
                p < 3 ? LIP_PRODUCT_INDUCED : LIP_PRODUCT_FROBENIUS, &none);
            ck_assert_msg(s == LIP_OK, "%s", none.error.detail);
            check_shares(product);
            double value = lip_big_double(product->value);
            ck_assert_msg(value >= attained[4 * (p % 3)] * (1 - 1e-5) - 1e-9,
                          "graph %d, norm %s: %g < %g", k,
                          lip_norm_name((enum lip_norm)(p % 3)), value,
                          attained[4 * (p % 3)]);
            worst = fmin(worst, value / attained[4 * (p % 3)]);
            lip_product_free(product);
        }
        lip_network_free(network);
    }
    /* The test could tell: bounds come close. */
    ck_assert_double_le(worst, 1.5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("product");
    TCase *tc = tcase_create("product");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, joined_branches);
    tcase_add_test(tc, added_branches);
    tcase_add_test(tc, linear_skips_are_folded);
    tcase_add_test(tc, what_cancels_is_nothing);
    tcase_add_test(tc, skips_over_activations_add);
    tcase_add_test(tc, dense_after_dense_is_one);
    tcase_add_test(tc, batch_norm_is_folded_into_its_convolution);
    tcase_add_test(tc, chains_have_the_product_of_their_norms);
    tcase_add_test(tc, falling_slopes_count);
    tcase_add_test(tc, shares_say_what_to_fix);
    tcase_add_test(tc, weights_of_any_size);
    tcase_add_test(tc, never_below_what_is_attained);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
