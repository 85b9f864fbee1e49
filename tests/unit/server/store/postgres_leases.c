/* SPDX-License-Identifier: MIT
 *
 * Leases run out by the time that passes, whatever the database's clock is set
 * to; what a job keeps for the next is its holder's to write. */
#include "base/context.h"
#include "server/store/postgres.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Long enough for a slow machine to be in time. */
static const double lease = 2;

static struct postgres server;
static struct lipd_pg *pg, *other;
static struct lipd_job_store *jobs, *elsewhere;
static struct lipd_blobs *blobs;
static struct api_problem problem;
static char id[LIPD_JOB_ID];

/* Says whether `owner` claimed a job. */
static bool claim(struct lipd_job_store *store, const char *owner)
{
    struct lipd_job job;
    enum lipd_claim found =
        store->ops->claim(store, &job, owner, lease, &problem);
    ck_assert_int_ne(found, LIPD_CLAIM_FAILED);
    lipd_job_clear(&job);
    return found == LIPD_CLAIMED;
}

static bool beat(const char *owner)
{
    bool asked;
    return jobs->ops->heartbeat(jobs, id, owner, lease, NULL, &asked, &problem);
}

static void setup(void)
{
    const struct lipd_job_wish wish = {
        .kind = "train", .request = "{}", .tenant = ""};
    bool again;
    postgres_empty(&server);
    pg = postgres_pool(&server);
    other = postgres_pool(&server);
    jobs = lipd_pg_jobs(pg);
    elsewhere = lipd_pg_jobs(other);
    blobs = lipd_pg_blobs(pg);
    ck_assert(jobs->ops->add(jobs, id, &again, &wish, 9, &problem));
    ck_assert(claim(jobs, "one"));
}

static void teardown(void)
{
    blobs->ops->close(blobs);
    jobs->ops->close(jobs);
    elsewhere->ops->close(elsewhere);
    lipd_pg_close(pg);
    lipd_pg_close(other);
}

/* Seconds until somebody else gets the job; its holder is alive for the first
 * `alive` of them. */
static double until_taken(double alive)
{
    double start = lip_now();
    while (!claim(elsewhere, "two")) {
        ck_assert_double_lt(lip_now() - start, alive + 20 * lease);
        if (lip_now() - start < alive)
            ck_assert(beat("one"));
        usleep(100000);
    }
    return lip_now() - start;
}

START_TEST(a_live_one_keeps_its_job)
{
    ck_assert_double_ge(until_taken(2 * lease), 3 * lease - 0.3);
    ck_assert(!beat("one"));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
}
END_TEST

/* As it looks from a clock that went an hour on, or back. */
START_TEST(the_clock_may_be_set)
{
    static const char *const set[] = {
        "UPDATE lipschitzd.job SET lease = lease - 3600",
        "UPDATE lipschitzd.job SET lease = lease + 3600",
    };
    ck_assert(!claim(elsewhere, "two"));
    postgres_run(&server, set[_i]);
    double took = until_taken(0);
    ck_assert_double_ge(took, lease - 0.1);
    ck_assert_double_le(took, 4 * lease);
}
END_TEST

/* Nobody could see the holder while the database was away. */
START_TEST(time_without_a_database_does_not_count)
{
    ck_assert(!claim(elsewhere, "two"));
    usleep(700000); /* until the claim is on the disk */
    ck_assert(beat("one"));
    postgres_kill(&server);
    usleep((useconds_t)(2e6 * lease));
    postgres_again(&server);
    for (int i = 0; i < 100 && !beat("one"); i++) {
        ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
        struct lipd_job job;
        elsewhere->ops->claim(elsewhere, &job, "two", lease, &problem);
        usleep(50000);
    }
    ck_assert(beat("one"));
}
END_TEST

static bool keep(const char *owner, const char *text)
{
    FILE *file = tmpfile();
    fputs(text, file);
    fflush(file);
    bool kept = blobs->ops->put_held(blobs, id, owner, fileno(file),
                                     strlen(text), &problem);
    fclose(file);
    return kept;
}

static long kept(void)
{
    return postgres_number(&server, "SELECT count(*) FROM lipschitzd.blob");
}

/* Whoever has lost a job writes neither what it goes on from nor its end, and
 * nothing is left of either. */
START_TEST(who_lost_a_job_writes_nothing)
{
    const struct lipd_job_end end = {.state = LIPD_JOB_SUCCEEDED,
                                     .result = "{}"};
    ck_assert(keep("one", "first"));
    ck_assert_int_eq(kept(), 1);
    until_taken(0);
    ck_assert(!keep("one", "late"));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(!jobs->ops->finish(jobs, id, "one", &end, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(!jobs->ops->release(jobs, id, "one", NULL, &problem));
    ck_assert(keep("two", "second"));
    ck_assert(jobs->ops->finish(jobs, id, "two", &end, &problem));
    ck_assert_int_eq(kept(), 0);
    ck_assert(!keep("two", "later still"));
    ck_assert_int_eq(kept(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("postgres_leases");
    TCase *tests = tcase_create("postgres_leases");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_live_one_keeps_its_job);
    tcase_add_loop_test(tests, the_clock_may_be_set, 0, 2);
    tcase_add_test(tests, time_without_a_database_does_not_count);
    tcase_add_test(tests, who_lost_a_job_writes_nothing);
    suite_add_tcase(suite, tests);
    return postgres_suite(&server, suite);
}
