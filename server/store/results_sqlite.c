/* SPDX-License-Identifier: MIT
 *
 * A file of its own beside the jobs': one connection, used by one thread at a
 * time, with its statements prepared once. Commits are not synced: what a loss
 * of power takes is computed again, and what it leaves is whole. A file that
 * turns out to be damaged is begun anew. */
#include "server/store/results.h"

#include "base/memory.h"
#include "server/file.h"
#include "server/store/sqlite_bind.h"

#include <math.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUSY_MILLISECONDS = 2000, VERSION = 1 };

/* Seconds after which a use is noted again. */
static const double note_every = 60;

#define STATEMENTS(X)                                                          \
    X(BEGIN, "BEGIN IMMEDIATE")                                                \
    X(COMMIT, "COMMIT")                                                        \
    X(ROLLBACK, "ROLLBACK")                                                    \
    X(GET, "SELECT document, etag, created, used, number FROM result "         \
           "WHERE tenant = ?1 AND key = ?2")                                   \
    X(USE, "UPDATE result SET used = ?2 WHERE number = ?1")                    \
    X(SIZE, "SELECT size, number FROM result WHERE tenant = ?1 AND key = ?2")  \
    X(PUT, "INSERT INTO result(tenant, key, etag, created, used, size, "       \
           "document) VALUES(?1, ?2, ?3, ?4, ?4, ?5, ?6)")                     \
    X(OLDEST, "SELECT size, number FROM result ORDER BY used LIMIT 1")         \
    X(DROP, "DELETE FROM result WHERE number = ?1")

enum statement {
#define X(name, sql) SQL_##name,
    STATEMENTS(X)
#undef X
        SQL_COUNT
};

static const char *const sql[SQL_COUNT] = {
#define X(name, sql) sql,
    STATEMENTS(X)
#undef X
};

struct own {
    struct lipd_results base;
    pthread_mutex_t lock;
    sqlite3 *db;
    sqlite3_stmt *statement[SQL_COUNT];
    _Atomic size_t bytes; /* of all rows */
    char path[1200];
};

/* The document stands last: what comes behind a long one is slow to reach. */
static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS result("
    " number INTEGER PRIMARY KEY,"
    " tenant TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " etag TEXT NOT NULL,"
    " created REAL NOT NULL,"
    " used REAL NOT NULL,"
    " size INTEGER NOT NULL,"
    " document BLOB NOT NULL,"
    " UNIQUE(tenant, key));"
    "CREATE INDEX IF NOT EXISTS result_used ON result(used, size);"
    "PRAGMA user_version = 1;"
    "COMMIT";

/* --- opening */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void shut(struct own *own)
{
    for (size_t i = 0; i < SQL_COUNT; i++) {
        sqlite3_finalize(own->statement[i]);
        own->statement[i] = NULL;
    }
    sqlite3_close(own->db);
    own->db = NULL;
}

/* The first column of the only row; -1: failed. */
static int64_t ask_number(struct own *own, const char *text)
{
    sqlite3_stmt *s = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(own->db, text, -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

static bool prepare(struct own *own)
{
    for (size_t i = 0; i < SQL_COUNT; i++)
        if (sqlite3_prepare_v3(own->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &own->statement[i], NULL) != SQLITE_OK)
            return false;
    return true;
}

static bool try_open(struct own *own)
{
    lipd_make_private(own->path); /* where it cannot, SQLite says why */
    if (sqlite3_open_v2(own->path, &own->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                            SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        return false;
    sqlite3_busy_timeout(own->db, BUSY_MILLISECONDS);
    int64_t version = ask_number(own, "PRAGMA user_version");
    if ((version != 0 && version != VERSION) ||
        sqlite3_exec(own->db, schema, NULL, NULL, NULL) != SQLITE_OK)
        return false;
    int64_t bytes =
        ask_number(own, "SELECT coalesce(sum(size), 0) FROM result");
    own->bytes = bytes > 0 ? (size_t)bytes : 0;
    return bytes >= 0 && prepare(own);
}

/* What is in it is lost, which is what it is for. */
static bool begin_anew(struct own *own)
{
    static const char *const end[] = {"", "-wal", "-shm"};
    char path[sizeof own->path + 8];
    shut(own);
    for (size_t i = 0; i < sizeof end / sizeof *end; i++) {
        snprintf(path, sizeof path, "%s%s", own->path, end[i]);
        unlink(path);
    }
    own->bytes = 0;
    return try_open(own);
}

/* --- statements */

static struct own *enter(struct lipd_results *results)
{
    struct own *own = (struct own *)results;
    pthread_mutex_lock(&own->lock);
    return own;
}

/* One parameter each, from the first: 't' a text, 'i' an int64_t, 'r' a
 * double. */
static sqlite3_stmt *bind(struct own *own, enum statement which,
                          const char *types, ...)
{
    sqlite3_stmt *s = own->statement[which];
    va_list args;
    sqlite3_reset(s);
    va_start(args, types);
    lipd_sqlite_values(s, types, args);
    va_end(args);
    return s;
}

static bool run(sqlite3_stmt *s)
{
    bool done = sqlite3_step(s) == SQLITE_DONE;
    return sqlite3_reset(s) == SQLITE_OK && done;
}

static void judge(struct own *own)
{
    int code = own->db ? sqlite3_errcode(own->db) & 0xff : SQLITE_CORRUPT;
    if ((code == SQLITE_CORRUPT || code == SQLITE_NOTADB) && !begin_anew(own))
        shut(own); /* the next call tries again */
}

static bool fail(struct own *own, struct api_problem *problem)
{
    bool full = (sqlite3_errcode(own->db) & 0xff) == SQLITE_FULL ||
                lipd_disk_full(sqlite3_system_errno(own->db));
    api_problem_set(
        problem, full ? API_PROBLEM_STORAGE_FULL : API_PROBLEM_INTERNAL,
        "The results do not work: %.200s.",
        own->db ? sqlite3_errmsg(own->db) : "their file cannot be opened");
    judge(own);
    return false;
}

/* --- giving */

/* The row as it was put, or nothing: a digest of it stands beside it. */
static bool copy_row(struct lipd_result *out, sqlite3_stmt *s)
{
    const void *document = sqlite3_column_blob(s, 0);
    const char *etag = (const char *)sqlite3_column_text(s, 1);
    int size = sqlite3_column_bytes(s, 0);
    *out = (struct lipd_result){.size = (size_t)size,
                                .created = sqlite3_column_double(s, 2)};
    if (!document || !etag)
        return false;
    lipd_result_etag(out->etag, document, out->size);
    if (strcmp(out->etag, etag) != 0)
        return false;
    out->document = lip_alloc(NULL, out->size + 1, 1);
    if (!out->document)
        return false;
    memcpy(out->document, document, out->size);
    out->document[out->size] = '\0';
    return true;
}

/* Uses are noted at times only: each note is a write. */
static void note_use(struct own *own, double used, int64_t number)
{
    double time = now();
    if (fabs(time - used) >= note_every)
        run(bind(own, SQL_USE, "ir", number, time));
}

static enum lipd_found get(struct lipd_results *results, const char *tenant,
                           const char *key, struct lipd_result *out)
{
    struct own *own = enter(results);
    enum lipd_found found = LIPD_UNKNOWN;
    int step = own->db ? sqlite3_step(bind(own, SQL_GET, "tt", tenant, key))
                       : SQLITE_ERROR;
    sqlite3_stmt *s = own->statement[SQL_GET];
    if (step == SQLITE_ROW) {
        double used = sqlite3_column_double(s, 3);
        int64_t number = sqlite3_column_int64(s, 4);
        found = copy_row(out, s) ? LIPD_FOUND : LIPD_ABSENT;
        sqlite3_reset(s);
        if (found == LIPD_FOUND)
            note_use(own, used, number);
    } else {
        found = step == SQLITE_DONE ? LIPD_ABSENT : LIPD_UNKNOWN;
        sqlite3_reset(s);
    }
    if (found == LIPD_UNKNOWN)
        judge(own);
    pthread_mutex_unlock(&own->lock);
    return found;
}

/* --- keeping */

/* Drops the row that the statement finds, if any: its bytes; -1: failed. */
static int64_t drop(struct own *own, sqlite3_stmt *s)
{
    int step = sqlite3_step(s);
    int64_t size = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    int64_t number = step == SQLITE_ROW ? sqlite3_column_int64(s, 1) : 0;
    sqlite3_reset(s);
    if (step == SQLITE_DONE)
        return 0;
    return step == SQLITE_ROW && run(bind(own, SQL_DROP, "i", number)) ? size
                                                                       : -1;
}

/* Inside a transaction; *bytes is what is kept after it. */
static bool replace(struct own *own, const char *tenant, const char *key,
                    const char *document, size_t size, size_t *bytes,
                    size_t *dropped)
{
    char etag[LIPD_RESULT_ETAG];
    int64_t gone = drop(own, bind(own, SQL_SIZE, "tt", tenant, key));
    if (gone < 0)
        return false;
    *bytes = own->bytes - (size_t)gone + size + LIPD_RESULT_ROW;
    while (*bytes > own->base.most) {
        gone = drop(own, bind(own, SQL_OLDEST, ""));
        if (gone <= 0)
            return false;
        *bytes -= (size_t)gone;
        ++*dropped;
    }
    lipd_result_etag(etag, document, size);
    sqlite3_stmt *s = bind(own, SQL_PUT, "tttri", tenant, key, etag, now(),
                           (int64_t)(size + LIPD_RESULT_ROW));
    sqlite3_bind_blob64(s, 6, document, size, SQLITE_STATIC);
    bool done = run(s);
    sqlite3_clear_bindings(s);
    return done;
}

static bool put(struct lipd_results *results, const char *tenant,
                const char *key, const char *document, size_t size,
                size_t *dropped, struct api_problem *problem)
{
    *dropped = 0;
    if (!lipd_result_fits(results, size))
        return true;
    struct own *own = enter(results);
    size_t bytes = 0;
    bool done = own->db && run(own->statement[SQL_BEGIN]);
    if (done && (!replace(own, tenant, key, document, size, &bytes, dropped) ||
                 !run(own->statement[SQL_COMMIT]))) {
        done = fail(own, problem);
        if (own->db)
            run(own->statement[SQL_ROLLBACK]);
        *dropped = 0;
    } else if (!done) {
        fail(own, problem);
    }
    if (done)
        own->bytes = bytes;
    pthread_mutex_unlock(&own->lock);
    return done;
}

static size_t bytes_of(struct lipd_results *results)
{
    return atomic_load(&((struct own *)results)->bytes);
}

static void close_own(struct lipd_results *results)
{
    struct own *own = (struct own *)results;
    shut(own);
    pthread_mutex_destroy(&own->lock);
    lip_free(own);
}

static const struct lipd_results_ops ops = {
    .get = get, .put = put, .bytes = bytes_of, .close = close_own};

struct lipd_results *lipd_results_sqlite(const char *directory, size_t most,
                                         char *complaint, size_t complaint_size)
{
    struct own *own = lip_calloc(NULL, 1, sizeof *own);
    if (!own) {
        snprintf(complaint, complaint_size,
                 "There is no memory for the results.");
        return NULL;
    }
    own->base = (struct lipd_results){&ops, most};
    pthread_mutex_init(&own->lock, NULL);
    snprintf(own->path, sizeof own->path, "%.1100s/results.sqlite", directory);
    if (try_open(own) || begin_anew(own))
        return &own->base;
    snprintf(complaint, complaint_size,
             "The file %.200s cannot be used: %.200s.", own->path,
             own->db ? sqlite3_errmsg(own->db) : "no memory");
    close_own(&own->base);
    return NULL;
}
