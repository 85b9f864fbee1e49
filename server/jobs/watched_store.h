/* SPDX-License-Identifier: MIT
 *
 * The store of jobs under watch, whichever it is: how long its calls take,
 * how often they fail, and whether it works at the moment. */
#ifndef LIPD_JOBS_WATCHED_STORE_H
#define LIPD_JOBS_WATCHED_STORE_H

#include "server/jobs/job_store.h"

struct lipd_store_watch;

/* Puts itself before the calls of a store that was just opened. False without
 * memory, and the store works as before. */
bool lipd_store_watch(struct lipd_job_store *store);

/* True, with the problem, where the latest change that the store was asked for
 * failed for reasons of the store's own, at most `within` seconds ago. A call
 * that fails after that is needed to say so again: who is asked nothing, for
 * not being ready, would never work again otherwise. */
bool lipd_store_trouble(struct lipd_job_store *store, double within,
                        struct api_problem *problem);

#endif
