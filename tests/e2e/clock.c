/* SPDX-License-Identifier: MIT
 *
 * The clock on the wall is set an hour on and an hour back while jobs run and
 * clients wait: nothing ends early, nothing hangs, nothing is lost, and a job
 * ends after it began. */
#include "base/context.h"
#include "tests/support/http_client.h"
#include "tests/support/machines.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WIDTH = 64, HOUR = 3600 };
static const double patience = 240;

static struct daemon daemon_, other, worker[2];
static char folder[] = "/tmp/lipschitzd-clock-XXXXXX";

/* --- clocks */

struct wall {
    char path[80];
    volatile int64_t *wrong;
};

static void make_clock(struct wall *clock, const char *name)
{
    snprintf(clock->path, sizeof clock->path, "%s/%s", folder, name);
    int fd = open(clock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, sizeof *clock->wrong), 0);
    clock->wrong = mmap(NULL, sizeof *clock->wrong, PROT_READ | PROT_WRITE,
                        MAP_SHARED, fd, 0);
    ck_assert_ptr_ne((void *)(uintptr_t)clock->wrong, MAP_FAILED);
    close(fd);
}

static void drop_clock(struct wall *clock)
{
    munmap((void *)(uintptr_t)clock->wrong, sizeof *clock->wrong);
    unlink(clock->path);
}

/* What is started until this is called with NULL goes by this clock. */
static void go_by(const struct wall *clock)
{
    char shim[4200];
    const char *options = getenv("ASAN_OPTIONS");
    if (!clock) {
        unsetenv("LD_PRELOAD");
        return;
    }
    snprintf(shim, sizeof shim, "%s", daemon_program());
    char *slash = strrchr(shim, '/');
    snprintf(slash, sizeof shim - (size_t)(slash - shim),
             "/tests/shim/clock.so");
    ck_assert_msg(access(shim, R_OK) == 0, "%s is not built", shim);
    setenv("LD_PRELOAD", shim, 1);
    setenv("WRONG_CLOCK", clock->path, 1);
    snprintf(shim, sizeof shim, "%s:verify_asan_link_order=0",
             options ? options : "");
    setenv("ASAN_OPTIONS", shim, 1);
}

/* --- one machine */

struct waiting {
    pthread_t thread;
    const char *id;
    int status;
    bool over;
    double took;
};

/* As a client that waits for the job as long as the daemon lets it. */
static void *wait_for_end(void *arg)
{
    struct waiting *waiting = arg;
    char target[JOB_ID + 20];
    struct http_client client;
    struct http_answer answer;
    double start = lip_now();
    snprintf(target, sizeof target, "/jobs/%s?wait=60", waiting->id);
    http_open(&client, daemon_.port);
    client.patience = 100;
    http_say(&client, "GET ");
    http_say(&client, target);
    http_say(&client, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    if (http_read(&answer, &client, false)) {
        waiting->status = answer.status;
        waiting->over = http_has(&answer, "\"succeeded\"");
        http_clear(&answer);
    }
    http_close(&client);
    waiting->took = lip_now() - start;
    return NULL;
}

static const char *time_of(const json_t *job, const char *name)
{
    const char *text = json_string_value(json_object_get(job, name));
    ck_assert_msg(text != NULL, "no \"%s\"", name);
    return text;
}

/* The job ended well, in order, once. */
static void check_end(const struct daemon *daemon, const char *id)
{
    json_t *job = machine_await(daemon, id, patience);
    if (strcmp(job_state(job), "succeeded") != 0)
        ck_abort_msg("%s", json_dumps(job, 0));
    ck_assert_str_le(time_of(job, "created"), time_of(job, "started"));
    ck_assert_str_le(time_of(job, "started"), time_of(job, "finished"));
    json_decref(job);
    machine_check_events(daemon, id, true);
}

static void submit(char id[JOB_ID], size_t width, size_t epochs)
{
    const struct job_request request = {width, epochs, 1};
    char body[JOB_BODY];
    job_body(body, &request);
    job_submit(id, &daemon_, body);
}

static void run(struct wall *wall)
{
    char data[80];
    go_by(wall);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    daemon_run(&daemon_,
               (const char *[]){"--data-dir", data, "--jobs=2",
                                "--job-threads=1", "--job-history=2", NULL});
    go_by(NULL);
}

/* How often the store says that the job was begun. */
static size_t attempts(const char *id)
{
    static char events[1 << 20];
    char command[200];
    size_t n = 0;
    snprintf(command, sizeof command,
             "curl -s -m 30 http://127.0.0.1:%u/jobs/%s/events", daemon_.port,
             id);
    FILE *pipe = popen(command, "r");
    size_t size = fread(events, 1, sizeof events - 1, pipe);
    pclose(pipe);
    events[size] = '\0';
    for (const char *at = events; (at = strstr(at, "\"running\"")); at++)
        n++;
    return n;
}

/* The clock goes `by` seconds while a job runs and somebody waits for it. */
static void jump(struct wall *wall, size_t epochs, int64_t by)
{
    char id[JOB_ID], small[JOB_ID];
    submit(id, WIDTH, epochs);
    job_await_state(&daemon_, id, "running", patience);
    struct waiting waiting = {.id = id};
    ck_assert(!pthread_create(&waiting.thread, NULL, wait_for_end, &waiting));
    usleep(1000000);
    *wall->wrong += by;
    /* The second place for jobs is free: somebody looks what else there is. */
    submit(small, 8, 10);
    check_end(&daemon_, small);
    check_end(&daemon_, id);
    pthread_join(waiting.thread, NULL);
    ck_assert_int_eq(waiting.status, 200);
    ck_assert(waiting.over || waiting.took >= 59);
    ck_assert_double_lt(waiting.took, 75);
    ck_assert_uint_eq(attempts(id), 1);
    /* The newest that are over are those kept. */
    json_decref(job_show(&daemon_, id));
    json_decref(job_show(&daemon_, small));
}

START_TEST(one_machine)
{
    struct wall wall;
    make_clock(&wall, "one");
    daemon_prepare(&daemon_);
    run(&wall);
    size_t epochs = machines_epochs(&daemon_, WIDTH, 5);
    jump(&wall, epochs, HOUR);
    jump(&wall, epochs, -2 * HOUR);
    jump(&wall, epochs, HOUR);
    /* Begun before a jump and ended after a new start. */
    char id[JOB_ID];
    submit(id, WIDTH, epochs);
    job_await_state(&daemon_, id, "running", patience);
    machine_kill(&daemon_);
    *wall.wrong -= HOUR;
    run(&wall);
    check_end(&daemon_, id);
    daemon_end(&daemon_);
    drop_clock(&wall);
}
END_TEST

/* --- many machines, each with a clock of its own */

START_TEST(many_machines)
{
    static struct postgres server;
    struct wall wall[3];
    char id[JOB_ID], next[JOB_ID];
    if (!postgres_there())
        return;
    postgres_start(&server);
    for (int i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        make_clock(&wall[i], name);
    }
    *wall[0].wrong = HOUR;
    *wall[1].wrong = -HOUR;
    go_by(&wall[0]);
    machine_serve(&daemon_, server.url, NULL);
    go_by(&wall[1]);
    machine_work(&worker[0], server.url, NULL);
    usleep(300000);
    go_by(NULL);
    size_t epochs = machines_epochs(&daemon_, WIDTH, 6);
    submit(id, WIDTH, epochs);
    job_await_state(&daemon_, id, "running", patience);
    go_by(&wall[2]);
    machine_work(&worker[1], server.url, NULL);
    machine_serve(&other, server.url, NULL);
    go_by(NULL);
    usleep(1500000);
    *wall[0].wrong = -HOUR;
    *wall[1].wrong = HOUR;
    *wall[2].wrong = -2 * HOUR;
    submit(next, 8, 10);
    check_end(&other, next);
    check_end(&other, id);
    ck_assert_uint_eq(attempts(id), 1);
    daemon_end(&daemon_);
    daemon_end(&other);
    for (int i = 0; i < 2; i++)
        daemon_end(&worker[i]);
    for (int i = 0; i < 3; i++)
        drop_clock(&wall[i]);
    postgres_end(&server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/clock");
    TCase *test = tcase_create("clock");
    if (!mkdtemp(folder))
        return 1;
    tcase_set_timeout(test, 500);
    tcase_add_test(test, one_machine);
    tcase_add_test(test, many_machines);
    suite_add_tcase(suite, test);
    int status = run_suite(suite);
    rmdir(folder);
    return status;
}
