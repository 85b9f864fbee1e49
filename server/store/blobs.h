/* SPDX-License-Identifier: MIT
 *
 * Files that several machines share: models, data sets, and what a job that was
 * interrupted goes on from. Every daemon keeps them on its own disk too (a
 * shelf, a job's folder); this is where one that has not got a file finds it.
 * With one machine there is none of this. */
#ifndef LIPD_STORE_BLOBS_H
#define LIPD_STORE_BLOBS_H

#include "api/problem.h"

#include <stdbool.h>
#include <stddef.h>

struct lipd_blobs;

struct lipd_blobs_ops {
    /* Keeps `size` bytes of the descriptor, from its beginning, under a kind
     * ("model", "dataset", "job") and a name; a checkpoint replaces the one
     * before, others of the same name are the same. All there or not at all. */
    bool (*put)(struct lipd_blobs *blobs, const char *kind, const char *name,
                int fd, size_t size, struct api_problem *problem);
    /* The same for the checkpoint of a job while this owner holds the job, and
     * it lasts until the job is over: NOT_FOUND where it does not. */
    bool (*put_held)(struct lipd_blobs *blobs, const char *job,
                     const char *owner, int fd, size_t size,
                     struct api_problem *problem);
    /* Writes it to the descriptor; *size is what was written. NOT_FOUND. */
    bool (*get)(struct lipd_blobs *blobs, const char *kind, const char *name,
                int fd, size_t *size, struct api_problem *problem);
    /* One that is not there is no failure. */
    bool (*remove)(struct lipd_blobs *blobs, const char *kind, const char *name,
                   struct api_problem *problem);
    void (*close)(struct lipd_blobs *blobs);
};

struct lipd_blobs {
    const struct lipd_blobs_ops *ops;
};

#endif
