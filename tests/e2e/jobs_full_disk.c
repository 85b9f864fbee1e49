/* SPDX-License-Identifier: MIT
 *
 * A full disk: the job fails with a sentence, or waits; what was there stays
 * whole; with room again the daemon works as before. Where this may be done,
 * the disk is a small file system in memory; the rest is done with a limit of
 * the size of files. */
#include "base/context.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const double patience = 240;

static struct daemon daemon_;
static char data[80];

static void run(void)
{
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, "--jobs", "1",
                                          "--job-threads", "1", NULL});
}

static void prepare(void)
{
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
}

static void stop(void)
{
    daemon_signal(&daemon_, SIGTERM);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
}

static void submit(char id[JOB_ID], size_t width, size_t epochs)
{
    const struct job_request request = {width, epochs, 1};
    char body[JOB_BODY];
    job_body(body, &request);
    job_submit(id, &daemon_, body);
}

/* A small job works from end to end. */
static void works(void)
{
    char id[JOB_ID];
    struct bytes bytes = {0};
    submit(id, 8, 3);
    json_t *job = job_await(&daemon_, id, patience);
    if (strcmp(job_state(job), "succeeded") != 0)
        ck_abort_msg("%s", json_dumps(job, 0));
    job_model_bytes(&bytes, &daemon_, job_model(job));
    bytes_clear(&bytes);
    json_decref(job);
}

/* The job failed, and says that room is wanting. */
static void failed_for_room(const json_t *job)
{
    const json_t *error = json_object_get(job, "error");
    const char *type = json_string_value(json_object_get(error, "type"));
    const char *detail = json_string_value(json_object_get(error, "detail"));
    char *text = json_dumps(job, 0);
    ck_assert_msg(type && strstr(type, "storage-full"), "%s", text);
    ck_assert_msg(detail && strlen(detail) > 20, "%s", text);
    free(text);
}

/* Nor is the text padded with blanks, from wherever its room came. */
static void is_short(const char *id)
{
    struct http_answer answer;
    char target[JOB_ID + 8];
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_get(&answer, daemon_.port, target);
    ck_assert_msg(!http_has(&answer, "  "), "%.300s", answer.body);
    http_clear(&answer);
}

/* Files of at most a megabyte: the checkpoints of a job of width 512 are
 * larger. */
START_TEST(checkpoints_that_do_not_fit)
{
    char id[JOB_ID];
    prepare();
    daemon_.file_limit = 1 << 20;
    run();
    submit(id, 512, 100000);
    json_t *job = job_await(&daemon_, id, patience);
    ck_assert_str_eq(job_state(job), "failed");
    failed_for_room(job);
    json_decref(job);
    works();
    stop();
    job_list_is_whole(data);
    daemon_.file_limit = 0;
    run();
    job = job_show(&daemon_, id);
    ck_assert_str_eq(job_state(job), "failed");
    json_decref(job);
    works();
    daemon_end(&daemon_);
}
END_TEST

/* Writes a file until nothing more goes in. */
static void fill_up(const char *path)
{
    static char block[65536];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    for (size_t size = sizeof block; size > 0;)
        if (write(fd, block, size) <= 0)
            size /= 2;
    close(fd);
}

/* Room may have come of a job that failed for want of it. */
static void kept_or_refused(struct http_answer *answer)
{
    printf("an upload: %d\n", answer->status);
    ck_assert(answer->status == 201 || answer->status == 200 ||
              http_is_problem(answer, 507, "storage-full"));
    http_clear(answer);
}

/* What goes to the disk as it arrives is there, or is not and it says so. */
static void uploads(void)
{
    enum { ROWS = 4000 };
    static char table[ROWS * 32], model[ROWS * 32];
    struct http_answer answer;
    size_t size = (size_t)snprintf(table, sizeof table, "x,label\n");
    size_t length = (size_t)snprintf(
        model, sizeof model,
        "{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[");
    for (int i = 0; i < ROWS; i++) {
        size += (size_t)snprintf(table + size, sizeof table - size, "%d.5,%d\n",
                                 i, i % 2);
        length += (size_t)snprintf(model + length, sizeof model - length,
                                   "%s[%d.25]", i ? "," : "", i);
    }
    length += (size_t)snprintf(model + length, sizeof model - length, "]}]}}");
    http_ask(&answer, daemon_.port, "POST", "/datasets?target=label",
             "text/csv", table, size);
    kept_or_refused(&answer);
    http_ask(&answer, daemon_.port, "POST", "/models", "application/json",
             model, length);
    kept_or_refused(&answer);
}

/* What is asked while the disk is full is answered, if only with a problem. */
static void ask_around(const char *id)
{
    const struct job_request request = {8, 3, 2};
    char body[JOB_BODY], target[JOB_ID + 8];
    struct http_answer answer;
    job_body(body, &request);
    http_post(&answer, daemon_.port, "/train", body);
    ck_assert_msg(answer.status == 202 || answer.status == 507, "%d %s",
                  answer.status, answer.body);
    http_clear(&answer);
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_get(&answer, daemon_.port, target);
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    uploads();
}

/* With the disk full at a moment of its life the job fails for want of room,
 * or ends well: nothing else. */
static void fill_and_free(const char *filler, double when, bool killed)
{
    char id[JOB_ID];
    submit(id, 256, 100000);
    job_await_state(&daemon_, id, "running", patience);
    usleep((useconds_t)(1e6 * when));
    fill_up(filler);
    ask_around(id);
    usleep(4000000); /* a checkpoint is due meanwhile */
    ask_around(id);
    if (killed) {
        daemon_signal(&daemon_, SIGKILL);
        daemon_wait(&daemon_);
        unlink(filler);
        run();
    } else {
        unlink(filler);
    }
    usleep(1000000);
    struct http_answer answer;
    char target[JOB_ID + 8];
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_ask(&answer, daemon_.port, "DELETE", target, NULL, NULL, 0);
    http_clear(&answer);
    json_t *job = job_await(&daemon_, id, patience);
    if (!strcmp(job_state(job), "failed"))
        failed_for_room(job);
    else
        ck_assert_double_le(job_bound(job), 1.5);
    is_short(id);
    printf("full after %g s%s: %s\n", when, killed ? ", killed" : "",
           job_state(job));
    json_decref(job);
    works();
}

START_TEST(disks_that_are_full_for_a_while)
{
    char filler[100];
    prepare();
    ck_assert_int_eq(mkdir(data, 0700), 0);
    /* In a namespace of this test's own, gone with it. */
    if (unshare(CLONE_NEWNS) ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", data, "tmpfs", 0, "size=8m")) {
        printf("SKIP: no file system can be mounted here\n");
        daemon_forget(&daemon_);
        return;
    }
    snprintf(filler, sizeof filler, "%s/filler", data);
    run();
    fill_and_free(filler, 0, false);
    fill_and_free(filler, 2.5, false);
    fill_and_free(filler, 2.5, true);
    stop();
    job_list_is_whole(data);
    umount2(data, MNT_DETACH);
    daemon_forget(&daemon_);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/jobs_full_disk");
    TCase *test = tcase_create("full disk");
    tcase_set_timeout(test, 300);
    tcase_add_test(test, checkpoints_that_do_not_fit);
    tcase_add_test(test, disks_that_are_full_for_a_while);
    suite_add_tcase(suite, test);
    return run_suite(suite);
}
