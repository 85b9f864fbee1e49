/* SPDX-License-Identifier: MIT
 *
 * Holding and letting go in the database, each one transaction: the calls of
 * struct lipd_holdings_ops of these names. */
#ifndef LIPD_STORE_POSTGRES_HOLD_H
#define LIPD_STORE_POSTGRES_HOLD_H

#include "server/store/holdings.h"
#include "server/store/postgres.h"

/* Whoever works on the file of a kind and a name waits here for the end of the
 * transaction of whoever does so already. */
bool lipd_pg_lock(PGconn *connection, const char *kind, const char *name);

bool lipd_pg_hold(struct lipd_pg *pg, struct lipd_held *out,
                  const struct lipd_wish *wish, struct api_problem *problem);
bool lipd_pg_key(struct lipd_pg *pg, struct lipd_held *out, const char *tenant,
                 const char *key, const char *digest,
                 struct api_problem *problem);
bool lipd_pg_let_go(struct lipd_pg *pg, enum lipd_thing thing, const char *id,
                    const char *tenant, bool *last,
                    struct api_problem *problem);
bool lipd_pg_sweep(struct lipd_pg *pg, enum lipd_thing thing, const char *id,
                   bool *last, struct api_problem *problem);

#endif
