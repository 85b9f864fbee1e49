/* SPDX-License-Identifier: MIT
 *
 * A database that says nothing holds nobody for long, and is used again as soon
 * as it speaks. */
#include "base/context.h"
#include "server/store/postgres.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct postgres server;
static struct lipd_pg *pg;
static struct lipd_job_store *jobs;
static struct api_problem problem;

static void setup(void)
{
    postgres_empty(&server);
    pg = postgres_pool(&server);
    jobs = lipd_pg_jobs(pg);
}

static void teardown(void)
{
    postgres_signal(&server, SIGCONT);
    jobs->ops->close(jobs);
    lipd_pg_close(pg);
}

static bool list(void)
{
    struct lipd_job job;
    size_t count;
    return jobs->ops->list(jobs, &job, &count, 1, "", NULL, &problem);
}

/* Seconds that a call takes which fails for want of an answer. */
static double vain(void)
{
    double start = lip_now();
    ck_assert(!list());
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    ck_assert_uint_gt(problem.retry_after, 0);
    return lip_now() - start;
}

START_TEST(a_silent_database_holds_nobody)
{
    ck_assert(list());
    ck_assert(jobs->ops->there(jobs, &problem));
    postgres_signal(&server, SIGSTOP);
    ck_assert_double_lt(vain(), LIPD_PG_SILENCE + 6);
    for (double end = lip_now() + 30; jobs->ops->there(jobs, &problem);) {
        ck_assert_double_lt(lip_now(), end);
        vain();
    }
    postgres_signal(&server, SIGCONT);
    double end = lip_now() + 30;
    while (!list()) {
        ck_assert_double_lt(lip_now(), end);
        usleep(50000);
    }
    ck_assert(jobs->ops->there(jobs, &problem));
}
END_TEST

static _Atomic int news;

static void hear(void *arg, const char *job)
{
    (void)arg;
    (void)job;
    atomic_fetch_add(&news, 1);
}

/* With somebody who listens it is noticed though nobody asks, and nobody waits
 * any more. */
START_TEST(the_listener_notices)
{
    struct lipd_pg_listener *listener = lipd_pg_listen(pg, hear, NULL);
    while (!news)
        usleep(10000);
    postgres_signal(&server, SIGSTOP);
    for (double end = lip_now() + 40; jobs->ops->there(jobs, &problem);) {
        ck_assert_double_lt(lip_now(), end);
        usleep(50000);
    }
    for (int i = 0; i < 20; i++)
        ck_assert_double_lt(vain(), 0.5);
    int before = news;
    postgres_signal(&server, SIGCONT);
    for (double end = lip_now() + 30; !jobs->ops->there(jobs, &problem);) {
        ck_assert_double_lt(lip_now(), end);
        usleep(50000);
    }
    ck_assert(list());
    for (double end = lip_now() + 30; news == before; usleep(10000))
        ck_assert_double_lt(lip_now(), end);
    lipd_pg_unlisten(listener);
}
END_TEST

/* As many bytes as a socket does not hold go both ways. */
START_TEST(long_statements_go_through)
{
    enum { SIZE = 64 << 20 };
    static char bytes[SIZE];
    struct lipd_pg_call call;
    PGresult *result;
    memset(bytes, 7, SIZE);
    lipd_pg_call(&call, "SELECT $1::bytea", "b", bytes, (size_t)SIZE);
    call.binary_result = 1;
    ck_assert_msg(lipd_pg_ask(pg, &call, 1, &result, &problem), "%s",
                  problem.detail);
    ck_assert_int_eq(PQgetlength(result, 0, 0), SIZE);
    ck_assert_mem_eq(PQgetvalue(result, 0, 0), bytes, SIZE);
    PQclear(result);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("postgres_talk");
    TCase *tests = tcase_create("postgres_talk");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 180);
    tcase_add_test(tests, a_silent_database_holds_nobody);
    tcase_add_test(tests, the_listener_notices);
    tcase_add_test(tests, long_statements_go_through);
    suite_add_tcase(suite, tests);
    return postgres_suite(&server, suite);
}
