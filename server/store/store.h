/* SPDX-License-Identifier: MIT
 *
 * All that outlives the daemon, behind one door: --store says where. Empty:
 * SQLite beside the files of --data-dir, one daemon. postgresql://...: a
 * database that any number of daemons and workers share. */
#ifndef LIPD_STORE_STORE_H
#define LIPD_STORE_STORE_H

#include "server/config.h"
#include "server/jobs/job_store.h"
#include "server/store/blobs.h"
#include "server/store/holdings.h"
#include "server/store/results.h"

struct lipd_pg;
struct lipd_pg_listener;

struct lipd_stores {
    struct lipd_job_store *jobs;
    struct lipd_holdings *holdings;
    struct lipd_results *results; /* NULL: none are kept (--max-results 0) */
    struct lipd_blobs *blobs;     /* NULL: one machine */
    /* What they share; NULL: one machine. */
    struct lipd_pg *pg;
    struct lipd_pg_listener *listener;
};

/* What changed in a store that others write to as well: called from a thread of
 * the store with a job's id, or "" where some may have been missed. */
typedef void lipd_store_news(void *arg, const char *job);

/* Opens what config->store names and brings its tables up to date. False with a
 * sentence. `news` may be NULL. */
bool lipd_stores_open(struct lipd_stores *stores,
                      const struct lipd_config *config, lipd_store_news *news,
                      void *arg, char *complaint, size_t complaint_size);
/* No more news from now on. */
void lipd_stores_deafen(struct lipd_stores *stores);
void lipd_stores_close(struct lipd_stores *stores);

#endif
