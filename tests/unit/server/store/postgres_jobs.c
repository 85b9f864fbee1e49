/* SPDX-License-Identifier: MIT
 *
 * The job store in PostgreSQL keeps what every job store promises, also while
 * the database comes and goes. */
#include "server/store/postgres.h"
#include "tests/support/job_store_suite.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPEN = 8, WORKERS = 4, JOBS = 200 };

static struct postgres server;
static struct api_problem problem;

/* --- a store with a pool of its own */

struct own {
    struct lipd_job_store *store;
    struct lipd_pg *pg;
};
static struct own own[OPEN];
static const struct lipd_job_store_ops *inner;

static void close_own(struct lipd_job_store *store)
{
    inner->close(store);
    for (size_t i = 0; i < OPEN; i++)
        if (own[i].store == store) {
            lipd_pg_close(own[i].pg);
            own[i] = (struct own){0};
        }
}

static struct lipd_job_store *open_one(void)
{
    static struct lipd_job_store_ops ops;
    size_t i = 0;
    while (own[i].store)
        i++;
    ck_assert_uint_lt(i, OPEN);
    own[i].pg = postgres_pool(&server);
    struct lipd_job_store *store = lipd_pg_jobs(own[i].pg);
    if (!inner)
        inner = store->ops;
    ops = *inner;
    ops.close = close_own;
    store->ops = &ops;
    own[i].store = store;
    return store;
}

static void empty(void)
{
    postgres_empty(&server);
}

static void nothing(void)
{
}

static void add(struct lipd_job_store *store, char id[LIPD_JOB_ID],
                const char *key)
{
    const struct lipd_job_wish wish = {.kind = "train",
                                       .request = "{}",
                                       .tenant = "",
                                       .key = key,
                                       .digest = key ? "d" : NULL};
    bool again;
    ck_assert_msg(store->ops->add(store, id, &again, &wish, 100000, &problem),
                  "%s", problem.detail);
}

/* --- migrations */

static void *open_and_close(void *arg)
{
    char complaint[512];
    struct lipd_pg *pg = lipd_pg_open(server.url, complaint, sizeof complaint);
    *(bool *)arg = pg != NULL;
    if (!pg)
        puts(complaint);
    lipd_pg_close(pg);
    return NULL;
}

/* Whoever comes first makes the tables; the others wait for them. */
START_TEST(many_start_at_once)
{
    pthread_t thread[WORKERS];
    bool opened[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&thread[i], NULL, open_and_close, &opened[i]);
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(thread[i], NULL);
        ck_assert(opened[i]);
    }
}
END_TEST

START_TEST(newer_tables_are_refused)
{
    char complaint[512];
    struct lipd_job_store *store = open_one();
    store->ops->close(store);
    postgres_run(&server, "UPDATE lipschitzd.version SET number = 1000");
    ck_assert_ptr_null(lipd_pg_open(server.url, complaint, sizeof complaint));
    ck_assert_ptr_nonnull(strstr(complaint, "newer"));
}
END_TEST

/* Neither a URL that is none nor one that leads nowhere shows its password. */
START_TEST(a_password_is_not_shown)
{
    static const char *const url[] = {"postgresql://me:geheim@[/x",
                                      "host=/nowhere password=geheim x"};
    char complaint[512];
    for (size_t i = 0; i < sizeof url / sizeof *url; i++) {
        ck_assert_ptr_null(lipd_pg_open(url[i], complaint, sizeof complaint));
        ck_assert_ptr_null(strstr(complaint, "geheim"));
    }
}
END_TEST

/* --- keys that race */

struct racer {
    pthread_t thread;
    struct lipd_job_store *store;
    char id[LIPD_JOB_ID];
    bool added, again;
};

static void *add_same(void *arg)
{
    struct racer *racer = arg;
    struct api_problem mine;
    const struct lipd_job_wish wish = {.kind = "train",
                                       .request = "{}",
                                       .tenant = "",
                                       .key = "same",
                                       .digest = "d"};
    racer->added = racer->store->ops->add(racer->store, racer->id,
                                          &racer->again, &wish, 1000, &mine);
    return NULL;
}

START_TEST(one_key_is_one_job_however_many_send_it)
{
    static struct racer racer[WORKERS];
    struct lipd_job_store *one = open_one(), *two = open_one();
    size_t fresh = 0;
    for (int i = 0; i < WORKERS; i++) {
        racer[i].store = i % 2 ? one : two;
        pthread_create(&racer[i].thread, NULL, add_same, &racer[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(racer[i].thread, NULL);
        ck_assert(racer[i].added);
        ck_assert_str_eq(racer[i].id, racer[0].id);
        fresh += !racer[i].again;
    }
    ck_assert_uint_eq(fresh, 1);
    ck_assert_uint_eq(one->ops->queued(one), 1);
    one->ops->close(one);
    two->ops->close(two);
}
END_TEST

/* --- input files */

START_TEST(an_input_comes_back_while_the_job_is_open)
{
    enum { SIZE = 3 * 1024 * 1024 + 17 };
    static unsigned char sent[SIZE], got[SIZE];
    struct lipd_job_store *store = open_one();
    struct lipd_job job;
    char id[LIPD_JOB_ID];
    bool again, there;
    FILE *file = tmpfile();
    for (size_t i = 0; i < SIZE; i++)
        sent[i] = (unsigned char)(i * 2654435761u >> 13);
    const struct lipd_job_wish wish = {.kind = "bound",
                                       .request = "{}",
                                       .tenant = "",
                                       .input = sent,
                                       .input_size = SIZE};
    ck_assert(store->ops->add(store, id, &again, &wish, 9, &problem));
    ck_assert_msg(store->ops->input(store, id, fileno(file), &there, &problem),
                  "%s", problem.detail);
    ck_assert(there);
    ck_assert_int_eq(lseek(fileno(file), 0, SEEK_END), SIZE);
    ck_assert_int_eq(pread(fileno(file), got, SIZE, 0), SIZE);
    ck_assert_mem_eq(got, sent, SIZE);
    ck_assert_int_eq(store->ops->claim(store, &job, "me", 60, &problem),
                     LIPD_CLAIMED);
    lipd_job_clear(&job);
    struct lipd_job_end end = {.state = LIPD_JOB_SUCCEEDED, .result = "{}"};
    ck_assert(store->ops->finish(store, id, "me", &end, &problem));
    ck_assert(store->ops->input(store, id, fileno(file), &there, &problem));
    ck_assert(!there);
    fclose(file);
    store->ops->close(store);
}
END_TEST

/* --- the database comes and goes */

/* Where the database is gone for a moment calls wait; where it stays away they
 * say so; nothing that was said is lost. */
START_TEST(a_database_that_stops_loses_nothing)
{
    struct lipd_job_store *store = open_one();
    char id[LIPD_JOB_ID];
    struct lipd_job job;
    add(store, id, NULL);
    postgres_kill(&server);
    ck_assert(!store->ops->get(store, &job, id, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    ck_assert_uint_gt(problem.retry_after, 0);
    postgres_again(&server);
    sleep(2);
    ck_assert_msg(store->ops->get(store, &job, id, &problem), "%s",
                  problem.detail);
    ck_assert_int_eq(job.state, LIPD_JOB_QUEUED);
    lipd_job_clear(&job);
    store->ops->close(store);
}
END_TEST

struct worker {
    pthread_t thread;
    struct lipd_job_store *store;
    char owner[8];
    size_t ended;
    _Atomic bool stop;
};

static void end_one(struct worker *worker, const char *id)
{
    struct lipd_job_end end = {.state = LIPD_JOB_SUCCEEDED, .result = "{}"};
    struct api_problem mine;
    while (!worker->store->ops->finish(worker->store, id, worker->owner, &end,
                                       &mine))
        if (mine.code == API_PROBLEM_NOT_FOUND)
            return;
    worker->ended++;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct lipd_job job;
    struct api_problem mine;
    while (!worker->stop) {
        enum lipd_claim found = worker->store->ops->claim(
            worker->store, &job, worker->owner, 3, &mine);
        if (found != LIPD_CLAIMED) {
            usleep(20000);
            continue;
        }
        end_one(worker, job.id);
        lipd_job_clear(&job);
    }
    return NULL;
}

/* Workers claim and end jobs while connections are cut and the server dies:
 * each job ends once. */
START_TEST(each_job_ends_once_whatever_breaks)
{
    static struct worker worker[WORKERS];
    static char id[JOBS][LIPD_JOB_ID];
    struct lipd_job_store *store = open_one();
    size_t ended = 0;
    for (int i = 0; i < WORKERS; i++) {
        worker[i].store = i % 2 ? store : open_one();
        snprintf(worker[i].owner, sizeof worker[i].owner, "w%d", i);
    }
    for (int i = 0; i < JOBS; i++)
        add(store, id[i], NULL);
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&worker[i].thread, NULL, work, &worker[i]);
    for (int i = 0; i < 10; i++) {
        usleep(10000);
        postgres_run(&server, "SELECT pg_terminate_backend(pid) FROM "
                              "pg_stat_activity WHERE application_name = "
                              "'lipschitzd' AND pid <> pg_backend_pid()");
    }
    postgres_kill(&server);
    postgres_again(&server);
    for (int i = 0; i < JOBS; i++) {
        struct lipd_job job = {.state = LIPD_JOB_QUEUED};
        for (int j = 0; j < 1000 && !lipd_job_over(job.state); j++) {
            lipd_job_clear(&job);
            if (!store->ops->get(store, &job, id[i], &problem))
                ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
            if (!lipd_job_over(job.state))
                usleep(20000);
        }
        ck_assert_int_eq(job.state, LIPD_JOB_SUCCEEDED);
        lipd_job_clear(&job);
    }
    for (int i = 0; i < WORKERS; i++)
        worker[i].stop = true;
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(worker[i].thread, NULL);
        ended += worker[i].ended;
    }
    ck_assert_uint_eq(ended, JOBS);
    for (int i = 0; i < WORKERS; i += 2)
        worker[i].store->ops->close(worker[i].store);
    store->ops->close(store);
}
END_TEST

int main(void)
{
    static const struct job_store_source source = {
        .setup = empty, .teardown = nothing, .open = open_one};
    Suite *suite = suite_create("postgres_jobs");
    TCase *tests = tcase_create("postgres_jobs");
    tcase_add_checked_fixture(tests, empty, nothing);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, many_start_at_once);
    tcase_add_test(tests, newer_tables_are_refused);
    tcase_add_test(tests, a_password_is_not_shown);
    tcase_add_test(tests, one_key_is_one_job_however_many_send_it);
    tcase_add_test(tests, an_input_comes_back_while_the_job_is_open);
    tcase_add_test(tests, a_database_that_stops_loses_nothing);
    tcase_add_test(tests, each_job_ends_once_whatever_breaks);
    suite_add_tcase(suite, job_store_suite(&source));
    suite_add_tcase(suite, job_store_quota_suite(&source));
    suite_add_tcase(suite, tests);
    return postgres_suite(&server, suite);
}
