/* SPDX-License-Identifier: MIT
 *
 * Calls and transactions on connections of the pool: what went wrong, and
 * whether to try again. */
#include "server/store/postgres_pool.h"

#include "base/context.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Seconds. */
static const double pause = 0.05;

void lipd_pg_rest(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds};
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

/* --- what went wrong */

static bool begins(const char *text, const char *start)
{
    return !strncmp(text, start, strlen(start));
}

/* The connection is of no use any more: closed by either side, or to a server
 * that stops, only reads, or has forgotten our statements. */
static bool is_lost(PGconn *connection, const char *state)
{
    return PQstatus(connection) != CONNECTION_OK || !*state ||
           begins(state, "08") || begins(state, "57P") ||
           begins(state, "25006") || begins(state, "26000") ||
           begins(state, "53300");
}

/* Deadlocks, lost races, and what took too long on a busy server. */
static bool is_passing(const char *state)
{
    return begins(state, "40") || begins(state, "55P03") ||
           begins(state, "57014");
}

/* Fills the problem; whether to try again, and *lost. */
static bool judge(PGconn *connection, const PGresult *result, bool *lost,
                  struct api_problem *problem)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    state = state ? state : "";
    *lost = is_lost(connection, state);
    if (*lost || is_passing(state))
        api_problem_set(problem, API_PROBLEM_OVERLOADED,
                        "The database does not answer (%.200s). Try again "
                        "later.",
                        said ? said : "the connection broke");
    else if (begins(state, "53100"))
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                        "There is no room on the disk of the database.");
    else
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The database refused: %.300s.",
                        said ? said : "it does not say why");
    return *lost || is_passing(state);
}

static void begin_turn(struct lipd_pg_turn *turn)
{
    if (turn->until <= 0)
        turn->until = lip_now() + LIPD_PG_PATIENCE;
}

/* Whether there is time for another try; waits a little before it. */
static bool may_retry(struct lipd_pg *pg, struct lipd_pg_turn *turn)
{
    struct api_problem ignored;
    if (lip_now() >= turn->until || lipd_pg_is_down(pg, &ignored))
        return false;
    if (turn->tries++)
        lipd_pg_rest(pause * (double)(turn->tries < 10 ? turn->tries : 10));
    return true;
}

/* --- calls */

void lipd_pg_call(struct lipd_pg_call *call, const char *sql, const char *types,
                  ...)
{
    va_list args;
    memset(call, 0, sizeof *call);
    call->sql = sql;
    va_start(args, types);
    for (int i = 0; types[i]; i++) {
        char *number = call->number[i];
        call->value[i] = number;
        call->count++;
        if (types[i] == 't') {
            call->value[i] = va_arg(args, const char *);
        } else if (types[i] == 'i') {
            snprintf(number, sizeof call->number[i], "%lld",
                     (long long)va_arg(args, int64_t));
        } else if (types[i] == 'r') {
            snprintf(number, sizeof call->number[i], "%.17g",
                     va_arg(args, double));
        } else {
            call->value[i] = va_arg(args, const void *);
            call->size[i] = (int)va_arg(args, size_t);
            call->binary[i] = 1;
        }
    }
    va_end(args);
}

/* The name of a statement on this link, prepared where it is not; NULL with
 * the result that tells why not. */
static bool prepare(struct lipd_pg_link *link, const char *sql, char name[24],
                    PGresult **why)
{
    size_t i = 0;
    while (i < link->count && link->prepared[i] != sql)
        i++;
    snprintf(name, 24, "s%zu", i);
    if (i < link->count)
        return true;
    if (i == LIPD_PG_PREPARED) {
        *why = NULL;
        return false;
    }
    PGresult *result = lipd_pg_prepare(link->connection, name, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        *why = result;
        return false;
    }
    PQclear(result);
    link->prepared[link->count++] = sql;
    return true;
}

static bool send_all(struct lipd_pg_link *link, const struct lipd_pg_call *call,
                     size_t count, char name[][24])
{
    bool sent = PQenterPipelineMode(link->connection);
    for (size_t i = 0; i < count && sent; i++)
        sent = PQsendQueryPrepared(link->connection, name[i], call[i].count,
                                   call[i].value, call[i].size, call[i].binary,
                                   call[i].binary_result) &&
               PQpipelineSync(link->connection);
    return sent && lipd_pg_flush(link->connection);
}

static bool good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* The bytes of a call, about. */
static size_t size_of(const struct lipd_pg_call *call)
{
    size_t size = 0;
    for (int i = 0; i < call->count; i++)
        size += call->binary[i]  ? (size_t)call->size[i]
                : call->value[i] ? strlen(call->value[i])
                                 : 0;
    return size;
}

/* The result of one call, and all that follows it up to its sync. */
static PGresult *receive(PGconn *connection, size_t sent)
{
    PGresult *result = NULL, *next;
    for (int nothing = 0; nothing < 2;) {
        next = lipd_pg_result(connection, sent);
        if (!next) {
            nothing++;
            continue;
        }
        nothing = 0;
        if (PQresultStatus(next) == PGRES_PIPELINE_SYNC) {
            PQclear(next);
            break;
        }
        if (result)
            PQclear(next);
        else
            result = next;
    }
    return result;
}

static void clear_all(PGresult **result, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        PQclear(result[i]);
        result[i] = NULL;
    }
}

/* Does the calls on a link: the index of the one that failed, or `count`; in
 * *why the result that tells of it. */
static size_t converse(struct lipd_pg_link *link,
                       const struct lipd_pg_call *call, size_t count,
                       PGresult **result, PGresult **why)
{
    char name[LIPD_PG_CALLS][24];
    *why = NULL;
    for (size_t i = 0; i < count; i++)
        if (!prepare(link, call[i].sql, name[i], why))
            return i;
    if (!send_all(link, call, count, name))
        return 0;
    for (size_t i = 0; i < count; i++)
        result[i] = receive(link->connection, size_of(&call[i]));
    PQexitPipelineMode(link->connection);
    for (size_t i = 0; i < count; i++)
        if (!good(result[i])) {
            *why = result[i];
            result[i] = NULL;
            return i;
        }
    return count;
}

static enum lipd_pg_fate no_link(struct api_problem *problem)
{
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "Every connection to the database is busy. Try again "
                    "later.");
    return LIPD_PG_FAILED;
}

enum lipd_pg_fate lipd_pg_try(struct lipd_pg *pg, struct lipd_pg_turn *turn,
                              const struct lipd_pg_call *call, size_t count,
                              PGresult **result, struct api_problem *problem)
{
    PGresult *why = NULL;
    bool again = true, lost = false, connected;
    memset(result, 0, count * sizeof *result);
    begin_turn(turn);
    struct lipd_pg_link *link = lipd_pg_take(pg);
    double start = lip_now();
    if (!link)
        return no_link(problem);
    connected = lipd_pg_link_up(pg, link, problem);
    bool done = connected && converse(link, call, count, result, &why) == count;
    if (connected && !done) {
        again = judge(link->connection, why, &lost, problem);
        if (lost)
            lipd_pg_hang_up(pg, link);
        if (lost && lip_now() >= start + LIPD_PG_SILENCE)
            lipd_pg_found(pg, false);
        clear_all(result, count);
    }
    PQclear(why);
    lipd_pg_give_back(pg, link);
    if (done)
        return LIPD_PG_DONE;
    return again && may_retry(pg, turn) ? LIPD_PG_AGAIN : LIPD_PG_FAILED;
}

bool lipd_pg_ask(struct lipd_pg *pg, const struct lipd_pg_call *call,
                 size_t count, PGresult **result, struct api_problem *problem)
{
    struct lipd_pg_turn turn = {0};
    enum lipd_pg_fate fate;
    do
        fate = lipd_pg_try(pg, &turn, call, count, result, problem);
    while (fate == LIPD_PG_AGAIN);
    return fate == LIPD_PG_DONE;
}

/* --- transactions */

static bool plain(PGconn *connection, const char *sql)
{
    PGresult *result = lipd_pg_execute(connection, sql);
    bool done = good(result);
    PQclear(result);
    return done;
}

/* The last error of the connection without a result in hand. */
static bool transact(struct lipd_pg_link *link, lipd_pg_work *work, void *arg,
                     bool *stop, struct api_problem *problem)
{
    PGconn *connection = link->connection;
    *stop = false;
    if (plain(connection, "BEGIN") && work(connection, arg, stop, problem) &&
        plain(connection, "COMMIT"))
        return true;
    if (!*stop)
        api_problem_set(problem, API_PROBLEM_OVERLOADED,
                        "The database does not answer (%.200s). Try again "
                        "later.",
                        PQerrorMessage(connection));
    return false;
}

bool lipd_pg_transaction(struct lipd_pg *pg, lipd_pg_work *work, void *arg,
                         struct api_problem *problem)
{
    struct lipd_pg_turn turn = {0};
    for (;;) {
        bool stop = false, done = false;
        begin_turn(&turn);
        struct lipd_pg_link *link = lipd_pg_take(pg);
        if (!link)
            return no_link(problem) == LIPD_PG_DONE;
        if (lipd_pg_link_up(pg, link, problem)) {
            done = transact(link, work, arg, &stop, problem);
            if (!done && (PQstatus(link->connection) != CONNECTION_OK ||
                          !plain(link->connection, "ROLLBACK")))
                lipd_pg_hang_up(pg, link);
        }
        lipd_pg_give_back(pg, link);
        if (done || stop || !may_retry(pg, &turn))
            return done;
    }
}
