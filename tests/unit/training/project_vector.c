/* SPDX-License-Identifier: MIT
 *
 * Projections of vectors: feasible, and no feasible point is nearer. */
#include "training/project_vector.h"

#include "tests/support/suite.h"
#include "training/random.h"

#include <math.h>
#include <string.h>

enum { N = 9 };

static void fill(double *x, double size, uint64_t seed)
{
    for (size_t i = 0; i < N; i++)
        x[i] = size * lip_draw_normal(seed, 5, i);
}

/* The point p of a convex set is nearest to x exactly where
 * <x - p, q - p> <= 0 for all q in the set. */
START_TEST(nearest)
{
    double x[N], p[N], q[N], work[N];
    for (uint64_t seed = 0; seed < 3000; seed++) {
        enum lip_norm norm = (enum lip_norm)(seed % 3);
        double limit = 0.1 + (double)(seed % 7), sum = 0;
        fill(x, 2, seed);
        memcpy(p, x, sizeof x);
        bool moved = lip_project_vector(p, N, norm, limit, work);
        ck_assert_int_eq(moved, lip_vector_norm(x, N, norm) > limit);
        ck_assert_double_le(lip_vector_norm(p, N, norm), limit * (1 + 1e-14));
        if (!moved)
            ck_assert_mem_eq(x, p, sizeof x);
        for (uint64_t k = 0; k < 20; k++) {
            fill(q, k % 2 ? 2 : 0.3, 9999 + 20 * seed + k);
            double size = lip_vector_norm(q, N, norm);
            for (size_t i = 0; i < N; i++)
                q[i] *= size > limit ? limit / size : 1;
            sum = 0;
            for (size_t i = 0; i < N; i++)
                sum += (x[i] - p[i]) * (q[i] - p[i]);
            ck_assert_double_le(sum, 1e-12);
        }
    }
}
END_TEST

/* Equal numbers, zeros, one number, and a point on the ball. */
START_TEST(corners)
{
    double x[] = {2, -2, 2, -2}, one[] = {-7}, zero[] = {0, 0}, work[4];
    ck_assert(lip_project_vector(x, 4, LIP_NORM_1, 1, work));
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq(x[i], i % 2 ? -0.25 : 0.25);
    ck_assert(!lip_project_vector(x, 4, LIP_NORM_1, 1, work));
    for (int norm = 0; norm < 3; norm++) {
        one[0] = -7;
        lip_project_vector(one, 1, (enum lip_norm)norm, 3, work);
        ck_assert_double_eq(one[0], -3);
        ck_assert(!lip_project_vector(zero, 2, (enum lip_norm)norm, 3, work));
    }
}
END_TEST

START_TEST(vectors_of_a_matrix)
{
    struct lip_norm_pair inf = {LIP_NORM_INF, LIP_NORM_INF};
    struct lip_norm_pair one = {LIP_NORM_1, LIP_NORM_2};
    struct lip_vectors rows = lip_vectors_of(3, 5, inf);
    struct lip_vectors cols = lip_vectors_of(3, 5, one);
    ck_assert(rows.count == 3 && rows.length == 5 && rows.step == 5 &&
              rows.stride == 1 && rows.norm == LIP_NORM_1);
    ck_assert(cols.count == 5 && cols.length == 3 && cols.step == 1 &&
              cols.stride == 5 && cols.norm == LIP_NORM_2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/project_vector");
    TCase *tc = tcase_create("project_vector");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, nearest);
    tcase_add_test(tc, corners);
    tcase_add_test(tc, vectors_of_a_matrix);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
