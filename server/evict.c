/* SPDX-License-Identifier: MIT
 *
 * A model is taken from those who would open it before it is asked whether a
 * job names it: a request that adds such a job has it open all the while. */
#include "server/evict.h"

#include "api/job.h"
#include "server/jobs/job_store.h"
#include "server/keep.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/model_store.h"
#include "server/uses.h"

#include <string.h>

enum { PAGE = 16 };

bool lipd_may_evict(const struct lipd_service *service)
{
    return service->holdings && !strcmp(service->config->evict, "models");
}

static void log_evicted(const struct lipd_holding *model, const char *tenant)
{
    struct api_text line;
    char used[API_TIME_SIZE];
    lipd_metric_add(LIPD_EVICTED, 0, 1);
    if (!lipd_log_on(LIPD_INFO))
        return;
    api_time(used, model->used);
    lipd_log_open(&line, LIPD_INFO, "evict");
    api_put_string(&line, "model", model->id);
    if (tenant && *tenant)
        api_put_string(&line, "tenant", tenant);
    api_put_count(&line, "bytes", model->bytes);
    api_put_string(&line, "used", used);
    lipd_log_close(&line);
}

/* A model that may go goes. */
static bool evict(struct lipd_service *service,
                  const struct lipd_holding *model, const char *tenant)
{
    struct api_problem ignored;
    bool needed = true, gone = false;
    if (!lipd_uses_take(service->uses, model->id))
        return false;
    if (!service->jobs || (service->jobs->ops->names(service->jobs, model->id,
                                                     &needed, &ignored) &&
                           !needed))
        gone = lipd_release(service, LIPD_MODEL, model->id, tenant, &ignored);
    lipd_uses_give(service->uses, model->id);
    if (gone)
        log_evicted(model, tenant);
    return gone;
}

bool lipd_evict(struct lipd_service *service, const char *tenant,
                struct api_problem *problem)
{
    struct lipd_holdings *holdings = service->holdings;
    struct lipd_holding model[PAGE];
    size_t count = PAGE;
    lipd_uses_flush(service->uses, holdings);
    for (size_t skip = 0; count == PAGE; skip += PAGE) {
        if (!holdings->ops->stale(holdings, LIPD_MODEL, tenant, skip, model,
                                  &count, PAGE, problem))
            return false;
        for (size_t i = 0; i < count; i++)
            if (evict(service, &model[i], tenant))
                return true;
    }
    return false;
}
