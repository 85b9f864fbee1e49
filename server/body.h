/* SPDX-License-Identifier: MIT
 *
 * A request body as it arrives: one block, allocated at once where the size
 * was announced, else grown by doubling; never beyond the limit, and never
 * without the memory being booked first. What is to be stored, and what is
 * large, goes to the disk instead. */
#ifndef LIPD_BODY_H
#define LIPD_BODY_H

#include "server/head.h"
#include "server/service.h"

struct lipd_body_state {
    unsigned char *data;
    size_t size, capacity, limit;
    bool spools; /* into a file */
    struct lipd_spool spool;
    uint64_t arrived; /* with what was discarded */
    bool failed;      /* the rest is discarded; `problem` says why */
    struct api_problem problem;
};

/* Prepares for a body of this framing. Books memory with the service's gate
 * into request->reserved. False with the problem where it is too large or
 * there is no room now. */
bool lipd_body_begin(struct lipd_body_state *body,
                     const struct lipd_framing *framing,
                     struct lipd_request *request, struct api_problem *problem);

/* Takes the next bytes. After a failure bytes are counted and dropped; false
 * once so many were dropped that the connection should be cut. */
bool lipd_body_add(struct lipd_body_state *body, struct lipd_request *request,
                   const void *bytes, size_t size);

/* Hands the complete body over to the request. False with the problem of an
 * earlier failure. */
bool lipd_body_end(struct lipd_body_state *body, struct lipd_request *request,
                   struct api_problem *problem);

/* Frees what was not handed over. */
void lipd_body_clear(struct lipd_body_state *body);

#endif
