/* SPDX-License-Identifier: MIT
 *
 * Which stores there are is decided here and nowhere else. */
#include "server/store/store.h"

#include "server/store/postgres.h"

#include <stdio.h>
#include <string.h>

static bool no_memory(char *complaint, size_t size)
{
    snprintf(complaint, size, "There is no memory for the stores.");
    return false;
}

static bool open_shared(struct lipd_stores *stores,
                        const struct lipd_config *config, lipd_store_news *news,
                        void *arg, char *complaint, size_t size)
{
    stores->pg = lipd_pg_open(config->store, complaint, size);
    if (!stores->pg)
        return false;
    stores->jobs = lipd_pg_jobs(stores->pg);
    stores->blobs = lipd_pg_blobs(stores->pg);
    stores->holdings = lipd_pg_holdings(stores->pg);
    if (config->max_results)
        stores->results = lipd_pg_results(stores->pg, config->max_results);
    if (!stores->jobs || !stores->blobs || !stores->holdings ||
        (config->max_results && !stores->results))
        return no_memory(complaint, size);
    if (news && !(stores->listener = lipd_pg_listen(stores->pg, news, arg)))
        return no_memory(complaint, size);
    return true;
}

static bool open_own(struct lipd_stores *stores,
                     const struct lipd_config *config, char *complaint,
                     size_t size)
{
    stores->jobs = lipd_job_store_sqlite(config->data_dir, complaint, size);
    if (stores->jobs)
        stores->holdings =
            lipd_holdings_sqlite(config->data_dir, complaint, size);
    if (stores->holdings && config->max_results)
        stores->results = lipd_results_sqlite(
            config->data_dir, config->max_results, complaint, size);
    return stores->holdings && (stores->results || !config->max_results);
}

bool lipd_stores_open(struct lipd_stores *stores,
                      const struct lipd_config *config, lipd_store_news *news,
                      void *arg, char *complaint, size_t complaint_size)
{
    memset(stores, 0, sizeof *stores);
    bool open =
        *config->store
            ? open_shared(stores, config, news, arg, complaint, complaint_size)
            : open_own(stores, config, complaint, complaint_size);
    if (!open)
        lipd_stores_close(stores);
    return open;
}

void lipd_stores_deafen(struct lipd_stores *stores)
{
    lipd_pg_unlisten(stores->listener);
    stores->listener = NULL;
}

void lipd_stores_close(struct lipd_stores *stores)
{
    lipd_stores_deafen(stores);
    if (stores->jobs)
        stores->jobs->ops->close(stores->jobs);
    if (stores->holdings)
        stores->holdings->ops->close(stores->holdings);
    if (stores->results)
        stores->results->ops->close(stores->results);
    if (stores->blobs)
        stores->blobs->ops->close(stores->blobs);
    lipd_pg_close(stores->pg);
    memset(stores, 0, sizeof *stores);
}
