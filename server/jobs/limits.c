/* SPDX-License-Identifier: MIT
 *
 * Requests and jobs share the machine: half of the processors and half of the
 * memory are the jobs'. */
#include "server/jobs/limits.h"

#include "server/machine.h"

static size_t at_least_one(size_t value)
{
    return value ? value : 1;
}

size_t lipd_job_processes(const struct lipd_config *config)
{
    return config->jobs ? config->jobs
                        : at_least_one(lipd_machine_processors() / 2);
}

size_t lipd_job_threads(const struct lipd_config *config)
{
    return config->job_threads ? config->job_threads
                               : at_least_one(lipd_machine_processors() /
                                              lipd_job_processes(config));
}

size_t lipd_job_memory(const struct lipd_config *config)
{
    return config->job_memory ? config->job_memory
                              : at_least_one(lipd_machine_memory() / 2 /
                                             lipd_job_processes(config));
}

struct lipd_quota lipd_job_may(const struct lipd_config *config,
                               struct lipd_quota quota)
{
    quota.memory = lipd_least(lipd_job_memory(config), quota.memory);
    quota.seconds = lipd_least_of(config->job_time, quota.seconds);
    return quota;
}
