/* SPDX-License-Identifier: MIT
 *
 * A connection that fails is closed and made again. While the database is
 * gone, a call waits a few seconds for it; once it has been gone that long,
 * calls fail at once but for one that tries, so that threads do not pile up. */
#include "server/store/postgres.h"

#include "base/context.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { POOL = 8, PREPARED = 48, CONNINFO = 64 };

/* Seconds. */
static const double patience = 5, start_patience = 30, pause_first = 0.05,
                    pause_most = 1;

struct link {
    PGconn *connection;
    bool busy;
    int process;
    const char *prepared[PREPARED];
    size_t count;
};

struct lipd_pg {
    PQconninfoOption *options;
    pthread_mutex_t lock;
    pthread_cond_t given_back;
    struct link link[POOL];
    double down_since, next_try; /* 0: it is there */
};

/* --- connecting */

/* What a network that swallows packets must not cost: each is a default, which
 * the URL overrides. */
static const struct {
    const char *name, *value;
} defaults[] = {
    {"connect_timeout", "3"},
    {"keepalives_idle", "5"},
    {"keepalives_interval", "3"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "10000"},
    {"application_name", "lipschitzd"},
    {"fallback_application_name", NULL},
};

static const char *default_of(const char *name)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (!strcmp(defaults[i].name, name))
            return defaults[i].value;
    return NULL;
}

static PGconn *dial(const struct lipd_pg *pg)
{
    const char *name[CONNINFO], *value[CONNINFO];
    size_t count = 0;
    for (const PQconninfoOption *o = pg->options; o->keyword; o++) {
        const char *given = o->val && *o->val ? o->val : default_of(o->keyword);
        if (!given || count == CONNINFO - 2)
            continue;
        name[count] = o->keyword;
        value[count++] = given;
    }
    name[count] = "client_encoding";
    value[count++] = "UTF8";
    name[count] = NULL;
    value[count] = NULL;
    return PQconnectdbParams(name, value, 0);
}

static void quiet(void *arg, const PGresult *notice)
{
    (void)arg;
    (void)notice;
}

PGconn *lipd_pg_connect(const struct lipd_pg *pg, char *complaint, size_t size)
{
    /* A transaction left open by a client that is cut off holds locks. */
    static const char setup[] =
        "SET search_path = lipschitzd, pg_catalog;"
        "SET statement_timeout = '30s';"
        "SET lock_timeout = '10s';"
        "SET idle_in_transaction_session_timeout = '30s';"
        "SET extra_float_digits = 1";
    PGconn *connection = dial(pg);
    PGresult *result = NULL;
    if (PQstatus(connection) == CONNECTION_OK) {
        PQsetNoticeReceiver(connection, quiet, NULL);
        result = PQexec(connection, setup);
    }
    if (result && PQresultStatus(result) == PGRES_COMMAND_OK) {
        PQclear(result);
        return connection;
    }
    snprintf(complaint, size, "The database cannot be used: %.300s",
             connection ? PQerrorMessage(connection) : "no memory.");
    complaint[strcspn(complaint, "\n")] = '\0';
    PQclear(result);
    PQfinish(connection);
    return NULL;
}

/* The link stays the caller's; others look at it under the lock. */
static void hang_up(struct lipd_pg *pg, struct link *link)
{
    PGconn *connection = link->connection;
    pthread_mutex_lock(&pg->lock);
    *link = (struct link){.busy = true};
    pthread_mutex_unlock(&pg->lock);
    PQfinish(connection);
}

static void rest(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds};
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

/* --- the pool */

static struct link *find_free(struct lipd_pg *pg)
{
    struct link *cold = NULL;
    for (size_t i = 0; i < POOL; i++) {
        if (!pg->link[i].busy && pg->link[i].connection)
            return &pg->link[i];
        if (!pg->link[i].busy)
            cold = &pg->link[i];
    }
    return cold;
}

static void until_time(struct timespec *out, double seconds)
{
    clock_gettime(CLOCK_MONOTONIC, out);
    double end = (double)out->tv_sec + 1e-9 * (double)out->tv_nsec + seconds;
    out->tv_sec = (time_t)end;
    out->tv_nsec = (long)((end - (double)out->tv_sec) * 1e9);
}

/* A link that is the caller's alone, connected or not; NULL: too busy. */
static struct link *take(struct lipd_pg *pg)
{
    struct link *link;
    struct timespec end;
    until_time(&end, patience);
    pthread_mutex_lock(&pg->lock);
    while (!(link = find_free(pg)))
        if (pthread_cond_timedwait(&pg->given_back, &pg->lock, &end) ==
            ETIMEDOUT)
            break;
    if (link)
        link->busy = true;
    pthread_mutex_unlock(&pg->lock);
    return link;
}

static void give_back(struct lipd_pg *pg, struct link *link)
{
    pthread_mutex_lock(&pg->lock);
    link->busy = false;
    pthread_cond_signal(&pg->given_back);
    pthread_mutex_unlock(&pg->lock);
}

bool lipd_pg_is_ours(struct lipd_pg *pg, int process)
{
    bool ours = false;
    pthread_mutex_lock(&pg->lock);
    for (size_t i = 0; i < POOL; i++)
        ours |= pg->link[i].connection && pg->link[i].process == process;
    pthread_mutex_unlock(&pg->lock);
    return ours;
}

/* May this caller try to connect now? The others wait or fail. */
static bool may_dial(struct lipd_pg *pg)
{
    double now = lip_now();
    pthread_mutex_lock(&pg->lock);
    bool may = now >= pg->next_try;
    if (may && pg->down_since > 0)
        pg->next_try = now + pause_most;
    pthread_mutex_unlock(&pg->lock);
    return may;
}

static void note_down(struct lipd_pg *pg, bool down)
{
    double now = lip_now();
    pthread_mutex_lock(&pg->lock);
    if (!down)
        pg->down_since = pg->next_try = 0;
    else if (pg->down_since <= 0)
        pg->down_since = now;
    if (down)
        pg->next_try = now + (now - pg->down_since < pause_most ? pause_first
                                                                : pause_most);
    pthread_mutex_unlock(&pg->lock);
}

static bool connect_link(struct lipd_pg *pg, struct link *link,
                         struct api_problem *problem)
{
    char complaint[512];
    if (link->connection)
        return true;
    if (!may_dial(pg)) {
        api_problem_set(problem, API_PROBLEM_OVERLOADED,
                        "The database does not answer. Try again later.");
        return false;
    }
    PGconn *connection = lipd_pg_connect(pg, complaint, sizeof complaint);
    note_down(pg, !connection);
    if (!connection) {
        api_problem_set(problem, API_PROBLEM_OVERLOADED, "%s", complaint);
        return false;
    }
    pthread_mutex_lock(&pg->lock);
    link->connection = connection;
    link->process = PQbackendPID(connection);
    pthread_mutex_unlock(&pg->lock);
    return true;
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

/* Whether there is time for another try; waits a little before it. */
static bool may_retry(struct lipd_pg *pg, struct lipd_pg_turn *turn)
{
    double now = lip_now();
    pthread_mutex_lock(&pg->lock);
    double down = pg->down_since;
    pthread_mutex_unlock(&pg->lock);
    if (turn->until <= 0)
        turn->until = now + patience;
    if (now >= turn->until || (down > 0 && now >= down + patience))
        return false;
    if (turn->tries++)
        rest(pause_first * (double)(turn->tries < 10 ? turn->tries : 10));
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
static bool prepare(struct link *link, const char *sql, char name[24],
                    PGresult **why)
{
    size_t i = 0;
    while (i < link->count && link->prepared[i] != sql)
        i++;
    snprintf(name, 24, "s%zu", i);
    if (i < link->count)
        return true;
    if (i == PREPARED) {
        *why = NULL;
        return false;
    }
    PGresult *result = PQprepare(link->connection, name, sql, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        *why = result;
        return false;
    }
    PQclear(result);
    link->prepared[link->count++] = sql;
    return true;
}

static bool send_all(struct link *link, const struct lipd_pg_call *call,
                     size_t count, char name[][24])
{
    bool sent = PQenterPipelineMode(link->connection);
    for (size_t i = 0; i < count && sent; i++)
        sent = PQsendQueryPrepared(link->connection, name[i], call[i].count,
                                   call[i].value, call[i].size, call[i].binary,
                                   call[i].binary_result) &&
               PQpipelineSync(link->connection);
    return sent;
}

static bool good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* The result of one call, and all that follows it up to its sync. */
static PGresult *receive(PGconn *connection)
{
    PGresult *result = NULL, *next;
    for (int nothing = 0; nothing < 2;) {
        next = PQgetResult(connection);
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
static size_t converse(struct link *link, const struct lipd_pg_call *call,
                       size_t count, PGresult **result, PGresult **why)
{
    char name[LIPD_PG_CALLS][24];
    *why = NULL;
    for (size_t i = 0; i < count; i++)
        if (!prepare(link, call[i].sql, name[i], why))
            return i;
    if (!send_all(link, call, count, name))
        return 0;
    for (size_t i = 0; i < count; i++)
        result[i] = receive(link->connection);
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
    struct link *link = take(pg);
    if (!link)
        return no_link(problem);
    connected = connect_link(pg, link, problem);
    bool done = connected && converse(link, call, count, result, &why) == count;
    if (connected && !done) {
        again = judge(link->connection, why, &lost, problem);
        if (lost)
            hang_up(pg, link);
        clear_all(result, count);
    }
    PQclear(why);
    give_back(pg, link);
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
    PGresult *result = PQexec(connection, sql);
    bool done = good(result);
    PQclear(result);
    return done;
}

/* The last error of the connection without a result in hand. */
static bool transact(struct link *link, lipd_pg_work *work, void *arg,
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
        struct link *link = take(pg);
        if (!link)
            return no_link(problem) == LIPD_PG_DONE;
        if (connect_link(pg, link, problem)) {
            done = transact(link, work, arg, &stop, problem);
            if (!done && (PQstatus(link->connection) != CONNECTION_OK ||
                          !plain(link->connection, "ROLLBACK")))
                hang_up(pg, link);
        }
        give_back(pg, link);
        if (done || stop || !may_retry(pg, &turn))
            return done;
    }
}

/* --- life */

void lipd_pg_close(struct lipd_pg *pg)
{
    if (!pg)
        return;
    for (size_t i = 0; i < POOL; i++)
        PQfinish(pg->link[i].connection);
    PQconninfoFree(pg->options);
    pthread_cond_destroy(&pg->given_back);
    pthread_mutex_destroy(&pg->lock);
    lip_free(pg);
}

static struct lipd_pg *new_pool(const char *url, char *complaint, size_t size)
{
    pthread_condattr_t monotonic;
    struct lipd_pg *pg = lip_calloc(NULL, 1, sizeof *pg);
    if (!pg) {
        snprintf(complaint, size, "There is no memory.");
        return NULL;
    }
    pthread_mutex_init(&pg->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pg->given_back, &monotonic);
    pthread_condattr_destroy(&monotonic);
    /* libpq's own words about a bad URL would show it. */
    pg->options = PQconninfoParse(url, NULL);
    if (pg->options)
        return pg;
    snprintf(complaint, size,
             "--store is not a URL like postgresql://USER@HOST/DATABASE.");
    lipd_pg_close(pg);
    return NULL;
}

struct lipd_pg *lipd_pg_open(const char *url, char *complaint, size_t size)
{
    struct lipd_pg *pg = new_pool(url, complaint, size);
    PGconn *connection = NULL;
    if (!pg)
        return NULL;
    for (double end = lip_now() + start_patience;;) {
        connection = lipd_pg_connect(pg, complaint, size);
        if (connection || lip_now() >= end)
            break;
        rest(10 * pause_first);
    }
    if (connection && lipd_pg_migrate(connection, complaint, size)) {
        pg->link[0].process = PQbackendPID(connection);
        pg->link[0].connection = connection;
        return pg;
    }
    PQfinish(connection);
    lipd_pg_close(pg);
    return NULL;
}
