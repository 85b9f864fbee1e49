/* SPDX-License-Identifier: MIT
 *
 * The common tests of bound methods. */
#include "tests/support/methods.h"

#include "tests/support/plain.h"

#include <math.h>
#include <string.h>

const char *const direct_methods[] = {
    "naive",    "spectral",    "absolute", "eclipse-fast",
    "midpoint", "closed-form", NULL};

static const char *id;
static struct lip_ctx none;

struct lip_norm_pair nth_pair(int i)
{
    return (struct lip_norm_pair){(enum lip_norm)(i / 3),
                                  (enum lip_norm)(i % 3)};
}

static const struct lip_method *method(void)
{
    const struct lip_method *m = lip_method_find(id);
    ck_assert_ptr_nonnull(m);
    return m;
}

static bool applies(const struct lip_chain *chain, struct lip_norm_pair pair)
{
    struct lip_bound_options options = {.norm = pair};
    char reason[240] = "";
    bool yes = method()->applies(chain, &options, reason, sizeof reason);
    ck_assert(yes || strlen(reason) > 20);
    return yes;
}

static struct lip_chain *sample(const char *activation, size_t links)
{
    struct plain net;
    size_t width[10] = {4, 45, 6, 5, 4, 5, 4, 5, 4, 2};
    width[links] = 3;
    plain_random(&net, activation, width, links, 11);
    struct lip_chain *chain = plain_chain(&net, &none);
    plain_clear(&net);
    return chain;
}

/* The bound with `allowed` allocations; NaN where they did not do. */
static double with_allocations(const struct lip_chain *chain,
                               struct lip_norm_pair pair, long allowed)
{
    struct lip_budget budget;
    lip_budget_init(&budget, 0);
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_bound bound;
    struct lip_bound_options options = {.norm = pair};
    atomic_store(&budget.fail_after, allowed);
    enum lip_status status =
        lip_method_run(&bound, method(), chain, &options, &ctx);
    size_t left = atomic_load(&budget.used);
    ck_assert_msg(left == 0, "%zu bytes left after %ld allocations", left,
                  allowed);
    if (status == LIP_OK)
        return bound.upper_bound;
    ck_assert_int_eq(status, LIP_NO_MEMORY);
    ck_assert_int_eq(ctx.error.status, LIP_NO_MEMORY);
    return NAN;
}

/* Every n up to 60, then ever larger steps: what comes later repeats passes
 * that were seen. */
START_TEST(memory_may_run_out_anywhere)
{
    static const char *const activation[] = {"relu", "abs", "silu"};
    for (int a = 0; a < 3; a++) {
        struct lip_chain *chain = sample(activation[a], 4);
        for (int p = 0; p < 9; p++) {
            if (!applies(chain, nth_pair(p)))
                continue;
            double whole = with_allocations(chain, nth_pair(p), -1);
            double got = NAN;
            for (long n = 0; isnan(got); n += n < 60 ? 1 : n / 4) {
                got = with_allocations(chain, nth_pair(p), n);
                ck_assert_int_lt(n, 100000);
            }
            ck_assert_double_eq(got, whole);
        }
        lip_chain_free(chain);
    }
}
END_TEST

static bool says_stop(void *arg, const struct lip_progress *progress)
{
    int *left = arg;
    ck_assert_ptr_nonnull(progress->phase);
    ck_assert(progress->done <= progress->total);
    ck_assert(isnan(progress->best) || progress->best > 0);
    return (*left)-- > 0;
}

/* A listener that says stop at once, or a little later, is obeyed. */
START_TEST(stops_when_told)
{
    struct lip_chain *chain = sample("relu", 9);
    for (int p = 0; p < 9; p++) {
        if (!applies(chain, nth_pair(p)))
            continue;
        struct lip_bound_options options = {.norm = nth_pair(p)};
        struct lip_budget budget;
        struct lip_bound bound;
        int left = 0, heard;
        lip_budget_init(&budget, 0);
        struct lip_ctx ctx = {
            .budget = &budget, .progress = says_stop, .progress_arg = &left};
        enum lip_status status =
            lip_method_run(&bound, method(), chain, &options, &ctx);
        heard = left < 0;
        ck_assert_int_eq(status, heard ? LIP_CANCELLED : LIP_OK);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
        left = 3;
        lip_error_clear(&ctx);
        status = lip_method_run(&bound, method(), chain, &options, &ctx);
        ck_assert_int_eq(status, left < 0 ? LIP_CANCELLED : LIP_OK);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
    lip_chain_free(chain);
}
END_TEST

/* A deadline in the past: a timeout, or a value that is proven all the same.
 */
START_TEST(keeps_the_deadline)
{
    struct lip_chain *chain = sample("relu", 9);
    for (int p = 0; p < 9; p++) {
        if (!applies(chain, nth_pair(p)))
            continue;
        struct lip_bound_options options = {.norm = nth_pair(p)};
        struct lip_budget budget;
        struct lip_bound bound;
        lip_budget_init(&budget, 0);
        struct lip_ctx ctx = {.budget = &budget, .deadline = 1e-9};
        enum lip_status status =
            lip_method_run(&bound, method(), chain, &options, &ctx);
        ck_assert(status == LIP_OK || status == LIP_TIMEOUT);
        if (status == LIP_OK && !bound.skipped)
            ck_assert_double_ge(bound.upper_bound, 0.01);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
    lip_chain_free(chain);
}
END_TEST

START_TEST(constant_networks_give_zero)
{
    static const size_t width[] = {3, 4, 5, 2};
    for (size_t dead = 0; dead < 3; dead++) {
        struct plain net;
        plain_random(&net, "relu", width, 3, 1);
        memset(net.weight[dead], 0,
               width[dead] * width[dead + 1] * sizeof(double));
        struct lip_chain *chain = plain_chain(&net, &none);
        for (int p = 0; p < 9; p++)
            if (applies(chain, nth_pair(p)))
                ck_assert_double_eq(bound_of(id, chain, nth_pair(p)), 0);
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* 2^k W_i gives 2^k times the bound, to the last bit; this sees every layer.
 */
START_TEST(scales_with_each_layer)
{
    static const size_t width[] = {3, 4, 5, 4, 2};
    for (size_t layer = 0; layer < 4; layer++) {
        struct plain net;
        plain_random(&net, "gelu", width, 4, 2);
        struct lip_chain *before = plain_chain(&net, &none);
        for (size_t k = 0; k < width[layer] * width[layer + 1]; k++)
            net.weight[layer][k] *= 0x1p-9;
        struct lip_chain *after = plain_chain(&net, &none);
        for (int p = 0; p < 9; p++)
            if (applies(before, nth_pair(p)))
                ck_assert_double_eq(bound_of(id, before, nth_pair(p)),
                                    0x1p9 * bound_of(id, after, nth_pair(p)));
        lip_chain_free(before);
        lip_chain_free(after);
        plain_clear(&net);
    }
}
END_TEST

/* Hundreds of layers of 1e-300 and 1e300 in turn. */
START_TEST(deep_and_extreme)
{
    static size_t width[PLAIN_LINKS + 1];
    struct plain net;
    for (size_t i = 0; i <= PLAIN_LINKS; i++)
        width[i] = 1 + i % 3;
    plain_random(&net, "relu", width, PLAIN_LINKS, 3);
    struct lip_chain *plain = plain_chain(&net, &none);
    for (size_t i = 0; i < PLAIN_LINKS; i++)
        for (size_t k = 0; k < width[i] * width[i + 1]; k++)
            net.weight[i][k] *= i % 2 ? 0x1p-900 : 0x1p900;
    struct lip_chain *extreme = plain_chain(&net, &none);
    for (int p = 0; p < 9; p++)
        if (applies(plain, nth_pair(p)))
            ck_assert_double_eq(bound_of(id, plain, nth_pair(p)),
                                bound_of(id, extreme, nth_pair(p)));
    for (size_t k = 0; k < width[0] * width[1]; k++)
        net.weight[0][k] *= 0x1p100; /* now f is of order 2^100 */
    lip_chain_free(extreme);
    lip_chain_free(plain);
    plain_clear(&net);
}
END_TEST

/* One matrix: the norm itself, in every pair that is easy. */
START_TEST(one_layer)
{
    struct plain net;
    static const size_t width[] = {2, 2};
    plain_zero(&net, "relu", width, 1);
    static const double w[] = {3, 0, 4, 5}; /* singular values 3 sqrt 5, ... */
    memcpy(net.weight[0], w, sizeof w);
    struct lip_chain *chain = plain_chain(&net, &none);
    static const double norm[9] = {
        7, 5, 5, 0, 6.70820393249936909, 6.40312423743284869, 0, 0, 9};
    for (int p = 0; p < 9; p++) {
        if (!applies(chain, nth_pair(p)) || norm[p] == 0)
            continue;
        double bound = bound_of(id, chain, nth_pair(p));
        double most = p == 4 && strcmp(id, "naive") == 0 ? sqrt(50) : norm[p];
        ck_assert_double_ge(bound, norm[p] * (1 - 1e-15));
        ck_assert_double_le(bound, most * (1 + 1e-12));
    }
    lip_chain_free(chain);
    plain_clear(&net);
}
END_TEST

/* Announced before, needed after: flops and bytes are positive, the bytes
 * cover what is used. */
START_TEST(costs_what_it_says)
{
    struct lip_chain *chain = sample("relu", 5);
    for (int p = 0; p < 9; p++) {
        if (!applies(chain, nth_pair(p)))
            continue;
        struct lip_bound_options options = {.norm = nth_pair(p)};
        struct lip_cost cost = method()->cost(chain, &options);
        struct lip_budget budget;
        struct lip_bound bound;
        lip_budget_init(&budget, 0);
        struct lip_ctx ctx = {.budget = &budget};
        lip_method_run(&bound, method(), chain, &options, &ctx);
        ck_assert_double_gt(cost.flops, 0);
        ck_assert_msg((double)atomic_load(&budget.peak) <=
                          1.25 * cost.bytes + 65536,
                      "pair %d: %zu bytes, announced %g", p,
                      atomic_load(&budget.peak), cost.bytes);
    }
    lip_chain_free(chain);
}
END_TEST

void add_method_tests(TCase *tc, const char *name)
{
    id = name;
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    tcase_add_test(tc, stops_when_told);
    tcase_add_test(tc, keeps_the_deadline);
    tcase_add_test(tc, constant_networks_give_zero);
    tcase_add_test(tc, scales_with_each_layer);
    tcase_add_test(tc, deep_and_extreme);
    tcase_add_test(tc, one_layer);
    tcase_add_test(tc, costs_what_it_says);
}

bool is_for_images(const struct lip_method *method)
{
    return strcmp(method->id, "lipsdp-torus") == 0;
}
