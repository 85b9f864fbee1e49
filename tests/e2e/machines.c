/* SPDX-License-Identifier: MIT
 *
 * Two daemons that serve, two that work, and one database: whoever is killed,
 * the database too, every job ends once, with the model it would have had.
 * KILLS=200 in the environment makes it that many kills (`make
 * soak-machines`); SEED=n repeats a run. */
#include "base/context.h"
#include "linalg/random.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/plain.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 2, WIDTH = 64, KILLS = 4, KILLS_A_JOB = 8 };
static const double job_seconds = 6, patience = 240;

static struct postgres server;
static struct daemon here, there, worker[WORKERS];

static size_t number_of(const char *name, size_t fallback)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : fallback;
}

/* --- the machines */

static void serve(struct daemon *daemon)
{
    char data[80];
    daemon_prepare(daemon);
    snprintf(data, sizeof data, "%s/data", daemon->directory);
    daemon_run(daemon, (const char *[]){"--data-dir", data, "--store",
                                        server.url, "--role", "serve", NULL});
}

static void run_worker(const struct daemon *daemon)
{
    char data[80], log[80], program[] = "lipschitzd", command[] = "worker";
    snprintf(data, sizeof data, "--data-dir=%s/data", daemon->directory);
    snprintf(log, sizeof log, "%s/log", daemon->directory);
    char store[200], lease[] = "--lease=3", jobs[] = "--jobs=1",
                     threads[] = "--job-threads=1";
    snprintf(store, sizeof store, "LIPSCHITZD_STORE=%s", server.url);
    putenv(store);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0)
        dup2(fd, STDERR_FILENO);
    char *const arguments[] = {program, command, data, lease,
                               jobs,    threads, NULL};
    execv(daemon_program(), arguments);
    _exit(127);
}

static void work(struct daemon *daemon)
{
    daemon->pid = fork();
    ck_assert_int_ge(daemon->pid, 0);
    if (!daemon->pid)
        run_worker(daemon);
}

static void start_all(void)
{
    postgres_run(&server, "DROP SCHEMA IF EXISTS lipschitzd CASCADE");
    serve(&here);
    serve(&there);
    for (int i = 0; i < WORKERS; i++) {
        daemon_prepare(&worker[i]);
        work(&worker[i]);
    }
}

static void end_all(void)
{
    daemon_end(&here);
    daemon_end(&there);
    for (int i = 0; i < WORKERS; i++)
        daemon_end(&worker[i]);
}

/* --- jobs */

/* NULL where the service says that it cannot answer now. */
static json_t *look(const struct daemon *daemon, const char *id)
{
    struct http_answer answer;
    char target[JOB_ID + 8];
    json_t *job = NULL;
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_get(&answer, daemon->port, target);
    if (answer.status == 503)
        ck_assert_str_ne(http_field(&answer, "Retry-After"), "");
    else
        ck_assert_msg(answer.status == 200, "%d %s", answer.status,
                      answer.body);
    if (answer.status == 200)
        job = json_loads(answer.body, 0, NULL);
    http_clear(&answer);
    return job;
}

static bool over(const json_t *job)
{
    const char *state = job_state(job);
    return strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
}

static json_t *await(const struct daemon *daemon, const char *id)
{
    for (double end = lip_now() + patience;; usleep(50000)) {
        json_t *job = look(daemon, id);
        if (job && over(job))
            return job;
        ck_assert_msg(lip_now() < end, "job %s does not end", id);
        json_decref(job);
    }
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

/* The stream of events, read from this daemon until it ends: it tells of one
 * end. */
static void check_events(const struct daemon *daemon, const char *id)
{
    enum { MOST = 1 << 20 };
    static char text[MOST];
    struct http_client client;
    size_t size = 0;
    ssize_t n;
    char request[JOB_ID + 80];
    snprintf(request, sizeof request,
             "GET /jobs/%s/events HTTP/1.1\r\nHost: a\r\n"
             "Connection: close\r\n\r\n",
             id);
    http_open(&client, daemon->port);
    http_say(&client, request);
    while (size < MOST - 1 &&
           (n = recv(client.fd, text + size, MOST - 1 - size, 0)) > 0)
        size += (size_t)n;
    text[size] = '\0';
    http_close(&client);
    ck_assert_msg(count(text, "\"succeeded\"") == 1, "%s", text);
    ck_assert_uint_ge(count(text, "\"running\""), 1);
    ck_assert_uint_ge(count(text, "event: progress"), 1);
}

static size_t epochs_for(double seconds)
{
    const struct job_request request = {WIDTH, 50, 1};
    char body[JOB_BODY], id[JOB_ID];
    job_body(body, &request);
    job_submit(id, &here, body);
    json_t *job = await(&there, id);
    ck_assert_str_eq(job_state(job), "succeeded");
    const json_t *took =
        json_object_get(json_object_get(job, "result"), "seconds");
    double one = json_number_value(took) / 50;
    json_decref(job);
    return (size_t)(seconds / one) + 10;
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
    job_submit(id, &here, body);
    snprintf(target, sizeof target, "/jobs/%s?wait=60", id);
    json_t *job = NULL;
    double start = lip_now();
    do {
        json_decref(job);
        http_get(&answer, there.port, target);
        ck_assert_int_eq(answer.status, 200);
        job = json_loads(answer.body, 0, NULL);
        http_clear(&answer);
    } while (!over(job));
    ck_assert_double_lt(lip_now() - start, 50);
    ck_assert_str_eq(job_state(job), "succeeded");
    check_events(&there, id);
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
    job_submit(id, &here, body);
    job_await_state(&here, id, "running", patience);
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_ask(&answer, there.port, "DELETE", target, NULL, NULL, 0);
    ck_assert_int_eq(answer.status / 100, 2);
    http_clear(&answer);
    json_t *job = await(&here, id);
    ck_assert_str_eq(job_state(job), "cancelled");
    json_decref(job);
    end_all();
}
END_TEST

/* --- kills */

static void kill_worker(uint64_t *state)
{
    struct daemon *victim = &worker[lip_random_next(state) % WORKERS];
    for (int i = 0; i < WORKERS; i++)
        if (job_process(&worker[i]) && lip_random_next(state) % 4)
            victim = &worker[i];
    printf(" worker");
    kill(victim->pid, SIGKILL);
    waitpid(victim->pid, NULL, 0);
    usleep((useconds_t)(1e6 * plain_uniform(state, 0, 6)));
    work(victim);
}

static void kill_database(uint64_t *state)
{
    double gone = plain_uniform(state, 0, 8);
    printf(" database for %.1f", gone);
    postgres_kill(&server);
    usleep((useconds_t)(1e6 * gone));
    postgres_again(&server);
}

/* A process of a job that is killed by itself, which is no machine's end. */
static void kill_process(uint64_t *state)
{
    pid_t process = job_process(&worker[lip_random_next(state) % WORKERS]);
    printf(" process");
    if (process)
        kill(process, SIGKILL);
}

static size_t disturb(const char *id, uint64_t *state, size_t most)
{
    static void (*const ways[])(uint64_t *) = {kill_worker, kill_database,
                                               kill_process, kill_worker};
    size_t kills = 0;
    while (kills < most) {
        json_t *job = look(&there, id);
        bool end = job && over(job);
        json_decref(job);
        if (end)
            break;
        usleep((useconds_t)(1e6 * (kills % 2 ? plain_uniform(state, 3, 4.5)
                                             : plain_uniform(state, 0, 2))));
        ways[kills % 2 ? lip_random_next(state) % 4 : kills / 2 % 2](state);
        fflush(stdout);
        kills++;
    }
    printf("\n");
    return kills;
}

START_TEST(kills_change_no_bit)
{
    size_t most = number_of("KILLS", KILLS), kills = 0;
    uint64_t state = number_of("SEED", (size_t)time(NULL));
    printf("seed %llu\n", (unsigned long long)state);
    start_all();
    size_t epochs = epochs_for(job_seconds);
    for (unsigned seed = 1; kills < most; seed++) {
        const struct job_request request = {WIDTH, epochs, seed};
        char body[JOB_BODY], id[JOB_ID], calm[JOB_ID];
        job_body(body, &request);
        job_submit(calm, &here, body);
        json_t *truth = await(&here, calm);
        ck_assert_str_eq(job_state(truth), "succeeded");
        job_submit(id, &here, body);
        size_t left = most - kills;
        kills += disturb(id, &state, left < KILLS_A_JOB ? left : KILLS_A_JOB);
        json_t *job = await(&there, id);
        if (strcmp(job_state(job), "succeeded") != 0)
            ck_abort_msg("%s", json_dumps(job, 0));
        ck_assert_str_eq(job_model(job), job_model(truth));
        check_events(&there, id);
        json_decref(job);
        json_decref(truth);
    }
    printf("%zu kills\n", kills);
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
    tcase_set_timeout(test, 300 + 40 * (double)number_of("KILLS", KILLS));
    tcase_add_test(test, every_replica_knows_everything);
    tcase_add_test(test, a_cancel_reaches_the_worker);
    tcase_add_test(test, kills_change_no_bit);
    suite_add_tcase(suite, test);
    int status = run_suite(suite);
    postgres_end(&server);
    return status;
}
