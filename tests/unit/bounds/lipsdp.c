/* SPDX-License-Identifier: MIT
 *
 * LipSDP-Neuron: both bounds on their side of what is known, "converged" only
 * where they say so, every kind of slope and scale, limits obeyed, the same
 * bits every time. */
#include "linalg/big.h"
#include "tests/support/attained.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_ctx none;

static struct lip_bound solve(const struct lip_chain *chain, double tolerance,
                              size_t most, struct lip_ctx *ctx)
{
    struct lip_bound_options options = {
        .norm = PAIR_22, .tolerance = tolerance, .max_iterations = most};
    struct lip_bound bound;
    ck_assert_int_eq(
        lip_method_run(&bound, lip_method_find("lipsdp"), chain, &options, ctx),
        LIP_OK);
    return bound;
}

/* upper <= (1 + tolerance) lower without any rounding: the product of two
 * doubles of 53 bits, and their difference, fit a long double or fma tells. */
static bool within(double upper, double lower, double tolerance)
{
    return fma(tolerance, lower, lower - upper) >= 0 && upper - lower >= 0 &&
           upper <= 2 * lower;
}

/* What every answer must be; returns it. */
static struct lip_bound sane(const struct lip_chain *chain, double tolerance)
{
    struct lip_bound b = solve(chain, tolerance, 0, &none);
    ck_assert_msg(!b.skipped, "%s", b.reason);
    ck_assert_double_gt(b.upper_bound, 0);
    if (!isnan(b.optimum_at_least))
        ck_assert_double_le(b.optimum_at_least, b.upper_bound);
    ck_assert(b.state == LIP_BOUND_CONVERGED ||
              b.state == LIP_BOUND_ITERATION_LIMIT);
    ck_assert_msg(b.state != LIP_BOUND_CONVERGED ||
                      within(b.upper_bound, b.optimum_at_least, tolerance),
                  "converged with %.17g and %.17g", b.upper_bound,
                  b.optimum_at_least);
    return b;
}

static struct lip_bound converges(const struct lip_chain *chain,
                                  double tolerance, const char *what)
{
    struct lip_bound b = sane(chain, tolerance);
    ck_assert_msg(b.state == LIP_BOUND_CONVERGED,
                  "%s: between %.10g and %.10g after %zu", what,
                  b.optimum_at_least, b.upper_bound, b.iterations);
    return b;
}

static struct lip_bound converges_plain(const struct plain *net,
                                        double tolerance, const char *what)
{
    struct lip_chain *chain = plain_chain(net, &none);
    struct lip_bound b = converges(chain, tolerance, what);
    lip_chain_free(chain);
    return b;
}

/* f(x) = relu(x) - relu(x - 1) has constant 1; multipliers that couple neurons
 * "prove" 0. */
START_TEST(never_below_one_for_a_step)
{
    static const size_t width[] = {1, 2, 1};
    struct plain net;
    plain_zero(&net, "relu", width, 2);
    net.weight[0][0] = net.weight[0][1] = 1;
    net.bias[0][1] = -1;
    net.weight[1][0] = 1;
    net.weight[1][1] = -1;
    struct lip_bound b = converges_plain(&net, 1e-6, "step");
    ck_assert_double_ge(b.upper_bound, 1);
    ck_assert_double_le(b.upper_bound, 1 + 1e-6);
    plain_clear(&net);
}
END_TEST

static const char *const activation_of[] = {
    "relu", "leaky-relu", "silu", "gelu", "tanh", "abs", "elu"};
enum { ACTIVATIONS = sizeof activation_of / sizeof *activation_of };

/* attained <= free slopes <= lipsdp <= closed form, eclipse-fast. */
START_TEST(order)
{
    static const size_t shape[][5] = {
        {3, 4, 3}, {3, 4, 4, 2}, {2, 3, 4, 3, 3}, {5, 10, 1}};
    static const size_t links[] = {2, 3, 4, 2};
    for (uint64_t seed = 0; seed < 4 * ACTIVATIONS; seed++) {
        struct plain net;
        double free_slopes[9], found[9];
        plain_random(&net, activation_of[seed / 4], shape[seed % 4],
                     links[seed % 4], seed);
        struct lip_network *network = plain_network(&net, &none);
        struct lip_chain *chain = plain_chain(&net, &none);
        attained_by_slopes(free_slopes, chain);
        attained_by_search(found, network, chain, 20, 1, seed);
        struct lip_bound b = converges(chain, 1e-4, net.activation);
        ck_assert_double_le(found[4], b.upper_bound * (1 + 1e-12));
        ck_assert_double_le(free_slopes[4], b.upper_bound * (1 + 1e-12));
        ck_assert_double_le(b.upper_bound,
                            bound_of("eclipse-fast", chain, PAIR_22));
        ck_assert_double_le(b.optimum_at_least,
                            bound_of("closed-form", chain, PAIR_22));
        lip_chain_free(chain);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

/* Each tolerance gives what it asks; the lower bound of one is below the upper
 * bound of another. */
START_TEST(meets_the_tolerance)
{
    static const size_t width[] = {5, 30, 20, 25, 3};
    static const double tolerance[] = {0.5, 0.1, 0, 1e-2, 1e-3, 1e-4, 1e-5};
    for (uint64_t seed = 0; seed < ACTIVATIONS; seed++) {
        struct plain net;
        double lower = 0, upper = INFINITY;
        plain_random(&net, activation_of[seed], width, 4, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        for (int t = 0; t < 7; t++) {
            struct lip_bound b = solve(chain, tolerance[t], 0, &none);
            double asked = tolerance[t] > 0 ? tolerance[t] : 0.01;
            ck_assert_msg(b.state == LIP_BOUND_CONVERGED, "%s at %g",
                          net.activation, asked);
            ck_assert(within(b.upper_bound, b.optimum_at_least, asked));
            lower = fmax(lower, b.optimum_at_least);
            upper = fmin(upper, b.upper_bound);
            ck_assert_double_le(lower, upper);
        }
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* What no arithmetic of doubles can reach is not claimed. */
START_TEST(does_not_claim_the_impossible)
{
    static const size_t width[] = {3, 4, 4, 2};
    struct plain net;
    plain_random(&net, "relu", width, 3, 1);
    struct lip_chain *chain = plain_chain(&net, &none);
    struct lip_bound b = solve(chain, 1e-16, 500, &none);
    ck_assert_int_eq(b.state, LIP_BOUND_ITERATION_LIMIT);
    ck_assert_double_le(b.upper_bound, b.optimum_at_least * (1 + 1e-6));
    b = solve(chain, 5e-324, 100, &none);
    ck_assert_int_eq(b.state, LIP_BOUND_ITERATION_LIMIT);
    lip_chain_free(chain);
    plain_clear(&net);
}
END_TEST

/* PReLU: a slope for each neuron, a few of them 1 (no activation at all); of
 * both signs within a layer too. */
START_TEST(slopes_of_their_own)
{
    static const size_t width[] = {4, 12, 10, 8, 3};
    for (uint64_t seed = 0; seed < 9; seed++) {
        struct plain net;
        uint64_t state = seed;
        double least = seed % 3 > 0 ? -0.9 : 0, most = seed % 3 == 1 ? 0 : 1;
        plain_random(&net, "prelu", width, 4, seed);
        for (size_t i = 0; i < 3; i++) {
            net.slope[i] = calloc(width[i + 1], sizeof(double));
            for (size_t k = 0; k < width[i + 1]; k++)
                net.slope[i][k] = k % 5 == 0 && seed > 3
                                      ? most
                                      : plain_uniform(&state, least, most);
        }
        char what[30];
        snprintf(what, sizeof what, "prelu, seed %d", (int)seed);
        converges_plain(&net, 1e-3, what);
        plain_clear(&net);
    }
}
END_TEST

/* Without signs the optimum is |W_l ... W_1|. */
START_TEST(exact_without_signs)
{
    static const size_t width[] = {4, 9, 12, 8, 3};
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct plain net;
        plain_random(&net, "relu", width, 2 + seed % 3, seed);
        for (size_t i = 0; i < net.links; i++)
            for (size_t k = 0; k < width[i] * width[i + 1]; k++)
                net.weight[i][k] = fabs(net.weight[i][k]);
        struct lip_bound b = converges_plain(&net, 1e-5, "without signs");
        net.activation = "identity";
        double product = bound_of_plain("spectral", &net, PAIR_22);
        ck_assert_double_ge(b.upper_bound, product * (1 - 1e-9));
        ck_assert_double_le(b.optimum_at_least, product);
        plain_clear(&net);
    }
}
END_TEST

/* One matrix is its norm, and both bounds say so. */
START_TEST(one_matrix)
{
    static const size_t width[] = {7, 5};
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct plain net;
        plain_random(&net, "relu", width, 1, seed);
        struct lip_bound b = converges_plain(&net, 1e-8, "one matrix");
        double norm = bound_of_plain("spectral", &net, PAIR_22);
        ck_assert_double_eq_tol(b.upper_bound / norm, 1, 1e-12);
        plain_clear(&net);
    }
}
END_TEST

/* One hidden layer of one neuron: |w_2| |w_1| max |slope|. */
START_TEST(one_neuron)
{
    static const size_t width[] = {2, 1, 2};
    static const double slope[] = {1, 1, 1.0998393194, 1.128904145, 1, 1, 1};
    for (int k = 0; k < ACTIVATIONS; k++) {
        struct plain net;
        plain_zero(&net, activation_of[k], width, 2);
        net.weight[0][0] = 3;
        net.weight[0][1] = -4;
        net.weight[1][0] = 5;
        net.weight[1][1] = 12;
        struct lip_bound b = converges_plain(&net, 1e-8, "one neuron");
        ck_assert_double_eq_tol(b.upper_bound / (65 * slope[k]), 1, 2e-8);
        plain_clear(&net);
    }
}
END_TEST

/* Neurons that nothing enters, that nothing leaves; rows and columns of zeros
 * everywhere. */
START_TEST(dead_neurons)
{
    static const size_t width[] = {5, 9, 12, 7, 3};
    for (uint64_t seed = 0; seed < 2 * ACTIVATIONS; seed++) {
        struct plain net;
        uint64_t state = seed + 1;
        plain_random(&net, activation_of[seed / 2], width, 4, seed);
        for (size_t i = 0; i < 4; i++)
            for (size_t r = 0; r < width[i + 1]; r++)
                for (size_t c = 0; c < width[i]; c++)
                    if ((r % 3 == 1 && i % 2 == 0) || c % 4 == 2 ||
                        plain_uniform(&state, 0, 1) < 0.2)
                        net.weight[i][r * width[i] + c] = 0;
        converges_plain(&net, 1e-3, net.activation);
        plain_clear(&net);
    }
}
END_TEST

static double ratio_of(const struct plain *a, const struct plain *b)
{
    return converges_plain(a, 1e-4, "before").upper_bound /
           converges_plain(b, 1e-4, "after").upper_bound;
}

/* Rescaled neurons, neurons in another order: the same optimum. */
START_TEST(invariance)
{
    static const size_t width[] = {5, 9, 12, 7, 3};
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct plain net, other;
        uint64_t state = seed;
        plain_random(&net, seed % 2 ? "relu" : "abs", width, 4, seed);
        plain_copy(&other, &net);
        for (size_t i = 0; i < 3; i++)
            for (size_t k = 0; k < width[i + 1]; k++) {
                double s = exp2(round(plain_uniform(&state, -4, 4)));
                for (size_t j = 0; j < width[i]; j++)
                    other.weight[i][k * width[i] + j] *= s;
                for (size_t j = 0; j < width[i + 2]; j++)
                    other.weight[i + 1][j * width[i + 1] + k] /= s;
            }
        ck_assert_double_eq_tol(ratio_of(&net, &other), 1, 1.01e-4);
        for (size_t i = 0; i < 4; i++)
            for (size_t r = 0; r < width[i + 1]; r++)
                for (size_t c = 0; c < width[i]; c++)
                    other.weight[i][r * width[i] + c] =
                        net.weight[i][(width[i + 1] - 1 - r) * width[i] +
                                      (width[i] - 1 - c)];
        ck_assert_double_eq_tol(ratio_of(&net, &other), 1, 1.01e-4);
        plain_clear(&net);
        plain_clear(&other);
    }
}
END_TEST

/* f^T has the same optimum, which the recursion reaches from the other end. */
START_TEST(transposition)
{
    static const size_t width[] = {5, 9, 12, 7, 3};
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct plain net;
        struct lip_chain *back;
        plain_random(&net, seed % 2 ? "relu" : "silu", width, 4, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        ck_assert_int_eq(lip_chain_transpose(&back, chain, &none), LIP_OK);
        struct lip_bound a = converges(chain, 1e-4, "forward");
        struct lip_bound b = converges(back, 1e-4, "backward");
        ck_assert_double_le(a.optimum_at_least, b.upper_bound);
        ck_assert_double_le(b.optimum_at_least, a.upper_bound);
        lip_chain_free(chain);
        lip_chain_free(back);
        plain_clear(&net);
    }
}
END_TEST

/* Weights of 1e300 and 1e-300 in turn, and within one matrix. */
START_TEST(extreme_weights)
{
    static const size_t width[] = {3, 6, 5, 2};
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct plain net;
        uint64_t state = seed;
        plain_random(&net, seed % 2 ? "relu" : "gelu", width, 3, seed);
        if (seed < 4) {
            for (size_t k = 0; k < width[0] * width[1]; k++)
                net.weight[0][k] *= 1e300;
            for (size_t k = 0; k < width[1] * width[2]; k++)
                net.weight[1][k] *= 1e-300;
            converges_plain(&net, 1e-3, "1e300");
        } else {
            for (size_t i = 0; i < 3; i++)
                for (size_t k = 0; k < width[i] * width[i + 1]; k++)
                    net.weight[i][k] *=
                        exp10(plain_uniform(&state, -5, 5) * (double)seed);
            struct lip_chain *chain = plain_chain(&net, &none);
            struct lip_bound b = solve(chain, 0.01, 300, &none);
            if (!isnan(b.optimum_at_least))
                ck_assert_double_le(b.optimum_at_least, b.upper_bound);
            lip_chain_free(chain);
        }
        plain_clear(&net);
    }
}
END_TEST

/* Deep and narrow: widths of 4 and 64 matrices. */
START_TEST(deep)
{
    static size_t width[PLAIN_LINKS + 1];
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct plain net;
        for (size_t i = 0; i <= PLAIN_LINKS; i++)
            width[i] = 4 + i % 3;
        plain_random(&net, "relu", width, PLAIN_LINKS, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        struct lip_bound b = converges(chain, 0.01, "deep");
        ck_assert_double_lt(b.upper_bound,
                            0.1 * bound_of("eclipse-fast", chain, PAIR_22));
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* Deep, or so wide that a round of sweeps is interrupted. */
static struct lip_chain *hard(bool wide)
{
    static const size_t width[2][10] = {{5, 12, 12, 12, 12, 12, 12, 12, 12, 2},
                                        {5, 70, 70, 70, 70, 2}};
    struct plain net;
    plain_random(&net, "relu", width[wide], wide ? 5 : 9, 4);
    struct lip_chain *chain = plain_chain(&net, &none);
    plain_clear(&net);
    return chain;
}

/* Never more steps than asked; more steps, no worse bounds. */
START_TEST(obeys_max_iterations)
{
    struct lip_chain *chain = hard(false);
    double upper = INFINITY, lower = 0;
    static const size_t most[] = {1, 2, 9, 10, 11, 26, 50, 100, 300};
    for (int k = 0; k < 9; k++) {
        struct lip_bound b = solve(chain, 1e-12, most[k], &none);
        ck_assert_uint_eq(b.iterations, most[k]);
        ck_assert_int_eq(b.state, LIP_BOUND_ITERATION_LIMIT);
        ck_assert_double_gt(b.optimum_at_least, lower * 0.999);
        lower = b.optimum_at_least;
        upper = b.upper_bound;
    }
    ck_assert_double_le(upper, 1.001 * lower);
    lip_chain_free(chain);
}
END_TEST

struct listener {
    struct lip_ctx *ctx;
    int left;
    bool strike; /* the clock, or a word to stop */
    double best, floor, done;
};

static bool listen(void *arg, const struct lip_progress *progress)
{
    struct listener *l = arg;
    ck_assert_double_ge(progress->total, progress->done);
    if (strcmp(progress->phase, "lipsdp") == 0) {
        ck_assert_double_ge(progress->done, l->done);
        l->done = progress->done;
        if (!isnan(progress->best)) { /* they only get better */
            ck_assert_double_le(progress->best, l->best);
            l->best = progress->best;
        }
        if (!isnan(progress->floor)) {
            ck_assert_double_ge(progress->floor, l->floor);
            l->floor = progress->floor;
        }
        ck_assert_double_le(l->floor, l->best);
    }
    if (l->left-- > 0)
        return true;
    l->ctx->deadline = l->strike ? 1e-9 : 0;
    return l->strike;
}

/* The clock strikes anywhere: the best so far, and that it was the clock. */
START_TEST(a_deadline_leaves_the_best_so_far)
{
    struct lip_chain *chain = hard(_i);
    struct lip_bound_options options = {.norm = PAIR_22, .tolerance = 1e-12};
    size_t with_bound = 0;
    for (unsigned threads = 1; threads <= 2; threads++)
        for (int ticks = 0; ticks < 45; ticks += 1 + ticks / 4) {
            struct lip_budget budget;
            struct lip_bound b;
            lip_budget_init(&budget, 0);
            struct listener l = {NULL, ticks, true, INFINITY, 0, 0};
            struct lip_ctx ctx = {.budget = &budget,
                                  .progress = listen,
                                  .progress_arg = &l,
                                  .threads = threads};
            l.ctx = &ctx;
            enum lip_status status = lip_method_run(
                &b, lip_method_find("lipsdp"), chain, &options, &ctx);
            ck_assert_uint_eq(atomic_load(&budget.used), 0);
            if (status == LIP_TIMEOUT) { /* before anything was proven */
                ck_assert_int_lt(ticks, 9);
                ck_assert_int_eq(ctx.error.status, LIP_TIMEOUT);
                continue;
            }
            ck_assert_int_eq(status, LIP_OK);
            ck_assert_int_eq(ctx.error.status, LIP_OK);
            ck_assert_int_eq(b.state, LIP_BOUND_TIME_LIMIT);
            ck_assert_double_le(b.upper_bound, l.best);
            with_bound++;
        }
    ck_assert_uint_ge(with_bound, 8);
    lip_chain_free(chain);
}
END_TEST

/* Parts at work side by side see the clock strike one after the other: what
 * comes of it is never that somebody said stop. */
START_TEST(the_clock_cancels_nobody)
{
    struct lip_chain *chain = hard(_i);
    struct lip_bound_options options = {.norm = PAIR_22, .tolerance = 1e-12};
    for (int i = 0; i < 400; i++) {
        struct lip_bound b;
        struct lip_ctx ctx = {.threads = 2};
        ctx.deadline = lip_now() + 5e-5 * (i % 200);
        enum lip_status status = lip_method_run(&b, lip_method_find("lipsdp"),
                                                chain, &options, &ctx);
        ck_assert_msg(status == LIP_OK || status == LIP_TIMEOUT, "%d: %s", i,
                      ctx.error.detail);
        ck_assert_int_eq(ctx.error.status, status);
    }
    lip_chain_free(chain);
}
END_TEST

START_TEST(stops_anywhere_when_told)
{
    struct lip_chain *chain = hard(_i);
    struct lip_bound_options options = {.norm = PAIR_22, .tolerance = 1e-12};
    for (unsigned threads = 1; threads <= 2; threads++)
        for (int ticks = 0; ticks < 40; ticks += 1 + ticks / 4) {
            struct lip_budget budget;
            struct lip_bound b;
            lip_budget_init(&budget, 0);
            struct listener l = {NULL, ticks, false, INFINITY, 0, 0};
            struct lip_ctx ctx = {.budget = &budget,
                                  .progress = listen,
                                  .progress_arg = &l,
                                  .threads = threads};
            l.ctx = &ctx;
            ck_assert_int_eq(lip_method_run(&b, lip_method_find("lipsdp"),
                                            chain, &options, &ctx),
                             LIP_CANCELLED);
            ck_assert_int_eq(ctx.error.status, LIP_CANCELLED);
            ck_assert_int_eq(l.left, -1); /* and is not asked again */
            ck_assert_uint_eq(atomic_load(&budget.used), 0);
        }
    lip_chain_free(chain);
}
END_TEST

static void same_bits(const struct lip_bound *a, const struct lip_bound *b)
{
    ck_assert(memcmp(&a->upper_bound, &b->upper_bound, sizeof(double)) == 0);
    ck_assert(memcmp(&a->optimum_at_least, &b->optimum_at_least,
                     sizeof(double)) == 0);
    ck_assert_uint_eq(a->iterations, b->iterations);
    ck_assert_int_eq(a->state, b->state);
}

/* Twice, and with a second thread. */
START_TEST(the_same_bits_every_time)
{
    struct lip_chain *chain = hard(true);
    for (size_t most = 0; most < 300; most = 2 * most + 20) {
        struct lip_ctx alone = {0}, two = {.threads = 2};
        struct lip_bound a = solve(chain, 1e-4, most, &alone);
        struct lip_bound b = solve(chain, 1e-4, most, &alone);
        struct lip_bound c = solve(chain, 1e-4, most, &two);
        same_bits(&a, &b);
        same_bits(&a, &c);
    }
    lip_chain_free(chain);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/lipsdp");
    TCase *tc = tcase_create("lipsdp");
    tcase_add_test(tc, never_below_one_for_a_step);
    tcase_add_test(tc, order);
    tcase_add_test(tc, meets_the_tolerance);
    tcase_add_test(tc, does_not_claim_the_impossible);
    tcase_add_test(tc, slopes_of_their_own);
    tcase_add_test(tc, exact_without_signs);
    tcase_add_test(tc, one_matrix);
    tcase_add_test(tc, one_neuron);
    tcase_add_test(tc, dead_neurons);
    tcase_add_test(tc, invariance);
    tcase_add_test(tc, transposition);
    tcase_add_test(tc, extreme_weights);
    tcase_add_test(tc, deep);
    tcase_add_test(tc, obeys_max_iterations);
    tcase_add_loop_test(tc, a_deadline_leaves_the_best_so_far, 0, 2);
    tcase_add_loop_test(tc, the_clock_cancels_nobody, 0, 2);
    tcase_add_loop_test(tc, stops_anywhere_when_told, 0, 2);
    tcase_add_test(tc, the_same_bits_every_time);
    add_method_tests(tc, "lipsdp");
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
