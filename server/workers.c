/* SPDX-License-Identifier: MIT
 *
 * Workers cancel through the context's progress callback: it is asked at least
 * every 50 ms of work. */
#include "server/workers.h"

#include "server/metrics.h"
#include "server/request.h"
#include "server/routes.h"

#include <malloc.h>
#include <pthread.h>

/* A request that took so much is followed by giving memory back: the C library
 * keeps what is freed in pieces, for ever. */
enum { TRIM_ABOVE = 4 << 20 };

struct lipd_workers {
    struct lipd_service *service;
    size_t count;
    bool has_desk;
    pthread_t desk;
    pthread_t thread[];
};

static bool go_on(void *arg, const struct lip_progress *progress)
{
    const struct lipd_request *request = arg;
    (void)progress;
    return !atomic_load(&request->abandoned) &&
           !atomic_load(&request->service->cancelled);
}

/* A worker that is idle now lends its core to one that is not. Answers do not
 * depend on how many there are. */
static unsigned threads(const struct lipd_service *service)
{
    size_t busy = atomic_load(&service->busy);
    return busy < service->workers ? (unsigned)(1 + service->workers - busy)
                                   : 1;
}

/* Runs the handler; false where it parked the request, which may be gone. */
static bool run(struct lipd_service *service, struct lipd_request *request)
{
    bool parked = false;
    struct lip_ctx ctx = {
        .budget = &request->budget,
        .threads = threads(service),
        .progress = go_on,
        .progress_arg = request,
        .deadline = lip_now() + lipd_request_seconds(request),
    };
    request->ctx = &ctx;
    request->parked = &parked;
    if (go_on(request, NULL))
        request->route->handle(request);
    if (parked)
        return false;
    request->parked = NULL;
    /* What was cancelled says so, not what the cancelling broke; an answer
     * that was complete stays. */
    if (!go_on(request, NULL) && request->reply.status / 100 != 2)
        lipd_reply_fail(request, API_PROBLEM_DRAINING,
                        "The work was cancelled: this daemon is shutting down; "
                        "ask another one.");
    request->ctx = NULL;
    return true;
}

static void give_back_memory(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

static void *work(void *arg)
{
    struct lipd_service *service = arg;
    struct lipd_request *request;
    while ((request = lipd_queue_pop(&service->queue))) {
        double start = lip_now();
        lipd_metric_observe(LIPD_QUEUE_SECONDS, 0, start - request->queued);
        lipd_metric_add(LIPD_WORKERS_BUSY, 0, 1);
        atomic_fetch_add(&service->busy, 1);
        bool ready = run(service, request);
        atomic_fetch_sub(&service->busy, 1);
        lipd_metric_add(LIPD_WORKERS_BUSY, 0, -1);
        lipd_metric_observe(LIPD_WORK_SECONDS, 0, lip_now() - start);
        lipd_queue_done(&service->queue, lip_now() - start);
        if (!ready) /* it may be gone */
            continue;
        bool was_large = atomic_load(&request->budget.peak) > TRIM_ABOVE;
        request->finish(request);
        if (was_large)
            give_back_memory();
    }
    return NULL;
}

/* The thread of what only touches the disk. */
static void *attend(void *arg)
{
    struct lipd_service *service = arg;
    struct lipd_request *request;
    while ((request = lipd_queue_pop(&service->desk))) {
        double start = lip_now();
        bool ready = run(service, request);
        lipd_queue_done(&service->desk, lip_now() - start);
        if (ready)
            request->finish(request);
    }
    return NULL;
}

void lipd_workers_stop(struct lipd_workers *workers)
{
    if (!workers)
        return;
    lipd_queue_close(&workers->service->queue);
    lipd_queue_close(&workers->service->desk);
    for (size_t i = 0; i < workers->count; i++)
        pthread_join(workers->thread[i], NULL);
    if (workers->has_desk)
        pthread_join(workers->desk, NULL);
    lip_free(workers);
}

struct lipd_workers *lipd_workers_start(struct lipd_service *service)
{
    size_t size =
        sizeof(struct lipd_workers) + service->workers * sizeof(pthread_t);
    struct lipd_workers *workers = lip_calloc(NULL, 1, size);
    if (!workers)
        return NULL;
    workers->service = service;
    for (; workers->count < service->workers; workers->count++)
        if (pthread_create(&workers->thread[workers->count], NULL, work,
                           service)) {
            lipd_workers_stop(workers);
            return NULL;
        }
    if (!service->jobs)
        return workers;
    workers->has_desk = !pthread_create(&workers->desk, NULL, attend, service);
    if (workers->has_desk)
        return workers;
    lipd_workers_stop(workers);
    return NULL;
}
