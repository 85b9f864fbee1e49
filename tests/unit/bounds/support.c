/* SPDX-License-Identifier: MIT
 *
 * The small steps: which norms apply and why not, values that no double holds,
 * a bounded list of details. */
#include "bounds/support.h"

#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

START_TEST(which_norms)
{
    for (int p = 0; p < 9; p++) {
        struct lip_bound_options options = {.norm = nth_pair(p)};
        char reason[240] = "";
        bool yes = lip_applies_l2(NULL, &options, reason, sizeof reason);
        ck_assert(yes == (p == 4));
        ck_assert((reason[0] == '\0') == yes);
        ck_assert(lip_applies_any(NULL, &options, reason, sizeof reason));
    }
    struct lip_bound_options options = {.norm = nth_pair(0)};
    char cut[10];
    ck_assert(!lip_applies_l2(NULL, &options, cut, sizeof cut));
    ck_assert_uint_eq(strlen(cut), 9);
}
END_TEST

START_TEST(values)
{
    struct lip_bound bound = {0};
    lip_bound_set(&bound, lip_big_make(3, 0));
    ck_assert_double_eq(bound.upper_bound, 3);
    ck_assert(!bound.skipped);
    lip_bound_set(&bound, lip_big_make(0.75, -1100));
    ck_assert_double_eq(bound.upper_bound, 0x1p-1074);
    lip_bound_set(&bound, lip_big_make(0.5, 1025));
    ck_assert(bound.skipped);
    ck_assert_ptr_nonnull(strstr(bound.reason, "largest double"));
    bound = (struct lip_bound){0};
    lip_bound_set(&bound, lip_big_make(NAN, 0));
    ck_assert(bound.skipped);
}
END_TEST

START_TEST(details)
{
    struct lip_bound bound = {0};
    char longest[100];
    memset(longest, 'x', sizeof longest);
    longest[99] = '\0';
    lip_bound_add_detail(&bound, "too large", 1, lip_big_make(1, 2000));
    ck_assert_uint_eq(bound.detail_count, 0);
    for (int k = 0; k < 2 * LIP_MAX_DETAILS; k++)
        lip_bound_add_detail(&bound, k ? longest : "first", k,
                             lip_big_make(k + 1, 0));
    ck_assert_uint_eq(bound.detail_count, LIP_MAX_DETAILS);
    ck_assert_str_eq(bound.detail[0].rule, "first");
    ck_assert_double_eq(bound.detail[5].upper_bound, 6);
    ck_assert_double_eq(bound.detail[5].parameter, 5);
    ck_assert_uint_eq(strlen(bound.detail[1].rule),
                      sizeof bound.detail[1].rule - 1);
}
END_TEST

static double product(double inputs, double outputs)
{
    return inputs * outputs;
}

START_TEST(sums_and_costs)
{
    struct plain net;
    struct lip_ctx ctx = {0};
    static const size_t width[] = {3, 5, 2};
    plain_random(&net, "relu", width, 2, 1);
    struct lip_chain *chain = plain_chain(&net, &ctx);
    ck_assert_double_eq(lip_sum_links(chain, product), 25);
    ck_assert_double_ge(lip_norm_bytes(chain), 8 * 3 * 3);
    lip_chain_free(chain);
    plain_clear(&net);
    ck_assert_double_eq(lip_spectral_flops(10, 100),
                        lip_spectral_flops(100, 10));
    ck_assert_double_ge(lip_spectral_flops(10, 100), 1e4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/support");
    TCase *tc = tcase_create("support");
    tcase_add_test(tc, which_norms);
    tcase_add_test(tc, values);
    tcase_add_test(tc, details);
    tcase_add_test(tc, sums_and_costs);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
