/* SPDX-License-Identifier: MIT
 *
 * Anderson acceleration: exact on linear maps after as many steps as there
 * are dimensions, a plain step where there is nothing to learn from. */
#include "linalg/anderson.h"

#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 40 };

static struct lip_ctx none;

/* G(x) = A x + b with eigenvalues spread over (-0.99, 0.99), the fixed point
 * known. A = Q D Q for a reflection Q = I - 2 v v^T. */
struct map {
    int n;
    double v[MOST], d[MOST], fixed[MOST];
};

static void reflect(double *x, const struct map *map)
{
    double dot = 0;
    for (int k = 0; k < map->n; k++)
        dot += map->v[k] * x[k];
    for (int k = 0; k < map->n; k++)
        x[k] -= 2 * dot * map->v[k];
}

static struct map random_map(int n, uint64_t seed)
{
    struct map map = {.n = n};
    double norm = 0;
    for (int k = 0; k < n; k++) {
        map.v[k] = plain_normal(&seed);
        map.fixed[k] = plain_normal(&seed);
        map.d[k] = n == 1 ? 0.99 : -0.99 + 1.98 * k / (n - 1);
        norm += map.v[k] * map.v[k];
    }
    for (int k = 0; k < n; k++)
        map.v[k] /= sqrt(norm);
    return map;
}

/* f = G(x) - x = (A - I)(x - fixed). */
static void residual(double *f, const double *x, const struct map *map)
{
    double e[MOST];
    for (int k = 0; k < map->n; k++)
        f[k] = e[k] = x[k] - map->fixed[k];
    reflect(f, map);
    for (int k = 0; k < map->n; k++)
        f[k] *= map->d[k];
    reflect(f, map);
    for (int k = 0; k < map->n; k++)
        f[k] -= e[k];
}

/* The distance to the fixed point after `steps`. */
static double after(int steps, const struct map *map, double mixing, bool fast)
{
    struct lip_anderson a;
    double x[MOST] = {0}, f[MOST], next[MOST], e[MOST];
    ck_assert_int_eq(lip_anderson_new(&a, (size_t)map->n, mixing, &none),
                     LIP_OK);
    for (int s = 0; s < steps; s++) {
        residual(f, x, map);
        if (!fast)
            lip_anderson_forget(&a);
        lip_anderson_propose(next, &a, x, f, NULL);
        memcpy(x, next, sizeof x);
    }
    ck_assert_int_le(a.kept, LIP_ANDERSON_MEMORY);
    lip_anderson_clear(&a);
    for (int k = 0; k < map->n; k++)
        e[k] = x[k] - map->fixed[k];
    return vector_norm(e, (size_t)map->n, LIP_NORM_2);
}

/* n differences span R^n: the next step is the fixed point. */
START_TEST(exact_on_linear_maps)
{
    static const double mixing[] = {1, 0.5, -0.7};
    for (int n = 1; n <= 6; n++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            struct map map = random_map(n, seed + 1);
            double error = after(n + 2, &map, mixing[seed % 3], true);
            ck_assert_msg(error < 1e-5, "%d dimensions: %g", n, error);
        }
}
END_TEST

/* More dimensions than memory: still far ahead of plain iteration. */
START_TEST(faster_than_plain_iteration)
{
    struct map map = random_map(MOST, 3);
    double plain = after(300, &map, 1, false), fast = after(300, &map, 1, true);
    printf("300 steps: %g plain, %g accelerated\n", plain, fast);
    ck_assert_double_gt(plain, 0.01);
    ck_assert_double_lt(fast, 1e-6 * plain);
}
END_TEST

START_TEST(without_history_a_plain_step)
{
    struct lip_anderson a;
    static const double x[] = {1, 2, 3}, f[] = {0.5, -1, 8};
    double next[3];
    ck_assert_int_eq(lip_anderson_new(&a, 3, 0.25, &none), LIP_OK);
    for (int round = 0; round < 2; round++) {
        lip_anderson_propose(next, &a, x, f, NULL);
        for (int k = 0; k < 3; k++)
            ck_assert_double_eq(next[k], x[k] + 0.25 * f[k]);
        /* The same again: all differences are zero. */
        lip_anderson_propose(next, &a, x, f, NULL);
        for (int k = 0; k < 3; k++)
            ck_assert_double_eq(next[k], x[k] + 0.25 * f[k]);
        lip_anderson_forget(&a);
        ck_assert_int_eq(a.kept, 0);
    }
    lip_anderson_clear(&a);
}
END_TEST

/* Nothing of what was seen before forget() counts after it. */
START_TEST(forgets)
{
    struct map map = random_map(5, 8);
    struct lip_anderson a, b;
    double x[MOST] = {0}, f[MOST], next[MOST], fresh[MOST];
    ck_assert_int_eq(lip_anderson_new(&a, 5, 1, &none), LIP_OK);
    ck_assert_int_eq(lip_anderson_new(&b, 5, 1, &none), LIP_OK);
    for (int s = 0; s < 4; s++) {
        residual(f, x, &map);
        lip_anderson_propose(next, &a, x, f, NULL);
        memcpy(x, next, sizeof x);
    }
    lip_anderson_forget(&a);
    for (int s = 0; s < 3; s++) {
        residual(f, x, &map);
        lip_anderson_propose(next, &a, x, f, NULL);
        lip_anderson_propose(fresh, &b, x, f, NULL);
        for (int k = 0; k < 5; k++)
            ck_assert_double_eq(next[k], fresh[k]);
        memcpy(x, next, sizeof x);
    }
    lip_anderson_clear(&a);
    lip_anderson_clear(&b);
}
END_TEST

/* Numbers whose squares overflow or vanish give a finite step all the same. */
START_TEST(extreme_numbers)
{
    static const double scale[] = {1e200, 1e-200, 5e-324};
    for (int s = 0; s < 3; s++) {
        struct lip_anderson a;
        uint64_t state = 5;
        double x[4], f[4], next[4];
        ck_assert_int_eq(lip_anderson_new(&a, 4, 1, &none), LIP_OK);
        for (int step = 0; step < 12; step++) {
            for (int k = 0; k < 4; k++) {
                x[k] = scale[s] * plain_normal(&state);
                f[k] = scale[s] * plain_normal(&state);
            }
            lip_anderson_propose(next, &a, x, f, NULL);
            for (int k = 0; k < 4; k++)
                ck_assert_msg(isfinite(next[k]), "scale %g, step %d", scale[s],
                              step);
        }
        lip_anderson_clear(&a);
    }
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    struct lip_budget budget;
    for (long n = 0;; n++) {
        struct lip_anderson a;
        lip_budget_init(&budget, 0);
        struct lip_ctx ctx = {.budget = &budget};
        atomic_store(&budget.fail_after, n);
        enum lip_status status = lip_anderson_new(&a, 7, 1, &ctx);
        if (status == LIP_OK) {
            ck_assert_int_ge(n, 3);
            lip_anderson_clear(&a);
            ck_assert_uint_eq(atomic_load(&budget.used), 0);
            return;
        }
        ck_assert_int_eq(status, LIP_NO_MEMORY);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
        lip_anderson_clear(&a); /* clearing what is empty is allowed */
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/anderson");
    TCase *tc = tcase_create("anderson");
    tcase_add_test(tc, exact_on_linear_maps);
    tcase_add_test(tc, faster_than_plain_iteration);
    tcase_add_test(tc, without_history_a_plain_step);
    tcase_add_test(tc, forgets);
    tcase_add_test(tc, extreme_numbers);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
