/* SPDX-License-Identifier: MIT
 *
 * The file of the jobs: what is not ours, not whole or too new is refused with
 * a sentence, and left as it was. */
#include "server/jobs/sqlite.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[FOLDER_NAME], complaint[512];
static struct api_problem problem;

static void setup(void)
{
    folder_make(folder);
}

static void teardown(void)
{
    folder_remove(folder);
}

static struct lipd_job_store *open_store(void)
{
    complaint[0] = '\0';
    return lipd_job_store_sqlite(folder, complaint, sizeof complaint);
}

static void path_of(char out[128])
{
    snprintf(out, 128, "%s/jobs.sqlite", folder);
}

static void execute(const char *text)
{
    char path[128];
    sqlite3 *db;
    path_of(path);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void make_store(int jobs)
{
    char id[LIPD_JOB_ID];
    bool again;
    struct lipd_job_store *store = open_store();
    ck_assert_msg(store != NULL, "%s", complaint);
    while (jobs--)
        ck_assert(
            store->ops->add(store, id, &again,
                            &(struct lipd_job_wish){.kind = "train",
                                                    .request = "{\"x\": 1}",
                                                    .tenant = "",
                                                    .key = NULL,
                                                    .digest = NULL},
                            1000, &problem));
    store->ops->close(store);
}

static void expect_refused(const char *sentence)
{
    ck_assert_ptr_null(open_store());
    ck_assert_msg(strstr(complaint, sentence) != NULL, "%s", complaint);
    ck_assert_msg(strstr(complaint, "jobs.sqlite") != NULL, "%s", complaint);
}

START_TEST(nobody_else_reads_it)
{
    char id[LIPD_JOB_ID];
    bool again;
    struct lipd_job_store *store = open_store();
    ck_assert_msg(store != NULL, "%s", complaint);
    ck_assert(store->ops->add(store, id, &again,
                              &(struct lipd_job_wish){.kind = "train",
                                                      .request = "{}",
                                                      .tenant = "",
                                                      .key = NULL,
                                                      .digest = NULL},
                              1, &problem));
    ck_assert(folder_private(folder, "jobs.sqlite"));
    ck_assert(folder_private(folder, "jobs.sqlite-wal"));
    ck_assert(folder_private(folder, "jobs.sqlite-shm"));
    store->ops->close(store);
}
END_TEST

START_TEST(another_programs_database_is_refused)
{
    execute("CREATE TABLE job(x); PRAGMA user_version = 1");
    expect_refused("another program");
    execute("DROP TABLE job; PRAGMA application_id = 7");
    expect_refused("another program");
}
END_TEST

START_TEST(a_newer_version_is_refused)
{
    make_store(1);
    execute("PRAGMA user_version = 1000");
    expect_refused("newer version");
}
END_TEST

START_TEST(what_is_no_database_is_refused)
{
    char text[8192];
    memset(text, 'x', sizeof text);
    folder_write(folder, "jobs.sqlite", text, sizeof text);
    expect_refused("not a database");
    char *after = folder_read(folder, "jobs.sqlite");
    ck_assert_mem_eq(after, text, sizeof text);
    free(after);
}
END_TEST

/* Pages overwritten with zeros, each in turn. */
START_TEST(damage_is_refused)
{
    char path[128];
    static const char zeros[4096];
    make_store(200);
    path_of(path);
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_gt(status.st_size, 4 * 4096);
    FILE *file = fopen(path, "r+");
    ck_assert_ptr_nonnull(file);
    fseek(file, 1 * 4096, SEEK_SET);
    ck_assert_uint_eq(fwrite(zeros, 1, sizeof zeros, file), sizeof zeros);
    fclose(file);
    expect_refused("damaged");
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_refused)
{
    folder_remove(folder);
    expect_refused("No such file");
}
END_TEST

/* Version 0 with our mark: a file whose making was interrupted. */
START_TEST(an_empty_file_becomes_a_store)
{
    folder_write(folder, "jobs.sqlite", "", 0);
    make_store(1);
    make_store(1);
    struct lipd_job_store *store = open_store();
    ck_assert_uint_eq(store->ops->queued(store), 2);
    store->ops->close(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sqlite");
    TCase *tests = tcase_create("sqlite");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, nobody_else_reads_it);
    tcase_add_test(tests, another_programs_database_is_refused);
    tcase_add_test(tests, a_newer_version_is_refused);
    tcase_add_test(tests, what_is_no_database_is_refused);
    tcase_add_test(tests, damage_is_refused);
    tcase_add_test(tests, a_folder_that_is_not_there_is_refused);
    tcase_add_test(tests, an_empty_file_becomes_a_store);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
