/* SPDX-License-Identifier: MIT
 *
 * initdb and pg_ctl, as nobody but root when the test is root's. */
#include "tests/support/postgres.h"

#include "base/context.h"
#include "server/store/postgres.h"
#include "tests/support/suite.h"

#include <glob.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESSES = 100 };

/* The newest version's programs, or NULL. */
static const char *programs(void)
{
    static char path[256];
    glob_t found;
    if (*path)
        return path;
    if (!glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) && found.gl_pathc)
        snprintf(path, sizeof path, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    return *path ? path : NULL;
}

bool postgres_there(void)
{
    if (programs())
        return true;
    printf("skipped: PostgreSQL is not installed (package postgresql)\n");
    return false;
}

/* As the user postgres where this is root; quiet unless it fails. */
static int shell(const struct postgres *server, const char *command)
{
    char line[1200];
    const char *user = geteuid() ? ""
                                 : "setpriv --reuid=postgres --regid=postgres "
                                   "--clear-groups ";
    snprintf(line, sizeof line,
             "cd / && %s%s/%s >%s/out 2>&1 </dev/null || "
             "{ cat %s/out >&2; false; }",
             user, programs(), command, server->directory, server->directory);
    return system(line);
}

/* In a test or before all of them. */
static void must(bool done, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "PostgreSQL: %s failed\n", what);
    exit(1);
}

void postgres_again(const struct postgres *server)
{
    char command[600];
    snprintf(command, sizeof command,
             "pg_ctl -D %s/data -w -t 60 -l %s/log "
             "-o \"-c listen_addresses='' -k %s\" start",
             server->directory, server->directory, server->directory);
    must(!shell(server, command), "starting");
}

void postgres_start(struct postgres *server)
{
    postgres_start_on(server, NULL);
}

void postgres_start_on(struct postgres *server,
                       void (*prepare)(const char *directory))
{
    char command[300];
    snprintf(server->directory, sizeof server->directory,
             "/tmp/lipschitzd-postgres-XXXXXX");
    must(mkdtemp(server->directory) != NULL, "mkdtemp");
    if (prepare)
        prepare(server->directory);
    snprintf(command, sizeof command, "chmod 777 %s", server->directory);
    must(!system(command), "chmod");
    snprintf(command, sizeof command,
             "initdb -D %s/data -A trust -U lipschitzd --no-sync -E UTF8 "
             "--locale=C",
             server->directory);
    must(!shell(server, command), "initdb");
    postgres_again(server);
    snprintf(server->url, sizeof server->url,
             "postgresql://lipschitzd@/postgres?host=%s", server->directory);
}

static void stop(const struct postgres *server)
{
    char command[200];
    snprintf(command, sizeof command, "pg_ctl -D %s/data -m immediate -w stop",
             server->directory);
    if (shell(server, command))
        fprintf(stderr, "PostgreSQL did not stop\n");
}

void postgres_kill(const struct postgres *server)
{
    stop(server);
}

/* The postmaster, or 0. */
static pid_t postmaster(const struct postgres *server)
{
    char path[100];
    int pid = 0;
    snprintf(path, sizeof path, "%s/data/postmaster.pid", server->directory);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file)
        fclose(file);
    return pid;
}

/* The processes under it, at most `most`. */
static size_t children(pid_t parent, pid_t *out, size_t most)
{
    char path[64];
    int pid;
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent,
             (int)parent);
    FILE *file = fopen(path, "r");
    while (file && n < most && fscanf(file, "%d", &pid) == 1)
        out[n++] = pid;
    if (file)
        fclose(file);
    return n;
}

void postgres_signal(const struct postgres *server, int number)
{
    pid_t first = postmaster(server), child[PROCESSES];
    must(first > 0, "finding its process");
    kill(first, number);
    for (size_t n = children(first, child, PROCESSES); n--;)
        kill(child[n], number);
}

void postgres_kill_master(const struct postgres *server)
{
    pid_t first = postmaster(server), child[PROCESSES];
    must(first > 0, "finding its process");
    size_t n = children(first, child, PROCESSES);
    kill(first, SIGKILL);
    /* The others notice, and end; until then it does not start again. */
    for (double end = lip_now() + 60; n && lip_now() < end; usleep(10000))
        while (n && kill(child[n - 1], 0))
            n--;
}

void postgres_kill_backend(const struct postgres *server, unsigned which)
{
    PGconn *connection = PQconnectdb(server->url);
    PGresult *result =
        PQexec(connection, "SELECT pid FROM pg_stat_activity WHERE "
                           "application_name = 'lipschitzd' ORDER BY pid");
    int n = PQntuples(result);
    if (n)
        kill((pid_t)strtol(PQgetvalue(result, (int)(which % (unsigned)n), 0),
                           NULL, 10),
             SIGKILL);
    PQclear(result);
    PQfinish(connection);
}

long postgres_number(const struct postgres *server, const char *sql)
{
    PGconn *connection = PQconnectdb(server->url);
    PGresult *result = PQexec(connection, sql);
    must(PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1,
         PQerrorMessage(connection));
    long number = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    PQfinish(connection);
    return number;
}

void postgres_end(const struct postgres *server)
{
    char command[100];
    stop(server);
    snprintf(command, sizeof command, "rm -rf %s", server->directory);
    if (system(command))
        fprintf(stderr, "%s is left\n", server->directory);
}

void postgres_run(const struct postgres *server, const char *sql)
{
    PGconn *connection = PQconnectdb(server->url);
    PQclear(PQexec(connection, "SET client_min_messages = warning"));
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    must(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK,
         PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
}

void postgres_empty(const struct postgres *server)
{
    postgres_run(server, "DROP SCHEMA IF EXISTS lipschitzd CASCADE");
}

struct lipd_pg *postgres_pool(const struct postgres *server)
{
    char complaint[512];
    struct lipd_pg *pool =
        lipd_pg_open(server->url, complaint, sizeof complaint);
    ck_assert_msg(pool != NULL, "%s", complaint);
    return pool;
}

int postgres_suite(struct postgres *server, struct Suite *suite)
{
    if (!postgres_there())
        return 0;
    postgres_start(server);
    int status = run_suite(suite);
    postgres_end(server);
    return status;
}
