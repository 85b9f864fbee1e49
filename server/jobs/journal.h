/* SPDX-License-Identifier: MIT
 *
 * What the daemon tells of its jobs: lines of the log and metrics. */
#ifndef LIPD_JOBS_JOURNAL_H
#define LIPD_JOBS_JOURNAL_H

#include "server/jobs/job_store.h"

/* A line of the log: the job is in this state now. */
void lipd_journal_state(const char *event, const char *id, const char *kind,
                        const char *trace, enum lipd_job_state state);

/* The job was made for this request. */
void lipd_journal_add(const struct lipd_job *job,
                      const struct lipd_request *request);

/* A job's process ended with this status, waitpid's, after so many seconds;
 * killed: by the daemon. */
void lipd_journal_exit(const char *kind, int status, bool killed,
                       double seconds);

/* Takes a line of a job's process that tells of a bound; false: it does not. */
bool lipd_journal_bound(const char *line, size_t size);

/* Its process ended so without having said how the job ended. */
void lipd_journal_crash(const char *id, int status);

/* A job is over, in this state. */
void lipd_journal_over(const char *kind, enum lipd_job_state state);

#endif
