/* SPDX-License-Identifier: MIT
 *
 * Batches in float32 against the plain evaluation, for every way of computing a
 * layer. */
#include "network/inference.h"

#include "tests/support/graph.h"
#include "tests/support/suite.h"

#include <math.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static double uniform(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)*seed * 0x1p-63;
}

enum { BATCH = 700, MOST = 4096 };

static struct lip_network *every_way(void)
{
    static double number[MOST];
    uint64_t seed = 3;
    for (size_t i = 0; i < MOST; i++)
        number[i] = uniform(&seed);
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 9, 7, 0}),
        make_conv((size_t[]){4, 1, 3, 2, 0}, number, number, &ctx),
        make_activation("relu"),
        make_conv((size_t[]){4, 4, 3, 3, 0}, number + 99, NULL, &ctx),
        make_kind(&lip_layer_add),
        make_activation("tanh"),
        make_kind(&lip_layer_concat),
        make_flatten(),
        make_dense(6, 160, number + 500, number, &ctx),
        {.kind = &lip_layer_group_sort, .group = 3}};
    set(&layer[1], "groups", 1, (long[]){2});
    set(&layer[1], "stride", 2, (long[]){2, 1});
    set(&layer[1], "padding", 4, (long[]){2, 0, 1, 0});
    set(&layer[1], "dilation", 2, (long[]){1, 3});
    set(&layer[3], "padding", 1, (long[]){1});
    take_from(&layer[4], 2, (size_t[]){2, 3}, &ctx);
    set(&layer[4], "sign", 2, (long[]){1, -1});
    take_from(&layer[6], 2, (size_t[]){5, 2}, &ctx);
    struct lip_network *network;
    ck_assert_msg(make_network(&network, layer, 10, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    return network;
}

START_TEST(batches_agree_with_single_inputs)
{
    struct lip_network *network = every_way();
    struct lip_inference *inference;
    float *x = lip_alloc(&ctx, BATCH * network->inputs, sizeof *x);
    float *y = lip_alloc(&ctx, BATCH * network->outputs, sizeof *y);
    uint64_t seed = 4;
    for (size_t i = 0; i < BATCH * network->inputs; i++)
        x[i] = (float)uniform(&seed);
    ck_assert_int_eq(lip_inference_new(&inference, network, &ctx), LIP_OK);
    ck_assert_int_eq(lip_inference_run(y, inference, x, BATCH, &ctx), LIP_OK);
    for (size_t i = 0; i < BATCH; i++) {
        double in[256], out[6];
        for (size_t k = 0; k < network->inputs; k++)
            in[k] = x[i * network->inputs + k];
        ck_assert_int_eq(lip_network_eval(out, network, in, &ctx), LIP_OK);
        for (size_t k = 0; k < 6; k++)
            ck_assert_double_eq_tol(y[i * 6 + k], out[k], 1e-4);
    }
    lip_inference_free(inference);
    lip_inference_free(NULL);
    lip_network_free(network);
    lip_free(x);
    lip_free(y);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    struct lip_network *network = every_way();
    struct lip_inference *inference = NULL;
    long allowed = 0;
    for (; !inference && allowed < 200; allowed++) {
        atomic_store(&budget.fail_after, allowed);
        lip_error_clear(&ctx);
        if (lip_inference_new(&inference, network, &ctx) != LIP_OK)
            ck_assert_int_eq(ctx.error.status, LIP_NO_MEMORY);
    }
    ck_assert_int_gt(allowed, 20);
    lip_inference_free(inference);
    lip_network_free(network);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

static void start(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

int main(void)
{
    Suite *suite = suite_create("network/inference");
    TCase *tc = tcase_create("inference");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, batches_agree_with_single_inputs);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
