/* SPDX-License-Identifier: MIT
 *
 * The block recursion against ball arithmetic with the same multipliers: what
 * it calls feasible is feasible, its bound is never below the exact one and
 * above it by rounding only; sectors contain the slopes; extreme multipliers;
 * memory that runs out. */
#include "bounds/recursion.h"

#include "linalg/eigen.h"
#include "linalg/random.h"
#include "tests/support/exact.h"
#include "tests/support/plain.h"
#include "tests/support/step.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDEST = 64 };

static struct lip_ctx none;

/* How a test chooses multipliers in units of S^. */
typedef void choose_fn(double *lambda, const struct lip_recursion *rec,
                       uint64_t *state);

struct outcome {
    bool feasible; /* the library's word */
    double bound;
    double excess; /* bound / exact - 1 */
};

/* Runs both passes. Where the library says feasible, the oracle must too. */
static struct outcome compare(const struct lip_chain *chain, choose_fn *choose,
                              uint64_t *state)
{
    struct lip_recursion rec;
    struct outcome result = {.feasible = true};
    struct exact_pass pass;
    double lambda[WIDEST], lo[WIDEST], hi[WIDEST], used[WIDEST];
    ck_assert_int_eq(lip_recursion_new(&rec, chain, &none), LIP_OK);
    exact_pass_start(&pass, chain);
    for (size_t i = 0; i + 1 < chain->count && result.feasible; i++) {
        long exponent = rec.exponent;
        size_t n = rec.s.rows;
        arb_mat_t before;
        step_gram(before, &rec);
        choose(lambda, &rec, state);
        ck_assert_int_eq(lip_recursion_step(&rec, lambda, &result.feasible),
                         LIP_OK);
        for (size_t k = 0; k < n; k++) {
            lo[k] = chain->slopes[i][k].lo;
            hi[k] = chain->slopes[i][k].hi;
            used[k] = ldexp(rec.scaled[k], 2 * rec.power[k]);
        }
        if (result.feasible) {
            ck_assert(exact_pass_step(&pass, used, -2 * exponent, lo, hi));
            step_check_factor(&rec, before, lo, hi);
            step_check_solution(&rec);
        }
        arb_mat_clear(before);
    }
    if (result.feasible) {
        struct lip_big value;
        arb_t truth;
        arb_init(truth);
        ck_assert_int_eq(lip_recursion_finish(&value, &rec), LIP_OK);
        result.bound = lip_big_double(value);
        if (chain->count > 1) { /* |Y| and its error, both */
            arb_mat_t y;
            arb_t sigma;
            arb_init(sigma);
            exact_matrix(y, &rec.y, false);
            exact_spectral(truth, y);
            arb_set_d(sigma, rec.sigma);
            arb_add(truth, truth, sigma, BALL_PREC);
            arb_mul_2exp_si(truth, truth, rec.exponent);
            ck_assert(exact_not_below(result.bound, truth));
            arb_mat_clear(y);
            arb_clear(sigma);
        }
        exact_pass_finish(truth, &pass);
        result.excess = exact_excess(result.bound, truth);
        ck_assert_msg(exact_not_below(result.bound, truth),
                      "%.17g is below the exact value by %g", result.bound,
                      -result.excess);
        arb_clear(truth);
    }
    exact_pass_clear(&pass);
    lip_recursion_clear(&rec);
    return result;
}

/* Largest t for which t u is feasible: exact up to rounding. For a sector
 * [a, b] that is (b - a)^2 Lambda < S^-1. */
static double border(const double *u, const struct lip_recursion *rec)
{
    size_t n = rec->s.rows;
    const struct lip_sector *sector = rec->sector[rec->layer];
    struct lip_matrix t;
    double most, root[WIDEST];
    ck_assert_int_eq(lip_matrix_new(&t, n, n, &none), LIP_OK);
    for (size_t k = 0; k < n; k++)
        root[k] = (sector[k].hi - sector[k].lo) / 2 * sqrt(u[k]);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i <= j; i++)
            t.data[i + j * n] = rec->s.data[i + j * n] * root[i] * root[j];
    ck_assert_int_eq(lip_eigen_estimate(&most, &t, &none), LIP_OK);
    lip_matrix_clear(&t);
    return 1 / most;
}

/* A random direction of the given spread, `part` of the way to the border. */
static void toward_border(double *lambda, const struct lip_recursion *rec,
                          uint64_t *state, double spread, double part)
{
    size_t n = rec->s.rows;
    for (size_t k = 0; k < n; k++)
        lambda[k] = exp2(spread * plain_uniform(state, -1, 1));
    double t = part * border(lambda, rec);
    for (size_t k = 0; k < n; k++)
        lambda[k] *= t;
}

static void inside(double *lambda, const struct lip_recursion *rec,
                   uint64_t *state)
{
    toward_border(lambda, rec, state, 1, plain_uniform(state, 0.2, 0.9));
}

static void wild(double *lambda, const struct lip_recursion *rec,
                 uint64_t *state)
{
    toward_border(lambda, rec, state, 60, plain_uniform(state, 0.1, 0.9));
}

/* Within 1e-9 ... 1e-17 of the border, on either side. */
static void at_border(double *lambda, const struct lip_recursion *rec,
                      uint64_t *state)
{
    double part = 1 - exp10(-plain_uniform(state, 9, 17)) *
                          (lip_random_next(state) & 1 ? 1 : -1);
    toward_border(lambda, rec, state, 1, part);
}

/* Within 1e-12 ... 1e-15 in one layer only, so that M is nearly singular. */
static void near_border(double *lambda, const struct lip_recursion *rec,
                        uint64_t *state)
{
    double part =
        rec->layer == 0 ? 1 - exp10(-plain_uniform(state, 11.5, 15)) : 0.5;
    toward_border(lambda, rec, state, 1, part);
}

static const size_t shape[][7] = {
    {1, 1, 1}, {3, 2, 4},   {5, 9, 7, 2},       {2, 12, 1, 12, 3},
    {9, 4, 4}, {20, 16, 5}, {4, 8, 8, 8, 8, 1},
};
static const size_t links_of[] = {2, 2, 3, 4, 2, 2, 5};
enum { SHAPES = sizeof links_of / sizeof *links_of };

static const char *const activation_of[] = {
    "relu", "leaky-relu", "silu", "gelu", "tanh", "abs", "elu"};
enum { ACTIVATIONS = sizeof activation_of / sizeof *activation_of };

static void random_net(struct plain *net, uint64_t seed)
{
    size_t s = seed % SHAPES;
    plain_random(net, activation_of[seed / SHAPES % ACTIVATIONS], shape[s],
                 links_of[s], seed);
    if (strcmp(net->activation, "leaky-relu") == 0) {
        static const double slope[] = {0.01, 0.5, -0.3, -1.5, 0.999, -2, 7};
        net->has_parameter = true;
        net->parameter = slope[seed / 50 % 7];
    }
}

/* PReLU with slopes of their own, some layers of both signs; in [-1, 1], or in
 * [-3, 3], where neurons that are steeper on the falling side stand beside
 * others. */
static void random_prelu(struct plain *net, uint64_t seed)
{
    uint64_t state = seed;
    size_t s = seed % SHAPES;
    plain_random(net, "prelu", shape[s], links_of[s], seed);
    for (size_t i = 0; i + 1 < net->links; i++) {
        size_t n = net->width[i + 1];
        double size = seed / SHAPES % 2 ? 3 : 1;
        double least = seed % 3 == 0 ? 0 : -size;
        double most = seed % 3 == 1 ? 0 : size;
        net->slope[i] = calloc(n, sizeof(double));
        for (size_t k = 0; k < n; k++)
            net->slope[i][k] = plain_uniform(&state, least, most);
    }
}

static struct lip_chain *chain_of(struct plain *net)
{
    struct lip_chain *chain = plain_chain(net, &none);
    plain_clear(net);
    return chain;
}

/* Well inside the border every pass is feasible, and the bound exact but for
 * rounding. */
START_TEST(is_the_exact_value_rounded_up)
{
    double worst = 0;
    for (uint64_t seed = 0; seed < 2 * SHAPES * ACTIVATIONS; seed++) {
        struct plain net;
        uint64_t state = seed;
        random_net(&net, seed);
        struct lip_chain *chain = chain_of(&net);
        struct outcome got = compare(chain, inside, &state);
        ck_assert_msg(got.feasible, "seed %d: not proven", (int)seed);
        worst = fmax(worst, got.excess);
        lip_chain_free(chain);
    }
    printf("largest excess %g\n", worst);
    ck_assert_double_le(worst, 1e-10);
}
END_TEST

START_TEST(slopes_of_their_own)
{
    for (uint64_t seed = 0; seed < 6 * SHAPES; seed++) {
        struct plain net;
        uint64_t state = seed;
        random_prelu(&net, seed);
        struct lip_chain *chain = chain_of(&net);
        struct outcome got = compare(chain, inside, &state);
        ck_assert_msg(got.feasible, "seed %d: not proven", (int)seed);
        ck_assert_double_le(got.excess, 1e-8);
        lip_chain_free(chain);
    }
}
END_TEST

/* Multipliers that span 2^120: those above 2^80 times the least are lowered.
 */
START_TEST(wide_multipliers)
{
    size_t proven = 0, passes = 0;
    for (uint64_t seed = 0; seed < 3 * SHAPES; seed++) {
        struct plain net;
        uint64_t state = seed;
        random_net(&net, seed);
        net.activation = seed % 2 ? "relu" : "silu";
        struct lip_chain *chain = chain_of(&net);
        proven += compare(chain, wild, &state).feasible;
        passes++;
        lip_chain_free(chain);
    }
    printf("wide multipliers: %zu of %zu proven\n", proven, passes);
    ck_assert_uint_ge(2 * proven, passes);
}
END_TEST

/* compare() fails where the library proves what is false, or a value below
 * the exact one: the closer to the border, the larger the error bounds that
 * the library must get right. */
START_TEST(never_proves_what_is_false)
{
    size_t proven = 0, refused = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct plain net;
        uint64_t state = seed + 99;
        size_t width[] = {1 + seed % 5, 1 + seed % 7, 1 + seed % 3, 2};
        plain_random(&net, activation_of[seed % ACTIVATIONS], width,
                     2 + seed % 2, seed);
        struct lip_chain *chain = chain_of(&net);
        bool feasible =
            compare(chain, seed % 4 ? near_border : at_border, &state).feasible;
        proven += feasible;
        refused += !feasible;
        lip_chain_free(chain);
    }
    printf("near the border: %zu proven, %zu refused\n", proven, refused);
    ck_assert_uint_gt(proven, 50);
    ck_assert_uint_gt(refused, 20);
}
END_TEST

/* Neurons on scales of 1e-150 to 1e150, subnormal weights among them. */
START_TEST(graded_weights)
{
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct plain net;
        uint64_t state = seed;
        static const size_t width[] = {3, 6, 5, 2};
        plain_random(&net, seed % 2 ? "relu" : "gelu", width, 3, seed);
        for (size_t i = 0; i < 3; i++)
            for (size_t k = 0; k < width[i] * width[i + 1]; k++)
                net.weight[i][k] *= exp10(plain_uniform(&state, -1, 1) *
                                          (seed % 3 == 0   ? 3
                                           : seed % 3 == 1 ? 30
                                                           : 150));
        net.weight[0][1] = 5e-324;
        struct lip_chain *chain = chain_of(&net);
        for (size_t i = 0; i < 3; i++)
            if (chain->link[i].radius > 0) /* the last bits fell off */
                ck_assert_double_le(chain->link[i].radius, 0x1p-1060);
        compare(chain, inside, &state);
        lip_chain_free(chain);
    }
}
END_TEST

/* Before any step: W_1 W_1^T <= S^ + sigma I. */
START_TEST(first_gram_matrix)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct plain net;
        struct lip_recursion rec;
        arb_mat_t w, ww, padded;
        random_net(&net, seed);
        struct lip_chain *chain = chain_of(&net);
        ck_assert_int_eq(lip_recursion_new(&rec, chain, &none), LIP_OK);
        exact_matrix(w, &chain->link[0].transposed, false);
        arb_mat_init(ww, arb_mat_ncols(w), arb_mat_ncols(w));
        exact_gram(ww, w);
        step_gram(padded, &rec);
        ck_assert(step_lies_above(padded, ww));
        arb_mat_clear(w);
        arb_mat_clear(ww);
        arb_mat_clear(padded);
        lip_recursion_clear(&rec);
        lip_chain_free(chain);
    }
}
END_TEST

/* Multipliers span at most 2^80; those above are lowered, the others kept. */
START_TEST(multipliers_are_kept_or_lowered)
{
    struct plain net;
    struct lip_recursion rec;
    static const size_t width[] = {3, 4, 2};
    static const double lambda[] = {0x1.8p-60, 0x1p19, 0x1p21, 0x1p300};
    bool feasible;
    plain_random(&net, "relu", width, 2, 1);
    struct lip_chain *chain = chain_of(&net);
    ck_assert_int_eq(lip_recursion_new(&rec, chain, &none), LIP_OK);
    ck_assert_int_eq(lip_recursion_step(&rec, lambda, &feasible), LIP_OK);
    static const double used[] = {0x1.8p-60, 0x1p19, 0x1.8p20, 0x1.8p20};
    for (int k = 0; k < 4; k++)
        ck_assert_double_eq(ldexp(rec.scaled[k], 2 * rec.power[k]), used[k]);
    lip_recursion_clear(&rec);
    lip_chain_free(chain);
}
END_TEST

static void all_equal(double *lambda, const struct lip_recursion *rec,
                      double value)
{
    for (size_t k = 0; k < rec->s.rows; k++)
        lambda[k] = value;
}

/* One extreme multiplier: proven or refused, never wrong, never NaN. */
START_TEST(extreme_multipliers)
{
    static const double value[] = {5e-324, 1e-300, 1e-100, 1e-20,
                                   1e20,   1e100,  1e300,  1.7e308};
    static const size_t width[] = {4, 5, 6, 3};
    for (size_t v = 0; v < sizeof value / sizeof *value; v++)
        for (size_t a = 0; a < ACTIVATIONS; a++) {
            struct plain net;
            struct lip_recursion rec;
            bool feasible = true;
            double lambda[WIDEST];
            plain_random(&net, activation_of[a], width, 3, a);
            struct lip_chain *chain = chain_of(&net);
            ck_assert_int_eq(lip_recursion_new(&rec, chain, &none), LIP_OK);
            for (size_t i = 0; i < 2 && feasible; i++) {
                all_equal(lambda, &rec, value[v]);
                lip_recursion_step(&rec, lambda, &feasible);
            }
            if (feasible) {
                struct lip_big bound;
                double steep = lip_chain_steepest(chain, 0);
                ck_assert_int_eq(lip_recursion_finish(&bound, &rec), LIP_OK);
                ck_assert(bound.m >= 0.5 && bound.m < 1);
                /* Lambda -> 0 forgets how W_1 and W_2 meet. */
                if (value[v] < 1 && strcmp(activation_of[a], "abs") != 0)
                    ck_assert_double_ge(lip_big_double(bound), 1e6);
                ck_assert_double_ge(lip_big_double(bound), 1e-3 * steep);
            } else {
                ck_assert_double_gt(value[v], 1);
            }
            lip_recursion_clear(&rec);
            lip_chain_free(chain);
        }
}
END_TEST

/* A sector is the range of the slopes of phi or of -phi. */
START_TEST(sectors_are_the_slopes)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct plain net;
        struct lip_recursion rec;
        random_prelu(&net, seed);
        for (size_t k = 0; k < net.width[1]; k++)
            net.slope[0][k] *= seed % 4 == 0 ? 5 : 1;
        struct lip_chain *chain = chain_of(&net);
        ck_assert_int_eq(lip_recursion_new(&rec, chain, &none), LIP_OK);
        for (size_t i = 0; i + 1 < chain->count; i++)
            for (size_t k = 0; k < lip_chain_width(chain, i + 1); k++) {
                struct lip_slopes s = chain->slopes[i][k];
                struct lip_sector t = rec.sector[i][k];
                ck_assert(fabs(t.lo) <= t.hi);
                ck_assert((t.lo == s.lo && s.hi == t.hi) ||
                          (t.lo == -s.hi && -s.lo == t.hi));
            }
        lip_recursion_clear(&rec);
        lip_chain_free(chain);
    }
}
END_TEST

/* A restarted pass gives the same number: nothing is left behind. */
START_TEST(starts_again)
{
    struct plain net;
    struct lip_recursion rec;
    struct lip_big first, second;
    bool feasible;
    static const size_t width[] = {4, 7, 9, 3};
    double lambda[WIDEST];
    plain_random(&net, "silu", width, 3, 5);
    struct lip_chain *chain = chain_of(&net);
    ck_assert_int_eq(lip_recursion_new(&rec, chain, &none), LIP_OK);
    for (int round = 0; round < 3; round++) {
        lip_recursion_start(&rec);
        for (int i = 0; i < 2; i++) {
            all_equal(lambda, &rec, round == 1 ? 1e30 : i ? 1e-6 : 1e-2);
            lip_recursion_step(&rec, lambda, &feasible);
            ck_assert(feasible == (round != 1));
            if (!feasible)
                break;
        }
        if (feasible)
            lip_recursion_finish(round ? &second : &first, &rec);
    }
    ck_assert(first.m == second.m && first.e == second.e);
    lip_recursion_clear(&rec);
    lip_chain_free(chain);
}
END_TEST

/* Everything that a pass takes, with `allowed` allocations. */
static bool works_with(const struct lip_chain *chain, long allowed)
{
    struct lip_budget budget;
    lip_budget_init(&budget, 0);
    struct lip_ctx ctx = {.budget = &budget};
    atomic_store(&budget.fail_after, allowed);
    struct lip_recursion rec;
    struct lip_big bound;
    bool feasible = true;
    double lambda[WIDEST];
    enum lip_status status = lip_recursion_new(&rec, chain, &ctx);
    if (status == LIP_OK) {
        for (int i = 0; i < 2 && status == LIP_OK && feasible; i++) {
            all_equal(lambda, &rec, i ? 1e-6 : 1e-2);
            status = lip_recursion_step(&rec, lambda, &feasible);
        }
        ck_assert(feasible);
        if (status == LIP_OK)
            status = lip_recursion_finish(&bound, &rec);
        lip_recursion_clear(&rec);
    }
    ck_assert(status == LIP_OK || status == LIP_NO_MEMORY);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    return status == LIP_OK;
}

START_TEST(memory_may_run_out_anywhere)
{
    static const char *const activation[] = {"relu", "abs", "gelu"};
    static const size_t width[] = {4, 50, 9, 3};
    for (int a = 0; a < 3; a++) {
        struct plain net;
        plain_random(&net, activation[a], width, 3, 5);
        struct lip_chain *chain = chain_of(&net);
        long allowed = 0;
        while (!works_with(chain, allowed))
            ck_assert_int_lt(++allowed, 60);
        ck_assert_int_gt(allowed, 10);
        lip_chain_free(chain);
    }
}
END_TEST

/* The workspace is within what was announced. */
START_TEST(takes_the_bytes_it_says)
{
    struct lip_budget budget;
    lip_budget_init(&budget, 0);
    struct lip_ctx ctx = {.budget = &budget};
    struct plain net;
    struct lip_recursion rec;
    static const size_t width[] = {30, 60, 40, 50};
    plain_random(&net, "relu", width, 3, 5);
    struct lip_chain *chain = chain_of(&net);
    ck_assert_int_eq(lip_recursion_new(&rec, chain, &ctx), LIP_OK);
    ck_assert_double_le((double)atomic_load(&budget.peak),
                        1.2 * lip_recursion_bytes(chain) + 1e4);
    lip_recursion_clear(&rec);
    lip_chain_free(chain);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/recursion");
    TCase *tc = tcase_create("recursion");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, is_the_exact_value_rounded_up);
    tcase_add_test(tc, slopes_of_their_own);
    tcase_add_test(tc, wide_multipliers);
    tcase_add_test(tc, never_proves_what_is_false);
    tcase_add_test(tc, graded_weights);
    tcase_add_test(tc, first_gram_matrix);
    tcase_add_test(tc, multipliers_are_kept_or_lowered);
    tcase_add_test(tc, extreme_multipliers);
    tcase_add_test(tc, sectors_are_the_slopes);
    tcase_add_test(tc, starts_again);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    tcase_add_test(tc, takes_the_bytes_it_says);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
