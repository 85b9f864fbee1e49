/* SPDX-License-Identifier: MIT
 *
 * Networks: what is accepted, what is refused and in which words, evaluation
 * by hand, and memory that runs out at any point. */
#include "network/network.h"

#include "tests/support/layers.h"
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

static const double w1[] = {1, -2, 3, 4, 0, -1}; /* 3 x 2 */
static const double b1[] = {0.5, 0, -1};
static const double w2[] = {1, 2, -1}; /* 1 x 3 */

/* W1 x + b1 for x = (1, 2): (-2.5, 11, -3); relu: (0, 11, 0); W2: 22. */
START_TEST(evaluation_by_hand)
{
    struct lip_layer layer[] = {make_dense(3, 2, w1, b1, &ctx),
                                make_activation("relu"),
                                make_dense(1, 3, w2, NULL, &ctx)};
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 3, &ctx), LIP_OK);
    ck_assert_uint_eq(network->inputs, 2);
    ck_assert_uint_eq(network->outputs, 1);
    ck_assert_uint_eq(network->parameters, 12);
    double y, x[] = {1, 2};
    ck_assert_int_eq(lip_network_eval(&y, network, x, &ctx), LIP_OK);
    ck_assert_double_eq(y, 22);
    atomic_store(&budget.fail_after, 0);
    ck_assert_int_eq(lip_network_eval(&y, network, x, &ctx), LIP_NO_MEMORY);
    lip_network_free(network);
    lip_network_free(NULL);
    nothing_is_left();
}
END_TEST

/* The layers in front of the first dense one take its size. */
START_TEST(unknown_sizes_are_filled_in)
{
    struct lip_layer layer[] = {make_flatten(), make_activation("abs"),
                                make_dense(3, 2, w1, NULL, &ctx),
                                make_activation("tanh"), make_flatten()};
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 5, &ctx), LIP_OK);
    static const size_t size[] = {2, 2, 2, 3, 3, 3};
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(network->layer[i].inputs, size[i]);
        ck_assert_uint_eq(network->layer[i].outputs, i < 2 ? 2 : size[i + 1]);
    }
    ck_assert_uint_eq(network->inputs, 2);
    ck_assert_uint_eq(network->outputs, 3);
    double y[3], x[] = {-1, 2};
    ck_assert_int_eq(lip_network_eval(y, network, x, &ctx), LIP_OK);
    ck_assert_double_eq(y[0], tanh(-3));
    ck_assert_double_eq(y[1], tanh(11));
    ck_assert_double_eq(y[2], tanh(-2));
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

static void assert_refused(const struct lip_layer *layer, size_t count,
                           const char *where, const char *words)
{
    struct lip_network *network;
    lip_error_clear(&ctx);
    ck_assert_int_eq(make_network(&network, layer, count, &ctx), LIP_INVALID);
    ck_assert_ptr_null(network);
    ck_assert_str_eq(ctx.error.where, where);
    ck_assert_msg(strstr(ctx.error.detail, words), "%s", ctx.error.detail);
    nothing_is_left();
}

START_TEST(shapes_that_do_not_meet_name_the_layer)
{
    struct lip_layer layer[] = {make_dense(3, 2, w1, b1, &ctx),
                                make_activation("relu"),
                                make_dense(3, 1, w2, NULL, &ctx)};
    strcpy(layer[2].name, "fc2");
    assert_refused(layer, 3, "2",
                   "Layer 2 (\"fc2\", dense): the weight is 3 x "
                   "1 (outputs x inputs), but 3 numbers");
    ck_assert_int_eq(ctx.error.place, LIP_AT_LAYER);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "layout=io"));
}
END_TEST

START_TEST(models_without_weights_are_refused)
{
    assert_refused(NULL, 0, "", "no layers");
    struct lip_layer layer[] = {make_activation("relu"), make_flatten()};
    assert_refused(layer, 2, "", "no layer with weights");
}
END_TEST

START_TEST(numbers_that_are_not_finite_are_refused)
{
    double bad[] = {1, 2, 3, 4, INFINITY, 6}, worse[] = {1, NAN, 3};
    struct lip_layer one[] = {make_activation("relu"),
                              make_dense(3, 2, bad, NULL, &ctx)};
    assert_refused(one, 2, "1", "weight/2/0 is infinite");
    struct lip_layer two[] = {make_dense(3, 2, w1, worse, &ctx)};
    assert_refused(two, 1, "0", "bias/1 is NaN");
}
END_TEST

/* An error that is recorded already stays the first one. */
START_TEST(the_first_error_stays)
{
    lip_fail(&ctx, LIP_MALFORMED, "before");
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, NULL, 0, &ctx), LIP_INVALID);
    ck_assert_str_eq(ctx.error.detail, "before");
    struct lip_ctx none = {0};
    struct lip_layer layer[] = {make_flatten()};
    ck_assert_int_eq(make_network(&network, layer, 1, &none), LIP_INVALID);
}
END_TEST

/* Tries to make and evaluate a network with `allowed` allocations. */
static bool works_with(long allowed)
{
    start();
    atomic_store(&budget.fail_after, allowed);
    double slope[] = {0.1, 0.2, 0.3};
    struct lip_layer layer[] = {make_dense(3, 2, w1, b1, &ctx),
                                make_activation("prelu"),
                                make_dense(1, 3, w2, NULL, &ctx)};
    layer[1].weight = make_tensor(LIP_F32, false, 3, 0, slope, &ctx);
    bool built = ctx.error.status == LIP_OK;
    struct lip_network *network = NULL;
    if (!built)
        for (size_t i = 0; i < 3; i++)
            lip_layer_clear(&layer[i]);
    else
        built = make_network(&network, layer, 3, &ctx) == LIP_OK;
    double y, x[] = {1, 2};
    if (built)
        built = lip_network_eval(&y, network, x, &ctx) == LIP_OK;
    lip_network_free(network);
    nothing_is_left();
    if (!built)
        ck_assert_int_eq(ctx.error.status, LIP_NO_MEMORY);
    return built;
}

START_TEST(memory_may_run_out_anywhere)
{
    long allowed = 0;
    while (!works_with(allowed))
        ck_assert_int_lt(++allowed, 100);
    /* tensors: 4 blocks and 4 buffers; array, marks of those used, network, 4
     * strips, 3 rooms */
    ck_assert_int_eq(allowed, 18);
}
END_TEST

/* Hundreds of layers, widths of one. */
START_TEST(deep_and_narrow)
{
    enum { DEPTH = 501 };
    struct lip_layer layer[DEPTH];
    double two = 2, y, x = -3;
    for (size_t i = 0; i < DEPTH; i++)
        layer[i] = i % 2 ? make_activation("identity")
                         : make_dense(1, 1, &two, NULL, &ctx);
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, DEPTH, &ctx), LIP_OK);
    ck_assert_int_eq(lip_network_eval(&y, network, &x, &ctx), LIP_OK);
    ck_assert_double_eq(y, -3 * 0x1p251);
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

START_TEST(types_are_named)
{
    struct lip_layer layer[] = {make_flatten(), make_activation("gelu")};
    ck_assert_str_eq(lip_layer_type(&layer[0]), "flatten");
    ck_assert_str_eq(lip_layer_type(&layer[1]), "gelu");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/network");
    TCase *tc = tcase_create("network");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, evaluation_by_hand);
    tcase_add_test(tc, unknown_sizes_are_filled_in);
    tcase_add_test(tc, shapes_that_do_not_meet_name_the_layer);
    tcase_add_test(tc, models_without_weights_are_refused);
    tcase_add_test(tc, numbers_that_are_not_finite_are_refused);
    tcase_add_test(tc, the_first_error_stays);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    tcase_add_test(tc, deep_and_narrow);
    tcase_add_test(tc, types_are_named);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
