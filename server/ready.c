/* SPDX-License-Identifier: MIT
 *
 * A reason is one function and one row. */
#include "server/ready.h"

#include "server/jobs/job_store.h"
#include "server/jobs/watched_store.h"
#include "server/metrics.h"

#include <stdio.h>
#include <sys/statvfs.h>

enum { DETAIL = 512, LEAST_ROOM = 1 << 20 /* bytes on the disk */ };

/* For so many seconds after the store failed we are not ready. */
static const double trouble_lasts = 10;

static bool is_draining(char *detail, struct lipd_service *service)
{
    snprintf(detail, DETAIL, "This daemon is shutting down; ask another one.");
    return atomic_load(&service->state) != LIPD_SERVING;
}

static bool queue_is_full(char *detail, struct lipd_service *service)
{
    snprintf(
        detail, DETAIL,
        "%zu requests wait, or waited a moment ago, as many as --queue and "
        "--max-wait let.",
        lipd_queue_depth(&service->queue));
    return lipd_queue_full(&service->queue, lip_now());
}

/* Not even a request of no size could be booked. */
static bool memory_is_full(char *detail, struct lipd_service *service)
{
    size_t used = atomic_load(&service->queue.reserved);
    snprintf(detail, DETAIL,
             "The requests in flight may need %zu of the %zu bytes of "
             "--max-memory.",
             used, service->max_memory);
    return used > service->max_memory - lipd_estimate(0);
}

/* Of our own list only: of one that daemons share all would say the same, and
 * a load balancer would leave nobody to ask after a job. */
static bool jobs_are_full(char *detail, struct lipd_service *service)
{
    int64_t queued = lipd_metric_get(LIPD_JOBS_QUEUED, 0);
    snprintf(detail, DETAIL,
             "%lld jobs wait already, as many as --max-jobs "
             "lets.",
             (long long)queued);
    return service->jobs && !*service->config->store &&
           queued >= (int64_t)service->config->max_jobs;
}

static bool store_fails(char *detail, struct lipd_service *service)
{
    struct api_problem problem;
    if (!service->jobs ||
        (service->jobs->ops->there(service->jobs, &problem) &&
         !lipd_store_trouble(service->jobs, trouble_lasts, &problem)))
        return false;
    snprintf(detail, DETAIL, "%.400s", problem.detail);
    return true;
}

static bool disk_is_full(char *detail, struct lipd_service *service)
{
    struct statvfs disk;
    snprintf(detail, DETAIL,
             "There is less than a megabyte of room where --data-dir is.");
    return *service->config->data_dir &&
           !statvfs(service->config->data_dir, &disk) &&
           (double)disk.f_bavail * (double)disk.f_frsize < LEAST_ROOM;
}

static const struct {
    const char *code;
    bool (*holds)(char *detail, struct lipd_service *service);
} reasons[] = {
    {"draining", is_draining},       {"queue-full", queue_is_full},
    {"memory-full", memory_is_full}, {"jobs-full", jobs_are_full},
    {"store-failing", store_fails},  {"disk-full", disk_is_full},
};

enum { REASONS = sizeof reasons / sizeof *reasons };

bool lipd_ready_write(struct api_text *text, struct lipd_service *service)
{
    char detail[REASONS][DETAIL];
    bool holds[REASONS], ready = true;
    for (size_t i = 0; i < REASONS; i++) {
        holds[i] = reasons[i].holds(detail[i], service);
        ready = ready && !holds[i];
    }
    api_object_open(text, NULL);
    api_put_bool(text, "ready", ready);
    if (!ready)
        api_array_open(text, "reasons");
    for (size_t i = 0; i < REASONS; i++) {
        if (!holds[i])
            continue;
        api_object_open(text, NULL);
        api_put_string(text, "code", reasons[i].code);
        api_put_string(text, "detail", detail[i]);
        api_object_close(text);
    }
    if (!ready)
        api_array_close(text);
    api_object_close(text);
    return ready;
}
