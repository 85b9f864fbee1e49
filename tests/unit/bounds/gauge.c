/* SPDX-License-Identifier: MIT
 *
 * The gauge: positive, finite, the largest of each layer 1; it transforms
 * inversely to a rescaling of neurons; it balances what it says. */
#include "bounds/gauge.h"

#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

static struct lip_ctx none;
static const size_t width[] = {3, 6, 5, 7, 2};
enum { LINKS = 4 };

static void check_range(const struct lip_gauge *gauge,
                        const struct lip_chain *chain)
{
    ck_assert_uint_eq(gauge->layers, chain->count - 1);
    for (size_t i = 0; i < gauge->layers; i++) {
        double most = 0;
        for (size_t k = 0; k < lip_chain_width(chain, i + 1); k++) {
            ck_assert(gauge->d[i][k] > 0 && gauge->d[i][k] <= 1);
            most = fmax(most, gauge->d[i][k]);
        }
        ck_assert_double_eq(most, 1);
    }
}

/* G_i -> G_i s with W_i rows times s_k, W_{i+1} columns divided by it. */
START_TEST(transforms_inversely)
{
    for (int r = 1; r <= 2; r++) {
        struct plain net;
        struct lip_gauge before, after;
        double s[8];
        uint64_t state = 3;
        plain_random(&net, "relu", width, LINKS, 1);
        struct lip_chain *chain = plain_chain(&net, &none);
        for (size_t k = 0; k < width[2]; k++) {
            s[k] = exp2(round(plain_uniform(&state, -8, 8)));
            for (size_t j = 0; j < width[1]; j++)
                net.weight[1][k * width[1] + j] *= s[k];
            for (size_t i = 0; i < width[3]; i++)
                net.weight[2][i * width[2] + k] /= s[k];
        }
        struct lip_chain *scaled = plain_chain(&net, &none);
        ck_assert_int_eq(lip_gauge_new(&before, chain, r, &none), LIP_OK);
        ck_assert_int_eq(lip_gauge_new(&after, scaled, r, &none), LIP_OK);
        check_range(&before, chain);
        check_range(&after, scaled);
        /* d = G^2 goes with 1 / s^2, up to one factor a layer. */
        double ratio = after.d[1][0] * s[0] * s[0] / before.d[1][0];
        for (size_t k = 0; k < width[2]; k++)
            ck_assert_double_eq_tol(
                after.d[1][k] * s[k] * s[k] / before.d[1][k] / ratio, 1, 1e-9);
        for (size_t k = 0; k < width[1]; k++)
            ck_assert_double_eq_tol(after.d[0][k] / before.d[0][k], 1, 1e-9);
        lip_gauge_clear(&before);
        lip_gauge_clear(&after);
        lip_chain_free(chain);
        lip_chain_free(scaled);
        plain_clear(&net);
    }
}
END_TEST

/* z = A_1 v, q = A_2^T z': d = (q / z)^(1 / r) for the dominant pair of A_2 A_1
 * of a network small enough to do by hand: A_1 = (a, b), A_2 = (c, d): z = A_1
 * and q = A_2 up to a factor. */
START_TEST(by_hand)
{
    static const size_t w[] = {1, 2, 1};
    struct plain net;
    plain_zero(&net, "relu", w, 2);
    net.weight[0][0] = 1;
    net.weight[0][1] = -4;
    net.weight[1][0] = 0.5;
    net.weight[1][1] = 0.25;
    struct lip_chain *chain = plain_chain(&net, &none);
    for (int r = 1; r <= 2; r++) {
        struct lip_gauge gauge;
        ck_assert_int_eq(lip_gauge_new(&gauge, chain, r, &none), LIP_OK);
        ck_assert_double_eq_tol(gauge.d[0][0], 1, 1e-15);
        /* (0.25 / 4) / (0.5 / 1) */
        ck_assert_double_eq_tol(gauge.d[0][1], 0.125, 1e-12);
        lip_gauge_clear(&gauge);
    }
    lip_chain_free(chain);
    plain_clear(&net);
}
END_TEST

/* Neurons without a way in or out, layers of extreme size. */
START_TEST(dead_neurons_and_extremes)
{
    for (int way = 0; way < 4; way++)
        for (int r = 1; r <= 2; r++) {
            struct plain net;
            struct lip_gauge gauge;
            plain_random(&net, "relu", width, LINKS, 2);
            for (size_t j = 0; j < width[1]; j++)
                if (way == 0)
                    net.weight[1][2 * width[1] + j] = 0;
            for (size_t i = 0; i < width[3]; i++)
                if (way == 1)
                    net.weight[2][i * width[2] + 1] = 0;
            for (size_t k = 0; k < width[1] * width[2]; k++)
                if (way > 1)
                    net.weight[1][k] *= k % 3 ? 1 : way == 2 ? 1e-200 : 1e200;
            struct lip_chain *chain = plain_chain(&net, &none);
            ck_assert_int_eq(lip_gauge_new(&gauge, chain, r, &none), LIP_OK);
            check_range(&gauge, chain);
            lip_gauge_clear(&gauge);
            lip_chain_free(chain);
            plain_clear(&net);
        }
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    struct plain net;
    plain_random(&net, "relu", width, LINKS, 2);
    struct lip_chain *chain = plain_chain(&net, &none);
    for (long allowed = 0;; allowed++) {
        struct lip_budget budget;
        struct lip_gauge gauge;
        lip_budget_init(&budget, 0);
        struct lip_ctx ctx = {.budget = &budget};
        atomic_store(&budget.fail_after, allowed);
        enum lip_status status = lip_gauge_new(&gauge, chain, 2, &ctx);
        if (status == LIP_OK)
            lip_gauge_clear(&gauge);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
        if (status == LIP_OK)
            break;
        ck_assert_int_eq(status, LIP_NO_MEMORY);
        ck_assert_int_lt(allowed, 60);
    }
    lip_chain_free(chain);
    plain_clear(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/gauge");
    TCase *tc = tcase_create("gauge");
    tcase_add_test(tc, transforms_inversely);
    tcase_add_test(tc, by_hand);
    tcase_add_test(tc, dead_neurons_and_extremes);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
