/* SPDX-License-Identifier: MIT
 *
 * Jobs and the answers that are kept: a job whose answer is there needs no
 * process, and an answer that a process made is kept. */
#ifndef LIPD_JOBS_JOB_RECALL_H
#define LIPD_JOBS_JOB_RECALL_H

#include "base/digest.h"
#include "server/jobs/outcome.h"

/* What the request of a job says (lipd_recall_write); all false: nothing. */
struct lipd_job_recall {
    bool look, keep;
    char tenant[LIPD_TENANT], key[LIP_DIGEST_TEXT];
};

void lipd_job_recall_read(struct lipd_job_recall *recall,
                          const struct lipd_job *job);

/* Succeeds with an earlier answer; false: there is none. */
bool lipd_job_recall_find(const struct lipd_job_recall *recall,
                          const struct lipd_service *service,
                          struct lipd_outcome *outcome);

/* Keeps the result of a job that succeeded, where its process says that it is
 * final. */
void lipd_job_recall_keep(const struct lipd_job_recall *recall,
                          const struct lipd_service *service, int folders,
                          const char *id, const struct lipd_outcome *outcome);

#endif
