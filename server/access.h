/* SPDX-License-Identifier: MIT
 *
 * Who may do what. Tokens come from a file (--tokens FILE, read again on
 * SIGHUP) or the environment, one a line:
 *
 *     NAME sha256:HEX SCOPES [requests=N/s] [stored=BYTES] [jobs=N]
 *         [body=BYTES] [memory=BYTES] [time=SECONDS] [flops=N]
 *
 * SCOPES are bound, train and admin with commas between them; admin may do
 * everything. Several tokens may have one name: they are one tenant's. A limit
 * is the token's that it stands beside; what jobs= and stored= count is what
 * the tenant has, by whichever of its tokens. A job keeps the limits that it
 * was accepted with.
 * A token itself is never stored, only its SHA-256 (`lipschitzd --token NAME`
 * makes one and prints both); it is compared in constant time. Without tokens
 * everything is open and all requests are of one tenant, "". */
#ifndef LIPD_ACCESS_H
#define LIPD_ACCESS_H

#include "api/problem.h"
#include "server/request.h"

#include <stdbool.h>
#include <stddef.h>

enum lipd_scope {
    LIPD_SCOPE_NONE = 0, /* open to everybody: health, version, documents */
    LIPD_SCOPE_BOUND = 1,
    LIPD_SCOPE_TRAIN = 2,
    LIPD_SCOPE_ADMIN = 4 /* sees all tenants', metrics */
};

struct lipd_access;

/* NULL with a sentence, which never holds any part of a token. */
struct lipd_access *lipd_access_open(const char *file, const char *text,
                                     char *complaint, size_t complaint_size);
/* Reads the file again; what was stays where that fails. */
bool lipd_access_reload(struct lipd_access *access, char *complaint,
                        size_t complaint_size);
void lipd_access_close(struct lipd_access *access);

/* Looks at "Authorization: Bearer ..." (NULL: not sent) for a request that
 * needs one of these scopes: sets tenant, sees_all and quota. UNAUTHORIZED
 * (401), FORBIDDEN (403), RATE_LIMITED (429). Called at a request's head;
 * access NULL is open to everybody. */
bool lipd_access_check(struct lipd_access *access, struct lipd_request *request,
                       const char *authorization, unsigned scopes,
                       struct api_problem *problem);

#endif
