/* SPDX-License-Identifier: MIT
 *
 * A data directory has one daemon at a time: two would run the same jobs, and
 * remove each other's unfinished files. */
#ifndef LIPD_DATA_LOCK_H
#define LIPD_DATA_LOCK_H

#include <stddef.h>

/* Makes the directory where it is missing and locks DIRECTORY/lock: a
 * descriptor, which holds the lock until it is closed or the process ends in
 * whatever way; -1 with a sentence. */
int lipd_data_lock(const char *directory, char *complaint,
                   size_t complaint_size);

#endif
