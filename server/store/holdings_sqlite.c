/* SPDX-License-Identifier: MIT
 *
 * A file of its own beside the jobs': one connection, used by one thread at a
 * time. Statements are few and short, so that each is prepared when it is
 * needed. */
#include "server/store/holdings.h"

#include "server/file.h"
#include "server/store/sqlite_bind.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { BUSY_MILLISECONDS = 10000 };

struct own {
    struct lipd_holdings base;
    pthread_mutex_t lock;
    sqlite3 *db;
};

/* Row i leads from version i to version i + 1. Rows are never changed once
 * released, only added. */
static const char *const migrations[] = {
    "CREATE TABLE holding("
    " thing INTEGER NOT NULL," /* enum lipd_thing */
    " id TEXT NOT NULL,"
    " tenant TEXT NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " created REAL NOT NULL,"
    " PRIMARY KEY(thing, id, tenant)) WITHOUT ROWID;"
    "CREATE INDEX holding_tenant ON holding(tenant, thing, id);",
    "ALTER TABLE holding ADD COLUMN used REAL NOT NULL DEFAULT 0;"
    "UPDATE holding SET used = created;"
    "CREATE TABLE answer(" /* to requests with an Idempotency-Key */
    " tenant TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " digest TEXT NOT NULL,"
    " fresh INTEGER NOT NULL,"
    " created REAL NOT NULL,"
    " PRIMARY KEY(tenant, key)) WITHOUT ROWID;"
    "CREATE INDEX answer_created ON answer(created);"
    "CREATE INDEX answer_tenant ON answer(tenant, created);",
};

enum { NEWEST = sizeof migrations / sizeof *migrations };

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
    lipd_sqlite_values(s, types, args);
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

/* A statement that has one number to tell: -1 where it has no row. */
#define ASK(own, value, problem, ...)                                          \
    run(own, bind(own, __VA_ARGS__), value, problem)
#define DO(own, problem, ...) run(own, bind(own, __VA_ARGS__), NULL, problem)

static bool execute(struct own *own, const char *sql)
{
    return sqlite3_exec(own->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool begin(struct own *own, struct api_problem *problem)
{
    return execute(own, "BEGIN IMMEDIATE") || fail(own, problem);
}

/* Of what is done, or undone. */
static bool end(struct own *own, bool done, struct api_problem *problem)
{
    if (done && !execute(own, "COMMIT"))
        done = fail(own, problem);
    if (!sqlite3_get_autocommit(own->db))
        execute(own, "ROLLBACK");
    return done;
}

/* --- keys */

static bool find_key(struct own *own, struct lipd_held *out, const char *tenant,
                     const char *key, const char *digest,
                     struct api_problem *problem)
{
    int64_t fresh;
    out->fate = LIPD_HELD;
    if (!ASK(own, &fresh, problem,
             "SELECT CASE WHEN digest = ?3 THEN fresh ELSE 2 END FROM answer "
             "WHERE tenant = ?1 AND key = ?2 AND created > ?4",
             "tttr", tenant, key, digest, now() - LIPD_KEY_SECONDS))
        return false;
    if (fresh >= 0)
        out->fate = fresh == 2 ? LIPD_KEY_TAKEN : LIPD_KEY_USED;
    out->fresh = fresh == 1;
    return true;
}

static bool keep_key(struct own *own, const struct lipd_wish *wish, bool fresh,
                     struct api_problem *problem)
{
    double time = now();
    return DO(own, problem, "DELETE FROM answer WHERE created <= ?1", "r",
              time - LIPD_KEY_SECONDS) &&
           DO(own, problem, "INSERT INTO answer VALUES(?1, ?2, ?3, ?4, ?5)",
              "tttir", wish->tenant, wish->key, wish->digest, (int64_t)fresh,
              time) &&
           DO(own, problem,
              "DELETE FROM answer WHERE tenant = ?1 AND created <= (SELECT "
              "created FROM answer WHERE tenant = ?1 ORDER BY created DESC "
              "LIMIT 1 OFFSET ?2)",
              "ti", wish->tenant, (int64_t)LIPD_KEYS);
}

static bool key_of(struct lipd_holdings *holdings, struct lipd_held *out,
                   const char *tenant, const char *key, const char *digest,
                   struct api_problem *problem)
{
    struct own *own = enter(holdings);
    return leave(own, find_key(own, out, tenant, key, digest, problem));
}

/* --- holding */

/* Whether `sum` and what is wished for go together. */
static bool fits(struct lipd_held *out, int64_t sum, size_t bytes, size_t most,
                 enum lipd_fate full)
{
    out->bytes = sum > 0 ? (size_t)sum : 0;
    if (!most || (bytes <= most && out->bytes <= most - bytes))
        return true;
    out->fate = full;
    return false;
}

static bool weigh(struct own *own, struct lipd_held *out,
                  const struct lipd_wish *wish, struct api_problem *problem)
{
    int64_t tenant = 0, all = 0;
    if (wish->most && !ASK(own, &tenant, problem,
                           "SELECT coalesce(sum(bytes), 0) FROM holding "
                           "WHERE tenant = ?1",
                           "t", wish->tenant))
        return false;
    if (wish->most_all &&
        !ASK(own, &all, problem,
             "SELECT coalesce(sum(b), 0) FROM (SELECT max(bytes) AS b FROM "
             "holding WHERE thing = ?1 AND id <> ?2 GROUP BY id)",
             "it", (int64_t)wish->thing, wish->id))
        return false;
    if (fits(out, all, wish->bytes, wish->most_all, LIPD_ALL_FULL))
        fits(out, tenant, wish->bytes, wish->most, LIPD_TENANT_FULL);
    return true;
}

static bool add(struct own *own, struct lipd_held *out,
                const struct lipd_wish *wish, struct api_problem *problem)
{
    int64_t held;
    double time = now();
    if (!ASK(own, &held, problem,
             "SELECT 1 FROM holding WHERE thing = ?1 AND id = ?2 "
             "AND tenant = ?3",
             "itt", (int64_t)wish->thing, wish->id, wish->tenant))
        return false;
    out->fresh = held < 0;
    if (!out->fresh)
        return true;
    return weigh(own, out, wish, problem) &&
           (out->fate != LIPD_HELD ||
            DO(own, problem,
               "INSERT INTO holding(thing, id, tenant, bytes, created, used) "
               "VALUES(?1, ?2, ?3, ?4, ?5, ?5)",
               "ittir", (int64_t)wish->thing, wish->id, wish->tenant,
               (int64_t)wish->bytes, time));
}

static bool decide(struct own *own, struct lipd_held *out,
                   const struct lipd_wish *wish, struct api_problem *problem)
{
    if (wish->key &&
        !find_key(own, out, wish->tenant, wish->key, wish->digest, problem))
        return false;
    if (out->fate != LIPD_HELD)
        return true;
    return add(own, out, wish, problem) &&
           (out->fate != LIPD_HELD || !wish->key ||
            keep_key(own, wish, out->fresh, problem));
}

static bool hold(struct lipd_holdings *holdings, struct lipd_held *out,
                 const struct lipd_wish *wish, struct api_problem *problem)
{
    struct own *own = enter(holdings);
    *out = (struct lipd_held){.fate = LIPD_HELD};
    bool done = begin(own, problem) &&
                end(own, decide(own, out, wish, problem), problem);
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
    out->used = sqlite3_column_double(s, 4);
}

static bool holds(struct lipd_holdings *holdings, struct lipd_holding *out,
                  enum lipd_thing thing, const char *id, const char *tenant)
{
    struct own *own = enter(holdings);
    sqlite3_stmt *s =
        bind(own,
             "SELECT id, tenant, bytes, created, used FROM holding "
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

/* Does nobody hold it? */
static bool is_last(struct own *own, enum lipd_thing thing, const char *id,
                    bool *last, struct api_problem *problem)
{
    int64_t others = 0;
    bool done = ASK(own, &others, problem,
                    "SELECT count(*) FROM holding WHERE thing = ?1 AND id = ?2",
                    "it", (int64_t)thing, id);
    *last = done && others == 0;
    return done;
}

static bool let_go(struct lipd_holdings *holdings, enum lipd_thing thing,
                   const char *id, const char *tenant, bool *last,
                   struct api_problem *problem)
{
    struct own *own = enter(holdings);
    *last = false;
    bool done = DO(own, problem,
                   "DELETE FROM holding WHERE thing = ?1 AND id = ?2 "
                   "AND (?3 IS NULL OR tenant = ?3)",
                   "itt", (int64_t)thing, id, tenant);
    if (done && !sqlite3_changes(own->db)) {
        api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                        "Nothing is stored under the id %.80s.", id);
        return leave(own, false);
    }
    return leave(own, done && is_last(own, thing, id, last, problem));
}

static bool sweep(struct lipd_holdings *holdings, enum lipd_thing thing,
                  const char *id, bool *last, struct api_problem *problem)
{
    struct own *own = enter(holdings);
    return leave(own, is_last(own, thing, id, last, problem));
}

/* --- lists */

static bool bytes_of(struct lipd_holdings *holdings, const char *tenant,
                     size_t bytes[LIPD_THINGS], struct api_problem *problem)
{
    struct own *own = enter(holdings);
    bool done = true;
    for (int64_t thing = 0; thing < LIPD_THINGS; thing++) {
        int64_t sum = 0;
        done = done &&
               ASK(own, &sum, problem,
                   "SELECT coalesce(sum(b), 0) FROM (SELECT max(bytes) AS b "
                   "FROM holding WHERE thing = ?1 AND (?2 IS NULL OR tenant "
                   "= ?2) GROUP BY id)",
                   "it", thing, tenant);
        bytes[thing] = sum > 0 ? (size_t)sum : 0;
    }
    return leave(own, done);
}

/* The rows of a statement. */
static bool collect(struct own *own, sqlite3_stmt *s, enum lipd_thing thing,
                    struct lipd_holding *out, size_t *count, size_t most,
                    struct api_problem *problem)
{
    int step = SQLITE_ERROR;
    *count = 0;
    while (s && (step = sqlite3_step(s)) == SQLITE_ROW && *count < most)
        read_row(&out[(*count)++], thing, s);
    bool done = step == SQLITE_DONE || step == SQLITE_ROW;
    if (!done)
        fail(own, problem);
    sqlite3_finalize(s);
    return done;
}

static bool list(struct lipd_holdings *holdings, enum lipd_thing thing,
                 const char *tenant, const char *after,
                 struct lipd_holding *out, size_t *count, size_t most,
                 struct api_problem *problem)
{
    struct own *own = enter(holdings);
    sqlite3_stmt *s =
        bind(own,
             "SELECT id, tenant, bytes, min(created), max(used) FROM holding "
             "WHERE thing = ?1 AND id > ?2 AND (?4 IS NULL OR tenant = ?4) "
             "GROUP BY id ORDER BY id LIMIT ?3",
             "itit", (int64_t)thing, after, (int64_t)most, tenant);
    return leave(own, collect(own, s, thing, out, count, most, problem));
}

static bool stale(struct lipd_holdings *holdings, enum lipd_thing thing,
                  const char *tenant, size_t skip, struct lipd_holding *out,
                  size_t *count, size_t most, struct api_problem *problem)
{
    struct own *own = enter(holdings);
    sqlite3_stmt *s =
        bind(own,
             "SELECT id, tenant, bytes, created, max(used) FROM holding "
             "WHERE thing = ?1 AND (?2 IS NULL OR tenant = ?2) GROUP BY id "
             "ORDER BY max(used), id LIMIT ?3 OFFSET ?4",
             "itii", (int64_t)thing, tenant, (int64_t)most, (int64_t)skip);
    return leave(own, collect(own, s, thing, out, count, most, problem));
}

static bool touch(struct lipd_holdings *holdings, const struct lipd_use *use,
                  size_t count, struct api_problem *problem)
{
    struct own *own = enter(holdings);
    bool done = begin(own, problem);
    if (!done)
        return leave(own, false);
    for (size_t i = 0; i < count && done; i++)
        done = DO(own, problem,
                  "UPDATE holding SET used = max(used, ?3) WHERE thing = ?4 "
                  "AND id = ?1 AND (?2 IS NULL OR tenant = ?2)",
                  "ttri", use[i].id, use[i].by_all ? NULL : use[i].tenant,
                  use[i].when, (int64_t)LIPD_MODEL);
    return leave(own, end(own, done, problem));
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
    .sweep = sweep,
    .key = key_of,
    .bytes = bytes_of,
    .list = list,
    .stale = stale,
    .touch = touch,
    .close = close_own,
};

const char *lipd_thing_kind(enum lipd_thing thing)
{
    return thing == LIPD_MODEL ? "model" : "dataset";
}

/* --- opening */

/* Is it empty, or of a version that is known? */
static bool is_known(struct own *own, int64_t *version)
{
    struct api_problem ignored;
    return ASK(own, version, &ignored, "PRAGMA user_version", "") &&
           *version >= 0 && *version <= NEWEST;
}

static bool bring_up(struct own *own, int64_t version)
{
    char note[64];
    if (!execute(own, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"))
        return false;
    for (; version < NEWEST; version++) {
        snprintf(note, sizeof note, "PRAGMA user_version = %d; COMMIT",
                 (int)version + 1);
        if (!execute(own, "BEGIN IMMEDIATE") ||
            !execute(own, migrations[version]) || !execute(own, note))
            return false;
    }
    return true;
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
    lipd_make_private(path); /* where it cannot, SQLite says why */
    bool open = sqlite3_open_v2(path, &own->db,
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                    SQLITE_OPEN_NOMUTEX,
                                NULL) == SQLITE_OK;
    if (open)
        sqlite3_busy_timeout(own->db, BUSY_MILLISECONDS);
    int64_t version;
    bool known = open && is_known(own, &version);
    if (known && bring_up(own, version))
        return &own->base;
    snprintf(complaint, complaint_size,
             "The file %.200s cannot be used: %.200s.", path,
             !own->db         ? "no memory"
             : open && !known ? "it is damaged or of a newer version"
                              : sqlite3_errmsg(own->db));
    close_own(&own->base);
    return NULL;
}
