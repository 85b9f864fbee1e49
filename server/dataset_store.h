/* SPDX-License-Identifier: MIT
 *
 * Data sets on disk, named by the digest of their numbers (lip_data_digest):
 * the same data in another format is the same data set. Each is one file in
 * DIRECTORY/datasets, in a form that is read back without parsing, complete or
 * not there. */
#ifndef LIPD_DATASET_STORE_H
#define LIPD_DATASET_STORE_H

#include "api/problem.h"
#include "base/digest.h"
#include "training/data.h"

#include <stdbool.h>

struct lipd_dataset_store;

/* What is known of a data set without its numbers. */
struct lipd_dataset {
    char id[LIP_DIGEST_TEXT];
    size_t rows, features, classes, targets;
    size_t bytes;   /* on disk */
    double created; /* seconds since 1970 */
};

/* The daemon's: removes what was left unfinished. NULL with a sentence. */
struct lipd_dataset_store *lipd_dataset_store_open(const char *directory,
                                                   size_t quota,
                                                   char *complaint,
                                                   size_t complaint_size);
/* A job's: reads only. */
struct lipd_dataset_store *lipd_dataset_store_read_only(const char *directory,
                                                        char *complaint,
                                                        size_t complaint_size);
void lipd_dataset_store_close(struct lipd_dataset_store *store);

bool lipd_dataset_id_valid(const char *id);

/* Stores a data set (nothing to do where it is there already) and tells what
 * is known of it. STORAGE_FULL (with the quota), INTERNAL. */
bool lipd_dataset_put(struct lipd_dataset_store *store,
                      const struct lip_data *data, struct lipd_dataset *out,
                      struct api_problem *problem);

/* NOT_FOUND. */
bool lipd_dataset_show(struct lipd_dataset_store *store, const char *id,
                       struct lipd_dataset *out, struct api_problem *problem);

/* The numbers, checked against the id. NOT_FOUND, MODEL_TOO_LARGE (memory),
 * INTERNAL (damaged). */
bool lipd_dataset_load(struct lip_data **out, struct lipd_dataset_store *store,
                       const char *id, struct api_problem *problem,
                       struct lip_ctx *ctx);

/* False where there is none. */
bool lipd_dataset_delete(struct lipd_dataset_store *store, const char *id);

size_t lipd_dataset_store_used(struct lipd_dataset_store *store);

#endif
