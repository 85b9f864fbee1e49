/* SPDX-License-Identifier: MIT
 *
 * Each reason not to be ready is told, by its code, while it lasts; and the
 * documents follow their schema. */
#include "server/ready.h"

#include "server/jobs/job_store.h"
#include "server/jobs/watched_store.h"
#include "server/metrics.h"
#include "server/request.h"
#include "tests/support/contract.h"
#include "tests/support/suite.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static struct lipd_config config;
static struct lipd_service service;

static void setup(void)
{
    memset(&config, 0, sizeof config);
    config.queue = 2;
    config.workers = 1;
    config.max_memory = 64 << 20;
    config.max_body = 1 << 20;
    config.max_jobs = 3;
    ck_assert_int_eq(lipd_service_init(&service, &config, NULL), LIP_OK);
}

static void teardown(void)
{
    lipd_service_clear(&service);
}

static char *write_it(bool *ready)
{
    struct api_text text;
    size_t size;
    api_text_init(&text, 8192, NULL);
    *ready = lipd_ready_write(&text, &service);
    char *written = api_text_take(&text, &size);
    ck_assert_ptr_nonnull(written);
    contract_add("Readiness", written);
    return written;
}

/* Not ready for this reason only; NULL: ready. */
static void expect(const char *code)
{
    bool ready;
    char *text = write_it(&ready), start[80];
    ck_assert_int_eq(ready, !code);
    snprintf(start, sizeof start,
             "{\"ready\":false,\"reasons\":[{\"code\":\"%s\"",
             code ? code : "");
    if (code)
        ck_assert_msg(!strncmp(text, start, strlen(start)) &&
                          !strstr(text, "},{"),
                      "%s", text);
    else
        ck_assert_str_eq(text, "{\"ready\":true}");
    lip_free(text);
}

START_TEST(an_idle_daemon_is_ready)
{
    expect(NULL);
}
END_TEST

START_TEST(draining)
{
    atomic_store(&service.state, LIPD_CLOSING);
    expect("draining");
    atomic_store(&service.state, LIPD_DRAINING);
    expect("draining");
}
END_TEST

START_TEST(a_full_queue)
{
    struct lipd_request request[2];
    lipd_queue_push(&service.queue, &request[0]);
    expect(NULL);
    lipd_queue_push(&service.queue, &request[1]);
    expect("queue-full");
    lipd_queue_pop(&service.queue);
    expect(NULL);
}
END_TEST

START_TEST(full_memory)
{
    size_t all = service.max_memory;
    ck_assert(lipd_queue_reserve(&service.queue, all - lipd_estimate(0)));
    expect(NULL);
    ck_assert(lipd_queue_reserve(&service.queue, 1));
    expect("memory-full");
    lipd_queue_release(&service.queue, 1);
    expect(NULL);
}
END_TEST

/* --- a store that fails when it is told to */

static bool works, answers = true;

static bool fake_cancel(struct lipd_job_store *store, const char *id,
                        struct api_problem *problem)
{
    (void)store;
    (void)id;
    if (!works)
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL, "No room.");
    return works;
}

static bool fake_there(struct lipd_job_store *store,
                       struct api_problem *problem)
{
    (void)store;
    if (!answers)
        api_problem_set(problem, API_PROBLEM_OVERLOADED, "No answer.");
    return answers;
}

static void fake_close(struct lipd_job_store *store)
{
    (void)store;
}

static const struct lipd_job_store_ops fake = {
    .cancel = fake_cancel, .there = fake_there, .close = fake_close};

START_TEST(a_store_that_fails)
{
    struct lipd_job_store store = {.ops = &fake};
    struct api_problem problem;
    ck_assert(lipd_store_watch(&store));
    service.jobs = &store;
    expect(NULL);
    works = false;
    store.ops->cancel(&store, "x", &problem);
    expect("store-failing");
    works = true;
    store.ops->cancel(&store, "x", &problem);
    expect(NULL);
    answers = false;
    expect("store-failing");
    answers = true;
    expect(NULL);
    store.ops->close(&store);
}
END_TEST

START_TEST(too_many_jobs_that_wait)
{
    struct lipd_job_store store = {.ops = &fake};
    service.jobs = &store;
    lipd_metric_set(LIPD_JOBS_QUEUED, 0, 2);
    expect(NULL);
    lipd_metric_set(LIPD_JOBS_QUEUED, 0, 3);
    expect("jobs-full");
    snprintf(config.store, sizeof config.store, "postgresql://x/y");
    expect(NULL);
}
END_TEST

/* Where this may be done: a small file system, filled up. */
START_TEST(a_full_disk)
{
    char folder[] = "/tmp/ready-XXXXXX", path[64];
    static char block[1 << 20];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(config.data_dir, sizeof config.data_dir, "%s", folder);
    expect(NULL);
    if (unshare(CLONE_NEWNS) ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", folder, "tmpfs", 0, "size=4m")) {
        printf("skipped: no mounts here\n");
    } else {
        expect(NULL);
        snprintf(path, sizeof path, "%s/filler", folder);
        FILE *file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        for (int i = 0; i < 4; i++)
            ck_assert_int_ge((int)fwrite(block, 1, sizeof block, file), 0);
        fclose(file);
        expect("disk-full");
        unlink(path);
        expect(NULL);
        umount(folder);
    }
    rmdir(folder);
}
END_TEST

START_TEST(every_reason_at_once)
{
    bool ready;
    atomic_store(&service.state, LIPD_DRAINING);
    ck_assert(lipd_queue_reserve(&service.queue, service.max_memory));
    char *text = write_it(&ready);
    ck_assert(strstr(text, "draining") && strstr(text, "memory-full"));
    lip_free(text);
}
END_TEST

START_TEST(documents_follow_the_schema)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/ready");
    TCase *tcase = tcase_create("ready");
    tcase_add_unchecked_fixture(tcase, contract_open, NULL);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_idle_daemon_is_ready);
    tcase_add_test(tcase, draining);
    tcase_add_test(tcase, a_full_queue);
    tcase_add_test(tcase, full_memory);
    tcase_add_test(tcase, a_store_that_fails);
    tcase_add_test(tcase, too_many_jobs_that_wait);
    tcase_add_test(tcase, a_full_disk);
    tcase_add_test(tcase, every_reason_at_once);
    tcase_add_test(tcase, documents_follow_the_schema);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
