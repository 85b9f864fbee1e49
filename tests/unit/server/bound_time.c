/* SPDX-License-Identifier: MIT
 *
 * What is answered at once and what time a job has. */
#include "server/bound_time.h"

#include "tests/support/suite.h"

#include <string.h>

static const struct lipd_config config = {.max_time = 60, .job_time = 1000};
static const struct lipd_quota none;

/* A limit, what is predicted, and what follows: is it long, what has a job
 * (0: it is refused)? */
static const struct {
    double limit, predicted;
    bool is_long;
    double seconds;
} row[] = {
    {0, 0, false, 600},    {0, 60, false, 600},     {0, 61, true, 600},
    {0, 200, true, 800},   {0, 400, true, 1000},    {0, 1000, true, 1000},
    {0, 1001, true, 0},    {60, 0, false, 60},      {60, 1e9, false, 60},
    {61, 0, true, 61},     {61, 1e9, true, 61},     {5000, 1e9, true, 1000},
    {5000, 0, true, 1000}, {1e-9, 61, false, 1e-9},
};

START_TEST(rows)
{
    struct api_bound_request request = {.choice = API_METHODS_NAMED};
    struct api_problem problem = {.code = API_PROBLEM_INTERNAL};
    struct lipd_bound_time time = lipd_bound_time(&config, none);
    double seconds;
    request.options.time_limit = row[_i].limit;
    ck_assert(lipd_bound_is_long(time, &request, row[_i].predicted) ==
              row[_i].is_long);
    bool given = lipd_bound_job_time(&seconds, time, &request,
                                     row[_i].predicted, &problem);
    ck_assert(given == (row[_i].seconds > 0));
    if (given)
        ck_assert_double_eq(seconds, row[_i].seconds);
    else
        ck_assert_int_eq(problem.code, API_PROBLEM_MODEL_TOO_LARGE);
}
END_TEST

/* A token's limit is the limit of both; then a job is of no use. */
START_TEST(a_token_has_its_own)
{
    struct api_bound_request request = {.choice = API_METHODS_NAMED};
    struct api_problem problem;
    double seconds;
    struct lipd_bound_time time =
        lipd_bound_time(&config, (struct lipd_quota){.seconds = 30});
    ck_assert(!lipd_bound_is_long(time, &request, 1e9));
    ck_assert(!lipd_bound_job_time(&seconds, time, &request, 31, &problem));
    ck_assert_ptr_nonnull(strstr(problem.detail, "token"));
    ck_assert(lipd_bound_job_time(&seconds, time, &request, 30, &problem));
    ck_assert_double_eq(seconds, 30);
    time = lipd_bound_time(&config, (struct lipd_quota){.seconds = 100});
    ck_assert(lipd_bound_is_long(time, &request, 61));
    time = lipd_bound_time(&config, (struct lipd_quota){.seconds = 2000});
    ck_assert(!lipd_bound_job_time(&seconds, time, &request, 1001, &problem));
    ck_assert_ptr_nonnull(strstr(problem.detail, "--job-time"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bound_time");
    TCase *tests = tcase_create("bound_time");
    tcase_add_loop_test(tests, rows, 0, (int)(sizeof row / sizeof *row));
    tcase_add_test(tests, a_token_has_its_own);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
