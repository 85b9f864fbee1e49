/* SPDX-License-Identifier: MIT
 *
 * Who holds what, on a file of its own: what is noted stays, files of the
 * version before are brought up. */
#include "server/store/holdings.h"

#include "tests/support/folder.h"
#include "tests/support/holdings_suite.h"
#include "tests/support/suite.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char directory[FOLDER_NAME], complaint[400];
static struct api_problem problem;

static void setup(void)
{
    folder_make(directory);
}

static void teardown(void)
{
    folder_remove(directory);
}

static struct lipd_holdings *open_holdings(void)
{
    struct lipd_holdings *holdings =
        lipd_holdings_sqlite(directory, complaint, sizeof complaint);
    ck_assert_msg(holdings != NULL, "%s", complaint);
    return holdings;
}

static void execute(const char *sql)
{
    char path[100];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/holdings.sqlite", directory);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void expect_used(struct lipd_holdings *holdings, double used)
{
    struct lipd_holding out;
    ck_assert(holdings->ops->holds(holdings, &out, LIPD_MODEL, "x", "a"));
    ck_assert_uint_eq(out.bytes, 10);
    ck_assert_double_eq(out.used, used);
}

START_TEST(what_is_noted_stays)
{
    struct lipd_held held;
    struct lipd_holding out;
    const struct lipd_wish wish = {
        .thing = LIPD_MODEL, .id = "x", .tenant = "a", .bytes = 10};
    struct lipd_holdings *holdings = open_holdings();
    ck_assert(holdings->ops->hold(holdings, &held, &wish, &problem));
    holdings->ops->close(holdings);
    holdings = open_holdings();
    ck_assert(holdings->ops->holds(holdings, &out, LIPD_MODEL, "x", "a"));
    holdings->ops->close(holdings);
}
END_TEST

/* The first version knew neither uses nor keys. */
START_TEST(the_first_version_is_brought_up)
{
    execute("CREATE TABLE holding(thing INTEGER NOT NULL, id TEXT NOT NULL, "
            "tenant TEXT NOT NULL, bytes INTEGER NOT NULL, created REAL NOT "
            "NULL, PRIMARY KEY(thing, id, tenant)) WITHOUT ROWID;"
            "CREATE INDEX holding_tenant ON holding(tenant, thing, id);"
            "INSERT INTO holding VALUES(0, 'x', 'a', 10, 77);"
            "PRAGMA user_version = 1");
    for (int i = 0; i < 2; i++) {
        struct lipd_holdings *holdings = open_holdings();
        expect_used(holdings, 77);
        holdings->ops->close(holdings);
    }
    execute("PRAGMA user_version = 99");
    ck_assert_ptr_null(
        lipd_holdings_sqlite(directory, complaint, sizeof complaint));
    ck_assert_ptr_nonnull(strstr(complaint, "newer"));
}
END_TEST

static const struct lipd_wish with_key = {.thing = LIPD_MODEL,
                                          .id = "y",
                                          .tenant = "a",
                                          .bytes = 10,
                                          .key = "k",
                                          .digest = "new"};

/* Keys are forgotten after a day. */
START_TEST(old_keys_are_forgotten)
{
    struct lipd_held held;
    struct lipd_holdings *holdings = open_holdings();
    execute("INSERT INTO answer VALUES('a', 'k', 'old', 1, "
            "unixepoch() - 86401), ('b', 'k', 'old', 1, "
            "unixepoch() - 86300)");
    ck_assert(holdings->ops->key(holdings, &held, "b", "k", "old", &problem));
    ck_assert_int_eq(held.fate, LIPD_KEY_USED);
    ck_assert(holdings->ops->hold(holdings, &held, &with_key, &problem));
    ck_assert_int_eq(held.fate, LIPD_HELD);
    holdings->ops->close(holdings);
}
END_TEST

/* A tenant's oldest go where there are too many, and no other's. */
START_TEST(keys_are_bounded)
{
    struct lipd_held held;
    struct lipd_holdings *holdings = open_holdings();
    execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
            "WHERE i < 10000) INSERT INTO answer SELECT 'a', 'old' || i, 'd', "
            "1, unixepoch() - 20000 + i FROM n;"
            "INSERT INTO answer VALUES('b', 'k', 'd', 1, unixepoch() - 30000)");
    ck_assert(holdings->ops->hold(holdings, &held, &with_key, &problem));
    ck_assert(holdings->ops->key(holdings, &held, "a", "old1", "d", &problem));
    ck_assert_int_eq(held.fate, LIPD_HELD);
    ck_assert(holdings->ops->key(holdings, &held, "a", "old2", "d", &problem));
    ck_assert_int_eq(held.fate, LIPD_KEY_USED);
    ck_assert(holdings->ops->key(holdings, &held, "b", "k", "d", &problem));
    ck_assert_int_eq(held.fate, LIPD_KEY_USED);
    holdings->ops->close(holdings);
}
END_TEST

START_TEST(a_file_that_is_none_is_refused)
{
    char path[100];
    snprintf(path, sizeof path, "%s/holdings.sqlite", directory);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 1000; i++)
        fputs("nonsense ", file);
    fclose(file);
    ck_assert_ptr_null(
        lipd_holdings_sqlite(directory, complaint, sizeof complaint));
    ck_assert_ptr_nonnull(strstr(complaint, path));
}
END_TEST

/* Names and answers of tenants are nobody else's, whoever made the folder. */
START_TEST(nobody_else_reads_it)
{
    mode_t mask = umask(0);
    struct lipd_holdings *store = open_holdings();
    ck_assert(folder_private(directory, "holdings.sqlite"));
    ck_assert(folder_private(directory, "holdings.sqlite-wal"));
    ck_assert(folder_private(directory, "holdings.sqlite-shm"));
    store->ops->close(store);
    umask(mask);
}
END_TEST

int main(void)
{
    static const struct holdings_source source = {setup, teardown,
                                                  open_holdings};
    Suite *suite = suite_create("server/store/holdings_sqlite");
    TCase *file = tcase_create("file");
    tcase_add_checked_fixture(file, setup, teardown);
    tcase_add_test(file, what_is_noted_stays);
    tcase_add_test(file, the_first_version_is_brought_up);
    tcase_add_test(file, old_keys_are_forgotten);
    tcase_add_test(file, keys_are_bounded);
    tcase_add_test(file, a_file_that_is_none_is_refused);
    tcase_add_test(file, nobody_else_reads_it);
    suite_add_tcase(suite, holdings_suite(&source));
    suite_add_tcase(suite, file);
    return run_suite(suite);
}
