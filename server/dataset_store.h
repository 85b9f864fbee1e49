/* SPDX-License-Identifier: MIT
 *
 * Data sets on disk, named by the digest of their numbers (lip_data_digest):
 * the same data in another format is the same data set. Each is one file in
 * DIRECTORY/datasets, in a form that is read back without parsing, complete or
 * not there. A data set may be deleted while jobs use it: who has it open
 * reads on, who comes later is told that it is not there. */
#ifndef LIPD_DATASET_STORE_H
#define LIPD_DATASET_STORE_H

#include "api/problem.h"
#include "base/digest.h"
#include "training/data.h"

#include <stdbool.h>

struct lipd_blobs;
struct lipd_shelf;
struct lipd_dataset_store;

/* What is known of a data set without its numbers. */
struct lipd_dataset {
    char id[LIP_DIGEST_TEXT];
    size_t rows, features, classes, targets;
    size_t bytes;   /* on disk */
    double created; /* seconds since 1970 */
    bool fresh;     /* of a put: it was not there before */
};

/* The daemon's: makes the folders where they are missing and removes what was
 * left unfinished. NULL with a sentence. */
struct lipd_dataset_store *lipd_dataset_store_open(const char *directory,
                                                   size_t quota,
                                                   char *complaint,
                                                   size_t complaint_size);
/* A job's: reads only. */
struct lipd_dataset_store *lipd_dataset_store_read_only(const char *directory,
                                                        char *complaint,
                                                        size_t complaint_size);
/* NULL is allowed. */
void lipd_dataset_store_close(struct lipd_dataset_store *store);

/* From now on others see what is stored here, and what they store is found:
 * the folder keeps copies. */
void lipd_dataset_store_share(struct lipd_dataset_store *store,
                              struct lipd_blobs *blobs);

bool lipd_dataset_id_valid(const char *id);

/* What a data set will be stored as, `created` now. False where its file would
 * be too large to be told. Reads all of it. */
bool lipd_dataset_describe(struct lipd_dataset *out,
                           const struct lip_data *data);

/* Stores a data set that lip_data_check has passed (nothing to do where it is
 * there already) and tells what is known of it. On return it is on the disk.
 * BODY_TOO_LARGE (over the quota by itself), STORAGE_FULL (with the quota),
 * INTERNAL. */
bool lipd_dataset_put(struct lipd_dataset_store *store,
                      const struct lip_data *data, struct lipd_dataset *out,
                      struct api_problem *problem);

/* The same of one that lipd_dataset_describe has described in `out`. */
bool lipd_dataset_put_described(struct lipd_dataset_store *store,
                                const struct lip_data *data,
                                struct lipd_dataset *out,
                                struct api_problem *problem);

/* NOT_FOUND, INTERNAL (damaged). */
bool lipd_dataset_show(struct lipd_dataset_store *store, const char *id,
                       struct lipd_dataset *out, struct api_problem *problem);

/* Up to `count` data sets in the order of their ids, from the first after
 * `after` ("": from the beginning) on; *more tells whether others follow.
 * Damaged ones are passed over. Returns how many. O(all of them). */
size_t lipd_dataset_list(struct lipd_dataset_store *store, const char *after,
                         struct lipd_dataset *out, size_t count, bool *more);

/* The numbers, checked against the id. NOT_FOUND, MODEL_TOO_LARGE (memory),
 * INTERNAL (damaged). */
bool lipd_dataset_load(struct lip_data **out, struct lipd_dataset_store *store,
                       const char *id, struct api_problem *problem,
                       struct lip_ctx *ctx);

/* The same in two steps: the open file, which is the caller's and stays whole
 * when the data set is deleted (-1 with the problem), and the numbers out of
 * it, as often as they are wanted. */
int lipd_dataset_open(struct lipd_dataset_store *store, const char *id,
                      struct api_problem *problem);
bool lipd_dataset_load_file(struct lip_data **out, int fd, const char *id,
                            struct api_problem *problem, struct lip_ctx *ctx);

/* Bytes of the file of this id, or 0 where there is none. */
size_t lipd_dataset_size(struct lipd_dataset_store *store, const char *id);

/* Calls `visit` with the id of each data set, until that says false. */
bool lipd_dataset_each(struct lipd_dataset_store *store,
                       bool (*visit)(void *arg, const char *id), void *arg);

/* The file here: false where there is none. */
bool lipd_dataset_delete(struct lipd_dataset_store *store, const char *id);

size_t lipd_dataset_store_used(struct lipd_dataset_store *store);

/* Where uploads on their way lie. */
struct lipd_shelf *lipd_dataset_shelf(struct lipd_dataset_store *store);

#endif
