/* SPDX-License-Identifier: MIT
 *
 * What of the machine this process may use: a container or a batch system
 * often grants less than there is. */
#ifndef LIPD_MACHINE_H
#define LIPD_MACHINE_H

#include <stddef.h>

/* Processors: the affinity mask, cut by the cgroup's CPU quota (rounded up);
 * at least 1. */
size_t lipd_machine_processors(void);

/* Bytes of memory: what is installed, cut by the cgroup's limit. */
size_t lipd_machine_memory(void);

/* The processors that "QUOTA PERIOD" (as in cgroup v2's cpu.max) grants,
 * rounded up; 0 for "max ..." and for anything that is not a quota. */
size_t lipd_machine_quota(const char *text);

/* Floating-point operations that one worker does in a second: what the option
 * says, or half of the rate of a product of matrices, measured once in the
 * process, in some milliseconds. */
struct lipd_config;
double lipd_machine_speed(const struct lipd_config *config);

#endif
