/* SPDX-License-Identifier: MIT
 *
 * Whatever is killed, and whenever, a training job ends as it would have: with
 * the same bytes of the model. KILLS=200 in the environment makes it that many
 * kills, over as many jobs as they take (`make soak-jobs`); SEED=n repeats a
 * run. */
#include "base/context.h"
#include "linalg/random.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 64, KILLS = 10, KILLS_A_JOB = 12 };

/* Seconds: of an undisturbed job, and to wait for anything. */
static const double job_seconds = 6, patience = 240;

static struct daemon disturbed, calm;
static char disturbed_data[80], calm_data[80];

static void run(struct daemon *daemon, char data[80])
{
    snprintf(data, 80, "%s/data", daemon->directory);
    daemon_run(daemon, (const char *[]){"--data-dir", data, "--jobs", "1",
                                        "--job-threads", "1", NULL});
}

static size_t number_of(const char *name, size_t fallback)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : fallback;
}

/* Epochs that take about that long here. */
static size_t epochs_for(double seconds)
{
    const struct job_request request = {WIDTH, 50, 1};
    char body[JOB_BODY], id[JOB_ID];
    job_body(body, &request);
    job_submit(id, &calm, body);
    json_t *job = job_await(&calm, id, patience);
    ck_assert_str_eq(job_state(job), "succeeded");
    const json_t *took =
        json_object_get(json_object_get(job, "result"), "seconds");
    double one = json_number_value(took) / 50;
    json_decref(job);
    ck_assert_double_gt(one, 0);
    return (size_t)(seconds / one) + 10;
}

/* --- kills */

static void wait_killed(struct daemon *daemon)
{
    ck_assert_int_eq(daemon_wait(daemon), 128 + SIGKILL);
}

static void kill_daemon(void)
{
    daemon_signal(&disturbed, SIGKILL);
    wait_killed(&disturbed);
    run(&disturbed, disturbed_data);
}

static void kill_process(void)
{
    pid_t process = job_process(&disturbed);
    if (process)
        kill(process, SIGKILL);
}

static void kill_both(void)
{
    kill_process();
    kill_daemon();
}

static void stop_daemon(void)
{
    daemon_signal(&disturbed, SIGTERM);
    ck_assert_int_eq(daemon_wait(&disturbed), 0);
    run(&disturbed, disturbed_data);
}

/* What a service manager does: everyone is told at once. */
static void stop_all(void)
{
    pid_t process = job_process(&disturbed);
    if (process)
        kill(process, SIGTERM);
    stop_daemon();
}

static const struct {
    const char *name;
    void (*kill)(void);
} ways[] = {
    {"daemon", kill_daemon}, {"process", kill_process}, {"both", kill_both},
    {"stop", stop_daemon},   {"stop all", stop_all},
};
enum { WAYS = sizeof ways / sizeof *ways };

/* A process that is killed five times without getting further counts as
 * hopeless: every other life is long enough for a checkpoint. */
static double life(uint64_t *state, size_t i)
{
    return i % 2 ? plain_uniform(state, 2.4, 3.2) : plain_uniform(state, 0, 1);
}

static bool over(const char *id)
{
    json_t *job = job_show(&disturbed, id);
    const char *state = job_state(job);
    bool is = strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
    json_decref(job);
    return is;
}

/* Kills until the job is over or has had enough; how many. */
static size_t disturb(const char *id, uint64_t *state, size_t most)
{
    size_t kills = 0;
    while (kills < most && !over(id)) {
        double wait = life(state, kills);
        size_t way = lip_random_next(state) % WAYS;
        printf(" %s after %.2f", ways[way].name, wait);
        fflush(stdout);
        usleep((useconds_t)(1e6 * wait));
        ways[way].kill();
        kills++;
    }
    printf("\n");
    return kills;
}

/* --- the same end */

static void same_member(const json_t *a, const json_t *b, const char *name)
{
    const json_t *one = json_object_get(json_object_get(a, "result"), name);
    const json_t *other = json_object_get(json_object_get(b, "result"), name);
    ck_assert_msg(one && json_equal(one, other), "\"%s\" is another", name);
}

static void same_end(const json_t *one, const json_t *other)
{
    struct bytes a = {0}, b = {0};
    if (strcmp(job_state(one), "succeeded") != 0)
        ck_abort_msg("%s", json_dumps(one, 0));
    ck_assert_str_eq(job_state(other), "succeeded");
    ck_assert_str_eq(job_model(one), job_model(other));
    job_model_bytes(&a, &disturbed, job_model(one));
    job_model_bytes(&b, &calm, job_model(other));
    ck_assert_uint_eq(a.size, b.size);
    ck_assert_mem_eq(a.data, b.data, a.size);
    same_member(one, other, "history");
    same_member(one, other, "metrics");
    ck_assert_double_le(job_bound(one), 1.5);
    bytes_clear(&a);
    bytes_clear(&b);
}

/* The database is whole, and no folder of a job is left. */
static void nothing_left(const char *data)
{
    char command[200];
    job_list_is_whole(data);
    snprintf(command, sizeof command,
             "test -z \"$(find %s/jobs -mindepth 1 -type d)\"", data);
    ck_assert_msg(system(command) == 0, "a folder is left in %s/jobs", data);
}

START_TEST(kills_change_no_bit)
{
    size_t most = number_of("KILLS", KILLS), kills = 0;
    uint64_t state = number_of("SEED", (size_t)time(NULL));
    printf("seed %llu\n", (unsigned long long)state);
    daemon_prepare(&disturbed);
    daemon_prepare(&calm);
    run(&disturbed, disturbed_data);
    run(&calm, calm_data);
    size_t epochs = epochs_for(job_seconds);
    for (unsigned seed = 1; kills < most; seed++) {
        const struct job_request request = {WIDTH, epochs, seed};
        char body[JOB_BODY], one[JOB_ID], other[JOB_ID];
        job_body(body, &request);
        job_submit(one, &disturbed, body);
        job_submit(other, &calm, body);
        size_t left = most - kills;
        kills += disturb(one, &state, left < KILLS_A_JOB ? left : KILLS_A_JOB);
        json_t *a = job_await(&disturbed, one, patience);
        json_t *b = job_await(&calm, other, patience);
        same_end(a, b);
        json_decref(a);
        json_decref(b);
    }
    daemon_signal(&disturbed, SIGTERM);
    ck_assert_int_eq(daemon_wait(&disturbed), 0);
    nothing_left(disturbed_data);
    daemon_forget(&disturbed);
    daemon_end(&calm);
    printf("%zu kills\n", kills);
}
END_TEST

static void forget_model(const char *model)
{
    struct http_answer answer;
    char target[200];
    snprintf(target, sizeof target, "/models/%s", model);
    http_ask(&answer, disturbed.port, "DELETE", target, NULL, NULL, 0);
    ck_assert_int_eq(answer.status / 100, 2);
    http_clear(&answer);
}

/* Jobs of half a second, one kill each: their beginnings and their ends are
 * hit, where files are written, models stored and folders removed. */
START_TEST(kills_of_short_jobs_change_no_bit)
{
    enum { ROUNDS = 16 };
    uint64_t state = number_of("SEED", (size_t)time(NULL));
    char body[JOB_BODY], id[JOB_ID];
    printf("seed %llu\n", (unsigned long long)state);
    daemon_prepare(&disturbed);
    daemon_prepare(&calm);
    run(&disturbed, disturbed_data);
    run(&calm, calm_data);
    const struct job_request request = {WIDTH, epochs_for(0.5), 1};
    job_body(body, &request);
    job_submit(id, &calm, body);
    json_t *truth = job_await(&calm, id, patience);
    for (int round = 0; round < ROUNDS; round++) {
        job_submit(id, &disturbed, body);
        usleep((useconds_t)(1e6 * plain_uniform(&state, 0, 0.8)));
        ways[lip_random_next(&state) % WAYS].kill();
        json_t *job = job_await(&disturbed, id, patience);
        same_end(job, truth);
        forget_model(job_model(job));
        json_decref(job);
    }
    json_decref(truth);
    daemon_signal(&disturbed, SIGTERM);
    ck_assert_int_eq(daemon_wait(&disturbed), 0);
    nothing_left(disturbed_data);
    daemon_forget(&disturbed);
    daemon_end(&calm);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/jobs_restart");
    TCase *test = tcase_create("kills");
    tcase_set_timeout(test, 300 + 15 * (double)number_of("KILLS", KILLS));
    tcase_add_test(test, kills_change_no_bit);
    tcase_add_test(test, kills_of_short_jobs_change_no_bit);
    suite_add_tcase(suite, test);
    return run_suite(suite);
}
