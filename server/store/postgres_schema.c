/* SPDX-License-Identifier: MIT
 *
 * The tables, in a schema of their own. Whoever starts brings them up to date
 * step by step, each step one transaction, under a lock that keeps the others
 * waiting. */
#include "server/store/postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Any number that other programs of the database do not use. */
#define LOCK "5497853134"

/* Row i leads from version i to version i + 1. Rows are never changed once
 * released, only added. */
static const char *const migrations[] = {
    "CREATE TABLE job("
    " number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " id text NOT NULL UNIQUE,"
    " kind text NOT NULL,"
    " tenant text NOT NULL,"
    " trace text,"
    " state int NOT NULL DEFAULT 0," /* enum lipd_job_state */
    " created float8 NOT NULL,"
    " started float8 NOT NULL DEFAULT 0,"
    " finished float8 NOT NULL DEFAULT 0,"
    " cancel int NOT NULL DEFAULT 0,"
    " attempts int NOT NULL DEFAULT 0,"
    " sequence bigint NOT NULL DEFAULT 0," /* of the latest event */
    " owner text,"                         /* who runs it, or has ended it */
    " ticket text,"                        /* of the claim */
    " lease float8 NOT NULL DEFAULT 0,"    /* when it runs out */
    " key text,"
    " digest text,"
    " request text NOT NULL,"
    " progress text,"
    " result text,"
    " error text);"
    "CREATE UNIQUE INDEX job_key ON job(tenant, key) WHERE key IS NOT NULL;"
    "CREATE INDEX job_queued ON job(number) WHERE state = 0;"
    "CREATE INDEX job_running ON job(owner) WHERE state = 1;"
    "CREATE INDEX job_over ON job(finished, number) WHERE finished > 0;"
    "CREATE INDEX job_tenant ON job(tenant, number);"
    "CREATE TABLE event("
    " job bigint NOT NULL REFERENCES job(number) ON DELETE CASCADE,"
    " sequence bigint NOT NULL,"
    " type text NOT NULL,"
    " data text NOT NULL,"
    " PRIMARY KEY(job, sequence));"
    "CREATE TABLE input("
    " job bigint PRIMARY KEY REFERENCES job(number) ON DELETE CASCADE,"
    " content bytea NOT NULL);"
    /* Parts of it are read, which compressed bytes do not allow. */
    "ALTER TABLE input ALTER content SET STORAGE EXTERNAL;"
    "CREATE TABLE blob("
    " kind text NOT NULL,"
    " name text NOT NULL,"
    " part int NOT NULL,"
    " content bytea NOT NULL,"
    " PRIMARY KEY(kind, name, part));"
    "ALTER TABLE blob ALTER content SET STORAGE EXTERNAL;",
    "CREATE TABLE holding("
    " thing int NOT NULL," /* enum lipd_thing */
    " id text COLLATE \"C\" NOT NULL,"
    " tenant text NOT NULL,"
    " bytes bigint NOT NULL,"
    " created float8 NOT NULL,"
    " PRIMARY KEY(thing, id, tenant));"
    "CREATE INDEX holding_tenant ON holding(tenant, thing, id);",
    "ALTER TABLE job ADD COLUMN quota text;"
    "CREATE INDEX job_open_tenant ON job(tenant) WHERE state < 2;",
    /* Clocks may be set: how long a lease is, for those who watch it, and the
     * order in which jobs ended, are numbers of their own. */
    "ALTER TABLE job ADD COLUMN term float8 NOT NULL DEFAULT 60;"
    "ALTER TABLE job ADD COLUMN vain int NOT NULL DEFAULT 0;"
    "ALTER TABLE job ADD COLUMN best float8 NOT NULL DEFAULT 0;"
    "ALTER TABLE job ADD COLUMN ended bigint NOT NULL DEFAULT 0;"
    "CREATE SEQUENCE job_ended;"
    "UPDATE job SET ended = nextval('job_ended') FROM (SELECT number AS n "
    "FROM job WHERE finished > 0 ORDER BY finished, number) AS over "
    "WHERE number = n;"
    "DROP INDEX job_over;"
    "CREATE INDEX job_over ON job(ended) WHERE finished > 0;",
    "ALTER TABLE holding ADD COLUMN used float8 NOT NULL DEFAULT 0;"
    "UPDATE holding SET used = created;"
    "CREATE TABLE answer(" /* to requests with an Idempotency-Key */
    " tenant text NOT NULL,"
    " key text NOT NULL,"
    " digest text NOT NULL,"
    " fresh int NOT NULL,"
    " created float8 NOT NULL,"
    " PRIMARY KEY(tenant, key));"
    "CREATE INDEX answer_created ON answer(created);"
    "CREATE INDEX answer_tenant ON answer(tenant, created);",
    "CREATE TABLE result("
    " tenant text NOT NULL,"
    " key text NOT NULL,"
    " etag text NOT NULL,"
    " created float8 NOT NULL,"
    " used float8 NOT NULL,"
    " size bigint NOT NULL,"
    " document bytea NOT NULL,"
    " PRIMARY KEY(tenant, key));"
    "ALTER TABLE result ALTER document SET STORAGE EXTERNAL;",
};

enum { NEWEST = sizeof migrations / sizeof *migrations };

static bool complain(PGconn *connection, char *out, size_t size)
{
    snprintf(out, size, "The tables in the database cannot be made: %.300s",
             PQerrorMessage(connection));
    out[strcspn(out, "\n")] = '\0';
    return false;
}

static bool execute(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* The first column of the first row, or -1. */
static long number_of(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    long value = -1;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result))
        value = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return value;
}

static bool step(PGconn *connection, long version)
{
    char note[80];
    snprintf(note, sizeof note, "UPDATE version SET number = %ld; COMMIT",
             version + 1);
    return execute(connection, "BEGIN") &&
           execute(connection, migrations[version]) &&
           execute(connection, note);
}

/* The lock is held. */
static bool bring_up(PGconn *connection, char *complaint, size_t size)
{
    long there = number_of(
        connection, "SELECT count(*) FROM pg_class WHERE relname = 'version' "
                    "AND relnamespace = to_regnamespace('lipschitzd')");
    if (there == 0 &&
        !execute(connection, "BEGIN; CREATE SCHEMA IF NOT EXISTS lipschitzd;"
                             "CREATE TABLE version(number int NOT NULL);"
                             "INSERT INTO version VALUES(0); COMMIT"))
        return complain(connection, complaint, size);
    long version = number_of(connection, "SELECT number FROM version");
    if (version < 0)
        return complain(connection, complaint, size);
    if (version > NEWEST) {
        snprintf(complaint, size,
                 "The database is of a newer lipschitzd (version %ld of its "
                 "tables; this one knows %d).",
                 version, (int)NEWEST);
        return false;
    }
    for (; version < NEWEST; version++)
        if (!step(connection, version))
            return complain(connection, complaint, size);
    return true;
}

bool lipd_pg_migrate(PGconn *connection, char *complaint, size_t size)
{
    /* Others may take their time, and so may a step on large tables. */
    if (!execute(connection, "SET statement_timeout = 0; SET lock_timeout = 0;"
                             "SELECT pg_advisory_lock(" LOCK ")"))
        return complain(connection, complaint, size);
    bool done = bring_up(connection, complaint, size);
    if (!done)
        execute(connection, "ROLLBACK");
    return execute(connection,
                   "SELECT pg_advisory_unlock(" LOCK ");"
                   "SET statement_timeout = '30s'; SET lock_timeout = '10s'") &&
           done;
}
