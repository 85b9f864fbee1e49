/* SPDX-License-Identifier: MIT
 *
 * The statements of the job store in PostgreSQL, postgres_jobs.c. */
#ifndef LIPD_STORE_POSTGRES_JOBS_SQL_H
#define LIPD_STORE_POSTGRES_JOBS_SQL_H

#include "server/store/postgres.h"

#define NOW "extract(epoch FROM now())::float8"
#define HEAD                                                                   \
    "id, kind, state, created, started, finished, cancel, attempts, "          \
    "sequence, progress, tenant, trace, quota"
#define WHOLE HEAD ", request, result, error, vain, best"
#define TELL "pg_notify('" LIPD_PG_CHANNEL "', id)"
/* Any number that other programs of the database do not use. */
#define COUNTING "1279870026"
#define RELAXED "set_config('synchronous_commit', 'off', true)"
#define STATE(name) "'{\"state\": \"" name "\"}'"
#define BACK                                                                   \
    "state = 0, owner = NULL, ticket = NULL, lease = 0, "                      \
    "sequence = sequence + 1"
#define NOTE_BACK                                                              \
    "noted AS (INSERT INTO event SELECT number, sequence, 'state', " STATE(    \
        "queued") " FROM back) "

/* $1 id, kind, request, key, digest, tenant, $7 most, $8 input, $9 trace,
 * $10 quota, $11 jobs that the tenant may have, 0: any */
static const char sql_add[] =
    "WITH waiting AS (SELECT count(*) AS n FROM "
    "(SELECT 1 FROM job WHERE state = 0 LIMIT $7::bigint) AS open), "
    "own AS (SELECT count(*) AS n FROM (SELECT 1 FROM job WHERE tenant = $6 "
    "AND state < 2 LIMIT $11::bigint) AS open), "
    "before AS (SELECT id, digest FROM job WHERE tenant = $6 AND key = $4), "
    "mine AS (SELECT 1 FROM job WHERE id = $1), "
    "added AS (INSERT INTO job(id, kind, request, key, digest, tenant, "
    "created, sequence, trace, quota) "
    "SELECT $1, $2, $3, $4, $5, $6, " NOW ", 1, $9, $10 "
    "FROM waiting, own WHERE waiting.n < $7::bigint "
    "AND ($11::bigint = 0 OR own.n < $11::bigint) "
    "AND NOT EXISTS (SELECT FROM before) "
    "ON CONFLICT DO NOTHING RETURNING number), "
    "noted AS (INSERT INTO event SELECT number, 1, 'state', " STATE(
        "queued") " FROM added), "
                  "kept AS (INSERT INTO input SELECT number, $8::bytea FROM "
                  "added "
                  "WHERE $8::bytea IS NOT NULL) "
                  "SELECT EXISTS(SELECT FROM added) OR EXISTS(SELECT FROM "
                  "mine), "
                  "(SELECT id FROM before), (SELECT digest FROM before), "
                  "(SELECT n FROM waiting), (SELECT n FROM own)";
/* One tenant's are added one after the other where they are counted: a
 * statement does not see what another adds at this moment. The two halves are
 * those of a key of 64 bits. */
static const char sql_queue_up[] =
    "SELECT pg_advisory_lock(" COUNTING ", hashtext($1))";
static const char sql_tell[] =
    "SELECT pg_notify('" LIPD_PG_CHANNEL "', $1), " RELAXED;
static const char sql_tell_and_leave[] =
    "SELECT pg_notify('" LIPD_PG_CHANNEL "', $1), " RELAXED
    ", pg_advisory_unlock(" COUNTING ", hashtext($2))";
static const char sql_exists[] = "SELECT 1 FROM job WHERE id = $1";
static const char sql_get[] = "SELECT " WHOLE " FROM job WHERE id = $1";
static const char sql_list[] =
    "SELECT " HEAD " FROM job WHERE number < CASE WHEN $1::text = '' THEN "
    "9223372036854775807 ELSE (SELECT number FROM job WHERE id = $1) END "
    "AND ($3::text IS NULL OR tenant = $3) ORDER BY number DESC "
    "LIMIT $2::bigint";
static const char sql_events[] =
    "SELECT event.sequence, type, data FROM event JOIN job ON number = job "
    "WHERE id = $1 AND event.sequence > $2::bigint ORDER BY event.sequence "
    "LIMIT $3::bigint";
static const char sql_names[] = "SELECT count(*) FROM job WHERE state < 2 "
                                "AND strpos(request, $1) > 0";
static const char sql_queued[] = "SELECT count(*) FROM job WHERE state = 0";
/* $1 owner, $2 lease, $3 ticket */
static const char sql_claim[] =
    "WITH oldest AS (SELECT number FROM job WHERE state = 0 ORDER BY number "
    "LIMIT 1 FOR UPDATE SKIP LOCKED), "
    "claimed AS (UPDATE job SET state = 1, owner = $1, ticket = $3, "
    "lease = " NOW " + $2::float8, term = $2::float8, "
    "attempts = attempts + 1, sequence = sequence + 1, started = "
    "CASE WHEN started > 0 THEN started ELSE greatest(" NOW ", created) END "
    "FROM oldest WHERE job.number = oldest.number RETURNING job.*), "
    "noted AS (INSERT INTO event SELECT number, sequence, 'state', " STATE(
        "running") " FROM claimed) "
                   "SELECT " WHOLE ", " TELL ", " RELAXED " FROM claimed";
static const char sql_claimed[] = "SELECT " WHOLE " FROM job "
                                  "WHERE state = 1 AND owner = $1 "
                                  "AND ticket = $2";
/* $1 id, $2 owner, $3 lease, $4 progress, $5 events kept */
static const char sql_beat[] =
    "WITH beaten AS (UPDATE job SET lease = " NOW " + $3::float8, "
    "term = $3::float8, "
    "progress = coalesce($4::text, progress), "
    "sequence = sequence + ($4::text IS NOT NULL)::int "
    "WHERE id = $1 AND state = 1 AND owner = $2 "
    "RETURNING number, id, sequence, cancel), "
    "noted AS (INSERT INTO event SELECT number, sequence, 'progress', $4::text "
    "FROM beaten WHERE $4::text IS NOT NULL), "
    "pruned AS (DELETE FROM event USING beaten WHERE event.job = number "
    "AND type = 'progress' AND event.sequence = beaten.sequence - $5::bigint) "
    "SELECT cancel, " RELAXED ", CASE WHEN $4::text IS NOT NULL THEN " TELL
    " END FROM beaten";
/* $1 id, $2 owner, $3 state, $4 its event, $5 result, $6 error */
static const char sql_finish[] =
    "WITH before AS (SELECT 1 FROM job WHERE id = $1 AND owner = $2 "
    "AND state = $3::int), "
    "ended AS (UPDATE job SET state = $3::int, result = $5, error = $6, "
    "finished = greatest(" NOW ", started), ended = nextval('job_ended'), "
    "lease = 0, ticket = NULL, sequence = sequence + 1 "
    "WHERE id = $1 AND state = 1 AND owner = $2 RETURNING number, sequence), "
    "noted AS (INSERT INTO event SELECT number, sequence, 'state', $4 "
    "FROM ended), "
    "dropped AS (DELETE FROM input USING ended WHERE input.job = number), "
    "forgotten AS (DELETE FROM blob USING ended WHERE kind = 'job' "
    "AND name = $1) "
    "SELECT EXISTS(SELECT FROM ended), EXISTS(SELECT FROM before)";
/* $1 id, $2 owner, $3 claims to forget, $4 and $5 how it gets on */
static const char sql_release[] =
    "WITH back AS (UPDATE job SET " BACK ", attempts = attempts - $3::int, "
    "vain = coalesce($4::int, vain), best = coalesce($5::float8, best) "
    "WHERE id = $1 AND state = 1 AND owner = $2 RETURNING *), " NOTE_BACK
    "SELECT " TELL ", " RELAXED " FROM back";
static const char sql_recover[] =
    "WITH back AS (UPDATE job SET " BACK
    " WHERE state = 1 AND owner = $1 RETURNING *), " NOTE_BACK "SELECT " TELL
    " FROM back";
static const char sql_cancel[] =
    "WITH found AS (SELECT number FROM job WHERE id = $1 FOR UPDATE), "
    "marked AS (UPDATE job SET cancel = 1, "
    "state = CASE WHEN state = 0 AND started = 0 THEN 4 ELSE state END, "
    "finished = CASE WHEN state = 0 AND started = 0 "
    "THEN greatest(" NOW ", created) ELSE finished END, "
    "ended = CASE WHEN state = 0 AND started = 0 "
    "THEN nextval('job_ended') ELSE ended END, "
    "sequence = sequence + (state = 0 AND started = 0)::int "
    "FROM found WHERE job.number = found.number AND state < 2 "
    "RETURNING job.number, sequence, state), "
    "noted AS (INSERT INTO event SELECT number, sequence, 'state', " STATE(
        "cancelled") " FROM marked WHERE state = 4), "
                     "dropped AS (DELETE FROM input USING marked "
                     "WHERE input.job = number AND state = 4) "
                     "SELECT 1 FROM found";
static const char sql_trim[] =
    "DELETE FROM job WHERE number IN (SELECT number FROM job "
    "WHERE finished > 0 AND ended <= (SELECT ended FROM job "
    "WHERE finished > 0 ORDER BY ended DESC LIMIT 1 OFFSET $1::bigint) "
    "ORDER BY ended LIMIT $2::bigint)";

#endif
