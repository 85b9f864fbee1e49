/* SPDX-License-Identifier: MIT
 *
 * A connection that fails is closed and made again. While the database is
 * gone, a call waits a few seconds for it; once it has been gone that long,
 * calls fail at once but for one that tries, so that threads do not pile up. */
#include "server/store/postgres_pool.h"

#include "base/context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char no_answer[] =
    "The database does not answer. Try again later.";

enum { CONNINFO = 64 };

/* Seconds. */
static const double start_patience = 30, start_pause = 0.5, pause_first = 0.05,
                    pause_most = 1;

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
    /* Whoever waited for a lock is to see what was done before it came. A
     * transaction left open by a client that is cut off holds locks: the
     * server's keepalives end one whose machine is gone in mid-statement. */
    static const char setup[] =
        "SET search_path = lipschitzd, pg_catalog;"
        "SET default_transaction_isolation = 'read committed';"
        "SET statement_timeout = '30s';"
        "SET lock_timeout = '10s';"
        "SET idle_in_transaction_session_timeout = '30s';"
        "SET tcp_keepalives_idle = 10;"
        "SET tcp_keepalives_interval = 5;"
        "SET tcp_keepalives_count = 4;"
        "SET extra_float_digits = 1";
    PGconn *connection = dial(pg);
    PGresult *result = NULL;
    if (PQstatus(connection) == CONNECTION_OK) {
        PQsetNoticeReceiver(connection, quiet, NULL);
        PQsetnonblocking(connection, 1);
        result = lipd_pg_execute(connection, setup);
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

void lipd_pg_hang_up(struct lipd_pg *pg, struct lipd_pg_link *link)
{
    PGconn *connection = link->connection;
    pthread_mutex_lock(&pg->lock);
    *link = (struct lipd_pg_link){.busy = true};
    pthread_mutex_unlock(&pg->lock);
    PQfinish(connection);
}

/* --- the pool */

static struct lipd_pg_link *find_free(struct lipd_pg *pg)
{
    struct lipd_pg_link *cold = NULL;
    for (size_t i = 0; i < LIPD_PG_POOL; i++) {
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

struct lipd_pg_link *lipd_pg_take(struct lipd_pg *pg)
{
    struct lipd_pg_link *link;
    struct timespec end;
    until_time(&end, LIPD_PG_PATIENCE);
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

void lipd_pg_give_back(struct lipd_pg *pg, struct lipd_pg_link *link)
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
    for (size_t i = 0; i < LIPD_PG_POOL; i++)
        ours |= pg->link[i].connection && pg->link[i].process == process;
    pthread_mutex_unlock(&pg->lock);
    return ours;
}

/* Gone for longer than calls wait? The lock is held. */
static bool is_down(const struct lipd_pg *pg)
{
    return pg->down_since > 0 && lip_now() >= pg->down_since + LIPD_PG_PATIENCE;
}

bool lipd_pg_is_down(struct lipd_pg *pg, struct api_problem *problem)
{
    pthread_mutex_lock(&pg->lock);
    bool down = is_down(pg);
    pthread_mutex_unlock(&pg->lock);
    if (down)
        api_problem_set(problem, API_PROBLEM_OVERLOADED, "%s", no_answer);
    return down;
}

/* May this caller try to connect now? The others wait or fail. */
static bool may_dial(struct lipd_pg *pg)
{
    double now = lip_now();
    pthread_mutex_lock(&pg->lock);
    bool may = now >= pg->next_try && !(pg->minded && is_down(pg));
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

/* Connections that nobody uses are of no use either: each would have somebody
 * wait. */
static void hang_up_idle(struct lipd_pg *pg)
{
    PGconn *idle[LIPD_PG_POOL];
    size_t count = 0;
    pthread_mutex_lock(&pg->lock);
    for (size_t i = 0; i < LIPD_PG_POOL; i++)
        if (!pg->link[i].busy && pg->link[i].connection) {
            idle[count++] = pg->link[i].connection;
            pg->link[i] = (struct lipd_pg_link){.busy = false};
        }
    pthread_mutex_unlock(&pg->lock);
    while (count)
        PQfinish(idle[--count]);
}

void lipd_pg_mind(struct lipd_pg *pg)
{
    pthread_mutex_lock(&pg->lock);
    pg->minded = true;
    pthread_mutex_unlock(&pg->lock);
}

void lipd_pg_found(struct lipd_pg *pg, bool there)
{
    note_down(pg, !there);
    if (!there)
        hang_up_idle(pg);
}

bool lipd_pg_link_up(struct lipd_pg *pg, struct lipd_pg_link *link,
                     struct api_problem *problem)
{
    char complaint[512];
    if (link->connection)
        return true;
    if (!may_dial(pg)) {
        api_problem_set(problem, API_PROBLEM_OVERLOADED, "%s", no_answer);
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

/* --- life */

void lipd_pg_close(struct lipd_pg *pg)
{
    if (!pg)
        return;
    for (size_t i = 0; i < LIPD_PG_POOL; i++)
        PQfinish(pg->link[i].connection);
    PQconninfoFree(pg->options);
    pthread_cond_destroy(&pg->given_back);
    pthread_mutex_destroy(&pg->lock);
    lip_free(pg);
}

/* A password that was not escaped is a host and a port to libpq, which would
 * show it. */
static bool has_good_port(const PQconninfoOption *option)
{
    for (; option && option->keyword; option++)
        if (!strcmp(option->keyword, "port") && option->val)
            return !option->val[strspn(option->val, "0123456789,")];
    return true;
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
    if (pg->options && has_good_port(pg->options))
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
        lipd_pg_rest(start_pause);
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
