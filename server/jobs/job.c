/* SPDX-License-Identifier: MIT
 *
 * A job by itself: the names of its states, and what it owns. */
#include "server/jobs/job_store.h"

#include "server/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

const char *lipd_job_state_name(enum lipd_job_state state)
{
    static const char *const name[] = {
        [LIPD_JOB_QUEUED] = "queued",       [LIPD_JOB_RUNNING] = "running",
        [LIPD_JOB_SUCCEEDED] = "succeeded", [LIPD_JOB_FAILED] = "failed",
        [LIPD_JOB_CANCELLED] = "cancelled",
    };
    return name[state];
}

bool lipd_job_over(enum lipd_job_state state)
{
    return state != LIPD_JOB_QUEUED && state != LIPD_JOB_RUNNING;
}

void lipd_job_clear(struct lipd_job *job)
{
    lip_free(job->request);
    lip_free(job->progress);
    lip_free(job->result);
    lip_free(job->error);
    memset(job, 0, sizeof *job);
}

void lipd_job_event_clear(struct lipd_job_event *event)
{
    lip_free(event->data);
    memset(event, 0, sizeof *event);
}

bool lipd_job_new_id(char id[LIPD_JOB_ID], struct api_problem *problem)
{
    unsigned char bytes[(LIPD_JOB_ID - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The system gives no random numbers.");
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

bool lipd_job_too_many(const struct lipd_job_wish *wish,
                       struct api_problem *problem)
{
    enum { SECONDS = 5 };
    api_problem_set(problem, API_PROBLEM_RATE_LIMITED,
                    "Of %.64s's jobs %zu or more are not over, as many as this "
                    "token allows. Try again when one has ended, or cancel "
                    "one.",
                    wish->tenant, wish->quota.jobs);
    problem->retry_after = SECONDS;
    return false;
}

void lipd_job_trouble(const char *id, const struct api_problem *problem)
{
    lipd_log(LIPD_WARNING, "job-store", "%s: %s", id, problem->detail);
}
