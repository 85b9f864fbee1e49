/* SPDX-License-Identifier: MIT
 *
 * Every constraint: keeps its limit, and gradients through those that map. */
#include "training/constraint.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"
#include "training/project.h"

#include <math.h>
#include <string.h>

enum { MOST = 16 * 16, WORK = 40 * MOST };

static float v[MOST], w[MOST], c[MOST], dv[MOST], warm[64], saved[64];
static float work[WORK] __attribute__((aligned(64)));

static struct lip_constrained make(const struct lip_constraint *constraint,
                                   size_t rows, size_t cols,
                                   struct lip_norm_pair pair, double size)
{
    struct lip_constrained matrix = {rows, cols, NULL, pair, 1.3, v,
                                     w,    c,    dv,   warm, work};
    train_fill(v, MOST, size, 1);
    train_fill(c, MOST, 1, 2);
    train_fill(warm, 64, 1, 3);
    memcpy(w, v, sizeof w);
    if (constraint->work)
        ck_assert_uint_le(constraint->work(&matrix), WORK);
    if (constraint->warm)
        ck_assert_uint_le(constraint->warm(&matrix), 64);
    return matrix;
}

/* Many rounds on a matrix far outside. */
static void settle(const struct lip_constraint *constraint,
                   const struct lip_constrained *matrix)
{
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(constraint->mapped ? constraint->map(matrix, NULL)
                                            : constraint->mend(matrix, NULL),
                         LIP_OK);
}

static const size_t shape[][2] = {{6, 10}, {10, 6}, {7, 7}, {1, 5}, {5, 1}};

START_TEST(keeps_the_limit)
{
    for (size_t k = 0; lip_constraints[k]; k++)
        for (int i = 0; i < 45; i++) {
            const struct lip_constraint *constraint = lip_constraints[k];
            const size_t *side = shape[i / 9];
            struct lip_norm_pair pair = {(enum lip_norm)(i % 9 / 3),
                                         (enum lip_norm)(i % 3)};
            double norm;
            if (constraint->free || !constraint->supports(pair))
                continue;
            struct lip_constrained matrix =
                make(constraint, side[0], side[1], pair, 1);
            settle(constraint, &matrix);
            ck_assert_int_eq(
                lip_float_norm(&norm, w, side[0], side[1], pair, NULL), LIP_OK);
            ck_assert_msg(norm <= 1.3 * (1 + 1e-4), "%s: %g", constraint->name,
                          norm);
            ck_assert_msg(norm >= 1.3 * 0.6, "%s: %g", constraint->name, norm);
        }
}
END_TEST

/* All singular values are the limit. */
START_TEST(orthogonal)
{
    static const char *const name[] = {"orthogonal-cayley",
                                       "orthogonal-bjorck"};
    struct lip_norm_pair pair = {LIP_NORM_2, LIP_NORM_2};
    for (int k = 0; k < 2; k++) {
        const struct lip_constraint *constraint = lip_constraint_find(name[k]);
        struct lip_constrained matrix = make(constraint, 4, 9, pair, 1);
        settle(constraint, &matrix);
        for (size_t i = 0; i < 4; i++)
            for (size_t j = 0; j < 4; j++) {
                double sum = 0;
                for (size_t l = 0; l < 9; l++)
                    sum += (double)w[i * 9 + l] * (double)w[j * 9 + l];
                ck_assert_double_lt(fabs(sum - (i == j ? 1.69 : 0)), 1e-4);
            }
    }
}
END_TEST

/* <C, W(V)>, with the warm vectors put back afterwards. */
static double value(const struct lip_constraint *constraint,
                    const struct lip_constrained *matrix)
{
    double sum = 0;
    memcpy(warm, saved, sizeof warm);
    ck_assert_int_eq(constraint->map(matrix, NULL), LIP_OK);
    for (size_t i = 0; i < matrix->rows * matrix->cols; i++)
        sum += (double)c[i] * (double)w[i];
    return sum;
}

static void check_pull(const struct lip_constraint *constraint,
                       const struct lip_constrained *matrix)
{
    settle(constraint, matrix);
    memcpy(saved, warm, sizeof warm);
    ck_assert_int_eq(constraint->map(matrix, NULL), LIP_OK);
    ck_assert_int_eq(constraint->pull(matrix, NULL), LIP_OK);
    for (size_t i = 0; i < matrix->rows * matrix->cols; i++) {
        const float held = v[i];
        v[i] = held + 0x1p-9F;
        double up = value(constraint, matrix), high = v[i];
        v[i] = held - 0x1p-9F;
        double down = value(constraint, matrix);
        double slope = (up - down) / (high - (double)v[i]);
        v[i] = held;
        ck_assert_msg(fabs(slope - (double)dv[i]) < 5e-3 * (1 + fabs(slope)),
                      "%s %zu x %zu, number %zu: %g, %g", constraint->name,
                      matrix->rows, matrix->cols, i, slope, (double)dv[i]);
    }
}

START_TEST(gradients)
{
    for (size_t k = 0; lip_constraints[k]; k++)
        for (int i = 0; i < 27; i++) {
            const struct lip_constraint *constraint = lip_constraints[k];
            const size_t *side = shape[i / 9];
            struct lip_norm_pair pair = {(enum lip_norm)(i % 9 / 3),
                                         (enum lip_norm)(i % 3)};
            if (!constraint->mapped || !constraint->supports(pair))
                continue;
            struct lip_constrained matrix =
                make(constraint, side[0], side[1], pair, 0.7);
            check_pull(constraint, &matrix);
        }
}
END_TEST

/* The list of what it can do stands in the refusal. */
START_TEST(refusals)
{
    struct lip_norm_pair inf = {LIP_NORM_INF, LIP_NORM_INF};
    struct lip_norm_pair hard = {LIP_NORM_INF, LIP_NORM_1};
    struct lip_ctx ctx = {0};
    const struct lip_constraint *clip = lip_constraint_find("rank-one-clip");
    ck_assert_int_eq(lip_constraint_check(clip, inf, &ctx), LIP_INVALID);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "can do: 2 to 2."));
    ck_assert_int_eq(
        lip_constraint_check(lip_constraint_find("projection"), inf, NULL),
        LIP_OK);
    for (size_t k = 0; lip_constraints[k]; k++)
        ck_assert_int_eq(lip_constraint_check(lip_constraints[k], hard, NULL),
                         LIP_INVALID);
    ck_assert_ptr_null(lip_constraint_find("hope"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/constraint");
    TCase *tc = tcase_create("constraint");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, keeps_the_limit);
    tcase_add_test(tc, orthogonal);
    tcase_add_test(tc, gradients);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
