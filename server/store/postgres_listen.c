/* SPDX-License-Identifier: MIT
 *
 * A connection that only listens. What was told while it was broken is lost:
 * after each new connection somebody looks at everything. */
#include "server/store/postgres.h"

#include "server/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Milliseconds. A database that is gone without a word is noticed when it does
 * not answer. */
enum { PAUSE_FIRST = 100, PAUSE_MOST = 2000, ASK_EVERY = 5000 };

struct lipd_pg_listener {
    struct lipd_pg *pg;
    lipd_store_news *news;
    void *arg;
    pthread_t thread;
    int end; /* readable when it is over */
};

/* Waits for a descriptor (-1: none), *ready tells whether it has something;
 * false when it is over. */
static bool sleep_on(const struct lipd_pg_listener *listener, int fd,
                     int milliseconds, bool *ready)
{
    struct pollfd list[] = {{.fd = listener->end, .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    poll(list, 2, milliseconds);
    *ready = list[1].revents;
    return !list[0].revents;
}

static PGconn *subscribe(const struct lipd_pg_listener *listener,
                         char *complaint, size_t size)
{
    PGconn *connection = lipd_pg_connect(listener->pg, complaint, size);
    if (!connection)
        return NULL;
    PGresult *result = lipd_pg_execute(connection, "LISTEN " LIPD_PG_CHANNEL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        snprintf(complaint, size, "The database does not tell of changes.");
        PQfinish(connection);
        connection = NULL;
    }
    PQclear(result);
    return connection;
}

/* What this process changed, it knows. */
static void tell(const struct lipd_pg_listener *listener, PGconn *connection)
{
    PGnotify *notify;
    while ((notify = PQnotifies(connection))) {
        if (!lipd_pg_is_ours(listener->pg, notify->be_pid))
            listener->news(listener->arg, notify->extra);
        PQfreemem(notify);
    }
}

static bool answers(PGconn *connection)
{
    PGresult *result = lipd_pg_execute(connection, "SELECT 1");
    bool there = PQresultStatus(result) == PGRES_TUPLES_OK;
    PQclear(result);
    return there;
}

/* Until the connection breaks (true) or it is over. */
static bool hear(const struct lipd_pg_listener *listener, PGconn *connection)
{
    bool ready;
    listener->news(listener->arg, "");
    while (sleep_on(listener, PQsocket(connection), ASK_EVERY, &ready)) {
        if (ready ? !PQconsumeInput(connection) : !answers(connection))
            return true;
        if (!ready)
            lipd_pg_found(listener->pg, true);
        tell(listener, connection);
    }
    return false;
}

static void *run(void *arg)
{
    struct lipd_pg_listener *listener = arg;
    int pause = PAUSE_FIRST;
    bool goes_on = true, told = false, ready;
    lipd_pg_mind(listener->pg);
    while (goes_on) {
        char complaint[512];
        PGconn *connection = subscribe(listener, complaint, sizeof complaint);
        lipd_pg_found(listener->pg, connection != NULL);
        if (connection) {
            if (told)
                lipd_log(LIPD_INFO, "database", "It is there again.");
            told = false;
            goes_on = hear(listener, connection);
            pause = PAUSE_FIRST;
            PQfinish(connection);
        } else if (!told) {
            lipd_log(LIPD_WARNING, "database", "%s", complaint);
            told = true;
        }
        goes_on = goes_on && sleep_on(listener, -1, pause, &ready);
        pause = 2 * pause < PAUSE_MOST ? 2 * pause : PAUSE_MOST;
    }
    return NULL;
}

struct lipd_pg_listener *lipd_pg_listen(struct lipd_pg *pg,
                                        lipd_store_news *news, void *arg)
{
    struct lipd_pg_listener *listener = lip_calloc(NULL, 1, sizeof *listener);
    if (!listener)
        return NULL;
    *listener = (struct lipd_pg_listener){.pg = pg, .news = news, .arg = arg};
    listener->end = eventfd(0, EFD_CLOEXEC);
    if (listener->end >= 0 &&
        !pthread_create(&listener->thread, NULL, run, listener))
        return listener;
    if (listener->end >= 0)
        close(listener->end);
    lip_free(listener);
    return NULL;
}

void lipd_pg_unlisten(struct lipd_pg_listener *listener)
{
    uint64_t one = 1;
    if (!listener)
        return;
    if (write(listener->end, &one, sizeof one) != sizeof one)
        lipd_log(LIPD_ERROR, "database", "The listener does not end.");
    pthread_join(listener->thread, NULL);
    close(listener->end);
    lip_free(listener);
}
