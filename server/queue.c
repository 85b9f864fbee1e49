/* SPDX-License-Identifier: MIT
 *
 * A ring under one lock: a request costs microseconds to compute at the least,
 * the lock costs tens of nanoseconds. */
#include "server/queue.h"

#include "server/request.h"

#include <math.h>

enum lip_status lipd_queue_init(struct lipd_queue *queue, size_t capacity,
                                size_t memory_limit, struct lip_ctx *ctx)
{
    *queue =
        (struct lipd_queue){.capacity = capacity, .memory_limit = memory_limit};
    lipd_pace_init(&queue->pace, 0, 1);
    queue->slot = lip_alloc(ctx, capacity, sizeof(struct lipd_request *));
    if (!queue->slot)
        return LIP_NO_MEMORY;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->filled, NULL);
    return LIP_OK;
}

void lipd_queue_clear(struct lipd_queue *queue)
{
    if (!queue->slot)
        return;
    lip_free(queue->slot);
    queue->slot = NULL;
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
}

bool lipd_queue_reserve(struct lipd_queue *queue, size_t bytes)
{
    size_t used = atomic_load(&queue->reserved);
    do {
        if (bytes > queue->memory_limit || used > queue->memory_limit - bytes)
            return false;
    } while (
        !atomic_compare_exchange_weak(&queue->reserved, &used, used + bytes));
    return true;
}

void lipd_queue_release(struct lipd_queue *queue, size_t bytes)
{
    atomic_fetch_sub(&queue->reserved, bytes);
}

/* The lock is held. */
static bool has_room(const struct lipd_queue *queue)
{
    return queue->count < queue->capacity &&
           lipd_pace_takes(&queue->pace, queue->count);
}

bool lipd_queue_come(struct lipd_queue *queue, double now)
{
    pthread_mutex_lock(&queue->lock);
    lipd_pace_arrive(&queue->pace, queue->count, now);
    bool room = has_room(queue);
    if (!room)
        queue->pace.refused = now;
    pthread_mutex_unlock(&queue->lock);
    return room;
}

void lipd_queue_done(struct lipd_queue *queue, double seconds)
{
    pthread_mutex_lock(&queue->lock);
    lipd_pace_done(&queue->pace, seconds);
    pthread_mutex_unlock(&queue->lock);
}

double lipd_queue_wait(struct lipd_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    double seconds = lipd_pace_wait(&queue->pace, queue->count);
    pthread_mutex_unlock(&queue->lock);
    return seconds;
}

void lipd_queue_refuse(struct lipd_queue *queue, struct api_problem *problem)
{
    const double most = 60;
    double wait = lipd_queue_wait(queue);
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "%zu requests wait already, for about %.3g seconds. Try "
                    "again later.",
                    lipd_queue_depth(queue), wait);
    problem->retry_after = (unsigned)fmin(fmax(ceil(wait), 1), most);
}

bool lipd_queue_push(struct lipd_queue *queue, struct lipd_request *request)
{
    pthread_mutex_lock(&queue->lock);
    bool fits = !queue->closed && has_room(queue);
    if (fits) {
        queue->slot[(queue->first + queue->count) % queue->capacity] = request;
        queue->count++;
        pthread_cond_signal(&queue->filled);
    }
    pthread_mutex_unlock(&queue->lock);
    return fits;
}

struct lipd_request *lipd_queue_pop(struct lipd_queue *queue)
{
    struct lipd_request *request = NULL;
    pthread_mutex_lock(&queue->lock);
    while (!queue->count && !queue->closed)
        pthread_cond_wait(&queue->filled, &queue->lock);
    if (queue->count) {
        request = queue->slot[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->count--;
    }
    pthread_mutex_unlock(&queue->lock);
    return request;
}

size_t lipd_queue_depth(struct lipd_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}

double lipd_queue_age(struct lipd_queue *queue)
{
    double age = 0;
    pthread_mutex_lock(&queue->lock);
    if (queue->count)
        age = lip_now() - queue->slot[queue->first]->queued;
    pthread_mutex_unlock(&queue->lock);
    return age > 0 ? age : 0;
}

bool lipd_queue_full(struct lipd_queue *queue, double now)
{
    const double lasts = 1;
    pthread_mutex_lock(&queue->lock);
    bool full = !has_room(queue) ||
                (queue->pace.refused > 0 && now < queue->pace.refused + lasts);
    pthread_mutex_unlock(&queue->lock);
    return full;
}

void lipd_queue_close(struct lipd_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}
