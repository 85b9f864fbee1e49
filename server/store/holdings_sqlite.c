/* SPDX-License-Identifier: MIT
 *
 * A file of its own beside the jobs': one connection, used by one thread at a
 * time. Statements are few and short, so that each is prepared when it is
 * needed. */
#include "server/store/holdings.h"

#include "server/file.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BUSY_MILLISECONDS = 10000, VERSION = 1 };

struct own {
    struct lipd_holdings base;
    pthread_mutex_t lock;
    sqlite3 *db;
};

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS holding("
    " thing INTEGER NOT NULL," /* enum lipd_thing */
    " id TEXT NOT NULL,"
    " tenant TEXT NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " created REAL NOT NULL,"
    " PRIMARY KEY(thing, id, tenant)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS holding_tenant ON holding(tenant, thing, id);"
    "PRAGMA user_version = 1;"
    "COMMIT";

static bool fail(struct own *own, struct api_problem *problem)
{
    bool full = (sqlite3_errcode(own->db) & 0xff) == SQLITE_FULL ||
                lipd_disk_full(sqlite3_system_errno(own->db));
    api_problem_set(problem,
                    full ? API_PROBLEM_STORAGE_FULL : API_PROBLEM_INTERNAL,
                    "The list of who keeps what does not work: %.200s.",
                    sqlite3_errmsg(own->db));
    return false;
}

/* Prepares and binds: a letter for each parameter, 't' a text (NULL allowed),
 * 'i' an int64_t, 'r' a double. NULL: failed. */
static sqlite3_stmt *bind(struct own *own, const char *sql, const char *types,
                          ...)
{
    sqlite3_stmt *s = NULL;
    va_list args;
    if (sqlite3_prepare_v2(own->db, sql, -1, &s, NULL) != SQLITE_OK)
        return NULL;
    va_start(args, types);
    for (int i = 1; types[i - 1]; i++) {
        if (types[i - 1] == 't')
            sqlite3_bind_text(s, i, va_arg(args, const char *), -1,
                              SQLITE_STATIC);
        else if (types[i - 1] == 'i')
            sqlite3_bind_int64(s, i, va_arg(args, int64_t));
        else
            sqlite3_bind_double(s, i, va_arg(args, double));
    }
    va_end(args);
    return s;
}

/* Runs it; the first column of its row, or -1 where there is none. */
static bool run(struct own *own, sqlite3_stmt *s, int64_t *value,
                struct api_problem *problem)
{
    int step = s ? sqlite3_step(s) : SQLITE_ERROR;
    if (value)
        *value = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
    bool good = step == SQLITE_ROW || step == SQLITE_DONE;
    if (!good)
        fail(own, problem);
    sqlite3_finalize(s);
    return good;
}

static struct own *enter(struct lipd_holdings *holdings)
{
    struct own *own = (struct own *)holdings;
    pthread_mutex_lock(&own->lock);
    return own;
}

static bool leave(struct own *own, bool done)
{
    pthread_mutex_unlock(&own->lock);
    return done;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static bool hold(struct lipd_holdings *holdings, enum lipd_thing thing,
                 const char *id, const char *tenant, size_t bytes, bool *fresh,
                 struct api_problem *problem)
{
    struct own *own = enter(holdings);
    sqlite3_stmt *s =
        bind(own, "INSERT OR IGNORE INTO holding VALUES(?1, ?2, ?3, ?4, ?5)",
             "ittir", (int64_t)thing, id, tenant, (int64_t)bytes, now());
    bool done = run(own, s, NULL, problem);
    *fresh = done && sqlite3_changes(own->db) > 0;
    return leave(own, done);
}

static void read_row(struct lipd_holding *out, enum lipd_thing thing,
                     sqlite3_stmt *s)
{
    *out = (struct lipd_holding){.thing = thing};
    snprintf(out->id, sizeof out->id, "%s",
             (const char *)sqlite3_column_text(s, 0));
    snprintf(out->tenant, sizeof out->tenant, "%s",
             (const char *)sqlite3_column_text(s, 1));
    out->bytes = (size_t)sqlite3_column_int64(s, 2);
    out->created = sqlite3_column_double(s, 3);
}

static bool holds(struct lipd_holdings *holdings, struct lipd_holding *out,
                  enum lipd_thing thing, const char *id, const char *tenant)
{
    struct own *own = enter(holdings);
    sqlite3_stmt *s = bind(own,
                           "SELECT id, tenant, bytes, created FROM holding "
                           "WHERE thing = ?1 AND id = ?2 "
                           "AND (?3 IS NULL OR tenant = ?3) "
                           "ORDER BY created LIMIT 1",
                           "itt", (int64_t)thing, id, tenant);
    int step = s ? sqlite3_step(s) : SQLITE_ERROR;
    bool found = step == SQLITE_ROW;
    if (found)
        read_row(out, thing, s);
    else
        *out = (struct lipd_holding){
            .thing = step == SQLITE_DONE ? thing : LIPD_THINGS};
    sqlite3_finalize(s);
    return leave(own, found);
}

static bool let_go(struct lipd_holdings *holdings, enum lipd_thing thing,
                   const char *id, const char *tenant, bool *last,
                   struct api_problem *problem)
{
    struct own *own = enter(holdings);
    int64_t others = 0;
    *last = false;
    sqlite3_stmt *s = bind(own,
                           "DELETE FROM holding WHERE thing = ?1 AND id = ?2 "
                           "AND (?3 IS NULL OR tenant = ?3)",
                           "itt", (int64_t)thing, id, tenant);
    bool done = run(own, s, NULL, problem);
    if (done && !sqlite3_changes(own->db)) {
        api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                        "Nothing is stored under the id %.80s.", id);
        return leave(own, false);
    }
    if (done) {
        s = bind(own,
                 "SELECT count(*) FROM holding WHERE thing = ?1 AND id = ?2",
                 "it", (int64_t)thing, id);
        done = run(own, s, &others, problem);
    }
    *last = done && others == 0;
    return leave(own, done);
}

static bool bytes_of(struct lipd_holdings *holdings, const char *tenant,
                     size_t *bytes, struct api_problem *problem)
{
    struct own *own = enter(holdings);
    int64_t sum = 0;
    sqlite3_stmt *s =
        tenant ? bind(own,
                      "SELECT coalesce(sum(bytes), 0) FROM holding "
                      "WHERE tenant = ?1",
                      "t", tenant)
               : bind(own,
                      "SELECT coalesce(sum(b), 0) FROM (SELECT max(bytes) AS "
                      "b FROM holding GROUP BY thing, id)",
                      "");
    bool done = run(own, s, &sum, problem);
    *bytes = sum > 0 ? (size_t)sum : 0;
    return leave(own, done);
}

static bool list(struct lipd_holdings *holdings, enum lipd_thing thing,
                 const char *tenant, const char *after,
                 struct lipd_holding *out, size_t *count, size_t most,
                 struct api_problem *problem)
{
    struct own *own = enter(holdings);
    int step = SQLITE_ERROR;
    sqlite3_stmt *s =
        tenant ? bind(own,
                      "SELECT id, tenant, bytes, created FROM holding WHERE "
                      "thing = ?1 AND id > ?2 AND tenant = ?4 "
                      "ORDER BY id LIMIT ?3",
                      "itit", (int64_t)thing, after, (int64_t)most, tenant)
               : bind(own,
                      "SELECT id, tenant, bytes, min(created) FROM holding "
                      "WHERE thing = ?1 AND id > ?2 GROUP BY id "
                      "ORDER BY id LIMIT ?3",
                      "iti", (int64_t)thing, after, (int64_t)most);
    *count = 0;
    while (s && (step = sqlite3_step(s)) == SQLITE_ROW && *count < most)
        read_row(&out[(*count)++], thing, s);
    bool done = step == SQLITE_DONE || step == SQLITE_ROW;
    if (!done)
        fail(own, problem);
    sqlite3_finalize(s);
    return leave(own, done);
}

static void close_own(struct lipd_holdings *holdings)
{
    struct own *own = (struct own *)holdings;
    sqlite3_close(own->db);
    pthread_mutex_destroy(&own->lock);
    lip_free(own);
}

static const struct lipd_holdings_ops ops = {
    .hold = hold,
    .holds = holds,
    .let_go = let_go,
    .bytes = bytes_of,
    .list = list,
    .close = close_own,
};

/* Is it empty, or of our version? */
static bool is_known(struct own *own)
{
    struct api_problem ignored;
    int64_t version = -1;
    return run(own, bind(own, "PRAGMA user_version", ""), &version, &ignored) &&
           (version == 0 || version == VERSION);
}

struct lipd_holdings *lipd_holdings_sqlite(const char *directory,
                                           char *complaint,
                                           size_t complaint_size)
{
    char path[1200];
    struct own *own = lip_calloc(NULL, 1, sizeof *own);
    if (!own) {
        snprintf(complaint, complaint_size,
                 "There is no memory for the list "
                 "of who keeps what.");
        return NULL;
    }
    own->base.ops = &ops;
    pthread_mutex_init(&own->lock, NULL);
    snprintf(path, sizeof path, "%.1100s/holdings.sqlite", directory);
    bool open = sqlite3_open_v2(path, &own->db,
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                    SQLITE_OPEN_NOMUTEX,
                                NULL) == SQLITE_OK;
    if (open)
        sqlite3_busy_timeout(own->db, BUSY_MILLISECONDS);
    bool known = open && is_known(own);
    if (known && sqlite3_exec(own->db, schema, NULL, NULL, NULL) == SQLITE_OK)
        return &own->base;
    snprintf(complaint, complaint_size,
             "The file %.200s cannot be used: %.200s.", path,
             !own->db         ? "no memory"
             : open && !known ? "it is damaged or of a newer version"
                              : sqlite3_errmsg(own->db));
    close_own(&own->base);
    return NULL;
}
