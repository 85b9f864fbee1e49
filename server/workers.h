/* SPDX-License-Identifier: MIT
 *
 * The compute threads: each takes a request from the queue, runs its handler
 * with a context of its own, and hands the answer back. */
#ifndef LIPD_WORKERS_H
#define LIPD_WORKERS_H

#include "server/service.h"

struct lipd_workers;

/* Starts service->workers threads and, where there are jobs, the one of the
 * requests that only touch the disk. NULL where a thread or memory was refused.
 */
struct lipd_workers *lipd_workers_start(struct lipd_service *service);

/* Closes the queue and waits until it is empty and every thread has ended. */
void lipd_workers_stop(struct lipd_workers *workers);

#endif
