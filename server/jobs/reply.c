/* SPDX-License-Identifier: MIT
 *
 * From the store's job to the contract's. */
#include "server/jobs/reply.h"

#include "api/job.h"

#include <time.h>

void lipd_no_jobs(struct api_problem *problem)
{
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "This daemon runs no jobs. Start it with --data-dir DIR to "
                    "keep them there.");
}

void lipd_put_job(struct api_text *text, const struct lipd_job *job)
{
    const struct api_job document = {
        .id = job->id,
        .kind = job->kind,
        .state = lipd_job_state_name(job->state),
        .created = job->created,
        .started = job->started,
        .finished = job->finished,
        .progress = job->progress,
        .result = job->result,
        .error = job->error,
    };
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    api_job_write(text, NULL, &document,
                  (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
}

void lipd_reply_job(struct lipd_request *request, int status,
                    const struct lipd_job *job)
{
    struct lip_ctx ctx = {.budget = &request->budget};
    struct api_text text;
    api_text_init(&text, LIPD_ANSWER_MAX, &ctx);
    lipd_put_job(&text, job);
    lipd_reply_json(request, status, &text);
    if (request->reply.status == status && !lipd_job_over(job->state))
        request->reply.retry_after = 1;
}
