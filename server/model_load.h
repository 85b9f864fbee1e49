/* SPDX-License-Identifier: MIT
 *
 * A stored model as a network again. */
#ifndef LIPD_MODEL_LOAD_H
#define LIPD_MODEL_LOAD_H

#include "server/model_store.h"
#include "server/request.h"

/* Says in a problem that models are not stored here. */
void lipd_no_store(struct api_problem *problem);

/* Books memory that a model takes with the queue's gate, for as long as the
 * request lasts. False with the problem where there is no room. */
bool lipd_model_book(struct lipd_request *request, size_t bytes,
                     struct api_problem *problem);

/* Reads a file of the store with the reader that took it in and checks that it
 * still is the model of this id. NULL with the problem on failure. */
struct lip_network *lipd_model_read(struct lipd_store *store, const char *id,
                                    struct api_problem *problem,
                                    struct lip_ctx *ctx);

/* The same in two steps, for jobs: the file out of a data directory, unread
 * (lipd_stored_clear is the caller's), and the network in it. */
bool lipd_model_of_folder(struct lipd_stored *out, const char *directory,
                          const char *id, struct api_problem *problem,
                          struct lip_ctx *ctx);
struct lip_network *lipd_model_parse(struct lipd_stored *stored, const char *id,
                                     struct api_problem *problem,
                                     struct lip_ctx *ctx);

/* Books the memory with the queue's gate, reads the file with the reader that
 * took it in and checks that it still is the model of this id. The network is
 * the caller's; NULL with the problem on failure. */
struct lip_network *lipd_model_load(struct lipd_request *request,
                                    const char *id,
                                    struct api_problem *problem);

/* Is a model stored under the id, and the request's tenant's? Then it is used
 * now, and does not make room for others as long as the request lasts.
 * NOT_FOUND. */
bool lipd_model_there(struct lipd_request *request, const char *id,
                      struct api_problem *problem);

#endif
