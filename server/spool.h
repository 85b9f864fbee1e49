/* SPDX-License-Identifier: MIT
 *
 * A body that goes to the disk as it arrives, to be read from there: a data
 * set may be larger than the memory that uploads should take. */
#ifndef LIPD_SPOOL_H
#define LIPD_SPOOL_H

#include "api/problem.h"

#include <stdbool.h>
#include <stddef.h>

struct lipd_dataset_store;

/* All zero: none. */
struct lipd_spool {
    struct lipd_dataset_store *store;
    int fd;
    size_t size, booked;
};

/* A complete body as memory: a read-only mapping. All zero: none. */
struct lipd_upload {
    struct lipd_dataset_store *store;
    unsigned char *bytes;
    size_t size, booked;
};

/* Opens a file for `announced` bytes (0: not known). STORAGE_FULL, OVERLOADED
 * (other uploads take the room), INTERNAL; NOT_FOUND without a store. */
bool lipd_spool_begin(struct lipd_spool *spool,
                      struct lipd_dataset_store *store, size_t announced,
                      struct api_problem *problem);
bool lipd_spool_add(struct lipd_spool *spool, const void *bytes, size_t size,
                    struct api_problem *problem);

/* Hands the bytes over; the spool is none then. MALFORMED_BODY
 * (there are none), INTERNAL. */
bool lipd_spool_map(struct lipd_upload *out, struct lipd_spool *spool,
                    struct api_problem *problem);

/* Nothing stays on the disk. */
void lipd_spool_clear(struct lipd_spool *spool);
void lipd_upload_clear(struct lipd_upload *upload);

/* Says in a problem that data sets are not stored here. */
void lipd_no_datasets(struct api_problem *problem);

#endif
