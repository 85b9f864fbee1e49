/* SPDX-License-Identifier: MIT
 *
 * The runner with processes that are this very program: jobs end as they
 * should, whoever is killed and whenever, and nothing is lost or left behind.
 */
#include "server/jobs/runner.h"

#include "server/jobs/child.h"
#include "server/jobs/hub.h"
#include "server/jobs/job_store.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/model_store.h"
#include "server/store/blobs.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MODEL                                                                  \
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

extern char **environ;

/* --- the kinds of jobs of this test, run by the process of a job */

static struct api_problem trouble;

static void put(struct lipd_child *child, const char *name, const char *text)
{
    if (!lipd_child_write(child, name, text, strlen(text), &trouble))
        _exit(99);
}

static int count_of(const json_t *request, const char *name)
{
    return (int)json_integer_value(json_object_get(request, name));
}

static int read_step(struct lipd_child *child)
{
    unsigned char *bytes;
    size_t size;
    int step = 0;
    if (!lipd_child_read(child, "at", &bytes, &size, &trouble))
        _exit(99);
    if (bytes)
        step = (int)strtol((char *)bytes, NULL, 10);
    lip_free(bytes);
    return step;
}

static int end_count(struct lipd_child *child, int first, int step, int status)
{
    char text[64];
    snprintf(text, sizeof text, "{\"first\": %d, \"steps\": %d}", first, step);
    put(child, "result.json", text);
    return status;
}

/* Counts, with a checkpoint after each step. */
static int count(struct lipd_child *child, struct api_problem *problem)
{
    char text[64];
    int first = read_step(child), steps = count_of(child->request, "steps");
    (void)problem;
    snprintf(text, sizeof text, "%d", (int)getpid());
    put(child, "pid", text);
    for (int i = first; i < steps; i++) {
        enum lipd_child_wish wish = lipd_child_wish();
        if (wish == LIPD_CANCEL)
            return end_count(child, first, i, LIPD_CHILD_CANCELLED);
        if (wish == LIPD_PAUSE)
            return LIPD_CHILD_PAUSED;
        usleep(1000 * (unsigned)count_of(child->request, "ms"));
        snprintf(text, sizeof text, "%d", i + 1);
        put(child, "at", text);
        snprintf(text, sizeof text,
                 "{\"done\": %d, \"total\": %d, \"unit\": \"step\"}", i + 1,
                 steps);
        lipd_child_tell(text, strlen(text));
    }
    return end_count(child, first, steps, LIPD_CHILD_DONE);
}

static int complain(struct lipd_child *child, struct api_problem *problem)
{
    (void)child;
    api_problem_set_at(problem, API_PROBLEM_INVALID_DATA, LIP_AT_POINTER,
                       "/dataset", "The labels are wrong.");
    return LIPD_CHILD_FAILED;
}

static int crash(struct lipd_child *child, struct api_problem *problem)
{
    (void)child;
    (void)problem;
    kill(getpid(), SIGKILL);
    return LIPD_CHILD_DONE;
}

/* What it does is what its sandbox is there for. */
static int break_out(struct lipd_child *child, struct api_problem *why)
{
    (void)why;
    lipd_child_confine(child);
    return socket(AF_INET, SOCK_STREAM, 0) < 0 ? LIPD_CHILD_FAILED
                                               : LIPD_CHILD_DONE;
}

static int no_result(struct lipd_child *child, struct api_problem *problem)
{
    (void)child;
    (void)problem;
    return LIPD_CHILD_DONE;
}

/* Hears nothing. */
static int deaf(struct lipd_child *child, struct api_problem *problem)
{
    (void)problem;
    put(child, "pid", "there");
    while (lipd_child_wish() != LIPD_CANCEL)
        pause();
    return LIPD_CHILD_CANCELLED;
}

/* Says what is no progress document, some of it of a bound, and ends well. */
static int babble(struct lipd_child *child, struct api_problem *problem)
{
    static char long_line[LIPD_CHILD_LINE * 3];
    static const char *const line[] = {
        "{",
        "[1]",
        "\"x\"",
        "{\"done\": 1} x",
        "\xff\xfe",
        "{\"bound\":{\"method\":\"spectral\",\"seconds\":2}}",
        "{\"bound\":{\"method\":\"spectral\",\"seconds\":-2}}",
        "{\"bound\":{\"method\":\"magic\",\"seconds\":2}}",
        "{\"bound\":{\"method\":3}}",
        "{\"bound\":7}",
        "{\"bound\":",
    };
    memset(long_line, ' ', sizeof long_line);
    long_line[sizeof long_line - 1] = '\n';
    for (size_t i = 0; i < sizeof line / sizeof *line; i++)
        lipd_child_tell(line[i], strlen(line[i]));
    if (write(LIPD_CHILD_PIPE, long_line, sizeof long_line) < 0)
        return 99;
    lipd_child_tell("{\"done\": 7}", 11);
    if (write(LIPD_CHILD_PIPE, "{\"half", 6) != 6)
        return 99;
    (void)problem;
    return end_count(child, 0, 0, LIPD_CHILD_DONE);
}

static int make_model(struct lipd_child *child, struct api_problem *problem)
{
    (void)problem;
    put(child, "model.id", MODEL "\n");
    put(child, "model", "the model");
    return end_count(child, 0, 0, LIPD_CHILD_DONE);
}

/* Its id is there, and is no file. */
static int hide_model(struct lipd_child *child, struct api_problem *why)
{
    if (symlinkat("nowhere", child->folder, "model.id"))
        return 99;
    put(child, "model", "the model");
    (void)why;
    return end_count(child, 0, 0, LIPD_CHILD_DONE);
}

static int diverge(struct lipd_child *child, struct api_problem *problem)
{
    make_model(child, problem);
    return complain(child, problem);
}

const struct lipd_job_kind lipd_job_kinds[] = {
    {"diverge", diverge}, {"count", count},      {"fail", complain},
    {"crash", crash},     {"deaf", deaf},        {"nothing", no_result},
    {"babble", babble},   {"model", make_model}, {"break", break_out},
    {"hide", hide_model}, {NULL, NULL},
};

/* --- the daemon around the runner */

static char folder[FOLDER_NAME];
static struct lipd_config config;
static struct lipd_service service;
static struct api_problem problem;

/* How often the store says that it does not answer, asked for a job's input. */
static _Atomic int silences;
static const struct lipd_job_store_ops *answering;

static bool silent_input(struct lipd_job_store *store, const char *id, int fd,
                         bool *there, struct api_problem *why)
{
    if (atomic_load(&silences) <= 0)
        return answering->input(store, id, fd, there, why);
    atomic_fetch_sub(&silences, 1);
    api_problem_set(why, API_PROBLEM_OVERLOADED, "The database is gone.");
    return false;
}

static _Atomic int beats;

static bool count_beat(struct lipd_job_store *store, const char *id,
                       const char *owner, double lease, const char *progress,
                       bool *cancel, struct api_problem *why)
{
    atomic_fetch_add(&beats, 1);
    return answering->heartbeat(store, id, owner, lease, progress, cancel, why);
}

/* Has the store do what a test wants. */
static void watch(struct lipd_job_store *store)
{
    static struct lipd_job_store_ops ops;
    answering = store->ops;
    ops = *store->ops;
    ops.input = silent_input;
    ops.heartbeat = count_beat;
    store->ops = &ops;
}

static void start_with(size_t quota)
{
    char complaint[512];
    memset(&service, 0, sizeof service);
    service.config = &config;
    service.store = lipd_store_open(folder, quota, complaint, sizeof complaint);
    ck_assert_msg(service.store != NULL, "%s", complaint);
    service.jobs = lipd_job_store_sqlite(folder, complaint, sizeof complaint);
    ck_assert_msg(service.jobs != NULL, "%s", complaint);
    watch(service.jobs);
    service.hub = lipd_hub_start();
    ck_assert_ptr_nonnull(service.hub);
    service.runner = lipd_runner_start(&service, complaint, sizeof complaint);
    ck_assert_msg(service.runner != NULL, "%s", complaint);
}

static void start(void)
{
    start_with(1 << 20);
}

static void stop_within(double seconds)
{
    lipd_runner_stop(service.runner, seconds);
    lipd_runner_free(service.runner);
    lipd_hub_stop(service.hub);
    lipd_hub_free(service.hub);
    service.jobs->ops->close(service.jobs);
    lipd_store_close(service.store);
}

static void stop(void)
{
    stop_within(10);
}

static void setup(void)
{
    char *argv[] = {NULL}, complaint[512];
    folder_make(folder);
    lipd_log_level("error");
    lipd_config_read(&config, 0, argv, environ, complaint, sizeof complaint);
    snprintf(config.data_dir, sizeof config.data_dir, "%s", folder);
    config.jobs = 2;
    config.job_memory = 1 << 28;
}

static void teardown(void)
{
    folder_remove(folder);
}

static void add(char id[LIPD_JOB_ID], const char *kind, const char *request)
{
    bool again;
    ck_assert(service.jobs->ops->add(service.jobs, id, &again,
                                     &(struct lipd_job_wish){.kind = kind,
                                                             .request = request,
                                                             .tenant = "",
                                                             .key = NULL,
                                                             .digest = NULL},
                                     1000, &problem));
    lipd_runner_wake(service.runner);
}

static struct lipd_job get(const char *id)
{
    struct lipd_job job;
    ck_assert_msg(service.jobs->ops->get(service.jobs, &job, id, &problem),
                  "%s", problem.detail);
    return job;
}

/* Waits until the job is over. */
static struct lipd_job await(const char *id)
{
    double end = lip_now() + 60;
    for (;;) {
        struct lipd_job job = get(id);
        if (lipd_job_over(job.state))
            return job;
        lipd_job_clear(&job);
        ck_assert_msg(lip_now() < end, "the job does not end");
        usleep(3000);
    }
}

static void expect_end(const char *id, enum lipd_job_state state,
                       const char *result)
{
    struct lipd_job job = await(id);
    ck_assert_msg(job.state == state, "%s: %s", lipd_job_state_name(job.state),
                  job.error ? job.error : "");
    if (result) {
        ck_assert_ptr_nonnull(job.result);
        ck_assert_str_eq(job.result, result);
    } else {
        ck_assert_ptr_null(job.result);
    }
    lipd_job_clear(&job);
}

static void expect_failure(const char *id, const char *code, const char *part)
{
    struct lipd_job job = await(id);
    ck_assert_str_eq(lipd_job_state_name(job.state), "failed");
    ck_assert_msg(strstr(job.error, code) && strstr(job.error, part), "%s",
                  job.error);
    lipd_job_clear(&job);
}

static char *job_file(const char *id, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "jobs/%s/%s", id, name);
    return folder_read(folder, path);
}

/* Waits until the child has written this file; its number. */
static long await_file(const char *id, const char *name)
{
    double end = lip_now() + 60;
    char *text;
    while (!(text = job_file(id, name))) {
        ck_assert_msg(lip_now() < end, "%s does not come", name);
        usleep(2000);
    }
    long number = strtol(text, NULL, 10);
    free(text);
    return number;
}

static void expect_no_folder(const char *id)
{
    char path[128];
    double end = lip_now() + 10;
    snprintf(path, sizeof path, "jobs/%s", id);
    while (folder_has(folder, path)) {
        ck_assert_msg(lip_now() < end, "the folder stays");
        usleep(2000);
    }
}

/* --- ends */

START_TEST(a_job_is_done)
{
    char id[LIPD_JOB_ID];
    struct lipd_job_event event[64];
    size_t count;
    start();
    add(id, "count", "{\"steps\": 5, \"ms\": 1}");
    expect_end(id, LIPD_JOB_SUCCEEDED, "{\"first\": 0, \"steps\": 5}");
    expect_no_folder(id);
    struct lipd_job job = get(id);
    ck_assert_ptr_nonnull(strstr(job.progress, "\"done\": 5"));
    lipd_job_clear(&job);
    /* The last progress comes before the end, as an event of its own. */
    ck_assert(service.jobs->ops->events(service.jobs, event, &count, 64, id, 0,
                                        &problem));
    ck_assert_uint_ge(count, 4);
    ck_assert_str_eq(event[count - 2].type, "progress");
    ck_assert_ptr_nonnull(strstr(event[count - 2].data, "\"done\": 5"));
    ck_assert_ptr_nonnull(strstr(event[count - 1].data, "succeeded"));
    for (size_t i = 0; i < count; i++)
        lipd_job_event_clear(&event[i]);
    stop();
}
END_TEST

/* A database that is gone at the moment when a job is taken up. */
START_TEST(a_job_waits_for_a_store_that_is_silent)
{
    char id[LIPD_JOB_ID];
    start();
    atomic_store(&silences, 2);
    add(id, "count", "{\"steps\": 2, \"ms\": 1}");
    for (double end = lip_now() + 20; atomic_load(&silences) > 0;) {
        ck_assert_msg(lip_now() < end, "nobody takes it up again");
        usleep(20000);
        lipd_runner_wake(service.runner);
    }
    lipd_runner_wake(service.runner);
    expect_end(id, LIPD_JOB_SUCCEEDED, "{\"first\": 0, \"steps\": 2}");
    stop();
}
END_TEST

static void limit_descriptors(rlim_t count)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = count;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* As where many clients have a connection open. */
START_TEST(a_job_waits_for_descriptors)
{
    char id[LIPD_JOB_ID];
    struct rlimit limit;
    start();
    getrlimit(RLIMIT_NOFILE, &limit);
    int next = dup(0);
    close(next);
    limit_descriptors((rlim_t)next);
    add(id, "count", "{\"steps\": 2, \"ms\": 1}");
    for (int i = 0; i < 20; i++) {
        usleep(20000);
        struct lipd_job job = get(id);
        ck_assert_msg(!lipd_job_over(job.state), "%s", job.error);
        lipd_job_clear(&job);
    }
    limit_descriptors(limit.rlim_cur);
    lipd_runner_wake(service.runner);
    expect_end(id, LIPD_JOB_SUCCEEDED, "{\"first\": 0, \"steps\": 2}");
    stop();
}
END_TEST

START_TEST(a_failure_is_told)
{
    char id[LIPD_JOB_ID], unknown[LIPD_JOB_ID];
    start();
    add(id, "fail", "{}");
    add(unknown, "dance", "{}");
    expect_failure(id, "invalid-data", "The labels are wrong.");
    expect_failure(unknown, "internal", "dance");
    expect_no_folder(id);
    stop();
}
END_TEST

START_TEST(crashes_without_progress_come_to_an_end)
{
    char id[LIPD_JOB_ID], empty[LIPD_JOB_ID];
    start();
    add(id, "crash", "{}");
    add(empty, "nothing", "{}");
    expect_failure(id, "internal", "signal 9");
    expect_failure(empty, "internal", "exit status 0");
    struct lipd_job job = get(id);
    ck_assert_uint_eq(job.attempts, 5);
    lipd_job_clear(&job);
    stop();
}
END_TEST

/* A count in the metrics. */
static unsigned long counted(const char *wanted)
{
    struct lipd_out out;
    size_t size;
    char series[100];
    snprintf(series, sizeof series, "\nlipschitzd_%s ", wanted);
    lipd_out_init(&out, 1 << 20, NULL);
    lipd_metrics_write(&out);
    char *text = lipd_out_take(&out, &size), *line = strstr(text, series);
    unsigned long count = line ? strtoul(line + strlen(series), NULL, 10) : 0;
    lip_free(text);
    return count;
}

START_TEST(what_breaks_out_of_its_sandbox_is_not_tried_again)
{
    char id[LIPD_JOB_ID];
    start();
    add(id, "break", "{}");
    expect_failure(id, "internal", "may not do");
    struct lipd_job job = get(id);
    ck_assert_uint_eq(job.attempts, 1);
    lipd_job_clear(&job);
    ck_assert_uint_eq(counted("job_exits_total{how=\"forbidden\"}"), 1);
    stop();
}
END_TEST

START_TEST(what_is_no_progress_is_not_told)
{
    char id[LIPD_JOB_ID];
    start();
    add(id, "babble", "{}");
    expect_end(id, LIPD_JOB_SUCCEEDED, "{\"first\": 0, \"steps\": 0}");
    struct lipd_job job = get(id);
    ck_assert_str_eq(job.progress, "{\"done\": 7}");
    ck_assert_uint_eq(job.sequence, 4);
    lipd_job_clear(&job);
    ck_assert_uint_eq(counted("bound_seconds_count{method=\"spectral\"}"), 1);
    stop();
}
END_TEST

START_TEST(the_model_is_stored_first)
{
    char id[LIPD_JOB_ID];
    start();
    add(id, "model", "{}");
    expect_end(id, LIPD_JOB_SUCCEEDED, "{\"first\": 0, \"steps\": 0}");
    ck_assert_uint_gt(lipd_store_size(service.store, MODEL), 0);
    stop();
}
END_TEST

/* A result that names a model is not given without it. */
START_TEST(a_model_that_cannot_be_read_is_not_forgotten)
{
    char id[LIPD_JOB_ID];
    start();
    add(id, "hide", "{}");
    expect_failure(id, "internal", "cannot be read back");
    stop();
}
END_TEST

static _Atomic bool shared_is_full;

static bool put_shared(struct lipd_blobs *blobs, const char *kind,
                       const char *name, int fd, size_t size,
                       struct api_problem *why)
{
    (void)blobs;
    (void)kind;
    (void)name;
    (void)fd;
    (void)size;
    api_problem_set(why, API_PROBLEM_OVERLOADED, "It does not answer.");
    return !atomic_load(&shared_is_full);
}

/* A lease lasts as long as the wait for room, or others do the same again. */
START_TEST(who_waits_for_room_keeps_the_job)
{
    static const struct lipd_blobs_ops ops = {.put = put_shared};
    static struct lipd_blobs blobs = {&ops};
    char id[LIPD_JOB_ID];
    start();
    lipd_store_share(service.store, &blobs);
    atomic_store(&shared_is_full, true);
    add(id, "model", "{}");
    await_file(id, "status");
    usleep(300000); /* the process ends, of which the store is told */
    int before = atomic_load(&beats);
    for (double end = lip_now() + 10; atomic_load(&beats) < before + 2;) {
        ck_assert_msg(lip_now() < end, "the lease runs out");
        usleep(20000);
    }
    atomic_store(&shared_is_full, false);
    lipd_runner_wake(service.runner);
    expect_end(id, LIPD_JOB_SUCCEEDED, "{\"first\": 0, \"steps\": 0}");
    stop();
}
END_TEST

START_TEST(a_failed_job_may_leave_a_model)
{
    char id[LIPD_JOB_ID];
    start();
    add(id, "diverge", "{}");
    expect_failure(id, "invalid-data", "The labels are wrong.");
    ck_assert_uint_gt(lipd_store_size(service.store, MODEL), 0);
    stop();
}
END_TEST

START_TEST(without_room_for_the_model_the_job_fails)
{
    char id[LIPD_JOB_ID];
    start_with(10);
    add(id, "model", "{}");
    expect_failure(id, "storage-full", "--max-stored");
    expect_no_folder(id);
    stop();
}
END_TEST

/* --- several, and cancels */

START_TEST(no_more_processes_than_allowed)
{
    char id[3][LIPD_JOB_ID];
    start();
    for (size_t i = 0; i < 3; i++)
        add(id[i], "count", "{\"steps\": 40, \"ms\": 5}");
    await_file(id[0], "pid");
    await_file(id[1], "pid");
    struct lipd_job job = get(id[2]);
    ck_assert_str_eq(lipd_job_state_name(job.state), "queued");
    lipd_job_clear(&job);
    for (size_t i = 0; i < 3; i++)
        expect_end(id[i], LIPD_JOB_SUCCEEDED, "{\"first\": 0, \"steps\": 40}");
    stop();
}
END_TEST

START_TEST(a_cancel_keeps_what_there_is)
{
    char id[LIPD_JOB_ID];
    start();
    add(id, "count", "{\"steps\": 100000, \"ms\": 1}");
    await_file(id, "at");
    ck_assert(service.jobs->ops->cancel(service.jobs, id, &problem));
    lipd_runner_wake(service.runner);
    struct lipd_job job = await(id);
    ck_assert_str_eq(lipd_job_state_name(job.state), "cancelled");
    ck_assert_ptr_nonnull(job.result);
    ck_assert_ptr_null(strstr(job.result, "100000"));
    lipd_job_clear(&job);
    expect_no_folder(id);
    stop();
}
END_TEST

/* A service manager sends SIGTERM to every process it knows of. */
START_TEST(a_cancel_that_nobody_asked_for_is_a_pause)
{
    char id[LIPD_JOB_ID];
    start();
    add(id, "count", "{\"steps\": 60, \"ms\": 5}");
    await_file(id, "at");
    kill((pid_t)await_file(id, "pid"), SIGTERM);
    struct lipd_job job = await(id);
    ck_assert_str_eq(lipd_job_state_name(job.state), "succeeded");
    ck_assert_ptr_null(strstr(job.result, "\"first\": 0"));
    ck_assert_ptr_nonnull(strstr(job.result, "\"steps\": 60"));
    ck_assert_uint_eq(job.attempts, 1);
    lipd_job_clear(&job);
    stop();
}
END_TEST

/* Paused, it waits in the queue with its folder. */
START_TEST(a_paused_job_ends_with_what_there_is)
{
    char id[LIPD_JOB_ID];
    enum lipd_job_state state;
    start();
    add(id, "count", "{\"steps\": 1000, \"ms\": 5}");
    await_file(id, "at");
    kill((pid_t)await_file(id, "pid"), SIGTERM);
    do {
        struct lipd_job job = get(id);
        state = job.state;
        lipd_job_clear(&job);
    } while (state != LIPD_JOB_QUEUED);
    ck_assert(service.jobs->ops->cancel(service.jobs, id, &problem));
    lipd_runner_wake(service.runner);
    struct lipd_job job = await(id);
    ck_assert_str_eq(lipd_job_state_name(job.state), "cancelled");
    ck_assert_ptr_nonnull(job.result);
    ck_assert_ptr_null(strstr(job.result, "1000"));
    lipd_job_clear(&job);
    expect_no_folder(id);
    stop();
}
END_TEST

START_TEST(who_hears_nothing_is_ended_when_time_is_up)
{
    char id[LIPD_JOB_ID];
    config.job_time = 0.1;
    start();
    add(id, "deaf", "{}");
    expect_failure(id, "time-limit", "--job-time");
    stop();
}
END_TEST

/* --- kills and stops */

START_TEST(a_killed_child_goes_on_from_its_checkpoint)
{
    char id[LIPD_JOB_ID];
    start();
    add(id, "count", "{\"steps\": 60, \"ms\": 5}");
    for (int i = 0; i < 3; i++) {
        await_file(id, "at");
        kill((pid_t)await_file(id, "pid"), SIGKILL);
        usleep(60000);
    }
    struct lipd_job job = await(id);
    ck_assert_str_eq(lipd_job_state_name(job.state), "succeeded");
    ck_assert_ptr_null(strstr(job.result, "\"first\": 0"));
    ck_assert_uint_gt(job.attempts, 1);
    lipd_job_clear(&job);
    stop();
}
END_TEST

START_TEST(a_stop_pauses_and_a_start_goes_on)
{
    char id[LIPD_JOB_ID];
    start();
    add(id, "count", "{\"steps\": 60, \"ms\": 5}");
    await_file(id, "at");
    stop();
    ck_assert_ptr_null(job_file(id, "result.json"));
    start();
    struct lipd_job job = await(id);
    ck_assert_str_eq(lipd_job_state_name(job.state), "succeeded");
    ck_assert_ptr_null(strstr(job.result, "\"first\": 0"));
    ck_assert_uint_eq(job.attempts, 1);
    lipd_job_clear(&job);
    stop();
}
END_TEST

START_TEST(a_deaf_child_does_not_hold_up_a_stop)
{
    char id[LIPD_JOB_ID];
    start();
    add(id, "deaf", "{}");
    await_file(id, "pid");
    double begin = lip_now();
    stop_within(0.2);
    ck_assert_double_lt(lip_now() - begin, 5);
    char complaint[512];
    service.jobs = lipd_job_store_sqlite(folder, complaint, sizeof complaint);
    struct lipd_job job = get(id);
    ck_assert_str_eq(lipd_job_state_name(job.state), "queued");
    lipd_job_clear(&job);
    service.jobs->ops->close(service.jobs);
}
END_TEST

static bool is_alive(pid_t pid)
{
    char path[64], *text;
    snprintf(path, sizeof path, "%d/stat", (int)pid);
    text = folder_read("/proc", path);
    bool alive = text && !strstr(text, ") Z");
    free(text);
    return alive;
}

/* The daemon is a process of its own here, killed at random moments. */
START_TEST(a_killed_daemon_takes_its_children_along)
{
    char id[LIPD_JOB_ID];
    unsigned seed = (unsigned)time(NULL);
    long child = 0;
    printf("seed %u\n", seed);
    start();
    add(id, "count", "{\"steps\": 100, \"ms\": 5}");
    await_file(id, "at");
    stop();
    for (int i = 0; i < 5; i++) {
        pid_t daemon = fork();
        if (!daemon) {
            start();
            for (;;)
                pause();
        }
        usleep(20000 + (unsigned)rand_r(&seed) % 60000);
        kill(daemon, SIGKILL);
        waitpid(daemon, NULL, 0);
        child = await_file(id, "pid");
        for (int j = 0; j < 500 && is_alive((pid_t)child); j++)
            usleep(2000);
        ck_assert(!is_alive((pid_t)child));
    }
    start();
    struct lipd_job job = await(id);
    ck_assert_str_eq(lipd_job_state_name(job.state), "succeeded");
    ck_assert_ptr_null(strstr(job.result, "\"first\": 0"));
    ck_assert_ptr_nonnull(strstr(job.result, "\"steps\": 100"));
    lipd_job_clear(&job);
    stop();
}
END_TEST

/* --- what is found at the start */

static void leave(const char *id, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/jobs", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/jobs/%s", folder, id);
    mkdir(path, 0700);
    folder_write(path, name, text, strlen(text));
}

START_TEST(folders_of_nobody_are_removed)
{
    static const char *const nobody = "0123456789abcdef0123456789abcdef";
    leave(nobody, "at", "1");
    leave("notes", "at", "1");
    start();
    expect_no_folder(nobody);
    ck_assert(folder_has(folder, "jobs/notes/at"));
    stop();
}
END_TEST

/* A job that is there before the daemon is. */
static void add_before(char id[LIPD_JOB_ID], const char *kind)
{
    const struct lipd_job_wish wish = {
        .kind = kind, .request = "{}", .tenant = ""};
    char complaint[512];
    bool again;
    service.jobs = lipd_job_store_sqlite(folder, complaint, sizeof complaint);
    ck_assert(
        service.jobs->ops->add(service.jobs, id, &again, &wish, 9, &problem));
    service.jobs->ops->close(service.jobs);
}

/* A daemon killed between the end of a child and the writing down of it. */
START_TEST(a_result_that_was_there_is_used)
{
    char id[LIPD_JOB_ID];
    add_before(id, "crash");
    leave(id, "result.json", "{\"left\": true}");
    leave(id, "status", "0\n");
    start();
    expect_end(id, LIPD_JOB_SUCCEEDED, "{\"left\": true}");
    stop();
}
END_TEST

START_TEST(half_an_end_is_none)
{
    char id[LIPD_JOB_ID];
    add_before(id, "nothing");
    leave(id, "result.json", "{\"left\": true}");
    start();
    expect_failure(id, "internal", "exit status 0");
    stop();
}
END_TEST

/* --- a full disk */

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

START_TEST(a_result_waits_for_room_in_the_store)
{
    char id[LIPD_JOB_ID];
    start();
    add(id, "count", "{\"steps\": 20, \"ms\": 10}");
    await_file(id, "at");
    limit_files(1); /* of the daemon, not of the child */
    await_file(id, "status");
    usleep(300000);
    struct lipd_job job = get(id);
    ck_assert_str_eq(lipd_job_state_name(job.state), "running");
    lipd_job_clear(&job);
    limit_files(RLIM_INFINITY);
    expect_end(id, LIPD_JOB_SUCCEEDED, "{\"first\": 0, \"steps\": 20}");
    expect_no_folder(id);
    stop();
}
END_TEST

static void expect_reserve_given(void)
{
    double end = lip_now() + 20;
    while (folder_has(folder, "jobs/reserve")) {
        ck_assert_msg(lip_now() < end, "the reserve stays");
        usleep(2000);
    }
}

/* The room of the store is the test's to give: the reserve is all there is. */
START_TEST(room_is_set_aside_for_the_end)
{
    char id[LIPD_JOB_ID];
    start();
    ck_assert(folder_has(folder, "jobs/reserve"));
    add(id, "count", "{\"steps\": 3, \"ms\": 100}");
    await_file(id, "at");
    limit_files(1);
    expect_reserve_given();
    limit_files(RLIM_INFINITY);
    expect_end(id, LIPD_JOB_SUCCEEDED, "{\"first\": 0, \"steps\": 3}");
    expect_no_folder(id);
    stop();
    start();
    ck_assert(folder_has(folder, "jobs/reserve"));
    stop();
}
END_TEST

static int run_child(char **argv)
{
    char complaint[512];
    signal(SIGPIPE, SIG_IGN);
    lipd_config_read(&config, 1, argv, environ, complaint, sizeof complaint);
    lipd_log_level(config.log_level);
    return lipd_child_main(&config, argv[2]);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--job"))
        return run_child(argv);
    Suite *suite = suite_create("runner");
    TCase *tests = tcase_create("runner");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_job_is_done);
    tcase_add_test(tests, a_job_waits_for_a_store_that_is_silent);
    tcase_add_test(tests, a_job_waits_for_descriptors);
    tcase_add_test(tests, a_failure_is_told);
    tcase_add_test(tests, crashes_without_progress_come_to_an_end);
    tcase_add_test(tests, what_breaks_out_of_its_sandbox_is_not_tried_again);
    tcase_add_test(tests, what_is_no_progress_is_not_told);
    tcase_add_test(tests, the_model_is_stored_first);
    tcase_add_test(tests, a_model_that_cannot_be_read_is_not_forgotten);
    tcase_add_test(tests, who_waits_for_room_keeps_the_job);
    tcase_add_test(tests, a_failed_job_may_leave_a_model);
    tcase_add_test(tests, without_room_for_the_model_the_job_fails);
    tcase_add_test(tests, no_more_processes_than_allowed);
    tcase_add_test(tests, a_cancel_keeps_what_there_is);
    tcase_add_test(tests, a_cancel_that_nobody_asked_for_is_a_pause);
    tcase_add_test(tests, a_paused_job_ends_with_what_there_is);
    tcase_add_test(tests, who_hears_nothing_is_ended_when_time_is_up);
    tcase_add_test(tests, a_killed_child_goes_on_from_its_checkpoint);
    tcase_add_test(tests, a_stop_pauses_and_a_start_goes_on);
    tcase_add_test(tests, a_deaf_child_does_not_hold_up_a_stop);
    tcase_add_test(tests, a_killed_daemon_takes_its_children_along);
    tcase_add_test(tests, folders_of_nobody_are_removed);
    tcase_add_test(tests, a_result_that_was_there_is_used);
    tcase_add_test(tests, half_an_end_is_none);
    tcase_add_test(tests, a_result_waits_for_room_in_the_store);
    tcase_add_test(tests, room_is_set_aside_for_the_end);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
