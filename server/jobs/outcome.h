/* SPDX-License-Identifier: MIT
 *
 * What becomes of a job whose process has ended: over, with what the child left
 * in its folder, or back to the queue. */
#ifndef LIPD_JOBS_OUTCOME_H
#define LIPD_JOBS_OUTCOME_H

#include "server/jobs/job_store.h"

struct lipd_service;

/* `over` false: to be queued again; `later`: its model can be stored only when
 * the store answers, and all is to be read once more. The texts are lip_alloc
 * memory. */
struct lipd_outcome {
    bool over, forgive, later;
    enum lipd_job_state state;
    char *result, *error;
};
void lipd_outcome_clear(struct lipd_outcome *outcome);

/* The job goes back to the queue. */
void lipd_outcome_requeue(struct lipd_outcome *outcome, bool forgive);

/* The job failed, for this reason. */
void lipd_outcome_fail(struct lipd_outcome *outcome,
                       const struct api_problem *problem);

/* What a child left that ended with this exit status, one of LIPD_CHILD_DONE,
 * FAILED and CANCELLED; its model goes to the store, for the job's tenant, and
 * where that has no room the job failed. False where a file that must be there
 * is not: a crash. */
bool lipd_outcome_read(struct lipd_outcome *outcome, int folders,
                       const char *id, int status,
                       struct lipd_service *service);

/* The status that an earlier daemon's child left, or -1. */
int lipd_outcome_left(int folders, const char *id);

/* Was the process ended (a status as of waitpid) by its sandbox? It would be
 * again. */
bool lipd_outcome_forbidden(int status);

/* Failures of the process itself: it would not end in time; it ended so by its
 * sandbox, or after `attempts` that led nowhere, perhaps for want of memory. */
void lipd_outcome_late(struct lipd_outcome *outcome, double seconds);
void lipd_outcome_hopeless(struct lipd_outcome *outcome, int status,
                           int attempts, size_t memory);

/* Says how a process ended, where it did not do so by itself: "was ended by
 * signal 9 (Killed)". `status` is waitpid's. */
void lipd_outcome_describe(char *out, size_t size, int status);

#endif
