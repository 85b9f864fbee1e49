/* SPDX-License-Identifier: MIT
 *
 * The runner: one thread that claims jobs, starts a process for each, hears
 * its progress, passes on cancels, and writes down how it ended. */
#ifndef LIPD_JOBS_RUNNER_H
#define LIPD_JOBS_RUNNER_H

#include "server/service.h"

struct lipd_runner;

/* Starts the thread; jobs that an earlier daemon left running go on. Needs
 * service->jobs, service->store and a data directory. NULL with a sentence. */
struct lipd_runner *lipd_runner_start(struct lipd_service *service,
                                      char *complaint, size_t complaint_size);

/* Looks for queued and cancelled jobs now rather than at its next turn. */
void lipd_runner_wake(struct lipd_runner *runner);

/* News from other machines: this job, or perhaps any (""), has changed. NULL is
 * allowed. */
void lipd_runner_hear(struct lipd_runner *runner, const char *job);

/* Asks every child to keep a checkpoint and end, waits for that at most
 * `seconds`, then kills; their jobs are queued again. Waking does nothing any
 * more, and is allowed until lipd_runner_free. NULL is allowed for both. */
void lipd_runner_stop(struct lipd_runner *runner, double seconds);
void lipd_runner_free(struct lipd_runner *runner);

#endif
