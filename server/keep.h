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

/* What puts a file in its place, unless it is there. */
struct lipd_putting {
    bool (*put)(void *arg, struct api_problem *problem);
    void *arg;
    const char *id;
};

/* Puts the file there and has the tenant hold it. *fresh (may be NULL): the
 * tenant did not hold it before; not set without holdings. */
bool lipd_keep(struct lipd_service *service, enum lipd_thing thing,
               const char *tenant, const struct lipd_putting *putting,
               bool *fresh, struct api_problem *problem);

/* Lets go for the request's tenant (an administrator: for all); the file goes
 * with the last. NOT_FOUND. */
bool lipd_let_go(const struct lipd_request *request, enum lipd_thing thing,
                 const char *id, struct api_problem *problem);

/* At the start: files that nobody holds are those of a daemon without tokens,
 * from before holdings were noted. */
bool lipd_adopt(struct lipd_service *service, struct api_problem *problem);

#endif
