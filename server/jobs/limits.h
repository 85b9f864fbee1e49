/* SPDX-License-Identifier: MIT
 *
 * What the zeros of the configuration come to for jobs on this machine. */
#ifndef LIPD_JOBS_LIMITS_H
#define LIPD_JOBS_LIMITS_H

#include "server/config.h"
#include "server/quota.h"

/* Processes at once, threads and bytes of each; at least 1. */
size_t lipd_job_processes(const struct lipd_config *config);
size_t lipd_job_threads(const struct lipd_config *config);
size_t lipd_job_memory(const struct lipd_config *config);

/* What a job with this quota may take: memory and seconds are the least of
 * both. */
struct lipd_quota lipd_job_may(const struct lipd_config *config,
                               struct lipd_quota quota);

#endif
