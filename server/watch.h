/* SPDX-License-Identifier: MIT
 *
 * The sweeper: one thread that knows every open connection, what phase it is
 * in and until when that phase may last. The HTTP library's own timeout is
 * about silence only: a client that drips a byte now and then outlives it,
 * and one that leaves while its request is computed is not noticed at all.
 *
 * With no connection open the sweeper sleeps until there is one. */
#ifndef LIPD_WATCH_H
#define LIPD_WATCH_H

#include "server/request.h"

enum lipd_phase {
    LIPD_READING_HEAD,
    LIPD_READING_BODY,
    LIPD_WORKING,   /* no deadline; a client that leaves is noticed */
    LIPD_WAITING,   /* the same, and the request's `leave` is called */
    LIPD_REPLYING,  /* the deadline is for the whole answer */
    LIPD_STREAMING, /* for the next bytes of it; soon while draining */
    LIPD_CUT        /* the sweeper has shut the socket down */
};

struct lipd_watch;
struct lipd_connection;

/* NULL where memory or the thread was refused. */
struct lipd_watch *lipd_watch_start(void);

/* Every connection must have been removed. */
void lipd_watch_stop(struct lipd_watch *watch);

/* Watches a new connection, which begins in READING_HEAD. NULL where there is
 * no memory. */
struct lipd_connection *lipd_watch_add(struct lipd_watch *watch, int fd,
                                       double deadline);

/* Forgets it; to be called before the socket is closed. */
void lipd_watch_remove(struct lipd_watch *watch,
                       struct lipd_connection *connection);

/* Asks that the socket, when it is removed, is kept open behind the library's
 * back for a moment and what still arrives is read and dropped: a close with
 * unread bytes would reset the connection, and the client might never see the
 * answer that was sent before its upload was read. */
void lipd_connection_linger(struct lipd_connection *connection);

/* Says that the connection is encrypted by somebody else: the sweeper writes
 * nothing to its socket, and a client that is too slow is cut off unheard. */
void lipd_connection_seal(struct lipd_connection *connection);

/* Moves a connection to its next phase; `request` is the one in work there, or
 * NULL. False where the sweeper has cut it: the caller must let go. */
bool lipd_connection_enter(struct lipd_connection *connection,
                           enum lipd_phase phase, double deadline,
                           struct lipd_request *request);

#endif
