/* SPDX-License-Identifier: MIT
 *
 * A job of the store as an answer. */
#ifndef LIPD_JOBS_REPLY_H
#define LIPD_JOBS_REPLY_H

#include "server/jobs/job_store.h"
#include "server/request.h"

/* Says in a problem that no jobs are run here. */
void lipd_no_jobs(struct api_problem *problem);

/* Writes the job document into a text. */
void lipd_put_job(struct api_text *text, const struct lipd_job *job);

/* Answers with it, and with Retry-After while the job is not over. Needs no
 * context of the request's. */
void lipd_reply_job(struct lipd_request *request, int status,
                    const struct lipd_job *job);

#endif
