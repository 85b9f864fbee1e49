/* SPDX-License-Identifier: MIT
 *
 * Shares of the time: small needs are met, large ones wait for nobody, nothing
 * is lost. */
#include "api/time_share.h"

#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

/* The only one, or the last one, may take all. Where there is enough for all,
 * the first one may take what the others do not need, twice counted. */
START_TEST(enough_for_all)
{
    ck_assert_double_eq(api_time_share((double[]){1}, 1, 10), 10);
    ck_assert_double_eq(api_time_share((double[]){100}, 1, 10), 10);
    ck_assert_double_eq(api_time_share((double[]){1, 2, 1}, 3, 10), 4);
    ck_assert_double_eq(api_time_share((double[]){0, 0, 0}, 3, 10), 10);
}
END_TEST

/* A method that would take hours leaves what a later one needs; two of them
 * share alike; small ones before them change nothing. */
START_TEST(cheap_methods_behind_dear_ones_are_kept)
{
    double t = 60, each[] = {25, 1000, 3}, two[] = {1000, INFINITY, 3};
    ck_assert_double_eq(api_time_share(each, 3, t), 27);
    ck_assert_double_eq(api_time_share(each + 1, 2, t - 27), 27);
    ck_assert_double_eq(api_time_share(each + 2, 1, 6), 6);
    ck_assert_double_eq(api_time_share(two, 3, t), 27);
    ck_assert_double_eq(api_time_share((double[]){0.1, 1000, 9}, 3, t), 20);
    ck_assert_double_eq(api_time_share((double[]){1000, 0.1, 9}, 3, t), 41.8);
    ck_assert_double_eq(api_time_share((double[]){NAN, NAN}, 2, t), t);
    ck_assert_double_eq(api_time_share(two, 3, 0), 0);
}
END_TEST

/* One after the other, each until it is done or its share is over. Never more
 * than there is is given out, nobody gets less than an equal part of what is
 * left, and where expectations hold and there is twice as much as is expected,
 * all are done. */
START_TEST(nobody_starves)
{
    uint64_t seed = 3;
    for (int t = 0; t < 4000; t++) {
        double seconds[9], left = 10, sum = 0;
        size_t n = shaped_from(&seed, 1, 9);
        bool honest = t % 2;
        for (size_t k = 0; k < n; k++) {
            seconds[k] = exp(5 * shaped_uniform(&seed));
            sum += 2 * seconds[k];
        }
        for (size_t k = 0; k < n; k++) {
            double got = api_time_share(seconds + k, n - k, left);
            double takes = honest ? fmin(got, seconds[k]) : got;
            ck_assert_double_ge(got, left / (double)(n - k) * (1 - 1e-12));
            ck_assert_double_le(got, left * (1 + 1e-12));
            ck_assert(!honest || sum > 10 || takes >= seconds[k]);
            left -= takes;
        }
        ck_assert_double_ge(left, -1e-12);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/time_share");
    TCase *tc = tcase_create("time_share");
    tcase_add_test(tc, enough_for_all);
    tcase_add_test(tc, cheap_methods_behind_dear_ones_are_kept);
    tcase_add_test(tc, nobody_starves);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
