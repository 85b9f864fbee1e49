/* SPDX-License-Identifier: MIT
 *
 * Results in a file of their own; one that cannot be used is begun anew. */
#include "tests/support/folder.h"
#include "tests/support/results_suite.h"
#include "tests/support/suite.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static char directory[40], complaint[400];

static void setup(void)
{
    snprintf(directory, sizeof directory, "/tmp/lip-results-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void teardown(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static struct lipd_results *open_store(size_t most)
{
    struct lipd_results *store =
        lipd_results_sqlite(directory, most, complaint, sizeof complaint);
    ck_assert_msg(store != NULL, "%s", complaint);
    return store;
}

static const char *path(const char *end)
{
    static char out[100];
    snprintf(out, sizeof out, "%s/results.sqlite%s", directory, end);
    return out;
}

static void execute(const char *sql)
{
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(path(""), &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void damage(void)
{
    execute("UPDATE result SET document = CAST('x' AS BLOB)");
}

static void write_over(const char *bytes, size_t size)
{
    FILE *file = fopen(path(""), "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 4096; i++)
        ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static bool works(struct lipd_results *store)
{
    struct lipd_result result;
    struct api_problem problem;
    size_t dropped;
    if (!store->ops->put(store, "a", "k", "1", 1, &dropped, &problem) ||
        store->ops->get(store, "a", "k", &result) != LIPD_FOUND)
        return false;
    lipd_result_clear(&result);
    return true;
}

START_TEST(a_file_that_is_none_is_begun_anew)
{
    write_over("no database", 11);
    struct lipd_results *store = open_store(1 << 20);
    ck_assert(works(store));
    store->ops->close(store);
    execute("PRAGMA user_version = 99");
    store = open_store(1 << 20);
    ck_assert(works(store));
    store->ops->close(store);
}
END_TEST

/* While it is open, too: the first call may fail, then it works. */
START_TEST(a_file_that_is_damaged_is_begun_anew)
{
    struct lipd_result result;
    struct api_problem problem;
    struct lipd_results *store = open_store(1 << 20);
    char text[5000] = "";
    size_t dropped;
    memset(text, 'x', sizeof text - 1);
    ck_assert(works(store));
    store->ops->close(store);
    execute("PRAGMA wal_checkpoint(TRUNCATE)");
    store = open_store(1 << 20);
    /* All pages but the first, which says what it is. */
    FILE *file = fopen(path(""), "r+");
    ck_assert_ptr_nonnull(file);
    fseek(file, 4096, SEEK_SET);
    for (int i = 0; i < 3; i++)
        fwrite(text, 1, 4096, file);
    fclose(file);
    if (store->ops->get(store, "b", "other", &result) != LIPD_UNKNOWN)
        store->ops->put(store, "a", "k", text, sizeof text - 1, &dropped,
                        &problem);
    ck_assert(works(store));
    store->ops->close(store);
}
END_TEST

/* And if that cannot be done at once, then later. */
START_TEST(a_damaged_file_is_begun_anew_when_that_can_be)
{
    struct lipd_result result;
    struct lipd_results *store = open_store(1 << 20);
    char away[sizeof directory + 5];
    ck_assert(works(store));
    store->ops->close(store);
    execute("PRAGMA wal_checkpoint(TRUNCATE)");
    store = open_store(1 << 20);
    write_over("no database", 11);
    snprintf(away, sizeof away, "%s.away", directory);
    ck_assert_int_eq(rename(directory, away), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert(!works(store));
        ck_assert_int_ne(store->ops->get(store, "a", "k", &result), LIPD_FOUND);
    }
    ck_assert_int_eq(rename(away, directory), 0);
    works(store); /* may see the damage first */
    ck_assert(works(store));
    store->ops->close(store);
}
END_TEST

START_TEST(where_no_file_can_be_it_says_so)
{
    char missing[100];
    snprintf(missing, sizeof missing, "%s/none", directory);
    ck_assert_ptr_null(
        lipd_results_sqlite(missing, 1 << 20, complaint, sizeof complaint));
    ck_assert_ptr_nonnull(strstr(complaint, "results.sqlite"));
}
END_TEST

/* What is asked for stays, though it was put first. */
START_TEST(the_used_stay)
{
    struct lipd_results *store = open_store(1 << 20);
    struct lipd_result result;
    struct api_problem problem;
    char key[20];
    static char text[100000];
    size_t dropped;
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 9; i++) {
        snprintf(key, sizeof key, "%d", i);
        ck_assert(store->ops->put(store, "a", key, text, sizeof text, &dropped,
                                  &problem));
    }
    /* Uses are noted where the last is a minute old. */
    execute("UPDATE result SET used = used - 100");
    ck_assert_int_eq(store->ops->get(store, "a", "0", &result), LIPD_FOUND);
    lipd_result_clear(&result);
    for (int i = 10; i < 14; i++) {
        snprintf(key, sizeof key, "%d", i);
        ck_assert(store->ops->put(store, "a", key, text, sizeof text, &dropped,
                                  &problem));
    }
    ck_assert_int_eq(store->ops->get(store, "a", "0", &result), LIPD_FOUND);
    lipd_result_clear(&result);
    ck_assert_int_eq(store->ops->get(store, "a", "1", &result), LIPD_ABSENT);
    store->ops->close(store);
}
END_TEST

/* Names and answers of tenants are nobody else's, whoever made the folder. */
START_TEST(nobody_else_reads_it)
{
    mode_t mask = umask(0);
    struct lipd_results *store = open_store(1 << 20);
    ck_assert(folder_private(directory, "results.sqlite"));
    ck_assert(folder_private(directory, "results.sqlite-wal"));
    ck_assert(folder_private(directory, "results.sqlite-shm"));
    store->ops->close(store);
    umask(mask);
}
END_TEST

int main(void)
{
    static const struct results_source source = {.setup = setup,
                                                 .teardown = teardown,
                                                 .open = open_store,
                                                 .damage = damage};
    Suite *suite = suite_create("results_sqlite");
    TCase *tests = tcase_create("results_sqlite");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_file_that_is_none_is_begun_anew);
    tcase_add_test(tests, a_file_that_is_damaged_is_begun_anew);
    tcase_add_test(tests, a_damaged_file_is_begun_anew_when_that_can_be);
    tcase_add_test(tests, where_no_file_can_be_it_says_so);
    tcase_add_test(tests, the_used_stay);
    tcase_add_test(tests, nobody_else_reads_it);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, results_suite(&source));
    return run_suite(suite);
}
