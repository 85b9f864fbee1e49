/* SPDX-License-Identifier: MIT
 *
 * A body that goes to the disk as it arrives, to be read from there: a model or
 * a data set may be larger than the memory that uploads should take. */
#ifndef LIPD_SPOOL_H
#define LIPD_SPOOL_H

#include "api/problem.h"

#include <stdbool.h>
#include <stddef.h>

struct lipd_shelf;

/* All zero: none. */
struct lipd_spool {
    struct lipd_shelf *shelf;
    int fd;
    size_t head; /* bytes before the body */
    size_t size; /* with them */
    size_t booked;
};

/* A complete body as memory: a read-only mapping of a file without a name. All
 * zero: none. */
struct lipd_upload {
    struct lipd_shelf *shelf;
    int fd;
    void *file;                 /* all of it */
    const unsigned char *bytes; /* the body */
    size_t head, size, booked;  /* of the body: size */
};

/* Opens a file for `announced` bytes (0: not known) on the disk of a shelf, and
 * begins it with `head_size` bytes that are to stand before them. What lies in
 * such files at once is within the shelf's quota, too. STORAGE_FULL,
 * OVERLOADED (other uploads take the room), INTERNAL. */
bool lipd_spool_begin(struct lipd_spool *spool, struct lipd_shelf *shelf,
                      const void *head, size_t head_size, size_t announced,
                      struct api_problem *problem);
bool lipd_spool_add(struct lipd_spool *spool, const void *bytes, size_t size,
                    struct api_problem *problem);

/* Hands the bytes over; the spool is none then. MALFORMED_BODY
 * (there are none), INTERNAL. */
bool lipd_spool_map(struct lipd_upload *out, struct lipd_spool *spool,
                    struct api_problem *problem);

/* Nothing stays on the disk but what got a name (lipd_shelf_link). */
void lipd_spool_clear(struct lipd_spool *spool);
void lipd_upload_clear(struct lipd_upload *upload);

/* Says in a problem that data sets are not stored here. */
void lipd_no_datasets(struct api_problem *problem);

#endif
