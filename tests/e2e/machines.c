/* SPDX-License-Identifier: MIT
 *
 * Two daemons that serve, two that work, and one database: whoever is killed,
 * the database too, every job ends once, with the model it would have had, and
 * leaves nothing. KILLS=200 in the environment makes it that many kills (`make
 * soak-machines`); SEED=n repeats a run. */
#include "tests/support/machines.h"
#include "base/context.h"
#include "linalg/random.h"
#include "tests/support/http_client.h"
#include "tests/support/plain.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 2, WIDTH = 64, KILLS = 6, KILLS_A_JOB = 8, CROWD = 2 };
static const double job_seconds = 6, patience = 240;

static struct postgres server;
static struct daemon here, there, worker[WORKERS];

static void start_all(void)
{
    postgres_empty(&server);
    machine_serve(&here, server.url, NULL);
    machine_serve(&there, server.url, NULL);
    for (int i = 0; i < WORKERS; i++)
        machine_work(&worker[i], server.url, NULL);
}

static void end_all(void)
{
    daemon_end(&here);
    daemon_end(&there);
    for (int i = 0; i < WORKERS; i++)
        daemon_end(&worker[i]);
}

/* What one is told of at once, the others hear of without asking: the job is
 * done elsewhere, and its model is there for all. */
START_TEST(every_replica_knows_everything)
{
    const struct job_request request = {8, 30, 1};
    char body[JOB_BODY], id[JOB_ID], target[JOB_ID + 16];
    struct http_answer answer;
    struct bytes one = {0}, other = {0};
    start_all();
    job_body(body, &request);
    machine_submit(id, &here, body);
    snprintf(target, sizeof target, "/jobs/%s?wait=60", id);
    json_t *job = NULL;
    double start = lip_now();
    do {
        json_decref(job);
        http_get(&answer, there.port, target);
        ck_assert_int_eq(answer.status, 200);
        job = json_loads(answer.body, 0, NULL);
        http_clear(&answer);
    } while (!job_is_over(job));
    ck_assert_double_lt(lip_now() - start, 50);
    ck_assert_str_eq(job_state(job), "succeeded");
    machine_check_events(&there, id, true);
    job_model_bytes(&one, &here, job_model(job));
    job_model_bytes(&other, &there, job_model(job));
    ck_assert_uint_eq(one.size, other.size);
    ck_assert_mem_eq(one.data, other.data, one.size);
    bytes_clear(&one);
    bytes_clear(&other);
    json_decref(job);
    end_all();
}
END_TEST

/* Cancelling at one replica reaches the worker. */
START_TEST(a_cancel_reaches_the_worker)
{
    const struct job_request request = {WIDTH, 100000, 1};
    char body[JOB_BODY], id[JOB_ID], target[JOB_ID + 8];
    struct http_answer answer;
    start_all();
    job_body(body, &request);
    machine_submit(id, &here, body);
    job_await_state(&here, id, "running", patience);
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_ask(&answer, there.port, "DELETE", target, NULL, NULL, 0);
    ck_assert_int_eq(answer.status / 100, 2);
    http_clear(&answer);
    json_t *job = machine_await(&here, id, patience);
    ck_assert_str_eq(job_state(job), "cancelled");
    json_decref(job);
    end_all();
}
END_TEST

/* --- kills */

/* The one that runs a job, mostly. */
static void kill_worker(uint64_t *state)
{
    struct daemon *victim = &worker[lip_random_next(state) % WORKERS];
    for (int i = 0; i < WORKERS; i++)
        if (job_process(&worker[i]) && lip_random_next(state) % 4)
            victim = &worker[i];
    printf(" worker");
    machine_kill(victim);
    usleep((useconds_t)(1e6 * plain_uniform(state, 0, 6)));
    machine_work_again(victim, server.url, NULL);
}

static void kill_replica(uint64_t *state)
{
    struct daemon *victim = lip_random_next(state) % 2 ? &here : &there;
    printf(" replica");
    machine_kill(victim);
    usleep((useconds_t)(1e6 * plain_uniform(state, 0, 2)));
    machine_serve_again(victim, server.url, NULL);
}

static void kill_database(uint64_t *state)
{
    double gone = plain_uniform(state, 0, 8);
    printf(" database for %.1f", gone);
    postgres_kill(&server);
    usleep((useconds_t)(1e6 * gone));
    postgres_again(&server);
}

static void kill_postmaster(uint64_t *state)
{
    double gone = plain_uniform(state, 0, 3);
    printf(" postmaster for %.1f", gone);
    postgres_kill_master(&server);
    usleep((useconds_t)(1e6 * gone));
    postgres_again(&server);
}

static void kill_backend(uint64_t *state)
{
    printf(" backend");
    postgres_kill_backend(&server, (unsigned)lip_random_next(state));
}

/* A process of a job that is killed by itself, which is no machine's end. */
static void kill_process(uint64_t *state)
{
    pid_t process = job_process(&worker[lip_random_next(state) % WORKERS]);
    printf(" process");
    if (process)
        kill(process, SIGKILL);
}

static void (*const ways[])(uint64_t *) = {kill_worker,     kill_database,
                                           kill_process,    kill_replica,
                                           kill_postmaster, kill_backend};
enum { WAYS = sizeof ways / sizeof *ways };

/* Kills one after another until the job is over or has had enough. The first
 * of many go through all the ways; every other life is long enough for a
 * checkpoint. */
static size_t disturb(const char *id, uint64_t *state, size_t so_far,
                      size_t most)
{
    size_t kills = 0;
    while (kills < most) {
        json_t *job = machine_look(&there, id);
        bool end = job && job_is_over(job);
        json_decref(job);
        if (end)
            break;
        size_t n = so_far + kills++;
        usleep((useconds_t)(1e6 * (n % 2 ? plain_uniform(state, 3, 4.5)
                                         : plain_uniform(state, 0, 2))));
        ways[n < WAYS ? n : lip_random_next(state) % WAYS](state);
        fflush(stdout);
    }
    printf("\n");
    return kills;
}

static void same_model(const char *id, const char *model, bool progress)
{
    json_t *job = machine_await(&there, id, patience);
    if (strcmp(job_state(job), "succeeded") != 0)
        ck_abort_msg("%s", json_dumps(job, 0));
    ck_assert_str_eq(job_model(job), model);
    json_decref(job);
    machine_check_events(&there, id, progress);
}

/* The model of a job that nobody disturbs. */
static void truth(char model[128], const char *body)
{
    char id[JOB_ID];
    machine_submit(id, &here, body);
    json_t *job = machine_await(&here, id, patience);
    ck_assert_str_eq(job_state(job), "succeeded");
    snprintf(model, 128, "%s", job_model(job));
    json_decref(job);
}

/* Every job of the database has ended, once and well, and none left anything,
 * there or with a machine. */
static void nothing_left(size_t jobs)
{
    static const char *const none[] = {
        "SELECT count(*) FROM lipschitzd.job WHERE state <> 2",
        "SELECT count(*) FROM lipschitzd.blob WHERE kind = 'job'",
        "SELECT count(*) FROM lipschitzd.input",
        "SELECT count(*) FROM lipschitzd.job WHERE 1 <> (SELECT count(*) FROM "
        "lipschitzd.event WHERE job = number AND data LIKE '%succeeded%')",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_msg(postgres_number(&server, none[i]) == 0, "%s", none[i]);
    ck_assert_int_eq(
        postgres_number(&server, "SELECT count(*) FROM lipschitzd.job"),
        (long)jobs);
    machine_nothing_left(&here);
    machine_nothing_left(&there);
    for (int i = 0; i < WORKERS; i++)
        machine_nothing_left(&worker[i]);
}

START_TEST(kills_change_no_bit)
{
    size_t most = machines_number("KILLS", KILLS), kills = 0;
    uint64_t state = machines_number("SEED", (size_t)time(NULL));
    const struct job_request small = {8, 30, 1};
    char few[JOB_BODY], small_model[128];
    static char of_crowd[CROWD_MOST][JOB_ID];
    printf("seed %llu\n", (unsigned long long)state);
    start_all();
    size_t epochs = machines_epochs(&here, WIDTH, job_seconds);
    job_body(few, &small);
    truth(small_model, few);
    size_t jobs =
        (size_t)postgres_number(&server, "SELECT count(*) FROM lipschitzd.job");
    for (unsigned seed = 1; kills < most; seed++) {
        const struct job_request request = {WIDTH, epochs, seed};
        char body[JOB_BODY], id[JOB_ID], model[128];
        struct crowd crowd;
        job_body(body, &request);
        truth(model, body);
        machine_submit(id, &here, body);
        crowd_start(&crowd, &here, &there, few, CROWD);
        size_t left = most - kills;
        kills +=
            disturb(id, &state, kills, left < KILLS_A_JOB ? left : KILLS_A_JOB);
        same_model(id, model, true);
        size_t others = crowd_end(&crowd, of_crowd);
        ck_assert_uint_eq(others, CROWD);
        for (size_t i = 0; i < others; i++)
            same_model(of_crowd[i], small_model, false);
        jobs += 2 + others;
    }
    nothing_left(jobs);
    printf("%zu kills, %zu jobs\n", kills, jobs);
    end_all();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/machines");
    TCase *test = tcase_create("machines");
    if (!postgres_there())
        return 0;
    postgres_start(&server);
    tcase_set_timeout(test, 300 + 60 * (double)machines_number("KILLS", KILLS));
    tcase_add_test(test, every_replica_knows_everything);
    tcase_add_test(test, a_cancel_reaches_the_worker);
    tcase_add_test(test, kills_change_no_bit);
    suite_add_tcase(suite, test);
    int status = run_suite(suite);
    postgres_end(&server);
    return status;
}
