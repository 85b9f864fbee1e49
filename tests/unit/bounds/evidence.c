/* SPDX-License-Identifier: MIT
 *
 * Properties: every method keeps evidence where asked and none where not, and
 * its bound is the same either way; the evidence has the shape that its theorem
 * needs; memory may run out anywhere, and all of it is given back. What the
 * evidence proves is held in property/certificate.c. */
#include "bounds/evidence.h"

#include "bounds/method.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static enum lip_status run(struct lip_bound *bound,
                           const struct lip_method *method,
                           const struct lip_chain *chain, int pair,
                           bool evidence)
{
    struct lip_bound_options options = {.norm = nth_pair(pair),
                                        .evidence = evidence};
    ctx = (struct lip_ctx){.budget = &budget};
    return lip_method_run(bound, method, chain, &options, &ctx);
}

static struct lip_chain *sample(const char *activation)
{
    static const size_t width[] = {4, 6, 5, 3};
    static struct lip_ctx none;
    struct plain net;
    plain_random(&net, activation, width, 3, 11);
    struct lip_chain *chain = plain_chain(&net, &none);
    plain_clear(&net);
    return chain;
}

/* Rows, norms and slopes where the theorem has them. */
static void check_shape(const struct lip_evidence *e, int pair)
{
    size_t l = 3;
    if (e->theorem == &lip_theorem_product) {
        ck_assert_uint_eq(e->rows, 1);
        ck_assert_uint_eq(e->row[0].count, l);
        ck_assert_int_eq(e->norm[0], nth_pair(pair).input);
        ck_assert_int_eq(e->norm[l], nth_pair(pair).output);
    } else if (e->theorem == &lip_theorem_averaged) {
        ck_assert_uint_eq(e->rows, l);
        ck_assert_uint_eq(e->norms, l + 1);
        for (size_t k = 0; k < l; k++)
            ck_assert_uint_eq(e->row[k].count, k + 1);
    } else if (e->theorem == &lip_theorem_recursion) {
        ck_assert_uint_eq(e->rows, l - 1);
        ck_assert_uint_eq(e->layers, l - 1);
        ck_assert_uint_eq(e->row[0].count, 6);
        for (size_t k = 0; k < 6; k++)
            ck_assert_double_gt(e->row[0].value[k].m, 0);
    } else {
        ck_assert_ptr_eq(e->theorem, &lip_theorem_absolute);
        ck_assert_uint_eq(e->row[0].count, pair == 4 ? 4 : 0);
    }
}

START_TEST(kept_where_asked)
{
    static const char *const activation[] = {"relu", "abs", "silu", "prelu"};
    lip_budget_init(&budget, 0);
    for (int a = 0; a < 4; a++) {
        struct lip_chain *chain = sample(activation[a]);
        for (size_t i = 0; lip_methods[i]; i++)
            for (int p = 0; p < 9; p++) {
                struct lip_bound bare, with;
                ck_assert_int_eq(run(&bare, lip_methods[i], chain, p, false),
                                 LIP_OK);
                ck_assert_int_eq(run(&with, lip_methods[i], chain, p, true),
                                 LIP_OK);
                ck_assert_ptr_null(bare.evidence);
                ck_assert_int_eq(with.skipped, with.evidence == NULL);
                ck_assert_int_eq(with.skipped, bare.skipped);
                if (!with.skipped) {
                    ck_assert_double_eq(with.upper_bound, bare.upper_bound);
                    check_shape(with.evidence, p);
                }
                lip_bound_clear(&with);
                ck_assert_uint_eq(atomic_load(&budget.used), 0);
            }
        lip_chain_free(chain);
    }
}
END_TEST

START_TEST(constant_networks)
{
    static const size_t width[] = {2, 3, 2};
    struct plain net;
    struct lip_bound bound;
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    plain_zero(&net, "relu", width, 2);
    struct lip_chain *chain = plain_chain(&net, &ctx);
    for (size_t i = 0; lip_methods[i]; i++) {
        if (is_for_images(lip_methods[i]))
            continue;
        ck_assert_int_eq(run(&bound, lip_methods[i], chain, 4, true), LIP_OK);
        ck_assert_ptr_eq(bound.evidence->theorem, &lip_theorem_constant);
        lip_bound_clear(&bound);
    }
    lip_chain_free(chain);
    plain_clear(&net);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

/* Every n up to 80, then ever larger steps. */
START_TEST(memory_may_run_out)
{
    struct lip_chain *chain = sample("relu");
    lip_budget_init(&budget, 0);
    for (size_t i = 0; lip_methods[i]; i++)
        for (int p = 0; p < 9; p++) {
            struct lip_bound bound;
            enum lip_status status = LIP_NO_MEMORY;
            for (long n = 0; status != LIP_OK; n += n < 80 ? 1 : n / 4) {
                atomic_store(&budget.fail_after, n);
                status = run(&bound, lip_methods[i], chain, p, true);
                atomic_store(&budget.fail_after, -1);
                if (status != LIP_OK) {
                    ck_assert_int_eq(status, LIP_NO_MEMORY);
                    ck_assert_int_eq(ctx.error.status, LIP_NO_MEMORY);
                    ck_assert_ptr_null(bound.evidence);
                }
            }
            lip_bound_clear(&bound);
            ck_assert_msg(atomic_load(&budget.used) == 0, "%s, pair %d",
                          lip_methods[i]->id, p);
        }
    lip_chain_free(chain);
}
END_TEST

START_TEST(theorems_say_what_they_are)
{
    static const struct lip_theorem *const theorem[] = {
        &lip_theorem_constant, &lip_theorem_product,   &lip_theorem_absolute,
        &lip_theorem_averaged, &lip_theorem_recursion, &lip_theorem_quotient};
    for (int i = 0; i < 6; i++) {
        ck_assert_uint_gt(strlen(theorem[i]->id), 5);
        ck_assert_uint_gt(strlen(theorem[i]->statement), 40);
        ck_assert_ptr_nonnull(theorem[i]->citation);
        ck_assert_ptr_nonnull(theorem[i]->numbers);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/evidence");
    TCase *tc = tcase_create("evidence");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, kept_where_asked);
    tcase_add_test(tc, constant_networks);
    tcase_add_test(tc, memory_may_run_out);
    tcase_add_test(tc, theorems_say_what_they_are);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
