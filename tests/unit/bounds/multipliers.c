/* SPDX-License-Identifier: MIT
 *
 * Multipliers of a whole chain: what is kept from a pass proves the same bound
 * again, that bound is the exact one rounded up, and numbers that cannot be
 * multipliers prove nothing. */
#include "bounds/multipliers.h"

#include "linalg/eigen.h"
#include "tests/support/exact.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

enum { WIDEST = 16 };

static struct lip_ctx none;
static const size_t width[] = {5, 9, 12, 7, 3};

static struct lip_chain *sample(const char *activation, uint64_t seed,
                                double scale)
{
    struct plain net;
    plain_random(&net, activation, width, 4, seed);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < width[i] * width[i + 1]; k++)
            net.weight[i][k] *= i % 2 ? 1 / scale : scale;
    struct lip_chain *chain = plain_chain(&net, &none);
    plain_clear(&net);
    return chain;
}

/* A pass with scalars of 0.2 ... 0.8 of the border, jittered, each kept. */
static struct lip_big kept_pass(struct lip_multipliers *kept,
                                struct lip_recursion *rec, uint64_t seed)
{
    double lambda[WIDEST], most;
    bool feasible = true;
    struct lip_big value;
    lip_recursion_start(rec);
    while (rec->layer + 1 < rec->chain->count) {
        const struct lip_sector *s = rec->sector[rec->layer];
        ck_assert_int_eq(lip_eigen_estimate(&most, &rec->s, &none), LIP_OK);
        for (size_t k = 0; k < rec->s.rows; k++)
            lambda[k] = plain_uniform(&seed, 0.2, 0.8) *
                        pow((s[k].hi - s[k].lo) / 2, -2) / most;
        lip_multipliers_keep(kept, rec, lambda);
        ck_assert_int_eq(lip_recursion_step(rec, lambda, &feasible), LIP_OK);
        ck_assert(feasible);
    }
    ck_assert_int_eq(lip_recursion_finish(&value, rec), LIP_OK);
    return value;
}

static const char *const activation[] = {"relu", "gelu", "leaky-relu", "abs"};

START_TEST(prove_the_same_again)
{
    static const double scale[] = {1, 0x1p70, 0x1p-90, 1e100};
    for (uint64_t seed = 0; seed < 16; seed++) {
        struct lip_chain *chain =
            sample(activation[seed % 4], seed, scale[seed / 4]);
        struct lip_recursion rec;
        struct lip_multipliers kept, copied;
        struct lip_big again;
        bool feasible;
        ck_assert_int_eq(lip_recursion_new(&rec, chain, &none), LIP_OK);
        ck_assert_int_eq(lip_multipliers_new(&kept, chain, &none), LIP_OK);
        ck_assert_int_eq(lip_multipliers_new(&copied, chain, &none), LIP_OK);
        struct lip_big value = kept_pass(&kept, &rec, seed + 1);
        lip_multipliers_copy(&copied, &kept);
        lip_multipliers_clear(&kept);
        for (size_t i = 0; i < 3; i++) { /* another way to write the same */
            copied.exponent[i] += 3;
            for (size_t k = 0; k < width[i + 1]; k++)
                copied.lambda[i][k] *= 64;
        }
        ck_assert_int_eq(lip_multipliers_pass(&again, &feasible, &rec, &copied),
                         LIP_OK);
        ck_assert(feasible);
        ck_assert_double_eq(again.m, value.m);
        ck_assert_int_eq(again.e, value.e);
        lip_multipliers_clear(&copied);
        lip_recursion_clear(&rec);
        lip_chain_free(chain);
    }
}
END_TEST

/* The theorem of the header, in ball arithmetic: Lambda_i = diag(lambda)
 * 2^(-2 exponent) for the true weights. */
START_TEST(prove_the_exact_value)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct lip_chain *chain = sample(activation[seed % 4], seed, 0x1p40);
        struct lip_recursion rec;
        struct lip_multipliers kept;
        struct exact_pass pass;
        double lo[WIDEST], hi[WIDEST];
        arb_t truth;
        ck_assert_int_eq(lip_recursion_new(&rec, chain, &none), LIP_OK);
        ck_assert_int_eq(lip_multipliers_new(&kept, chain, &none), LIP_OK);
        double bound = lip_big_double(kept_pass(&kept, &rec, seed + 1));
        exact_pass_start(&pass, chain);
        for (size_t i = 0; i < 3; i++) {
            double least = 1; /* abs: the library may shrink by rounding */
            for (size_t k = 0; k < width[i + 1]; k++) {
                lo[k] = rec.sector[i][k].lo;
                hi[k] = rec.sector[i][k].hi;
                least = lo[k] == -hi[k] ? 0 : least;
            }
            if (least == 0)
                break;
            ck_assert(exact_pass_step(&pass, kept.lambda[i],
                                      -2 * kept.exponent[i], lo, hi));
        }
        if (pass.layer == 3) {
            arb_init(truth);
            exact_pass_finish(truth, &pass);
            ck_assert(exact_not_below(bound, truth));
            ck_assert_double_le(exact_excess(bound, truth), 1e-10);
            arb_clear(truth);
        }
        exact_pass_clear(&pass);
        lip_multipliers_clear(&kept);
        lip_recursion_clear(&rec);
        lip_chain_free(chain);
    }
}
END_TEST

START_TEST(nonsense_proves_nothing)
{
    static const double bad[] = {0, -1, NAN, INFINITY, 1e-320};
    struct lip_chain *chain = sample("relu", 1, 1);
    struct lip_recursion rec;
    struct lip_multipliers kept, m;
    struct lip_big value;
    bool feasible;
    ck_assert_int_eq(lip_recursion_new(&rec, chain, &none), LIP_OK);
    ck_assert_int_eq(lip_multipliers_new(&kept, chain, &none), LIP_OK);
    ck_assert_int_eq(lip_multipliers_new(&m, chain, &none), LIP_OK);
    kept_pass(&kept, &rec, 1);
    for (size_t layer = 0; layer < 3; layer++) {
        for (int b = 0; b < 5; b++) {
            lip_multipliers_copy(&m, &kept);
            m.lambda[layer][3] = bad[b];
            lip_multipliers_pass(&value, &feasible, &rec, &m);
            ck_assert_msg(!feasible, "%g was taken", bad[b]);
        }
        for (long shift = -100000; shift <= 100000; shift += 200000) {
            lip_multipliers_copy(&m, &kept);
            m.exponent[layer] += shift;
            lip_multipliers_pass(&value, &feasible, &rec, &m);
            ck_assert(!feasible);
        }
        lip_multipliers_copy(&m, &kept);
        for (size_t k = 0; k < width[layer + 1]; k++)
            m.lambda[layer][k] *= 1e4; /* over the border */
        lip_multipliers_pass(&value, &feasible, &rec, &m);
        ck_assert(!feasible);
    }
    lip_multipliers_pass(&value, &feasible, &rec, &kept);
    ck_assert(feasible); /* what failed before leaves nothing behind */
    lip_multipliers_clear(&m);
    lip_multipliers_clear(&kept);
    lip_recursion_clear(&rec);
    lip_chain_free(chain);
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    struct lip_chain *chain = sample("relu", 1, 1);
    struct lip_multipliers m;
    enum lip_status status = LIP_NO_MEMORY;
    long n = 0;
    for (; status != LIP_OK; n++) {
        struct lip_budget budget;
        lip_budget_init(&budget, 0);
        struct lip_ctx ctx = {.budget = &budget};
        atomic_store(&budget.fail_after, n);
        status = lip_multipliers_new(&m, chain, &ctx);
        ck_assert(status == LIP_OK || status == LIP_NO_MEMORY);
        if (status == LIP_OK)
            lip_multipliers_clear(&m);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
    ck_assert_int_eq(n, 6); /* the two lists and three layers */
    lip_chain_free(chain);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/multipliers");
    TCase *tc = tcase_create("multipliers");
    tcase_add_test(tc, prove_the_same_again);
    tcase_add_test(tc, prove_the_exact_value);
    tcase_add_test(tc, nonsense_proves_nothing);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
