/* SPDX-License-Identifier: MIT
 *
 * Models that were used longest ago make room for others, where --evict says
 * so: never one that a request has open or an open job names. Data sets stay:
 * nothing here could make them again, and jobs come back to them. */
#ifndef LIPD_EVICT_H
#define LIPD_EVICT_H

#include "api/problem.h"
#include "server/service.h"

/* Does --evict allow it? */
bool lipd_may_evict(const struct lipd_service *service);

/* Removes one model of this tenant's (its file stays where others hold it), or
 * of all (NULL), and says so in the log. False where none may go. */
bool lipd_evict(struct lipd_service *service, const char *tenant,
                struct api_problem *problem);

#endif
