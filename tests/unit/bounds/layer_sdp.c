/* SPDX-License-Identifier: MIT
 *
 * The layer problem of ECLipsE: what comes out is feasible, and no direction
 * nearby gives a larger c; known answers. */
#include "bounds/layer_sdp.h"

#include "tests/support/exact.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDEST = 24 };

static struct lip_ctx none;

/* A problem with S = A^T A, A rank x n. */
struct sample {
    struct lip_matrix s, next;
    struct lip_sector sector[WIDEST];
};

static void sample_clear(struct sample *p)
{
    lip_matrix_clear(&p->s);
    lip_matrix_clear(&p->next);
}

static struct sample sample_new(size_t n, size_t next, size_t rank, double lo,
                                double hi, uint64_t seed)
{
    struct sample p;
    double a[WIDEST * WIDEST];
    ck_assert_int_eq(lip_matrix_new(&p.s, n, n, &none), LIP_OK);
    ck_assert_int_eq(lip_matrix_new(&p.next, n, next, &none), LIP_OK);
    for (size_t k = 0; k < n * rank; k++)
        a[k] = plain_normal(&seed);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t c = 0; c < rank; c++)
                sum += a[i * rank + c] * a[j * rank + c];
            p.s.data[i + j * n] = i <= j ? sum : NAN; /* not to be read */
        }
    for (size_t k = 0; k < n * next; k++)
        p.next.data[k] = plain_normal(&seed);
    for (size_t k = 0; k < n; k++)
        p.sector[k] = (struct lip_sector){.lo = lo, .hi = hi};
    return p;
}

static bool solve(double *lambda, const struct sample *p)
{
    struct lip_layer_problem problem = {&p->s, &p->next, p->sector, 0, 1};
    size_t steps = 0;
    bool done;
    ck_assert_int_eq(
        lip_layer_sdp(lambda, &steps, &done, &problem, 10000, &none), LIP_OK);
    ck_assert_uint_ge(steps, 5);
    return done;
}

/* The largest c for these multipliers, 1 / sigma(W' M^-1 W'^T), exact but for
 * rounding; 0 where M is not positive definite. */
static double value(const struct sample *p, const double *lambda)
{
    size_t n = p->s.rows;
    double lo[WIDEST], hi[WIDEST];
    arb_mat_t s, m, w, r, v;
    arb_t norm;
    arb_ptr l = _arb_vec_init((slong)n);
    arb_mat_init(s, (slong)n, (slong)n);
    arb_mat_init(m, (slong)n, (slong)n);
    for (size_t j = 0; j < n; j++) {
        arb_set_d(l + j, lambda[j]);
        lo[j] = p->sector[j].lo;
        hi[j] = p->sector[j].hi;
        for (size_t i = 0; i < n; i++)
            arb_set_d(arb_mat_entry(s, i, j),
                      p->s.data[i <= j ? i + j * n : j + i * n]);
    }
    double result = 0;
    if (exact_block(m, s, l, lo, hi) && exact_positive(m)) {
        exact_matrix(w, &p->next, false);
        arb_mat_init(r, (slong)n, (slong)n);
        ck_assert(arb_mat_cho(r, m, BALL_PREC));
        arb_mat_init(v, (slong)n, arb_mat_ncols(w));
        arb_mat_solve_tril(v, r, w, 0, BALL_PREC);
        arb_init(norm);
        exact_spectral(norm, v);
        result = pow(arf_get_d(arb_midref(norm), ARF_RND_NEAR), -2);
        arb_clear(norm);
        arb_mat_clear(w);
        arb_mat_clear(r);
        arb_mat_clear(v);
    }
    arb_mat_clear(s);
    arb_mat_clear(m);
    _arb_vec_clear(l, (slong)n);
    return result;
}

/* Slopes of every kind: relu, leaky, gelu, narrow, steep, falling. */
static const struct lip_slopes slopes[] = {{0, 1},   {0.1, 1}, {-0.129, 1.129},
                                           {0.7, 1}, {0, 50},  {-0.4, 1}};
enum { SLOPES = sizeof slopes / sizeof *slopes };

/* Feasible, and a local maximum, which is the global one: the problem is
 * convex. */
START_TEST(no_direction_is_better)
{
    static const size_t width[][3] = {
        {1, 1, 1}, {5, 2, 9}, {8, 20, 8}, {12, 3, 4}, {16, 16, 20}};
    for (uint64_t seed = 0; seed < 5 * SLOPES; seed++) {
        const size_t *w = width[seed % 5];
        struct sample p = sample_new(w[0], w[1], w[2], slopes[seed / 5].lo,
                                     slopes[seed / 5].hi, seed);
        double lambda[WIDEST], moved[WIDEST];
        uint64_t state = seed;
        ck_assert(solve(lambda, &p));
        double best = value(&p, lambda);
        ck_assert_msg(best > 0, "seed %d: not feasible", (int)seed);
        for (int trial = 0; trial < 200; trial++) {
            double size = exp10(-plain_uniform(&state, 1, 7));
            for (size_t k = 0; k < w[0]; k++)
                moved[k] = lambda[k] * (1 + size * plain_normal(&state));
            double other = value(&p, moved);
            ck_assert_msg(other <= best * (1 + 1e-7), "seed %d: %g above %g",
                          (int)seed, other, best);
        }
        sample_clear(&p);
    }
}
END_TEST

/* One neuron: M = lambda - m^2 lambda^2 / (1/s + p lambda), and c is largest
 * where the derivative vanishes: c = s^-1 w^-2 max(a^2, b^2)^-1. */
START_TEST(one_neuron)
{
    for (int k = 0; k < SLOPES; k++) {
        struct sample p = sample_new(1, 1, 1, slopes[k].lo, slopes[k].hi, 3);
        double lambda;
        p.s.data[0] = 9;
        p.next.data[0] = 2;
        ck_assert(solve(&lambda, &p));
        double b = slopes[k].hi;
        ck_assert_double_eq_tol(value(&p, &lambda) * (36 * b * b), 1, 1e-7);
        sample_clear(&p);
    }
}
END_TEST

/* Units do not matter: S, W' and single neurons scaled by powers of two. */
START_TEST(scales)
{
    for (uint64_t seed = 0; seed < 6; seed++) {
        size_t n = 7;
        struct sample p =
            sample_new(n, 4, 9, slopes[seed].lo, slopes[seed].hi, seed);
        double before[WIDEST], after[WIDEST];
        uint64_t state = seed + 1;
        ck_assert(solve(before, &p));
        double c = value(&p, before);
        for (size_t k = 0; k < n; k++) {
            double g = exp2(round(plain_uniform(&state, -20, 20)));
            for (size_t j = 0; j < n; j++) {
                p.s.data[k + j * n] *= g;
                p.s.data[j + k * n] *= g;
            }
            for (size_t j = 0; j < 4; j++)
                p.next.data[k + j * n] /= g;
        }
        ck_assert(solve(after, &p));
        /* what little is added to the diagonal is not scaled with it */
        ck_assert_double_ge(value(&p, after) / c, 0.5);
        ck_assert_double_le(value(&p, after) / c, 1 + 1e-7);
        sample_clear(&p);
    }
}
END_TEST

/* Neurons that nothing reaches, that reach nothing, that are linear, flat. */
START_TEST(odd_neurons)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        size_t n = 9;
        struct sample p = sample_new(n, 4, 5, 0, 1, seed);
        double lambda[WIDEST];
        for (size_t j = 0; j < n; j++)
            p.s.data[j < 2 ? j + 2 * n : 2 + j * n] = 0;
        for (size_t j = 0; j < 4; j++)
            p.next.data[5 + j * n] = 0;
        p.sector[7] = (struct lip_sector){.lo = seed % 2 ? 1 : 0.99, .hi = 1};
        p.sector[8] = (struct lip_sector){.lo = 0};
        ck_assert(solve(lambda, &p));
        for (size_t k = 0; k < n; k++)
            ck_assert_msg(lambda[k] > 0 && isfinite(lambda[k]), "neuron %d",
                          (int)k);
        ck_assert_double_gt(value(&p, lambda), 0);
        sample_clear(&p);
    }
}
END_TEST

/* No step, one step, ...: always multipliers that are feasible, better and
 * better. */
START_TEST(obeys_the_limit)
{
    struct sample p = sample_new(12, 5, 14, 0, 1, 1);
    struct lip_layer_problem problem = {&p.s, &p.next, p.sector, 0, 1};
    double lambda[WIDEST], last = 0;
    for (size_t most = 0; most < 30; most++) {
        size_t steps = 0;
        bool done;
        ck_assert_int_eq(
            lip_layer_sdp(lambda, &steps, &done, &problem, most, &none),
            LIP_OK);
        ck_assert_uint_eq(steps, most);
        ck_assert(!done);
        double c = value(&p, lambda);
        ck_assert_double_gt(c, last * 0.9);
        last = c;
    }
    sample_clear(&p);
}
END_TEST

/* Where there is no start, since nothing reaches the layer, there are no steps
 * either: none that rest on what the memory held before. */
START_TEST(without_a_start)
{
    struct sample p = sample_new(7, 4, 9, 0, 1, 1);
    struct lip_layer_problem problem = {&p.s, &p.next, p.sector, 0, 1};
    double lambda[WIDEST];
    size_t steps = 0;
    bool done = true;
    memset(p.s.data, 0, 49 * sizeof(double));
    ck_assert_int_eq(lip_layer_sdp(lambda, &steps, &done, &problem, 50, &none),
                     LIP_OK);
    ck_assert_uint_eq(steps, 0);
    ck_assert(!done);
    sample_clear(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/layer_sdp");
    TCase *tc = tcase_create("layer_sdp");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, no_direction_is_better);
    tcase_add_test(tc, one_neuron);
    tcase_add_test(tc, scales);
    tcase_add_test(tc, odd_neurons);
    tcase_add_test(tc, obeys_the_limit);
    tcase_add_test(tc, without_a_start);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
