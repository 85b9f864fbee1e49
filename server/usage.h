/* SPDX-License-Identifier: MIT
 *
 * What this process takes of the machine. */
#ifndef LIPD_USAGE_H
#define LIPD_USAGE_H

#include <stdint.h>

/* Zeros where the system does not tell. */
struct lipd_usage {
    int64_t resident; /* bytes */
    int64_t descriptors;
    int64_t cpu; /* nanoseconds, of all threads */
};
void lipd_usage(struct lipd_usage *out);

#endif
