/* SPDX-License-Identifier: MIT
 *
 * What a job needs and cannot be had: it waits where that will pass, and
 * otherwise ends with the reason, not with another one. */
#include "server/jobs/share.h"

#include "server/model_store.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID                                                                     \
    "sha256:0123456789abcdef0123456789abcdef"                                  \
    "0123456789abcdef0123456789abcdef"
#define JOB "0123456789abcdef0123456789abcdef"

static char folder[FOLDER_NAME],
    request[] = "{\"model\": {\"id\": \"" ID "\"}}";
static struct lipd_store *models;
static struct lipd_share share;
static struct api_problem problem;

/* Others have nothing that this machine gets. */
static enum api_problem_code answer;

static bool get(struct lipd_blobs *blobs, const char *kind, const char *name,
                int fd, size_t *size, struct api_problem *why)
{
    (void)blobs;
    (void)kind;
    (void)name;
    (void)fd;
    *size = 0;
    api_problem_set(why, answer, "This is why.");
    return false;
}

static const struct lipd_blobs_ops ops = {.get = get};
static struct lipd_blobs blobs = {&ops};

static void setup(void)
{
    char complaint[512];
    folder_make(folder);
    models = lipd_store_open(folder, 1 << 20, complaint, sizeof complaint);
    ck_assert_msg(models != NULL, "%s", complaint);
    lipd_store_share(models, &blobs);
    share = (struct lipd_share){.blobs = &blobs, .models = models};
    share.folders = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(mkdirat(share.folders, JOB, 0700), 0);
}

static void teardown(void)
{
    close(share.folders);
    lipd_store_close(models);
    folder_remove(folder);
}

/* One that nobody has begun, or one that somebody has. */
static bool fetch(enum api_problem_code code, char *text, uint64_t sequence)
{
    struct lipd_job job = {
        .id = JOB, .request = text, .attempts = 1, .sequence = sequence};
    answer = code;
    memset(&problem, 0, sizeof problem);
    return lipd_share_fetch(&share, &job, &problem);
}

START_TEST(only_a_model_that_is_nowhere_is_left_to_the_process)
{
    static const enum api_problem_code code[] = {
        API_PROBLEM_OVERLOADED, API_PROBLEM_STORAGE_FULL, API_PROBLEM_INTERNAL};
    ck_assert(fetch(API_PROBLEM_NOT_FOUND, request, 2));
    for (size_t i = 0; i < sizeof code / sizeof *code; i++) {
        ck_assert(!fetch(code[i], request, 2));
        ck_assert_int_eq(problem.code, code[i]);
        ck_assert_str_eq(problem.detail, "This is why.");
    }
}
END_TEST

START_TEST(for_descriptors_a_job_waits)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    struct rlimit low = limit;
    int next = dup(0);
    close(next);
    low.rlim_cur = (rlim_t)next;
    setrlimit(RLIMIT_NOFILE, &low);
    bool had = fetch(API_PROBLEM_NOT_FOUND, request, 2);
    setrlimit(RLIMIT_NOFILE, &limit);
    ck_assert(!had);
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
}
END_TEST

START_TEST(for_its_checkpoint_a_job_waits)
{
    static char none[] = "{}";
    ck_assert(fetch(API_PROBLEM_STORAGE_FULL, none, 2));
    ck_assert(fetch(API_PROBLEM_NOT_FOUND, none, 9));
    ck_assert(!fetch(API_PROBLEM_STORAGE_FULL, none, 9));
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    ck_assert_ptr_nonnull(strstr(problem.detail, "This is why."));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("share");
    TCase *tests = tcase_create("share");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, only_a_model_that_is_nowhere_is_left_to_the_process);
    tcase_add_test(tests, for_descriptors_a_job_waits);
    tcase_add_test(tests, for_its_checkpoint_a_job_waits);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
