/* SPDX-License-Identifier: MIT
 *
 * PostgreSQL as all stores use it: a small pool of connections, statements
 * that are prepared once on each, and calls that outlive a connection that
 * breaks. Nothing here ever says what the URL holds. */
#ifndef LIPD_STORE_POSTGRES_H
#define LIPD_STORE_POSTGRES_H

#include "server/jobs/job_store.h"
#include "server/store/blobs.h"
#include "server/store/results.h"
#include "server/store/store.h"

#include <libpq-fe.h>
#include <pthread.h>

/* Seconds after which somebody may have made room on the database's disk. */
enum { LIPD_PG_FULL_RETRY = 10 };

/* The channel on which every change of a job is told. */
#define LIPD_PG_CHANNEL "lipschitzd"

struct lipd_pg;

/* Connects, waiting for a database that is only just starting, and brings its
 * tables up to date. NULL with a sentence. */
struct lipd_pg *lipd_pg_open(const char *url, char *complaint, size_t size);
void lipd_pg_close(struct lipd_pg *pg);

/* --- calls */

enum { LIPD_PG_VALUES = 11, LIPD_PG_CALLS = 3 };

/* A statement with its values. Each call is a transaction by itself. */
struct lipd_pg_call {
    const char *sql; /* of static storage: it is prepared under its address */
    const char *value[LIPD_PG_VALUES];
    int size[LIPD_PG_VALUES]; /* of binary ones */
    int binary[LIPD_PG_VALUES];
    int count;
    int binary_result;
    char number[LIPD_PG_VALUES][32];
};

/* The values: a letter each, 't' a text (NULL allowed), 'i' an int64_t, 'r' a
 * double, 'b' bytes (const void *, size_t). */
void lipd_pg_call(struct lipd_pg_call *call, const char *sql, const char *types,
                  ...);

/* --- talking: what libpq does, but for at most so many seconds of silence */

#define LIPD_PG_SILENCE 8.0

struct lipd_pg_values {
    const char *const *value;
    const int *size, *binary;
    int count;
};

/* A statement and its last result, PQclear is the caller's; NULL without
 * memory, or where nothing could be sent. The values of the second, and its
 * result, may be binary. */
PGresult *lipd_pg_execute(PGconn *connection, const char *sql);
PGresult *lipd_pg_execute_with(PGconn *connection, const char *sql,
                               const struct lipd_pg_values *values);
PGresult *lipd_pg_prepare(PGconn *connection, const char *name,
                          const char *sql);

/* Has everything sent; the next result of what was, which took `sent` bytes. */
bool lipd_pg_flush(PGconn *connection);
PGresult *lipd_pg_result(PGconn *connection, size_t sent);

/* --- trying */

enum lipd_pg_fate { LIPD_PG_DONE, LIPD_PG_AGAIN, LIPD_PG_FAILED };

/* How long a call has been tried for; zero at first. */
struct lipd_pg_turn {
    double until;
    unsigned tries;
};

/* Sends the calls in one packet and gives the result of each (PQclear is the
 * caller's). AGAIN: nothing came back, though they may have been done; ask
 * once more. FAILED: STORAGE_FULL; OVERLOADED where the database cannot be
 * reached; INTERNAL. */
enum lipd_pg_fate lipd_pg_try(struct lipd_pg *pg, struct lipd_pg_turn *turn,
                              const struct lipd_pg_call *call, size_t count,
                              PGresult **result, struct api_problem *problem);

/* The same for calls that may be done twice. */
bool lipd_pg_ask(struct lipd_pg *pg, const struct lipd_pg_call *call,
                 size_t count, PGresult **result, struct api_problem *problem);

/* Several statements as one transaction, from the beginning again where the
 * connection breaks: `work` returns false after a failure of the connection's
 * (it is judged here) or with *stop set and the problem filled. */
typedef bool lipd_pg_work(PGconn *connection, void *arg, bool *stop,
                          struct api_problem *problem);
bool lipd_pg_transaction(struct lipd_pg *pg, lipd_pg_work *work, void *arg,
                         struct api_problem *problem);

/* Has the database been gone for longer than a call waits for it? Costs
 * nothing; the problem says so. */
bool lipd_pg_is_down(struct lipd_pg *pg, struct api_problem *problem);

/* Does this connection belong to the pool's, by the number of its process? */
bool lipd_pg_is_ours(struct lipd_pg *pg, int process);

/* --- parts */

/* A new connection, set up; NULL with a sentence. */
PGconn *lipd_pg_connect(const struct lipd_pg *pg, char *complaint, size_t size);

/* What somebody who asks all the time (the listener, who says so first) has
 * found: from then on nobody else tries to reach a database that is gone. */
void lipd_pg_mind(struct lipd_pg *pg);
void lipd_pg_found(struct lipd_pg *pg, bool there);

/* In postgres_schema.c: the tables, made or brought to the newest version. */
bool lipd_pg_migrate(PGconn *connection, char *complaint, size_t size);

/* In postgres_listen.c: a thread with a connection of its own that hears of
 * what others change. */
struct lipd_pg_listener;
struct lipd_pg_listener *lipd_pg_listen(struct lipd_pg *pg,
                                        lipd_store_news *news, void *arg);
void lipd_pg_unlisten(struct lipd_pg_listener *listener);

/* In postgres_leases.c: the leases of all that run jobs, as they were seen
 * last, by our own clock. One that nobody prolonged for as long as it is has
 * run out: the job is queued again. From any thread; looks only now and then,
 * the more often the shorter leases are, this one and those seen. */
struct lipd_pg_lease;
struct lipd_pg_leases {
    pthread_mutex_t lock;
    struct lipd_pg_lease *lease;
    size_t count;
    double look_at, looked; /* lip_now(): when next, and when last */
};
void lipd_pg_leases_init(struct lipd_pg_leases *leases);
void lipd_pg_leases_look(struct lipd_pg_leases *leases, struct lipd_pg *pg,
                         double lease);
void lipd_pg_leases_clear(struct lipd_pg_leases *leases);

/* In postgres_input.c: the `input` of the job store. */
bool lipd_pg_input(struct lipd_pg *pg, const char *id, int fd, bool *there,
                   struct api_problem *problem);

/* In postgres_jobs.c, postgres_blobs.c, postgres_holdings.c,
 * postgres_results.c; NULL without memory. Closing one leaves the pool open. */
struct lipd_job_store *lipd_pg_jobs(struct lipd_pg *pg);
struct lipd_blobs *lipd_pg_blobs(struct lipd_pg *pg);
struct lipd_holdings *lipd_pg_holdings(struct lipd_pg *pg);
struct lipd_results *lipd_pg_results(struct lipd_pg *pg, size_t most);

#endif
