/* SPDX-License-Identifier: MIT
 *
 * What the two halves of the pool share: connections (postgres.c), and what is
 * said on them (postgres_call.c). */
#ifndef LIPD_STORE_POSTGRES_POOL_H
#define LIPD_STORE_POSTGRES_POOL_H

#include "server/store/postgres.h"

#include <pthread.h>

enum { LIPD_PG_POOL = 8, LIPD_PG_PREPARED = 48 };

/* Seconds: how long a call waits for a database that is gone. */
#define LIPD_PG_PATIENCE 5.0

struct lipd_pg_link {
    PGconn *connection;
    bool busy;
    int process;
    const char *prepared[LIPD_PG_PREPARED];
    size_t count;
};

struct lipd_pg {
    PQconninfoOption *options;
    pthread_mutex_t lock;
    pthread_cond_t given_back;
    struct lipd_pg_link link[LIPD_PG_POOL];
    double down_since, next_try; /* 0: it is there */
    bool minded;                 /* lipd_pg_mind */
};

/* A link that is the caller's alone, connected or not; NULL: too busy. */
struct lipd_pg_link *lipd_pg_take(struct lipd_pg *pg);
void lipd_pg_give_back(struct lipd_pg *pg, struct lipd_pg_link *link);

/* Connects a link that is not. OVERLOADED. */
bool lipd_pg_link_up(struct lipd_pg *pg, struct lipd_pg_link *link,
                     struct api_problem *problem);
/* The link stays the caller's; others look at it under the lock. */
void lipd_pg_hang_up(struct lipd_pg *pg, struct lipd_pg_link *link);

void lipd_pg_rest(double seconds);

#endif
