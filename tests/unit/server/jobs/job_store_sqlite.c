/* SPDX-License-Identifier: MIT
 *
 * The job store in SQLite keeps what every job store promises, and loses
 * nothing when the disk is full. */
#include "tests/support/folder.h"
#include "tests/support/job_store_suite.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

enum { MANY = 100000 };

static char folder[FOLDER_NAME];
static struct lipd_job_store *store;
static struct api_problem problem;

static struct lipd_job_store *open_one(void)
{
    char complaint[512];
    struct lipd_job_store *one =
        lipd_job_store_sqlite(folder, complaint, sizeof complaint);
    ck_assert_msg(one != NULL, "%s", complaint);
    return one;
}

static void make_folder(void)
{
    folder_make(folder);
}

static void remove_folder(void)
{
    folder_remove(folder);
}

static void setup(void)
{
    make_folder();
    store = open_one();
}

static void teardown(void)
{
    store->ops->close(store);
    remove_folder();
}

static void reopen(void)
{
    store->ops->close(store);
    store = open_one();
}

static void add(char id[LIPD_JOB_ID])
{
    const struct lipd_job_wish wish = {
        .kind = "train", .request = "{}", .tenant = ""};
    bool again;
    ck_assert_msg(store->ops->add(store, id, &again, &wish, MANY, &problem),
                  "%s", problem.detail);
}

static void expect_state(const char *id, enum lipd_job_state state)
{
    struct lipd_job job;
    ck_assert_msg(store->ops->get(store, &job, id, &problem), "%s",
                  problem.detail);
    ck_assert_str_eq(lipd_job_state_name(job.state),
                     lipd_job_state_name(state));
    lipd_job_clear(&job);
}

/* --- a full disk */

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(a_full_disk_loses_nothing)
{
    static char id[200][LIPD_JOB_ID], request[20000];
    size_t count = 0;
    bool again;
    memset(request, ' ', sizeof request - 1);
    memcpy(request, "{}", 2);
    limit_files(1 << 20);
    while (count < 200 &&
           store->ops->add(store, id[count], &again,
                           &(struct lipd_job_wish){.kind = "train",
                                                   .request = request,
                                                   .tenant = "",
                                                   .key = NULL,
                                                   .digest = NULL},
                           MANY, &problem))
        count++;
    ck_assert_uint_gt(count, 5);
    ck_assert_uint_lt(count, 200);
    ck_assert_msg(problem.code == API_PROBLEM_STORAGE_FULL, "%s",
                  problem.detail);
    for (size_t i = 0; i < count; i++)
        expect_state(id[i], LIPD_JOB_QUEUED);
    ck_assert_uint_eq(store->ops->queued(store), count);
    limit_files(RLIM_INFINITY);
    add(id[count]);
    reopen();
    for (size_t i = 0; i <= count; i++)
        expect_state(id[i], LIPD_JOB_QUEUED);
}
END_TEST

int main(void)
{
    static const struct job_store_source source = {
        .setup = make_folder, .teardown = remove_folder, .open = open_one};
    Suite *suite = suite_create("job_store_sqlite");
    TCase *tests = tcase_create("job_store_sqlite");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_full_disk_loses_nothing);
    suite_add_tcase(suite, job_store_suite(&source));
    suite_add_tcase(suite, job_store_quota_suite(&source));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
