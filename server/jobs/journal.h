/* SPDX-License-Identifier: MIT
 *
 * What the daemon tells of its jobs: lines of the log and metrics. */
#ifndef LIPD_JOBS_JOURNAL_H
#define LIPD_JOBS_JOURNAL_H

#include "server/jobs/job_store.h"

/* A line of the log: the job is in this state now. */
void lipd_journal_state(const char *event, const char *id, const char *kind,
                        enum lipd_job_state state);

/* A job's process ended with this status, waitpid's, after so many seconds;
 * killed: by the daemon. */
void lipd_journal_exit(const char *kind, int status, bool killed,
                       double seconds);

/* A job is over, in this state. */
void lipd_journal_over(const char *kind, enum lipd_job_state state);

#endif
