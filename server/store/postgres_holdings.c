/* SPDX-License-Identifier: MIT
 *
 * Who keeps what, in PostgreSQL: the same for all daemons. */
#include "server/store/postgres_hold.h"

#include <stdio.h>
#include <stdlib.h>

static const char sql_holds[] =
    "SELECT id, tenant, bytes, created, used FROM holding "
    "WHERE thing = $1::int AND id = $2 AND ($3::text IS NULL OR tenant = $3) "
    "ORDER BY created LIMIT 1";
static const char sql_bytes[] =
    "SELECT coalesce(sum(b) FILTER (WHERE thing = 0), 0), "
    "coalesce(sum(b) FILTER (WHERE thing = 1), 0) FROM (SELECT thing, "
    "max(bytes) AS b FROM holding WHERE $1::text IS NULL OR tenant = $1 "
    "GROUP BY thing, id) AS each";
static const char sql_list_of[] =
    "SELECT id, tenant, bytes, created, used FROM holding "
    "WHERE thing = $1::int AND id > $2 AND tenant = $4 "
    "ORDER BY id LIMIT $3::bigint";
static const char sql_list[] =
    "SELECT DISTINCT ON (id) id, tenant, bytes, created, "
    "max(used) OVER (PARTITION BY id) FROM holding "
    "WHERE thing = $1::int AND id > $2 ORDER BY id, created LIMIT $3::bigint";
static const char sql_stale[] =
    "SELECT id, min(tenant), max(bytes), min(created), max(used) FROM holding "
    "WHERE thing = $1::int AND ($2::text IS NULL OR tenant = $2) GROUP BY id "
    "ORDER BY max(used), id LIMIT $3::bigint OFFSET $4::bigint";
/* Of the latest use of each, so that no row is changed twice. */
static const char sql_touch[] =
    "UPDATE holding SET used = greatest(used, u.at) FROM (SELECT id, tenant, "
    "max(at) AS at FROM json_to_recordset($1::json) AS x(id text, tenant "
    "text, at float8) GROUP BY id, tenant) AS u WHERE thing = 0 AND "
    "holding.id = u.id AND (u.tenant IS NULL OR holding.tenant = u.tenant)";

struct shared {
    struct lipd_holdings base;
    struct lipd_pg *pg;
};

static PGresult *ask(struct lipd_holdings *holdings, struct lipd_pg_call *call,
                     struct api_problem *problem)
{
    PGresult *result;
    struct lipd_pg *pg = ((struct shared *)holdings)->pg;
    return lipd_pg_ask(pg, call, 1, &result, problem) ? result : NULL;
}

static size_t count_of(const PGresult *result, int column)
{
    return strtoull(PQgetvalue(result, 0, column), NULL, 10);
}

static void read_row(struct lipd_holding *out, enum lipd_thing thing,
                     const PGresult *r, int row)
{
    *out = (struct lipd_holding){.thing = thing};
    snprintf(out->id, sizeof out->id, "%s", PQgetvalue(r, row, 0));
    snprintf(out->tenant, sizeof out->tenant, "%s", PQgetvalue(r, row, 1));
    out->bytes = strtoull(PQgetvalue(r, row, 2), NULL, 10);
    out->created = strtod(PQgetvalue(r, row, 3), NULL);
    out->used = strtod(PQgetvalue(r, row, 4), NULL);
}

static struct lipd_pg *pg_of(struct lipd_holdings *holdings)
{
    return ((struct shared *)holdings)->pg;
}

static bool hold(struct lipd_holdings *holdings, struct lipd_held *out,
                 const struct lipd_wish *wish, struct api_problem *problem)
{
    return lipd_pg_hold(pg_of(holdings), out, wish, problem);
}

static bool holds(struct lipd_holdings *holdings, struct lipd_holding *out,
                  enum lipd_thing thing, const char *id, const char *tenant)
{
    struct lipd_pg_call call;
    struct api_problem ignored;
    lipd_pg_call(&call, sql_holds, "itt", (int64_t)thing, id, tenant);
    PGresult *result = ask(holdings, &call, &ignored);
    bool found = result && PQntuples(result) > 0;
    if (found)
        read_row(out, thing, result, 0);
    else
        *out = (struct lipd_holding){.thing = result ? thing : LIPD_THINGS};
    PQclear(result);
    return found;
}

static bool let_go(struct lipd_holdings *holdings, enum lipd_thing thing,
                   const char *id, const char *tenant, bool *last,
                   struct api_problem *problem)
{
    return lipd_pg_let_go(pg_of(holdings), thing, id, tenant, last, problem);
}

static bool sweep(struct lipd_holdings *holdings, enum lipd_thing thing,
                  const char *id, bool *last, struct api_problem *problem)
{
    return lipd_pg_sweep(pg_of(holdings), thing, id, last, problem);
}

static bool key_of(struct lipd_holdings *holdings, struct lipd_held *out,
                   const char *tenant, const char *key, const char *digest,
                   struct api_problem *problem)
{
    return lipd_pg_key(pg_of(holdings), out, tenant, key, digest, problem);
}

static bool bytes_of(struct lipd_holdings *holdings, const char *tenant,
                     size_t bytes[LIPD_THINGS], struct api_problem *problem)
{
    struct lipd_pg_call call;
    lipd_pg_call(&call, sql_bytes, "t", tenant);
    PGresult *result = ask(holdings, &call, problem);
    for (int thing = 0; thing < LIPD_THINGS; thing++)
        bytes[thing] = result ? count_of(result, thing) : 0;
    PQclear(result);
    return result != NULL;
}

/* The rows of a call. */
static bool collect(struct lipd_holdings *holdings, struct lipd_pg_call *call,
                    enum lipd_thing thing, struct lipd_holding *out,
                    size_t *count, struct api_problem *problem)
{
    PGresult *result = ask(holdings, call, problem);
    *count = result ? (size_t)PQntuples(result) : 0;
    for (size_t i = 0; i < *count; i++)
        read_row(&out[i], thing, result, (int)i);
    PQclear(result);
    return result != NULL;
}

static bool list(struct lipd_holdings *holdings, enum lipd_thing thing,
                 const char *tenant, const char *after,
                 struct lipd_holding *out, size_t *count, size_t most,
                 struct api_problem *problem)
{
    struct lipd_pg_call call;
    if (tenant)
        lipd_pg_call(&call, sql_list_of, "itit", (int64_t)thing, after,
                     (int64_t)most, tenant);
    else
        lipd_pg_call(&call, sql_list, "iti", (int64_t)thing, after,
                     (int64_t)most);
    return collect(holdings, &call, thing, out, count, problem);
}

static bool stale(struct lipd_holdings *holdings, enum lipd_thing thing,
                  const char *tenant, size_t skip, struct lipd_holding *out,
                  size_t *count, size_t most, struct api_problem *problem)
{
    struct lipd_pg_call call;
    lipd_pg_call(&call, sql_stale, "itii", (int64_t)thing, tenant,
                 (int64_t)most, (int64_t)skip);
    return collect(holdings, &call, thing, out, count, problem);
}

/* As JSON: one value, however many uses. */
static char *write_uses(const struct lipd_use *use, size_t count)
{
    struct api_text text;
    size_t size;
    api_text_init(&text, 1 << 20, NULL);
    api_array_open(&text, NULL);
    for (size_t i = 0; i < count; i++) {
        api_object_open(&text, NULL);
        api_put_string(&text, "id", use[i].id);
        if (!use[i].by_all)
            api_put_string(&text, "tenant", use[i].tenant);
        api_put_number(&text, "at", use[i].when);
        api_object_close(&text);
    }
    api_array_close(&text);
    return api_text_take(&text, &size);
}

static bool touch(struct lipd_holdings *holdings, const struct lipd_use *use,
                  size_t count, struct api_problem *problem)
{
    struct lipd_pg_call call;
    char *json = write_uses(use, count);
    if (!json) {
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "There is no memory to note what was used.");
        return false;
    }
    lipd_pg_call(&call, sql_touch, "t", json);
    PGresult *result = ask(holdings, &call, problem);
    PQclear(result);
    lip_free(json);
    return result != NULL;
}

static void close_shared(struct lipd_holdings *holdings)
{
    lip_free(holdings);
}

struct lipd_holdings *lipd_pg_holdings(struct lipd_pg *pg)
{
    static const struct lipd_holdings_ops ops = {.hold = hold,
                                                 .holds = holds,
                                                 .let_go = let_go,
                                                 .sweep = sweep,
                                                 .key = key_of,
                                                 .bytes = bytes_of,
                                                 .list = list,
                                                 .stale = stale,
                                                 .touch = touch,
                                                 .close = close_shared};
    struct shared *shared = lip_calloc(NULL, 1, sizeof *shared);
    if (!shared)
        return NULL;
    shared->base.ops = &ops;
    shared->pg = pg;
    return &shared->base;
}
