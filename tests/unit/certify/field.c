/* SPDX-License-Identifier: MIT
 *
 * Networks at a point: values, errors that hold them, derivatives. */
#include "certify/field.h"

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

/* An image through a convolution, the largest of 2 x 2, a residual block,
 * mirrors, a dense layer and a sort. */
static struct lip_network *make(const char *activation)
{
    double number[400];
    uint64_t seed = 11;
    for (size_t i = 0; i < 400; i++)
        number[i] = uniform(&seed);
    struct lip_layer layer[] = {
        make_reshape((long[]){1, 6, 6, 0}),
        make_conv((size_t[]){2, 1, 3, 3, 0}, number, number, &ctx),
        make_activation(activation),
        make_kind(&lip_layer_max_pool),
        make_conv((size_t[]){2, 2, 3, 3, 0}, number + 30, NULL, &ctx),
        make_kind(&lip_layer_add),
        make_kind(&lip_layer_householder),
        make_dense(4, 18, number + 80, number, &ctx),
        make_kind(&lip_layer_group_sort)};
    layer[6].weight = make_array((size_t[]){9, 0}, number + 300, &ctx);
    set(&layer[1], "padding", 1, (long[]){1});
    set(&layer[3], "kernel", 2, (long[]){2, 2});
    set(&layer[3], "stride", 2, (long[]){2, 2});
    set(&layer[4], "padding", 1, (long[]){1});
    take_from(&layer[5], 2, (size_t[]){3, 4}, &ctx);
    struct lip_network *network;
    ck_assert_msg(make_network(&network, layer, 9, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    return network;
}

static void start(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static const char *const activations[] = {"relu", "tanh", "leaky-relu"};

START_TEST(values_are_those_of_the_network)
{
    struct lip_network *network = make(activations[_i]);
    struct lip_field field;
    double x[36], y[4];
    uint64_t seed = 2;
    ck_assert_int_eq(lip_field_new(&field, network, &ctx), LIP_OK);
    for (int round = 0; round < 20; round++) {
        for (size_t k = 0; k < 36; k++)
            x[k] = 3 * uniform(&seed);
        lip_network_eval(y, network, x, &ctx);
        lip_field_to(&field, x, true);
        for (size_t k = 0; k < 4; k++) {
            double error = lip_field_error(&field)[k];
            ck_assert_double_le(fabs(lip_field_value(&field)[k] - y[k]),
                                2 * error);
            ck_assert_double_gt(error, 0);
            ck_assert_double_lt(error, 1e-11);
        }
    }
    lip_field_clear(&field);
    lip_network_free(network);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

/* u' (J v) = (J' u)' v, and J v is the difference of values near by. */
START_TEST(derivatives_belong_together)
{
    struct lip_network *network = make(activations[_i]);
    struct lip_field field;
    double x[36], v[36], u[4], jv[4], near[36], before[4], h = 1e-6;
    uint64_t seed = 9;
    ck_assert_int_eq(lip_field_new(&field, network, &ctx), LIP_OK);
    for (size_t k = 0; k < 36; k++) {
        x[k] = uniform(&seed);
        v[k] = uniform(&seed);
        near[k] = x[k] + h * v[k];
    }
    for (size_t k = 0; k < 4; k++)
        u[k] = uniform(&seed);
    lip_field_to(&field, x, false);
    double left = 0, right = 0;
    for (size_t k = 0; k < 4; k++) {
        jv[k] = lip_field_tangent(&field, v)[k];
        before[k] = lip_field_value(&field)[k];
        left += u[k] * jv[k];
    }
    const double *back = lip_field_adjoint(&field, u);
    for (size_t k = 0; k < 36; k++)
        right += back[k] * v[k];
    ck_assert_double_eq_tol(left, right, 1e-12);
    lip_field_to(&field, near, false);
    for (size_t k = 0; k < 4; k++)
        ck_assert_double_eq_tol((lip_field_value(&field)[k] - before[k]) / h,
                                jv[k], 1e-4);
    lip_field_clear(&field);
    lip_network_free(network);
}
END_TEST

/* 0.1 is no double: 0.1 * 3 - 0.3 in the arithmetic of the stored numbers is
 * 2^-54 times something, which the error must hold. */
START_TEST(errors_hold_what_rounding_loses)
{
    double w[] = {0.1, 0.1, 0.1, -0.3}, x[] = {1, 1, 1, 1};
    struct lip_layer layer[] = {make_dense(1, 4, w, NULL, &ctx)};
    struct lip_network *network;
    struct lip_field field;
    ck_assert_int_eq(make_network(&network, layer, 1, &ctx), LIP_OK);
    ck_assert_int_eq(lip_field_new(&field, network, &ctx), LIP_OK);
    lip_field_to(&field, x, true);
    long double exact = 3 * (long double)0.1 - (long double)0.3;
    double off = (double)fabsl((long double)lip_field_value(&field)[0] - exact);
    ck_assert_double_gt(off, 0);
    ck_assert_double_le(off, lip_field_error(&field)[0]);
    lip_field_clear(&field);
    lip_network_free(network);
}
END_TEST

/* A mirror's values against long double, near its line too. It may turn errors
 * of both numbers into one of sqrt 2 times as much. */
START_TEST(errors_hold_what_mirrors_lose)
{
    uint64_t seed = 4;
    double lost = 0;
    for (int t = 0; t < 500; t++) {
        double x[2] = {uniform(&seed), uniform(&seed)}, angle = 9 * x[0];
        double w[4] = {1, 0, 0, 1}, v[4] = {1e7, -1e7, 1e7, -1e7};
        double same[2] = {x[1], x[1]}; /* of which v leaves errors */
        long double c = cosl((long double)angle / 2);
        long double s = sinl((long double)angle / 2);
        if (t % 2) { /* on the line */
            x[0] = (double)c * x[1];
            x[1] = (double)s * x[1];
        }
        long double d = s * x[0] - c * x[1], twice = d > 0 ? 0 : 2 * d;
        long double y[2] = {x[0] - twice * s, x[1] + twice * c};
        for (int exact = 1; exact >= 0; exact--) {
            struct lip_layer layer[] = {
                make_dense(2, 2, exact ? w : v, NULL, &ctx),
                make_kind(&lip_layer_householder)};
            layer[1].weight = make_array((size_t[]){1, 0}, &angle, &ctx);
            struct lip_network *network;
            struct lip_field field;
            ck_assert_int_eq(make_network(&network, layer, 2, &ctx), LIP_OK);
            ck_assert_int_eq(lip_field_new(&field, network, &ctx), LIP_OK);
            lip_field_to(&field, exact ? x : same, true);
            const double *error = lip_field_error(&field);
            double before = fmax(field.error[0], field.error[1]);
            for (size_t k = 0; k < 2; k++) {
                double off = (double)fabsl(lip_field_value(&field)[k] - y[k]);
                ck_assert(!exact || off <= error[k] - sqrt(2) * before);
                lost = fmax(lost, exact ? off : 0);
                ck_assert(error[k] >= sqrt(2) * before);
                ck_assert(error[k] < (exact ? 1e-12 : 1e-7));
            }
            lip_field_clear(&field);
            lip_network_free(network);
        }
    }
    ck_assert_double_gt(lost, 0);
}
END_TEST

/* Of a large convolution only the kernel is kept: the same numbers. */
START_TEST(large_convolutions_are_evaluated_from_their_kernel)
{
    enum { IN = 8 * 40 * 40, OUT = 16 * 38 * 20, WEIGHTS = 16 * 8 * 7 * 7 };
    double *number = lip_alloc(&ctx, WEIGHTS, sizeof *number);
    uint64_t seed = 6;
    for (size_t i = 0; i < WEIGHTS; i++)
        number[i] = uniform(&seed);
    struct lip_layer layer[] = {
        make_reshape((long[]){8, 40, 40, 0}),
        make_conv((size_t[]){16, 8, 7, 7, 0}, number, number, &ctx)};
    lip_free(number);
    set(&layer[1], "stride", 2, (long[]){1, 2});
    set(&layer[1], "padding", 4, (long[]){1, 3, 3, 2});
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 2, &ctx), LIP_OK);
    ck_assert_uint_eq(network->outputs, OUT);
    struct lip_field field;
    ck_assert_int_eq(lip_field_new(&field, network, &ctx), LIP_OK);
    ck_assert_double_le((double)atomic_load(&budget.used),
                        2 * lip_field_bytes(network));
    double *x = lip_alloc(&ctx, IN, sizeof *x), left = 0, right = 0;
    double *y = lip_alloc(&ctx, OUT, sizeof *y);
    for (size_t i = 0; i < IN; i++)
        x[i] = uniform(&seed);
    lip_network_eval(y, network, x, &ctx);
    lip_field_to(&field, x, true);
    for (size_t k = 0; k < OUT; k++)
        ck_assert_double_le(fabs(lip_field_value(&field)[k] - y[k]),
                            2 * lip_field_error(&field)[k]);
    const double *ax = lip_field_tangent(&field, x);
    for (size_t k = 0; k < OUT; k++)
        left += ax[k] * y[k];
    const double *aty = lip_field_adjoint(&field, y);
    for (size_t k = 0; k < IN; k++)
        right += aty[k] * x[k];
    ck_assert_double_eq_tol(left, right, 1e-9 * fabs(left));
    lip_field_clear(&field);
    lip_network_free(network);
    lip_free(x);
    lip_free(y);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    struct lip_network *network = make("relu");
    struct lip_field field;
    enum lip_status status = LIP_NO_MEMORY;
    long allowed = 0;
    for (; status != LIP_OK && allowed < 200; allowed++) {
        atomic_store(&budget.fail_after, allowed);
        lip_error_clear(&ctx);
        status = lip_field_new(&field, network, &ctx);
        if (status != LIP_OK)
            ck_assert_int_eq(status, LIP_NO_MEMORY);
    }
    ck_assert_int_gt(allowed, 20);
    ck_assert_double_ge(lip_field_bytes(network),
                        (double)atomic_load(&budget.used) / 2);
    lip_field_clear(&field);
    lip_network_free(network);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certify/field");
    TCase *tc = tcase_create("field");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_loop_test(tc, values_are_those_of_the_network, 0, 3);
    tcase_add_loop_test(tc, derivatives_belong_together, 0, 3);
    tcase_add_test(tc, errors_hold_what_rounding_loses);
    tcase_add_test(tc, errors_hold_what_mirrors_lose);
    tcase_add_test(tc, large_convolutions_are_evaluated_from_their_kernel);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
