/* SPDX-License-Identifier: MIT
 *
 * What all parts of the running daemon share. */
#ifndef LIPD_SERVICE_H
#define LIPD_SERVICE_H

#include "server/config.h"
#include "server/queue.h"

#include <stdatomic.h>
#include <stdbool.h>

struct lipd_access;
struct lipd_tls;
struct lipd_store;
struct lipd_dataset_store;
struct lipd_holdings;
struct lipd_job_store;
struct lipd_hub;
struct lipd_runner;
struct lipd_blobs;
struct lipd_uses;
struct lipd_results;

enum lipd_state {
    LIPD_SERVING,
    LIPD_CLOSING, /* not ready any more; what arrives is still taken */
    LIPD_DRAINING /* new work is refused */
};

struct lipd_service {
    const struct lipd_config *config;
    struct lipd_queue queue;
    /* Of requests that only touch the disk: a thread of their own answers
     * them, so that nobody who asks after a job waits for computations. */
    struct lipd_queue desk;
    struct lipd_access *access; /* NULL: open to everybody */
    struct lipd_tls *tls;       /* NULL: plain HTTP */
    /* NULL, all of them: no --data-dir. */
    struct lipd_store *store; /* of models */
    struct lipd_dataset_store *datasets;
    struct lipd_holdings *holdings; /* NULL also: all hold everything */
    struct lipd_uses *uses;         /* of models */
    struct lipd_job_store *jobs;
    struct lipd_results *results; /* NULL also: --max-results 0 */
    struct lipd_hub *hub;
    struct lipd_runner *runner;
    struct lipd_runner *_Atomic hears; /* it, once it can be told news */
    struct lipd_blobs *blobs;          /* NULL: one machine */
    _Atomic int state;                 /* enum lipd_state */
    _Atomic bool cancelled;            /* running work is to stop */
    /* What the zeros of the configuration came to on this machine. */
    size_t workers;
    _Atomic size_t busy; /* of them */
    size_t max_body;
    size_t max_memory;
    size_t max_request_memory;
    _Atomic size_t streams; /* of events, open */
    double started;         /* lip_now() */
};

/* A request that carries `body` bytes is booked with this many: the upload,
 * its numbers widened, and working memory of the order of a few layers. */
size_t lipd_estimate(size_t body);

/* Fills in the limits and makes the queue. LIP_NO_MEMORY is the only failure.
 */
enum lip_status lipd_service_init(struct lipd_service *service,
                                  const struct lipd_config *config,
                                  struct lip_ctx *ctx);
void lipd_service_clear(struct lipd_service *service);

/* The queue of requests that only touch the disk, or of the others. Without
 * jobs (which must be there before the workers are started) it is one. */
struct lipd_queue *lipd_service_queue(struct lipd_service *service, bool disk);

#endif
