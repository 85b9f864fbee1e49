/* SPDX-License-Identifier: MIT
 *
 * The exact projection: proven within the limit as stored, and no worse. */
#include "training/project.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

enum { MOST = 40 * 30 };

static float w[MOST], p[MOST], q[MOST];
static float work[8 * MOST] __attribute__((aligned(64)));

static const struct lip_norm_pair spectral = {LIP_NORM_2, LIP_NORM_2};

START_TEST(proven)
{
    static const double limit[] = {1, 0.3, 1e-3, 7, 1e4};
    for (size_t k = 0; k < 45; k++) {
        struct lip_norm_pair pair = {(enum lip_norm)(k % 9 / 3),
                                     (enum lip_norm)(k % 3)};
        double norm, again, most = limit[k / 9];
        if (!lip_norm_pair_easy(pair))
            continue;
        train_fill(w, MOST, 30 * most, k);
        memcpy(p, w, sizeof p);
        ck_assert_int_eq(
            lip_project_exactly(&norm, p, 40, 30, pair, most, NULL), LIP_OK);
        ck_assert_int_eq(lip_float_norm(&again, p, 40, 30, pair, NULL), LIP_OK);
        ck_assert_double_eq(norm, again);
        ck_assert_double_le(norm, most);
        ck_assert_double_ge(norm, most * (1 - 1e-6));
        memcpy(q, w, sizeof q);
        ck_assert_int_eq(lip_project(q, 40, 30, pair, most, work, NULL),
                         LIP_OK);
        for (size_t i = 0; i < MOST; i++)
            ck_assert_double_lt(fabs((double)p[i] - (double)q[i]), 1e-4 * most);
        ck_assert_int_eq(
            lip_project_exactly(&again, q, 40, 30, pair, most, NULL), LIP_OK);
        ck_assert_double_le(again, most);
    }
}
END_TEST

/* What is inside stays as it is, to the bit. */
START_TEST(inside_untouched)
{
    double norm;
    train_fill(w, MOST, 0.01, 3);
    memcpy(p, w, sizeof p);
    ck_assert_int_eq(lip_project_exactly(&norm, p, 30, 40, spectral, 1, NULL),
                     LIP_OK);
    ck_assert_mem_eq(p, w, sizeof p);
    ck_assert_double_lt(norm, 1);
}
END_TEST

/* All singular values at the limit: the worst case for rounding. */
START_TEST(orthogonal_matrix)
{
    struct lip_model *model = train_model(30, "dense:40", 1);
    double norm;
    ck_assert_int_eq(
        lip_initialise(model, lip_initial_find("orthogonal"), 1, NULL), LIP_OK);
    ck_assert_int_eq(
        lip_project_exactly(&norm, model->value, 40, 30, spectral, 1, NULL),
        LIP_OK);
    ck_assert_double_le(norm, 1);
    ck_assert_double_ge(norm, 1 - 1e-6);
    lip_model_free(model);
}
END_TEST

START_TEST(refusals)
{
    double norm;
    train_fill(w, MOST, 1, 3);
    w[5] = NAN;
    ck_assert_int_eq(lip_project_exactly(&norm, w, 30, 40, spectral, 1, NULL),
                     LIP_INVALID);
    w[5] = 1e38F;
    ck_assert_int_eq(lip_project_exactly(&norm, w, 30, 40, spectral, 1, NULL),
                     LIP_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/project_exactly");
    TCase *tc = tcase_create("project_exactly");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, proven);
    tcase_add_test(tc, inside_untouched);
    tcase_add_test(tc, orthogonal_matrix);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
