/* SPDX-License-Identifier: MIT
 *
 * Files and those who hold them, kept in step: a file is there as long as
 * somebody holds it. Without holdings (service->holdings NULL) everybody holds
 * everything. */
#ifndef LIPD_KEEP_H
#define LIPD_KEEP_H

#include "server/request.h"
#include "server/service.h"
#include "server/store/holdings.h"

/* May this request see the model or data set? `out` may be NULL; without
 * holdings its `created` is 0. NOT_FOUND; OVERLOADED where that cannot be found
 * out now. */
bool lipd_may_see(const struct lipd_request *request, enum lipd_thing thing,
                  const char *id, struct lipd_holding *out,
                  struct api_problem *problem);

/* What is to be kept, for whom, and what puts its file in its place unless it
 * is there. */
struct lipd_keeping {
    enum lipd_thing thing;
    const char *id, *tenant;
    size_t bytes;             /* of its file */
    size_t quota;             /* bytes that the tenant may hold; 0: any */
    const char *key, *digest; /* see struct lipd_wish; NULL: none */
    bool (*put)(void *arg, struct api_problem *problem);
    void *arg;
};

/* Puts the file there and has the tenant hold it; others make room for it
 * (evict.h). *fresh (may be NULL): the tenant did not hold it before, or did
 * not when the same request came first; not set without holdings.
 * BODY_TOO_LARGE or STORAGE_FULL, with the tenant's limit;
 * IDEMPOTENCY_CONFLICT. */
bool lipd_keep(struct lipd_service *service, const struct lipd_keeping *keeping,
               bool *fresh, struct api_problem *problem);

/* Lets go for the request's tenant (an administrator: for all); the file goes
 * with the last. NOT_FOUND. */
bool lipd_let_go(const struct lipd_request *request, enum lipd_thing thing,
                 const char *id, struct api_problem *problem);
/* The same for a tenant, NULL for all. */
bool lipd_release(struct lipd_service *service, enum lipd_thing thing,
                  const char *id, const char *tenant,
                  struct api_problem *problem);

/* At the start: files that nobody holds are those of a daemon without tokens,
 * from before holdings were noted. */
bool lipd_adopt(struct lipd_service *service, struct api_problem *problem);

#endif
