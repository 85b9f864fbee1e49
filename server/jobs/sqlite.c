/* SPDX-License-Identifier: MIT
 *
 * application_id tells our files from others', user_version the version of the
 * tables: a file of an older version is brought up step by step, each step one
 * transaction. */
#include "server/jobs/sqlite.h"

#include "server/file.h"
#include "server/store/sqlite_bind.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What is larger than CHECKED_MOST bytes is not read as a whole at the start:
 * it would take a second for some hundred megabytes, and much more from a disk
 * that turns. SQLite tells of damage where it finds it later. */
enum {
    OURS = 0x4c49504a /* "LIPJ" */,
    BUSY_MILLISECONDS = 10000,
    CHECKED_MOST = 32 << 20
};

#define QUOTE(x) #x
#define TEXT_OF(x) QUOTE(x)

/* Row i leads from version i to version i + 1. Rows are never changed once
 * released, only added. */
static const char *const migrations[] = {
    "CREATE TABLE job("
    " number INTEGER PRIMARY KEY AUTOINCREMENT," /* the order of coming */
    " id TEXT NOT NULL UNIQUE,"
    " kind TEXT NOT NULL,"
    " state INTEGER NOT NULL DEFAULT 0," /* enum lipd_job_state */
    " created REAL NOT NULL,"
    " started REAL NOT NULL DEFAULT 0,"
    " finished REAL NOT NULL DEFAULT 0,"
    " cancel INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " sequence INTEGER NOT NULL DEFAULT 0," /* of the latest event */
    " owner TEXT,"
    " lease REAL NOT NULL DEFAULT 0," /* when it runs out */
    " key TEXT UNIQUE,"
    " digest TEXT,"
    " request TEXT NOT NULL,"
    " progress TEXT,"
    " result TEXT,"
    " error TEXT);"
    "CREATE INDEX job_open ON job(state, number) WHERE state < 2;"
    "CREATE INDEX job_over ON job(finished, number) WHERE finished > 0;"
    "CREATE TABLE event("
    " job INTEGER NOT NULL REFERENCES job(number) ON DELETE CASCADE,"
    " sequence INTEGER NOT NULL,"
    " type TEXT NOT NULL,"
    " data TEXT NOT NULL,"
    " PRIMARY KEY(job, sequence)) WITHOUT ROWID;",
    /* A key is one of its tenant's. A column's own UNIQUE cannot be dropped:
     * the column is left to rest. */
    "ALTER TABLE job ADD COLUMN tenant TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE job RENAME COLUMN key TO key_of_all;"
    "ALTER TABLE job ADD COLUMN key TEXT;"
    "UPDATE job SET key = key_of_all, key_of_all = NULL;"
    "CREATE UNIQUE INDEX job_key ON job(tenant, key) WHERE key IS NOT NULL;"
    "CREATE INDEX job_tenant ON job(tenant, number);",
    "CREATE TABLE input("
    " job INTEGER PRIMARY KEY REFERENCES job(number) ON DELETE CASCADE,"
    " content BLOB NOT NULL);",
    "ALTER TABLE job ADD COLUMN trace TEXT;",
    "ALTER TABLE job ADD COLUMN quota TEXT;"
    "CREATE INDEX job_open_tenant ON job(tenant) WHERE state < 2;",
    /* Clocks may be set back: the order in which jobs ended is a number. */
    "ALTER TABLE job ADD COLUMN vain INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE job ADD COLUMN best REAL NOT NULL DEFAULT 0;"
    "ALTER TABLE job ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;"
    "UPDATE job SET ended = place FROM (SELECT number AS n, row_number() "
    "OVER (ORDER BY finished, number) AS place FROM job WHERE finished > 0) "
    "WHERE number = n;"
    "DROP INDEX job_over;"
    "CREATE INDEX job_over ON job(ended) WHERE finished > 0;",
};

enum { NEWEST = sizeof migrations / sizeof *migrations };

static const char *const sql[LIPD_SQL_COUNT] = {
#define X(name, text) [LIPD_SQL_##name] = text,
    LIPD_STATEMENTS(X)
#undef X
};

/* --- opening */

static bool complain(char *out, size_t size, const char *path, const char *why)
{
    snprintf(out, size, "The list of jobs %.200s cannot be used: %.200s.", path,
             why);
    return false;
}

static bool execute(struct lipd_sqlite *store, const char *text)
{
    return sqlite3_exec(store->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

/* The number, or -1. */
static int64_t number_of(struct lipd_sqlite *store, const char *text)
{
    sqlite3_stmt *s = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(store->db, text, -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

/* "ok", or what is wrong; every page is read. */
static bool is_sound(struct lipd_sqlite *store, char *why, size_t size)
{
    sqlite3_stmt *s = NULL;
    bool sound = false;
    if (number_of(store, "PRAGMA page_count") *
            number_of(store, "PRAGMA page_size") >
        CHECKED_MOST)
        return true;
    snprintf(why, size, "it is damaged");
    if (sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &s, NULL) ==
            SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s, 0);
        sound = text && !strcmp(text, "ok");
        if (text)
            snprintf(why, size,
                     "it is damaged (%.100s); move it away, or put "
                     "a copy in its place",
                     text);
    }
    sqlite3_finalize(s);
    return sound;
}

static bool migrate(struct lipd_sqlite *store, int64_t version)
{
    char end[128];
    for (; version < NEWEST; version++) {
        snprintf(end, sizeof end,
                 "PRAGMA application_id = " TEXT_OF(
                     0x4c49504a) ";"
                                 "PRAGMA user_version = %d; COMMIT",
                 (int)version + 1);
        if (!execute(store, "BEGIN IMMEDIATE") ||
            !execute(store, migrations[version]) || !execute(store, end)) {
            execute(store, "ROLLBACK");
            return false;
        }
    }
    return true;
}

/* Is the file ours, whole, and of a version that we know? */
static bool recognise(struct lipd_sqlite *store, const char *path,
                      char *complaint, size_t size)
{
    char why[160];
    int64_t tables = number_of(store, "SELECT count(*) FROM sqlite_schema");
    int64_t owner = number_of(store, "PRAGMA application_id");
    int64_t version = number_of(store, "PRAGMA user_version");
    if (tables < 0)
        return complain(complaint, size, path, sqlite3_errmsg(store->db));
    if (owner != OURS && (tables > 0 || owner != 0))
        return complain(complaint, size, path,
                        "it is a database of another program");
    if (version > NEWEST)
        return complain(complaint, size, path,
                        "a newer version of lipschitzd has written it");
    if (!is_sound(store, why, sizeof why))
        return complain(complaint, size, path, why);
    if (!migrate(store, owner == OURS ? version : 0))
        return complain(complaint, size, path, sqlite3_errmsg(store->db));
    return true;
}

static bool prepare(struct lipd_sqlite *store)
{
    for (size_t i = 0; i < LIPD_SQL_COUNT; i++)
        if (sqlite3_prepare_v3(store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statement[i], NULL) != SQLITE_OK)
            return false;
    return true;
}

bool lipd_sqlite_open(struct lipd_sqlite *store, const char *directory,
                      char *complaint, size_t complaint_size)
{
    char path[1200];
    snprintf(path, sizeof path, "%.1100s/jobs.sqlite", directory);
    if (!lipd_make_private(path))
        return complain(complaint, complaint_size, path, strerror(errno));
    if (sqlite3_open_v2(path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        return complain(complaint, complaint_size, path,
                        store->db ? sqlite3_errmsg(store->db) : "no memory");
    sqlite3_busy_timeout(store->db, BUSY_MILLISECONDS);
    sqlite3_extended_result_codes(store->db, 1);
    if (!recognise(store, path, complaint, complaint_size))
        return false;
    if (execute(store, "PRAGMA journal_mode = WAL;"
                       "PRAGMA synchronous = NORMAL;" /* see sqlite_sync.c */
                       "PRAGMA foreign_keys = ON;"
                       "PRAGMA journal_size_limit = 16777216;"
                       "PRAGMA trusted_schema = OFF") &&
        prepare(store) &&
        number_of(store, "SELECT count(*) FROM event "
                         "WHERE job < 0") >= 0 &&
        lipd_sqlite_sync_open(&store->sync, path))
        return true;
    return complain(complaint, complaint_size, path, sqlite3_errmsg(store->db));
}

void lipd_sqlite_close(struct lipd_sqlite *store)
{
    for (size_t i = 0; i < LIPD_SQL_COUNT; i++)
        sqlite3_finalize(store->statement[i]);
    sqlite3_close(store->db);
}

/* --- statements */

sqlite3_stmt *lipd_sqlite_bind(struct lipd_sqlite *store,
                               enum lipd_statement statement, const char *types,
                               ...)
{
    sqlite3_stmt *s = store->statement[statement];
    va_list args;
    sqlite3_reset(s);
    va_start(args, types);
    lipd_sqlite_values(s, types, args);
    va_end(args);
    return s;
}

/* A step, with errno to tell what became of its system calls: SQLite itself
 * remembers ENOSPC only, and not for every call. */
static int step(sqlite3_stmt *s)
{
    errno = 0;
    return sqlite3_step(s);
}

static bool is_full(struct lipd_sqlite *store, int error)
{
    int code = sqlite3_errcode(store->db) & 0xff;
    return code == SQLITE_FULL ||
           (code == SQLITE_IOERR && lipd_disk_full(error));
}

bool lipd_sqlite_fail(struct lipd_sqlite *store, struct api_problem *problem)
{
    if (is_full(store, errno))
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                        "There is no room on the disk for the list of jobs. "
                        "Give the daemon more room.");
    else
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The list of jobs does not work: %s.",
                        sqlite3_errmsg(store->db));
    return false;
}

bool lipd_sqlite_run(struct lipd_sqlite *store, sqlite3_stmt *s,
                     struct api_problem *problem)
{
    int code = step(s);
    if (code != SQLITE_DONE)
        lipd_sqlite_fail(store, problem);
    sqlite3_reset(s);
    return code == SQLITE_DONE;
}

enum lipd_claim lipd_sqlite_row(struct lipd_sqlite *store, sqlite3_stmt *s,
                                struct api_problem *problem)
{
    int code = step(s);
    if (code == SQLITE_ROW)
        return LIPD_CLAIMED;
    if (code != SQLITE_DONE)
        lipd_sqlite_fail(store, problem);
    sqlite3_reset(s);
    return code == SQLITE_DONE ? LIPD_NOTHING : LIPD_CLAIM_FAILED;
}

enum lipd_claim lipd_sqlite_row_of(struct lipd_sqlite *store, sqlite3_stmt *s,
                                   int64_t *first, int64_t *second,
                                   struct api_problem *problem)
{
    enum lipd_claim found = lipd_sqlite_row(store, s, problem);
    if (found == LIPD_CLAIMED) {
        *first = sqlite3_column_int64(s, 0);
        if (second)
            *second = sqlite3_column_int64(s, 1);
        sqlite3_reset(s);
    }
    return found;
}

bool lipd_sqlite_begin(struct lipd_sqlite *store, struct api_problem *problem)
{
    pthread_mutex_lock(&store->lock);
    if (lipd_sqlite_run(store, lipd_sqlite_bind(store, LIPD_SQL_BEGIN, ""),
                        problem))
        return true;
    pthread_mutex_unlock(&store->lock);
    return false;
}

bool lipd_sqlite_end(struct lipd_sqlite *store, bool done,
                     struct api_problem *problem)
{
    return lipd_sqlite_end_soon(store, done, problem) &&
           lipd_sqlite_sync(&store->sync, problem);
}

bool lipd_sqlite_end_soon(struct lipd_sqlite *store, bool done,
                          struct api_problem *problem)
{
    struct api_problem ignored;
    done = done &&
           lipd_sqlite_run(store, lipd_sqlite_bind(store, LIPD_SQL_COMMIT, ""),
                           problem);
    /* SQLite has rolled back already after some failures. */
    if (!sqlite3_get_autocommit(store->db))
        lipd_sqlite_run(store, lipd_sqlite_bind(store, LIPD_SQL_ROLLBACK, ""),
                        &ignored);
    pthread_mutex_unlock(&store->lock);
    return done;
}
