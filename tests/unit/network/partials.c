/* SPDX-License-Identifier: MIT
 *
 * Intervals of partial derivatives: hold all quotients, known by hand where
 * that is possible, and no wider than need be where monotony is proven. */
#include "network/partials.h"

#include "tests/support/layers.h"
#include "tests/support/suite.h"
#include "training/random.h"

#include <math.h>

static struct lip_network *make(const struct lip_layer *layer, size_t count)
{
    struct lip_network *network;
    struct lip_ctx ctx = {0};
    ck_assert_msg(make_network(&network, layer, count, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    return network;
}

static struct lip_layer sort_by(size_t group)
{
    return (struct lip_layer){.kind = &lip_layer_group_sort, .group = group};
}

/* One matrix: its entries, to the last bit but a few. */
START_TEST(matrix)
{
    const double w[] = {1, -2, 0.1, 0, 3, 1e-300};
    struct lip_layer layer[] = {make_dense(2, 3, w, NULL, NULL)};
    struct lip_network *network = make(layer, 1);
    struct lip_partials p;
    ck_assert_int_eq(lip_partials_new(&p, network, NULL), LIP_OK);
    ck_assert_uint_eq(p.inputs, 3);
    ck_assert_uint_eq(p.outputs, 2);
    for (int i = 0; i < 6; i++) {
        ck_assert_double_le(p.lo[i], w[i]);
        ck_assert_double_ge(p.hi[i], w[i]);
        ck_assert_double_le(p.hi[i] - p.lo[i], 1e-14);
    }
    ck_assert(p.lo[3] == 0 && p.hi[3] == 0);
    lip_partials_clear(&p);
    lip_network_free(network);
}
END_TEST

/* relu(x) - relu(y), and |x|: by hand. */
START_TEST(activations)
{
    const double one[] = {1, 0, 0, 1}, minus[] = {1, -1};
    struct lip_layer layer[] = {make_dense(2, 2, one, NULL, NULL),
                                make_activation("relu"),
                                make_dense(1, 2, minus, NULL, NULL)};
    struct lip_network *network = make(layer, 3);
    struct lip_partials p;
    ck_assert_int_eq(lip_partials_new(&p, network, NULL), LIP_OK);
    ck_assert(p.lo[0] <= 0 && p.lo[0] > -1e-14 && p.hi[0] >= 1 &&
              p.hi[0] < 1 + 1e-14);
    ck_assert(p.lo[1] <= -1 && p.hi[1] >= 0 && p.hi[1] < 1e-14);
    lip_partials_clear(&p);
    lip_network_free(network);
    struct lip_layer other[] = {make_dense(1, 2, minus, NULL, NULL),
                                make_activation("abs")};
    network = make(other, 2);
    ck_assert_int_eq(lip_partials_new(&p, network, NULL), LIP_OK);
    for (int j = 0; j < 2; j++)
        ck_assert(p.lo[j] <= -1 && p.lo[j] > -1 - 1e-14 && p.hi[j] >= 1);
    lip_partials_clear(&p);
    lip_network_free(network);
}
END_TEST

/* A sorted number moves as one of its group may; equal rows stay exact. */
START_TEST(sorted)
{
    const double w[] = {1, 0, 5, 0, 0, 3, 0, 3};
    struct lip_layer layer[] = {make_dense(4, 2, w, NULL, NULL), sort_by(2)};
    struct lip_network *network = make(layer, 2);
    struct lip_partials p;
    ck_assert_int_eq(lip_partials_new(&p, network, NULL), LIP_OK);
    for (int k = 0; k < 2; k++) {
        ck_assert(p.lo[2 * k] <= 1 && p.lo[2 * k] > 1 - 1e-14);
        ck_assert(p.hi[2 * k] >= 5 && p.hi[2 * k] < 5 + 1e-14);
    }
    for (int k = 2; k < 4; k++)
        ck_assert(p.hi[2 * k + 1] - p.lo[2 * k + 1] < 1e-14);
    lip_partials_clear(&p);
    lip_network_free(network);
}
END_TEST

/* No quotient of a random network lies outside; some come near. */
START_TEST(holds_quotients)
{
    static const char *const phi[] = {"relu", "leaky-relu", "tanh", "silu"};
    for (uint64_t t = 0; t < 24; t++) {
        double a[36], b[36], c[6], x[6], y[1], z[1];
        for (uint64_t i = 0; i < 36; i++) {
            a[i] = lip_draw_normal(t, 70, i);
            b[i] = lip_draw_normal(t, 71, i);
        }
        for (uint64_t i = 0; i < 6; i++)
            c[i] = lip_draw_normal(t, 72, i);
        struct lip_layer layer[] = {
            make_dense(6, 6, a, NULL, NULL),
            t % 2 ? sort_by(t % 3 ? 2 : 0) : make_activation(phi[t / 2 % 4]),
            make_dense(6, 6, b, c, NULL), make_activation(phi[t % 4]),
            make_dense(1, 6, c, NULL, NULL)};
        struct lip_network *network = make(layer, 5);
        struct lip_partials p;
        ck_assert_int_eq(lip_partials_new(&p, network, NULL), LIP_OK);
        for (uint64_t s = 0; s < 600; s++) {
            size_t j = s % 6;
            for (uint64_t i = 0; i < 6; i++)
                x[i] = lip_draw_normal(t, 73 + s, i);
            lip_network_eval(y, network, x, NULL);
            double step = s % 2 ? 0x1p-10 : -2;
            x[j] += step;
            lip_network_eval(z, network, x, NULL);
            double slope = (*z - *y) / step;
            ck_assert_double_ge(slope, p.lo[j] - 1e-9);
            ck_assert_double_le(slope, p.hi[j] + 1e-9);
        }
        lip_partials_clear(&p);
        lip_network_free(network);
    }
}
END_TEST

/* A mirror: sqrt 2 times the fastest. */
START_TEST(mirrored)
{
    const double w[] = {1, 0, 0, 3}, angle[] = {0.7};
    struct lip_layer layer[] = {
        make_dense(2, 2, w, NULL, NULL),
        {.kind = &lip_layer_householder,
         .weight = make_tensor(LIP_F64, false, 1, 0, angle, NULL)}};
    struct lip_network *network = make(layer, 2);
    struct lip_partials p;
    ck_assert_int_eq(lip_partials_new(&p, network, NULL), LIP_OK);
    for (int k = 0; k < 2; k++) {
        ck_assert_double_le(p.lo[2 * k + 1], -3 * sqrt(2));
        ck_assert_double_ge(p.hi[2 * k], sqrt(2));
        ck_assert_double_le(p.hi[2 * k], 1.5);
    }
    lip_partials_clear(&p);
    lip_network_free(network);
}
END_TEST

START_TEST(overflow)
{
    const double w[] = {1e200}, v[] = {1e200};
    struct lip_layer layer[] = {make_dense(1, 1, w, NULL, NULL),
                                make_activation("relu"),
                                make_dense(1, 1, v, NULL, NULL)};
    struct lip_network *network = make(layer, 3);
    struct lip_partials p;
    ck_assert_int_eq(lip_partials_new(&p, network, NULL), LIP_UNPROVEN);
    ck_assert_ptr_null(p.lo);
    lip_network_free(network);
}
END_TEST

/* Products below the smallest double are not taken for zero. */
START_TEST(underflow)
{
    const double w[] = {1e-200}, v[] = {-1e-200};
    struct lip_layer layer[] = {make_dense(1, 1, w, NULL, NULL),
                                make_activation("relu"),
                                make_dense(1, 1, v, NULL, NULL)};
    struct lip_network *network = make(layer, 3);
    struct lip_partials p;
    ck_assert_int_eq(lip_partials_new(&p, network, NULL), LIP_OK);
    ck_assert_double_lt(p.lo[0], 0);
    lip_partials_clear(&p);
    lip_network_free(network);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
    const double w[] = {1, 2, 3, 4};
    struct lip_layer layer[] = {make_dense(2, 2, w, NULL, NULL), sort_by(2)};
    struct lip_network *network = make(layer, 2);
    struct lip_partials p = {0};
    struct lip_budget budget;
    lip_budget_init(&budget, 0);
    for (long n = 0; !p.lo; n++) {
        struct lip_ctx ctx = {.budget = &budget};
        budget.fail_after = n;
        ck_assert_int_eq(lip_partials_new(&p, network, &ctx),
                         p.lo ? LIP_OK : LIP_NO_MEMORY);
        ck_assert(p.lo || budget.used == 0);
        ck_assert_int_lt(n, 50);
    }
    lip_partials_clear(&p);
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/partials");
    TCase *tc = tcase_create("partials");
    tcase_add_test(tc, matrix);
    tcase_add_test(tc, activations);
    tcase_add_test(tc, sorted);
    tcase_add_test(tc, holds_quotients);
    tcase_add_test(tc, mirrored);
    tcase_add_test(tc, overflow);
    tcase_add_test(tc, underflow);
    tcase_add_test(tc, survives_lack_of_memory);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
