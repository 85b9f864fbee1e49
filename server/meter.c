/* SPDX-License-Identifier: MIT
 *
 * The budget asks when it is used up; it may do so from any thread that works
 * for the request. */
#include "server/meter.h"

#include "server/metrics.h"
#include "server/service.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { STEP = 1 << 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool reserve(struct lipd_request *request, size_t limit)
{
    struct lip_budget *budget = &request->budget;
    size_t more = limit - atomic_load(&budget->limit);
    if (!lipd_queue_reserve(&request->service->queue, more))
        return false;
    request->reserved += more;
    atomic_store(&budget->limit, limit);
    return true;
}

/* In steps of a quarter, or exactly where there is no room for that. */
static bool raise(struct lipd_request *request, size_t used)
{
    size_t limit = atomic_load(&request->budget.limit);
    size_t step = limit / 4 > STEP ? limit / 4 : STEP;
    size_t target = used > limit + step ? used : limit + step;
    if (used <= limit)
        return true;
    if (used > request->memory_most)
        return false;
    if (target > request->memory_most)
        target = request->memory_most;
    if (reserve(request, target) || reserve(request, used))
        return true;
    request->no_room = true;
    return false;
}

static bool grow(struct lip_budget *budget, size_t used)
{
    struct lipd_request *request =
        (struct lipd_request *)((char *)budget -
                                offsetof(struct lipd_request, budget));
    pthread_mutex_lock(&lock);
    bool raised = raise(request, used);
    pthread_mutex_unlock(&lock);
    return raised;
}

void lipd_meter_start(struct lipd_request *request)
{
    struct lip_budget *budget = &request->budget;
    size_t most = atomic_load(&budget->limit);
    request->memory_most = most ? most : SIZE_MAX;
    request->no_room = false;
    atomic_store(&budget->limit, request->reserved ? request->reserved : 1);
    budget->grow = grow;
}

bool lipd_meter_failed(const struct lipd_request *request,
                       struct api_problem *problem)
{
    if (!request->no_room)
        return false;
    lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_MEMORY, 1);
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "The requests being served leave no room for this one, "
                    "which takes more than %zu bytes of memory. Try again "
                    "later.",
                    atomic_load(&request->budget.limit));
    return true;
}
