/* SPDX-License-Identifier: MIT
 *
 * Whoever holds a lease writes another end of it with each heartbeat. That end
 * is by the database's clock, which may be set: it only tells one heartbeat
 * from the next. How long there has been none is what each that looks measures
 * with a clock that nobody sets. */
#include "server/store/postgres.h"

#include "base/context.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char sql_running[] =
    "SELECT id, ticket, lease, term FROM job WHERE state = 1 AND "
    "ticket IS NOT NULL";
/* $1 id, $2 ticket, $3 lease */
static const char sql_expire[] =
    "WITH back AS (UPDATE job SET state = 0, owner = NULL, ticket = NULL, "
    "lease = 0, sequence = sequence + 1 WHERE id = $1 AND state = 1 "
    "AND ticket = $2 AND lease = $3::float8 RETURNING *), "
    "noted AS (INSERT INTO event SELECT number, sequence, 'state', "
    "'{\"state\": \"queued\"}' FROM back) "
    "SELECT pg_notify('" LIPD_PG_CHANNEL "', id), "
    "set_config('synchronous_commit', 'off', true) FROM back";

struct lipd_pg_lease {
    char id[LIPD_JOB_ID], ticket[LIPD_JOB_ID + 24], end[40];
    double since; /* lip_now() when it was first seen so */
    double term;
};

/* Looks in the time of the shortest lease, where there is somebody to look: an
 * idle daemon does so three times in its own. */
enum { LOOKS = 6 };

void lipd_pg_leases_init(struct lipd_pg_leases *leases)
{
    *leases = (struct lipd_pg_leases){.count = 0};
    pthread_mutex_init(&leases->lock, NULL);
}

void lipd_pg_leases_clear(struct lipd_pg_leases *leases)
{
    lip_free(leases->lease);
    pthread_mutex_destroy(&leases->lock);
}

/* Since when the lease has been as it is. `gap`: the longest time between two
 * looks. While nobody could look, nobody could prolong it either: such a time
 * does not count. */
static double since_when(const struct lipd_pg_leases *before,
                         const struct lipd_pg_lease *lease, double gap,
                         double now)
{
    if (now - before->looked > lease->term / 2 + gap)
        return now;
    for (size_t i = 0; i < before->count; i++) {
        const struct lipd_pg_lease *old = &before->lease[i];
        if (!strcmp(old->id, lease->id))
            return !strcmp(old->ticket, lease->ticket) &&
                           !strcmp(old->end, lease->end)
                       ? old->since
                       : now;
    }
    return now;
}

static void read_lease(struct lipd_pg_lease *lease, const PGresult *rows, int i)
{
    snprintf(lease->id, sizeof lease->id, "%s", PQgetvalue(rows, i, 0));
    snprintf(lease->ticket, sizeof lease->ticket, "%s", PQgetvalue(rows, i, 1));
    snprintf(lease->end, sizeof lease->end, "%s", PQgetvalue(rows, i, 2));
    lease->term = strtod(PQgetvalue(rows, i, 3), NULL);
}

static void expire(struct lipd_pg *pg, const struct lipd_pg_lease *lease)
{
    struct lipd_pg_call call;
    struct api_problem ignored;
    PGresult *result;
    lipd_pg_call(&call, sql_expire, "ttt", lease->id, lease->ticket,
                 lease->end);
    if (lipd_pg_ask(pg, &call, 1, &result, &ignored))
        PQclear(result);
}

/* Takes over what the rows say, which were true at a moment after `now`. The
 * lock is held. */
static void compare(struct lipd_pg_leases *leases, struct lipd_pg *pg,
                    const PGresult *rows, double gap, double now)
{
    size_t count = (size_t)PQntuples(rows);
    struct lipd_pg_leases before = *leases;
    leases->lease =
        count ? lip_alloc(NULL, count, sizeof *leases->lease) : NULL;
    leases->count = leases->lease ? count : 0;
    leases->looked = now;
    for (size_t i = 0; i < leases->count; i++) {
        struct lipd_pg_lease *lease = &leases->lease[i];
        read_lease(lease, rows, (int)i);
        lease->since = since_when(&before, lease, gap, now);
        if (now - lease->since >= lease->term)
            expire(pg, lease);
        leases->look_at = fmin(leases->look_at, now + lease->term / LOOKS);
    }
    lip_free(before.lease);
}

void lipd_pg_leases_look(struct lipd_pg_leases *leases, struct lipd_pg *pg,
                         double lease)
{
    struct lipd_pg_call call;
    struct api_problem ignored;
    PGresult *rows;
    double now = lip_now();
    /* Who finds somebody looking has no need to. */
    if (pthread_mutex_trylock(&leases->lock))
        return;
    leases->look_at = fmin(leases->look_at, now + lease / LOOKS);
    if (now >= leases->look_at) {
        leases->look_at = now + lease / LOOKS;
        lipd_pg_call(&call, sql_running, "");
        if (lipd_pg_ask(pg, &call, 1, &rows, &ignored)) {
            compare(leases, pg, rows, lease / 3, lip_now());
            PQclear(rows);
        }
    }
    pthread_mutex_unlock(&leases->lock);
}
