/* SPDX-License-Identifier: MIT
 *
 * Projections of matrices: feasible, nearest, the same again. */
#include "training/project.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

enum { MOST = 20 * 13 };

static const size_t shape[][2] = {{13, 20}, {20, 13}, {7, 7}, {1, 9}, {9, 1}};
static float w[MOST], p[MOST], q[MOST],
    work[4 * MOST + 1000] __attribute__((aligned(64)));

/* <W - P, Q - P> <= 0 for many Q inside; P inside; P projects to itself. */
static void check(size_t m, size_t n, struct lip_norm_pair pair, double limit)
{
    double norm;
    size_t count = m * n;
    ck_assert_uint_le(lip_project_room(m, n, pair), sizeof work / sizeof *work);
    memcpy(p, w, sizeof p);
    ck_assert_int_eq(lip_project(p, m, n, pair, limit, work, NULL), LIP_OK);
    ck_assert_int_eq(lip_float_norm(&norm, p, m, n, pair, NULL), LIP_OK);
    ck_assert_double_le(norm, limit * (1 + 1e-5));
    for (uint64_t k = 0; k < 30; k++) {
        double sum = 0;
        train_fill(q, count, k % 3 ? 1 : 0.05, 99 + k);
        for (size_t i = 0; i < count; i++)
            q[i] += k % 2 ? w[i] : 0;
        ck_assert_int_eq(lip_float_norm(&norm, q, m, n, pair, NULL), LIP_OK);
        for (size_t i = 0; i < count; i++) {
            double inside = q[i] * fmin(1, limit / norm);
            sum += ((double)w[i] - (double)p[i]) * (inside - (double)p[i]);
        }
        ck_assert_double_le(sum, 2e-4);
    }
    memcpy(q, p, sizeof q);
    ck_assert_int_eq(lip_project(q, m, n, pair, limit * (1 + 1e-5), work, NULL),
                     LIP_OK);
    for (size_t i = 0; i < count; i++)
        ck_assert_float_lt(fabsf(q[i] - p[i]), 1e-5F);
}

START_TEST(nearest)
{
    for (size_t k = 0; k < sizeof shape / sizeof *shape; k++)
        for (int i = 0; i < 9; i++) {
            struct lip_norm_pair pair = {(enum lip_norm)(i / 3),
                                         (enum lip_norm)(i % 3)};
            train_fill(w, MOST, 1, k);
            if (!lip_norm_pair_easy(pair))
                continue;
            check(shape[k][0], shape[k][1], pair, 1);
            check(shape[k][0], shape[k][1], pair, 3.3);
        }
}
END_TEST

/* The spectral projection against the clipped singular values of a matrix
 * made from known ones: diagonal but for two rotations. */
START_TEST(clips_singular_values)
{
    struct lip_norm_pair pair = {LIP_NORM_2, LIP_NORM_2};
    const float c = 0.8F, s = 0.6F;
    float a[] = {c * 3, -s * 0.5F, 0, s * 3, c * 0.5F, 0};
    const float expected[] = {c, -s * 0.5F, 0, s, c * 0.5F, 0};
    ck_assert_int_eq(lip_project(a, 2, 3, pair, 1, work, NULL), LIP_OK);
    for (int i = 0; i < 6; i++)
        ck_assert_float_lt(fabsf(a[i] - expected[i]), 1e-5F);
}
END_TEST

/* One singular value many times over: eigenvectors that nothing tells apart. */
START_TEST(cluster)
{
    struct lip_norm_pair pair = {LIP_NORM_2, LIP_NORM_2};
    struct lip_model *model = train_model(60, "dense:40", 1);
    static float room[2 * 40 * 40 + 40 + 60 * 40] __attribute__((aligned(64)));
    float *a = model->value;
    lip_initialise(model, lip_initial_find("orthogonal"), 1, NULL);
    for (size_t i = 0; i < 2400; i++)
        a[i] *= 1.5F;
    ck_assert_int_eq(lip_project(a, 40, 60, pair, 1, room, NULL), LIP_OK);
    for (size_t i = 0; i < 40; i++)
        for (size_t j = 0; j < 40; j++) {
            double sum = 0;
            for (size_t k = 0; k < 60; k++)
                sum += (double)a[i * 60 + k] * (double)a[j * 60 + k];
            ck_assert_double_lt(fabs(sum - (i == j)), 1e-4);
        }
    lip_model_free(model);
}
END_TEST

START_TEST(not_finite)
{
    struct lip_norm_pair pair = {LIP_NORM_2, LIP_NORM_2};
    train_fill(w, MOST, 1, 1);
    w[17] = NAN;
    ck_assert_int_eq(lip_project(w, 13, 20, pair, 1, work, NULL), LIP_INVALID);
    w[17] = INFINITY;
    ck_assert_int_eq(lip_project(w, 13, 20, pair, 1, work, NULL), LIP_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/project");
    TCase *tc = tcase_create("project");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, nearest);
    tcase_add_test(tc, clips_singular_values);
    tcase_add_test(tc, cluster);
    tcase_add_test(tc, not_finite);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
