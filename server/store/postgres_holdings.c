/* SPDX-License-Identifier: MIT
 *
 * Who keeps what, in PostgreSQL: the same for all daemons. */
#include "server/store/postgres.h"

#include <stdio.h>
#include <stdlib.h>

static const char sql_hold[] =
    "WITH added AS (INSERT INTO holding VALUES($1::int, $2, $3, $4::bigint, "
    "extract(epoch FROM now())::float8) ON CONFLICT DO NOTHING RETURNING 1) "
    "SELECT count(*) FROM added";
static const char sql_holds[] =
    "SELECT id, tenant, bytes, created FROM holding WHERE thing = $1::int "
    "AND id = $2 AND ($3::text IS NULL OR tenant = $3) "
    "ORDER BY created LIMIT 1";
/* Those who let go of the same thing at once do so one after the other. */
static const char sql_lock[] =
    "WITH held AS (SELECT tenant FROM holding WHERE thing = $1::int "
    "AND id = $2 ORDER BY tenant FOR UPDATE), "
    "gone AS (DELETE FROM holding USING held WHERE thing = $1::int "
    "AND id = $2 AND holding.tenant = held.tenant "
    "AND ($3::text IS NULL OR holding.tenant = $3) RETURNING 1) "
    "SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM gone)";
static const char sql_bytes_of[] =
    "SELECT coalesce(sum(bytes), 0) FROM holding WHERE tenant = $1";
static const char sql_bytes[] =
    "SELECT coalesce(sum(b), 0) FROM (SELECT max(bytes) AS b FROM holding "
    "GROUP BY thing, id) AS each";
static const char sql_list_of[] =
    "SELECT id, tenant, bytes, created FROM holding WHERE thing = $1::int "
    "AND id > $2 AND tenant = $4 ORDER BY id LIMIT $3::bigint";
static const char sql_list[] =
    "SELECT DISTINCT ON (id) id, tenant, bytes, created FROM holding "
    "WHERE thing = $1::int AND id > $2 ORDER BY id, created LIMIT $3::bigint";

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
}

static bool hold(struct lipd_holdings *holdings, enum lipd_thing thing,
                 const char *id, const char *tenant, size_t bytes, bool *fresh,
                 struct api_problem *problem)
{
    struct lipd_pg_call call;
    lipd_pg_call(&call, sql_hold, "itti", (int64_t)thing, id, tenant,
                 (int64_t)bytes);
    PGresult *result = ask(holdings, &call, problem);
    *fresh = result && count_of(result, 0) > 0;
    PQclear(result);
    return result != NULL;
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
    struct lipd_pg_call call;
    lipd_pg_call(&call, sql_lock, "itt", (int64_t)thing, id, tenant);
    PGresult *result = ask(holdings, &call, problem);
    *last = false;
    if (!result)
        return false;
    size_t held = count_of(result, 0), gone = count_of(result, 1);
    PQclear(result);
    *last = gone > 0 && gone == held;
    if (gone)
        return true;
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "Nothing is stored under the id %.80s.", id);
    return false;
}

static bool bytes_of(struct lipd_holdings *holdings, const char *tenant,
                     size_t *bytes, struct api_problem *problem)
{
    struct lipd_pg_call call;
    if (tenant)
        lipd_pg_call(&call, sql_bytes_of, "t", tenant);
    else
        lipd_pg_call(&call, sql_bytes, "");
    PGresult *result = ask(holdings, &call, problem);
    *bytes = result ? count_of(result, 0) : 0;
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
    PGresult *result = ask(holdings, &call, problem);
    *count = result ? (size_t)PQntuples(result) : 0;
    for (size_t i = 0; i < *count; i++)
        read_row(&out[i], thing, result, (int)i);
    PQclear(result);
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
                                                 .bytes = bytes_of,
                                                 .list = list,
                                                 .close = close_shared};
    struct shared *shared = lip_calloc(NULL, 1, sizeof *shared);
    if (!shared)
        return NULL;
    shared->base.ops = &ops;
    shared->pg = pg;
    return &shared->base;
}
