/* SPDX-License-Identifier: MIT
 *
 * Nobody is told that a commit is on the disk before a sync that began after
 * it has ended well, however many share that sync. */
#include "server/jobs/sqlite.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 8, EACH = 200 };

static char folder[FOLDER_NAME], path[200];
static struct lipd_sqlite_sync sync_;

static void setup(void)
{
    char log[300];
    folder_make(folder);
    snprintf(path, sizeof path, "%s/x", folder);
    snprintf(log, sizeof log, "%s-wal", path);
    close(open(log, O_CREAT | O_WRONLY, 0600));
    lipd_sqlite_sync_init(&sync_);
}

static void teardown(void)
{
    lipd_sqlite_sync_clear(&sync_);
    folder_remove(folder);
}

static void *commit(void *arg)
{
    struct api_problem problem;
    bool *good = arg;
    *good = true;
    for (int i = 0; i < EACH; i++) {
        pthread_mutex_lock(&sync_.lock);
        unsigned long before = sync_.committed;
        pthread_mutex_unlock(&sync_.lock);
        *good &= lipd_sqlite_sync(&sync_, &problem);
        pthread_mutex_lock(&sync_.lock);
        *good &= sync_.synced > before;
        pthread_mutex_unlock(&sync_.lock);
    }
    return NULL;
}

START_TEST(every_commit_is_synced)
{
    pthread_t thread[THREADS];
    bool good[THREADS];
    ck_assert(lipd_sqlite_sync_open(&sync_, path));
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, commit, &good[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        ck_assert(good[i]);
    }
    ck_assert_uint_eq(sync_.committed, THREADS * EACH);
    ck_assert_uint_eq(sync_.synced, THREADS * EACH);
}
END_TEST

START_TEST(a_sync_that_fails_is_told)
{
    struct api_problem problem;
    ck_assert(!lipd_sqlite_sync(&sync_, &problem)); /* it was not opened */
    ck_assert_int_eq(problem.code, API_PROBLEM_INTERNAL);
    ck_assert_uint_eq(sync_.synced, 0);
    ck_assert(lipd_sqlite_sync_open(&sync_, path));
    ck_assert(lipd_sqlite_sync(&sync_, &problem));
    ck_assert_uint_eq(sync_.synced, 2);
}
END_TEST

static void *commit_once(void *arg)
{
    struct api_problem problem;
    *(bool *)arg = lipd_sqlite_sync(&sync_, &problem);
    return NULL;
}

/* Who waited for a sync that failed is told so, though the next one went well
 * before it woke up. */
START_TEST(a_sync_that_fails_is_everybodys)
{
    pthread_t thread;
    bool good = true;
    ck_assert(lipd_sqlite_sync_open(&sync_, path));
    sync_.busy = true; /* somebody syncs */
    pthread_create(&thread, NULL, commit_once, &good);
    for (unsigned long seen = 0; seen == 0; usleep(1000)) {
        pthread_mutex_lock(&sync_.lock);
        seen = sync_.committed;
        pthread_mutex_unlock(&sync_.lock);
    }
    pthread_mutex_lock(&sync_.lock);
    sync_.lost = 1;
    sync_.error = EIO;
    sync_.committed = sync_.synced = 2; /* another came, and was synced */
    sync_.busy = false;
    pthread_cond_broadcast(&sync_.ended);
    pthread_mutex_unlock(&sync_.lock);
    pthread_join(thread, NULL);
    ck_assert(!good);
}
END_TEST

START_TEST(what_is_not_there_is_not_opened)
{
    ck_assert(!lipd_sqlite_sync_open(&sync_, "/nowhere/x"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sqlite_sync");
    TCase *tests = tcase_create("sqlite_sync");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_commit_is_synced);
    tcase_add_test(tests, a_sync_that_fails_is_told);
    tcase_add_test(tests, a_sync_that_fails_is_everybodys);
    tcase_add_test(tests, what_is_not_there_is_not_opened);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
