/* SPDX-License-Identifier: MIT
 *
 * The way from the threads that move bytes to the workers: a bounded queue,
 * and before it a gate that books the memory a request is estimated to need,
 * so that what is accepted can be finished. */
#ifndef LIPD_QUEUE_H
#define LIPD_QUEUE_H

#include "api/problem.h"
#include "base/context.h"
#include "server/pace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct lipd_request;

struct lipd_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct lipd_request **slot; /* a ring */
    size_t capacity, first, count;
    bool closed;
    struct lipd_pace pace; /* workers and --max-wait are set by the service */
    size_t memory_limit;
    _Atomic size_t reserved;
};

/* LIP_NO_MEMORY is the only failure. */
enum lip_status lipd_queue_init(struct lipd_queue *queue, size_t capacity,
                                size_t memory_limit, struct lip_ctx *ctx);
void lipd_queue_clear(struct lipd_queue *queue);

/* Books bytes; false, and nothing booked, where they do not fit. */
bool lipd_queue_reserve(struct lipd_queue *queue, size_t bytes);
void lipd_queue_release(struct lipd_queue *queue, size_t bytes);

/* A request came, at lip_now(): is there room for it to wait? */
bool lipd_queue_come(struct lipd_queue *queue, double now);

/* A request was answered after so many seconds of work. */
void lipd_queue_done(struct lipd_queue *queue, double seconds);

/* False where the queue is closed, full, or so long that no more may wait. */
bool lipd_queue_push(struct lipd_queue *queue, struct lipd_request *request);

/* Waits for a request; NULL once the queue is closed and empty. */
struct lipd_request *lipd_queue_pop(struct lipd_queue *queue);

/* Seconds that the request that is popped next has waited; 0: none waits. */
double lipd_queue_age(struct lipd_queue *queue);

/* Says that no more may wait, and when to come again. */
void lipd_queue_refuse(struct lipd_queue *queue, struct api_problem *problem);

/* Seconds that one more would wait. */
double lipd_queue_wait(struct lipd_queue *queue);

size_t lipd_queue_depth(struct lipd_queue *queue);

/* No more may wait, or a request was refused within the last second. */
bool lipd_queue_full(struct lipd_queue *queue, double now);

/* Takes no more; what is in it is still popped. */
void lipd_queue_close(struct lipd_queue *queue);

#endif
