/* SPDX-License-Identifier: MIT
 *
 * libpq's own calls wait for ever. A server that was stopped in the middle, or
 * a network that swallows packets, says nothing at all: whoever waits here
 * gives up after LIPD_PG_SILENCE and breaks the connection, which libpq then
 * reports as it does any other that broke. */
#include "server/store/postgres.h"

#include "base/context.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* What the other side may take for each byte of a statement. */
static const double seconds_a_byte = 1.0 / (4 << 20);

/* Waits until the descriptor is ready; *ready tells for what. False: it was
 * silent for too long, or is of no use, and the connection is broken now. */
static bool await(PGconn *connection, short events, double seconds,
                  short *ready)
{
    struct pollfd p = {.fd = PQsocket(connection), .events = events};
    double end = lip_now() + seconds;
    int n;
    do {
        double left = end - lip_now();
        n = left <= 0 ? 0 : poll(&p, 1, (int)(1000 * left) + 1);
    } while (n < 0 && errno == EINTR);
    *ready = n > 0 ? p.revents : 0;
    if (n > 0)
        return true;
    shutdown(p.fd, SHUT_RDWR);
    return false;
}

bool lipd_pg_flush(PGconn *connection)
{
    int left;
    while ((left = PQflush(connection)) > 0) {
        short ready;
        if (!await(connection, POLLIN | POLLOUT, LIPD_PG_SILENCE, &ready))
            return false;
        if (ready & POLLIN && !PQconsumeInput(connection))
            return false;
    }
    return left == 0;
}

PGresult *lipd_pg_result(PGconn *connection, size_t sent)
{
    double seconds = LIPD_PG_SILENCE + seconds_a_byte * (double)sent;
    short ready;
    while (PQisBusy(connection) && await(connection, POLLIN, seconds, &ready) &&
           PQconsumeInput(connection))
        continue;
    return PQgetResult(connection);
}

/* The last result of a statement that was sent; all are read. */
static PGresult *finish(PGconn *connection, bool sent, size_t size)
{
    PGresult *last = NULL, *next;
    if (!sent || !lipd_pg_flush(connection))
        return NULL;
    while ((next = lipd_pg_result(connection, size))) {
        ExecStatusType status = PQresultStatus(next);
        PQclear(last);
        last = next;
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
            status == PGRES_COPY_BOTH || PQstatus(connection) == CONNECTION_BAD)
            break;
    }
    return last;
}

PGresult *lipd_pg_execute(PGconn *connection, const char *sql)
{
    return finish(connection, PQsendQuery(connection, sql), 0);
}

PGresult *lipd_pg_execute_with(PGconn *connection, const char *sql,
                               const struct lipd_pg_values *values)
{
    size_t size = 0;
    for (int i = 0; i < values->count; i++)
        size += (size_t)values->size[i];
    return finish(connection,
                  PQsendQueryParams(connection, sql, values->count, NULL,
                                    values->value, values->size, values->binary,
                                    1),
                  size);
}

PGresult *lipd_pg_prepare(PGconn *connection, const char *name, const char *sql)
{
    return finish(connection, PQsendPrepare(connection, name, sql, 0, NULL), 0);
}
