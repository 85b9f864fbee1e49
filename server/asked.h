/* SPDX-License-Identifier: MIT
 *
 * Idempotency-Key of requests that store: the same request of the same tenant
 * with the same key has its effect once. (Jobs have theirs with the job.) Keys
 * are kept for LIPD_KEY_SECONDS, across restarts. */
#ifndef LIPD_ASKED_H
#define LIPD_ASKED_H

#include "base/digest.h"
#include "server/request.h"

/* Of all that says what is asked for: address, query, type and bytes of the
 * body. */
void lipd_asked_digest(char out[LIP_DIGEST_TEXT],
                       const struct lipd_request *request);

/* All zero: there is no key. */
struct lipd_asked {
    const char *key;
    char digest[LIP_DIGEST_TEXT];
    bool again; /* the same came before */
    bool fresh; /* then: something new was stored */
};

/* Looks the key up. BAD_REQUEST (it is none), IDEMPOTENCY_CONFLICT (it came
 * with another request), and what the store says. Reads the body where there is
 * a key. */
bool lipd_asked_read(struct lipd_asked *out, const struct lipd_request *request,
                     struct api_problem *problem);

/* Says that a key came with another request; false. */
bool lipd_asked_conflict(const char *key, struct api_problem *problem);

#endif
