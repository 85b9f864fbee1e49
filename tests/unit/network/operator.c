/* SPDX-License-Identifier: MIT
 *
 * Linear layers by their rows: y' (A x) = (A' y)' x for every kind, and |A|. */
#include "tests/support/graph.h"
#include "tests/support/suite.h"

#include "network/operator.h"

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

static double dot(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

static void check(const struct lip_layer *layer)
{
    struct lip_operator op;
    double x[64], y[64], ax[64], aty[64], most[64], sum[64] = {0};
    uint64_t seed = 5;
    ck_assert_uint_le(layer->inputs, 64);
    ck_assert_uint_le(layer->outputs, 64);
    for (size_t i = 0; i < 64; i++) {
        x[i] = uniform(&seed);
        y[i] = uniform(&seed);
    }
    ck_assert_int_eq(lip_operator_new(&op, layer, &ctx), LIP_OK);
    lip_operator_apply(ax, &op, x);
    lip_operator_adjoint(aty, &op, y);
    ck_assert_double_eq_tol(dot(ax, y, layer->outputs),
                            dot(aty, x, layer->inputs), 1e-12);
    for (size_t i = 0; i < 64; i++)
        most[i] = 1;
    lip_operator_apply_abs(sum, &op, most);
    for (size_t k = 0; k < layer->outputs; k++) {
        double row = 0;
        size_t n = lip_operator_row(&op, k);
        for (size_t j = 0; j < n; j++)
            row += fabs(op.value[j]);
        ck_assert_double_eq_tol(sum[k], row, 1e-12);
    }
    lip_operator_adjoint_abs(sum, &op, most);
    double all = dot(sum, most, layer->inputs), rows = 0;
    lip_operator_apply_abs(ax, &op, most);
    rows = dot(ax, most, layer->outputs);
    ck_assert_double_eq_tol(all, rows, 1e-12);
    lip_operator_clear(&op);
}

START_TEST(adjoints_belong_to_their_operators)
{
    double number[64];
    uint64_t seed = 8;
    for (size_t i = 0; i < 64; i++)
        number[i] = uniform(&seed);
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 4, 4, 0}),
        make_conv((size_t[]){2, 2, 2, 3, 0}, number, number, &ctx),
        make_kind(&lip_layer_concat), make_kind(&lip_layer_add),
        make_dense(1, 64, number, number, &ctx)};
    set(&layer[1], "padding", 4, (long[]){1, 1, 0, 1});
    take_from(&layer[2], 2, (size_t[]){1, 1}, &ctx);
    set(&layer[2], "axis", 1, (long[]){2});
    take_from(&layer[3], 2, (size_t[]){2, 2}, &ctx);
    set(&layer[3], "sign", 2, (long[]){1, -1});
    struct lip_network *network;
    ck_assert_msg(make_network(&network, layer, 5, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    for (size_t i = 1; i < 5; i++)
        if (network->layer[i].inputs <= 64)
            check(&network->layer[i]);
    lip_network_free(network);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/operator");
    TCase *tc = tcase_create("operator");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, adjoints_belong_to_their_operators);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
