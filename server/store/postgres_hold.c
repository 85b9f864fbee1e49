/* SPDX-License-Identifier: MIT
 *
 * What must be one step for all daemons: a file, those who hold it, and the
 * keys of requests. Whoever works on a file has an advisory lock of its name to
 * the end of the transaction, then one of the tenant, then one of all: always
 * in this order. Each statement sees what was done before the locks came. */
#include "server/store/postgres_hold.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct work {
    PGconn *connection;
    const struct lipd_wish *wish;
    struct lipd_held held;
    enum lipd_thing thing;
    const char *id, *tenant; /* of letting go; NULL: for all */
    bool sweep, last;
};

enum { VALUES = 6 };

/* An int4 or int8 as it came over the wire. */
static long long integer(const PGresult *result)
{
    const unsigned char *bytes = (void *)PQgetvalue(result, 0, 0);
    int size = PQgetlength(result, 0, 0);
    unsigned long long value = 0;
    for (int i = 0; i < size && i < 8; i++)
        value = value << 8 | bytes[i];
    return (long long)value;
}

/* Runs a statement with texts for values; *value: the first column of its first
 * row, which is a whole number from 0 on, or -1 where there is no row. */
static bool ask(PGconn *connection, long long *value, const char *sql,
                int count, ...)
{
    static const int none[VALUES];
    const char *text[VALUES];
    va_list args;
    va_start(args, count);
    for (int i = 0; i < count; i++)
        text[i] = va_arg(args, const char *);
    va_end(args);
    const struct lipd_pg_values values = {text, none, none, count};
    PGresult *result = lipd_pg_execute_with(connection, sql, &values);
    ExecStatusType status = PQresultStatus(result);
    bool done = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    if (value)
        *value = status == PGRES_TUPLES_OK && PQntuples(result)
                     ? integer(result)
                     : -1;
    PQclear(result);
    return done;
}

static const char *number(char out[24], size_t value)
{
    snprintf(out, 24, "%zu", value);
    return out;
}

bool lipd_pg_lock(PGconn *connection, const char *kind, const char *name)
{
    return ask(connection, NULL,
               "SELECT pg_advisory_xact_lock(hashtextextended("
               "'lipschitzd ' || $1 || ' ' || $2, 0))",
               2, kind, name);
}

static const char *name_of(const char *id)
{
    const char *colon = strchr(id, ':');
    return colon ? colon + 1 : id;
}

/* --- keys */

#define SECONDS_NOW "extract(epoch FROM clock_timestamp())::float8"

static bool find_key(PGconn *connection, struct lipd_held *out,
                     const char *tenant, const char *key, const char *digest)
{
    long long fresh;
    char age[24];
    out->fate = LIPD_HELD;
    if (!ask(connection, &fresh,
             "SELECT CASE WHEN digest = $3 THEN fresh ELSE 2 END FROM answer "
             "WHERE tenant = $1 AND key = $2 AND created > " SECONDS_NOW
             " - $4::float8",
             4, tenant, key, digest, number(age, LIPD_KEY_SECONDS)))
        return false;
    if (fresh >= 0)
        out->fate = fresh == 2 ? LIPD_KEY_TAKEN : LIPD_KEY_USED;
    out->fresh = fresh == 1;
    return true;
}

static bool keep_key(const struct work *w)
{
    const struct lipd_wish *wish = w->wish;
    char age[24], most[24];
    number(age, LIPD_KEY_SECONDS);
    number(most, LIPD_KEYS);
    return ask(w->connection, NULL,
               "DELETE FROM answer WHERE created <= " SECONDS_NOW
               " - $1::float8",
               1, age) &&
           ask(w->connection, NULL,
               "INSERT INTO answer VALUES($1, $2, $3, $4::int, " SECONDS_NOW
               ")",
               4, wish->tenant, wish->key, wish->digest,
               w->held.fresh ? "1" : "0") &&
           ask(w->connection, NULL,
               "DELETE FROM answer WHERE tenant = $1 AND created <= (SELECT "
               "created FROM answer WHERE tenant = $1 ORDER BY created DESC "
               "LIMIT 1 OFFSET $2::bigint)",
               2, wish->tenant, most);
}

/* --- holding */

static bool fits(struct lipd_held *out, long long sum, size_t bytes,
                 size_t most, enum lipd_fate full)
{
    out->bytes = sum > 0 ? (size_t)sum : 0;
    if (!most || (bytes <= most && out->bytes <= most - bytes))
        return true;
    out->fate = full;
    return false;
}

static bool weigh(struct work *w, const char *thing)
{
    const struct lipd_wish *wish = w->wish;
    long long tenant = 0, all = 0;
    if (wish->most_all &&
        (!lipd_pg_lock(w->connection, "all", thing) ||
         !ask(w->connection, &all,
              "SELECT coalesce(sum(b), 0)::bigint FROM (SELECT max(bytes) AS b "
              "FROM "
              "holding WHERE thing = $1::int AND id <> $2 GROUP BY id) AS each",
              2, thing, wish->id)))
        return false;
    if (wish->most &&
        !ask(w->connection, &tenant,
             "SELECT coalesce(sum(bytes), 0)::bigint FROM holding "
             "WHERE tenant = $1",
             1, wish->tenant))
        return false;
    if (fits(&w->held, all, wish->bytes, wish->most_all, LIPD_ALL_FULL))
        fits(&w->held, tenant, wish->bytes, wish->most, LIPD_TENANT_FULL);
    return true;
}

static bool add(struct work *w)
{
    const struct lipd_wish *wish = w->wish;
    char thing[24], bytes[24];
    long long held;
    number(thing, wish->thing);
    if (!ask(w->connection, &held,
             "SELECT 1 FROM holding WHERE thing = $1::int AND id = $2 "
             "AND tenant = $3",
             3, thing, wish->id, wish->tenant))
        return false;
    w->held.fresh = held < 0;
    if (!w->held.fresh)
        return true;
    return weigh(w, thing) &&
           (w->held.fate != LIPD_HELD ||
            ask(w->connection, NULL,
                "INSERT INTO holding(thing, id, tenant, bytes, created, used) "
                "VALUES($1::int, $2, $3, $4::bigint, " SECONDS_NOW
                ", " SECONDS_NOW ")",
                4, thing, wish->id, wish->tenant, number(bytes, wish->bytes)));
}

static bool is_there(struct work *w, bool *there)
{
    long long found;
    const struct lipd_wish *wish = w->wish;
    bool asked = !wish->shared ||
                 ask(w->connection, &found,
                     "SELECT 1 FROM blob WHERE kind = $1 AND name = $2 "
                     "AND part = 0",
                     2, lipd_thing_kind(wish->thing), name_of(wish->id));
    *there = asked && (!wish->shared || found > 0);
    return asked;
}

static bool hold(PGconn *connection, void *arg, bool *stop,
                 struct api_problem *problem)
{
    struct work *w = arg;
    const struct lipd_wish *wish = w->wish;
    bool there;
    (void)stop;
    (void)problem;
    w->connection = connection;
    w->held = (struct lipd_held){.fate = LIPD_HELD};
    if (!lipd_pg_lock(connection, lipd_thing_kind(wish->thing),
                      name_of(wish->id)) ||
        !lipd_pg_lock(connection, "tenant", wish->tenant) ||
        !is_there(w, &there))
        return false;
    if (!there)
        w->held.fate = LIPD_GONE;
    else if (wish->key && !find_key(connection, &w->held, wish->tenant,
                                    wish->key, wish->digest))
        return false;
    if (w->held.fate != LIPD_HELD)
        return true;
    return add(w) && (w->held.fate != LIPD_HELD || !wish->key || keep_key(w));
}

bool lipd_pg_hold(struct lipd_pg *pg, struct lipd_held *out,
                  const struct lipd_wish *wish, struct api_problem *problem)
{
    struct work w = {.wish = wish};
    bool done = lipd_pg_transaction(pg, hold, &w, problem);
    *out = w.held;
    return done;
}

struct key {
    struct lipd_held held;
    const char *tenant, *key, *digest;
};

static bool look_up(PGconn *connection, void *arg, bool *stop,
                    struct api_problem *problem)
{
    struct key *k = arg;
    (void)stop;
    (void)problem;
    return find_key(connection, &k->held, k->tenant, k->key, k->digest);
}

bool lipd_pg_key(struct lipd_pg *pg, struct lipd_held *out, const char *tenant,
                 const char *key, const char *digest,
                 struct api_problem *problem)
{
    struct key k = {.tenant = tenant, .key = key, .digest = digest};
    bool done = lipd_pg_transaction(pg, look_up, &k, problem);
    *out = k.held;
    return done;
}

/* --- letting go */

/* The blob goes with the last who holds it. */
static bool drop_unheld(struct work *w, const char *thing)
{
    long long others;
    if (!ask(w->connection, &others,
             "SELECT count(*) FROM holding WHERE thing = $1::int AND id = $2",
             2, thing, w->id))
        return false;
    w->last = others == 0;
    return !w->last || ask(w->connection, NULL,
                           "DELETE FROM blob WHERE kind = $1 AND name = $2", 2,
                           lipd_thing_kind(w->thing), name_of(w->id));
}

static bool let_go(PGconn *connection, void *arg, bool *stop,
                   struct api_problem *problem)
{
    struct work *w = arg;
    char thing[24];
    long long gone = 0;
    w->connection = connection;
    w->last = false;
    number(thing, w->thing);
    if (!lipd_pg_lock(connection, lipd_thing_kind(w->thing), name_of(w->id)))
        return false;
    if (!w->sweep &&
        !ask(connection, &gone,
             "WITH gone AS (DELETE FROM holding WHERE thing = $1::int "
             "AND id = $2 AND ($3::text IS NULL OR tenant = $3) RETURNING 1) "
             "SELECT count(*) FROM gone",
             3, thing, w->id, w->tenant))
        return false;
    if (w->sweep || gone > 0)
        return drop_unheld(w, thing);
    *stop = true;
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "Nothing is stored under the id %.80s.", w->id);
    return false;
}

bool lipd_pg_let_go(struct lipd_pg *pg, enum lipd_thing thing, const char *id,
                    const char *tenant, bool *last, struct api_problem *problem)
{
    struct work w = {.thing = thing, .id = id, .tenant = tenant};
    bool done = lipd_pg_transaction(pg, let_go, &w, problem);
    *last = done && w.last;
    return done;
}

bool lipd_pg_sweep(struct lipd_pg *pg, enum lipd_thing thing, const char *id,
                   bool *last, struct api_problem *problem)
{
    struct work w = {.thing = thing, .id = id, .sweep = true};
    bool done = lipd_pg_transaction(pg, let_go, &w, problem);
    *last = done && w.last;
    return done;
}
