/* SPDX-License-Identifier: MIT
 *
 * The job document, as GET /jobs/{id} gives it. */
#ifndef API_JOB_H
#define API_JOB_H

#include "api/text.h"

/* Times are seconds since 1970, 0 where it has not come to that. The last
 * three are JSON texts or NULL. */
struct api_job {
    const char *id, *kind, *state;
    double created, started, finished;
    const char *progress, *result, *error;
};

/* Writes the document. `now` is the time of the answer: while the job runs its
 * progress gets "eta_seconds", from the pace since it was started. */
void api_job_write(struct api_text *text, const char *key,
                   const struct api_job *job, double now);

/* "2026-11-21T00:04:09.123Z"; UTC. */
enum { API_TIME_SIZE = 40 };
void api_time(char out[API_TIME_SIZE], double seconds);

#endif
