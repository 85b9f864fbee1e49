/* SPDX-License-Identifier: MIT
 *
 * Results in PostgreSQL: one memory for all daemons. Its bytes are counted by
 * asking, so that not every answer that is kept does: a daemon makes room each
 * time it has put a sixteenth of all. The memory is not worth waiting for: no
 * call is tried again, and while one hangs, others are not begun. */
#include "server/store/postgres.h"

#include "base/context.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SHARE = 16 };

/* Seconds. */
static const double hangs_after = 0.5;

static const char sql_get[] =
    "WITH found AS (SELECT document, etag, created, used FROM result "
    "WHERE tenant = $1 AND key = $2), noted AS (UPDATE result "
    "SET used = extract(epoch FROM now())::float8 FROM found "
    "WHERE tenant = $1 AND key = $2 "
    "AND abs(extract(epoch FROM now())::float8 - found.used) >= 60) "
    "SELECT document, etag::bytea, "
    "convert_to(created::text, 'UTF8') FROM found";
static const char sql_put[] =
    "INSERT INTO result(tenant, key, etag, created, used, size, document) "
    "VALUES($1, $2, $3, extract(epoch FROM now())::float8, "
    "extract(epoch FROM now())::float8, $4::bigint, $5::bytea) "
    "ON CONFLICT(tenant, key) DO UPDATE SET etag = excluded.etag, "
    "created = excluded.created, used = excluded.used, size = excluded.size, "
    "document = excluded.document";
/* What exceeds $1 bytes in the order of last use goes; those whom another
 * daemon is about to drop are left to it. */
static const char sql_drop[] =
    "WITH kept AS (SELECT tenant, key, sum(size) OVER (ORDER BY used DESC, "
    "tenant, key) AS total FROM result), "
    "gone AS (DELETE FROM result WHERE (tenant, key) IN (SELECT r.tenant, "
    "r.key FROM result AS r JOIN kept USING (tenant, key) "
    "WHERE kept.total > $1::bigint FOR UPDATE OF r SKIP LOCKED) RETURNING 1) "
    "SELECT (SELECT count(*) FROM gone), (SELECT coalesce(sum(size), 0) "
    "FROM result)";

struct shared {
    struct lipd_results base;
    struct lipd_pg *pg;
    pthread_mutex_t lock;
    double since; /* when the call began that is under way longest; 0: none */
    size_t calls; /* under way */
    size_t put;   /* bytes since room was made */
    size_t bytes; /* as counted then, and what was put since */
};

/* May a call begin? */
static bool enter(struct shared *shared)
{
    double now = lip_now();
    pthread_mutex_lock(&shared->lock);
    bool may = !shared->calls || now - shared->since < hangs_after;
    if (may && !shared->calls++)
        shared->since = now;
    pthread_mutex_unlock(&shared->lock);
    return may;
}

static void leave(struct shared *shared)
{
    pthread_mutex_lock(&shared->lock);
    shared->calls--;
    /* Somebody came through: the others have begun later, or will soon. */
    shared->since = lip_now();
    pthread_mutex_unlock(&shared->lock);
}

static PGresult *ask(struct shared *shared, const struct lipd_pg_call *call,
                     struct api_problem *problem)
{
    /* Its time is up before it begins: once is enough. */
    struct lipd_pg_turn turn = {.until = lip_now()};
    PGresult *result = NULL;
    if (lipd_pg_is_down(shared->pg, problem))
        return NULL;
    if (!enter(shared)) {
        api_problem_set(problem, API_PROBLEM_OVERLOADED,
                        "The database does not answer.");
        return NULL;
    }
    bool done = lipd_pg_try(shared->pg, &turn, call, 1, &result, problem) ==
                LIPD_PG_DONE;
    leave(shared);
    return done ? result : NULL;
}

/* --- giving */

/* The row as it was put: a digest of it stands beside it. */
static bool copy_row(struct lipd_result *out, const PGresult *r)
{
    char text[40];
    const char *document = PQgetvalue(r, 0, 0), *etag = PQgetvalue(r, 0, 1);
    size_t size = (size_t)PQgetlength(r, 0, 0);
    size_t length = (size_t)PQgetlength(r, 0, 1);
    size_t digits = (size_t)PQgetlength(r, 0, 2);
    *out = (struct lipd_result){.size = size};
    lipd_result_etag(out->etag, document, size);
    if (length != LIPD_RESULT_ETAG - 1 || memcmp(etag, out->etag, length) ||
        digits >= sizeof text)
        return false;
    memcpy(text, PQgetvalue(r, 0, 2), digits);
    text[digits] = '\0';
    out->created = strtod(text, NULL);
    out->document = lip_alloc(NULL, size + 1, 1);
    if (!out->document)
        return false;
    memcpy(out->document, document, size);
    out->document[size] = '\0';
    return true;
}

static enum lipd_found get(struct lipd_results *results, const char *tenant,
                           const char *key, struct lipd_result *out)
{
    struct lipd_pg_call call;
    struct api_problem ignored;
    lipd_pg_call(&call, sql_get, "tt", tenant, key);
    call.binary_result = 1;
    PGresult *result = ask((struct shared *)results, &call, &ignored);
    enum lipd_found found = !result ? LIPD_UNKNOWN
                            : PQntuples(result) == 1 && copy_row(out, result)
                                ? LIPD_FOUND
                                : LIPD_ABSENT;
    PQclear(result);
    return found;
}

/* --- keeping */

/* Notes what was put; whether it is time to make room. */
static bool note(struct shared *shared, size_t size)
{
    pthread_mutex_lock(&shared->lock);
    shared->put += size;
    shared->bytes += size;
    bool due = shared->put > shared->base.most / SHARE;
    if (due)
        shared->put = 0;
    pthread_mutex_unlock(&shared->lock);
    return due;
}

/* Counts what is dropped in one statement: what it leaves is seen by the next
 * only, and taken off here. */
static void make_room(struct shared *shared, size_t *dropped)
{
    struct lipd_pg_call call;
    struct api_problem ignored;
    lipd_pg_call(&call, sql_drop, "i", (int64_t)shared->base.most);
    PGresult *result = ask(shared, &call, &ignored);
    if (result) {
        size_t bytes = strtoull(PQgetvalue(result, 0, 1), NULL, 10);
        *dropped = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
        pthread_mutex_lock(&shared->lock);
        shared->bytes = bytes < shared->base.most ? bytes : shared->base.most;
        pthread_mutex_unlock(&shared->lock);
    }
    PQclear(result);
}

static bool put(struct lipd_results *results, const char *tenant,
                const char *key, const char *document, size_t size,
                size_t *dropped, struct api_problem *problem)
{
    struct shared *shared = (struct shared *)results;
    struct lipd_pg_call call;
    char etag[LIPD_RESULT_ETAG];
    *dropped = 0;
    if (!lipd_result_fits(results, size))
        return true;
    lipd_result_etag(etag, document, size);
    lipd_pg_call(&call, sql_put, "tttib", tenant, key, etag,
                 (int64_t)(size + LIPD_RESULT_ROW), document, size);
    PGresult *result = ask(shared, &call, problem);
    if (!result)
        return false;
    PQclear(result);
    if (note(shared, size + LIPD_RESULT_ROW))
        make_room(shared, dropped);
    return true;
}

static size_t bytes_of(struct lipd_results *results)
{
    struct shared *shared = (struct shared *)results;
    pthread_mutex_lock(&shared->lock);
    size_t bytes = shared->bytes;
    pthread_mutex_unlock(&shared->lock);
    return bytes;
}

static void close_shared(struct lipd_results *results)
{
    struct shared *shared = (struct shared *)results;
    pthread_mutex_destroy(&shared->lock);
    lip_free(shared);
}

struct lipd_results *lipd_pg_results(struct lipd_pg *pg, size_t most)
{
    static const struct lipd_results_ops ops = {
        .get = get, .put = put, .bytes = bytes_of, .close = close_shared};
    struct shared *shared = lip_calloc(NULL, 1, sizeof *shared);
    size_t dropped;
    if (!shared)
        return NULL;
    shared->base = (struct lipd_results){&ops, most};
    shared->pg = pg;
    pthread_mutex_init(&shared->lock, NULL);
    make_room(shared, &dropped);
    return &shared->base;
}
