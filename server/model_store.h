/* SPDX-License-Identifier: MIT
 *
 * Stored models: DIR/models/<hexadecimal digits of the id>, each one file with
 * the request body as it came and what is needed to read it again (content
 * type and query). A file is there whole or not at all, whatever moment the
 * machine stops. */
#ifndef LIPD_MODEL_STORE_H
#define LIPD_MODEL_STORE_H

#include "api/bound.h"

#include <stdbool.h>

struct lipd_blobs;
struct lipd_shelf;
struct lipd_store;
struct lipd_upload;

/* Opens the store under `directory`, makes the folders where they are missing
 * and removes what an interrupted upload left. NULL with a sentence. */
struct lipd_store *lipd_store_open(const char *directory, size_t quota,
                                   char *complaint, size_t complaint_size);
/* The same for a job: it only reads, and leaves alone what it finds. */
struct lipd_store *lipd_store_read_only(const char *directory, char *complaint,
                                        size_t complaint_size);
void lipd_store_close(struct lipd_store *store);

/* From now on others see what is stored here, and what they store is found:
 * the folder keeps copies. */
void lipd_store_share(struct lipd_store *store, struct lipd_blobs *blobs);

/* Is this "sha256:" and 64 lower-case hexadecimal digits? */
bool lipd_store_id_valid(const char *id);

/* Keeps a body under an id; one that is there already stays as it is. On
 * return it is on the disk. Failure (problem filled): no room, or the disk
 * does not work. */
bool lipd_store_put(struct lipd_store *store, const char *id,
                    const char *content_type, const struct api_query *query,
                    const struct lip_buffer *body, struct api_problem *problem);

/* Bytes of the file that lipd_store_put would write. */
size_t lipd_store_bytes(const char *content_type, const struct api_query *query,
                        const struct lip_buffer *body);

/* What stands before a body in its file, for lipd_spool_begin: lip_alloc
 * memory. NULL with the problem. */
void *lipd_store_head(size_t *size, const char *content_type,
                      const struct api_query *query,
                      struct api_problem *problem);
/* lipd_store_put of an upload that began with such a head: its file becomes the
 * model's. */
bool lipd_store_take(struct lipd_store *store, const char *id,
                     const struct lipd_upload *upload,
                     struct api_problem *problem);
/* Where uploads on their way lie. */
struct lipd_shelf *lipd_store_shelf(struct lipd_store *store);

/* A body read back. The strings are in `text`. */
struct lipd_stored {
    struct lip_buffer *body;
    const char *content_type; /* NULL: none was sent */
    struct api_query query;
    char *text;
};

/* Bytes of the file of this id, or 0 where there is none. */
size_t lipd_store_size(struct lipd_store *store, const char *id);

/* Has the file here, where only others have it: NOT_FOUND, or as said. */
bool lipd_store_fetch(struct lipd_store *store, const char *id,
                      struct api_problem *problem);

/* Failure: not found, damaged, no memory. */
bool lipd_store_get(struct lipd_stored *out, struct lipd_store *store,
                    const char *id, struct api_problem *problem,
                    struct lip_ctx *ctx);
void lipd_stored_clear(struct lipd_stored *stored);

/* The file here: false where there is none. */
bool lipd_store_delete(struct lipd_store *store, const char *id);

/* Calls `visit` with the id of each model, until that says false. */
bool lipd_store_each(struct lipd_store *store,
                     bool (*visit)(void *arg, const char *id), void *arg);

/* Bytes of all files. */
size_t lipd_store_used(struct lipd_store *store);

#endif
