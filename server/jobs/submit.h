/* SPDX-License-Identifier: MIT
 *
 * From an accepted request to a queued job. */
#ifndef LIPD_JOBS_SUBMIT_H
#define LIPD_JOBS_SUBMIT_H

#include "server/request.h"

/* Is the Idempotency-Key, where the request has one, 1 to 255 printable ASCII
 * characters? BAD_REQUEST where not. To be asked before any work is done. */
bool lipd_submit_key_valid(const struct lipd_request *request,
                           struct api_problem *problem);

/* Adds a job that is to do what `text` (JSON) asks for, and answers: 202 with
 * the job and its Location, or the problem. The same Idempotency-Key with the
 * same request (lipd_asked_digest) gives the job that it gave before. With
 * `body`, the job has the request's body as its input file. */
void lipd_submit(struct lipd_request *request, const char *kind,
                 const char *text, bool body);

#endif
