/* SPDX-License-Identifier: MIT
 *
 * What the client sent decides whether it is the same request, not what became
 * of it: the defaults that are filled in may change with a version. */
#include "server/jobs/submit.h"

#include "server/asked.h"
#include "server/jobs/hub.h"
#include "server/jobs/job_store.h"
#include "server/jobs/journal.h"
#include "server/jobs/reply.h"
#include "server/jobs/runner.h"
#include "server/metrics.h"
#include "server/service.h"

#include <stdio.h>

bool lipd_submit_key_valid(const struct lipd_request *request,
                           struct api_problem *problem)
{
    const char *key = request->idempotency_key;
    if (!key)
        return true;
    size_t length = 0;
    while (key[length] >= 0x20 && key[length] < 0x7f)
        length++;
    if (length && !key[length] && length < LIPD_JOB_KEY)
        return true;
    api_problem_set(problem, API_PROBLEM_BAD_REQUEST,
                    "Idempotency-Key is 1 to %d printable ASCII characters.",
                    LIPD_JOB_KEY - 1);
    return false;
}

static bool add(struct lipd_job *job, const struct lipd_request *request,
                const char *kind, const char *text, bool body,
                struct api_problem *problem)
{
    struct lipd_service *service = request->service;
    struct lipd_job_store *store = service->jobs;
    char digest[LIP_DIGEST_TEXT], id[LIPD_JOB_ID];
    bool again;
    lipd_asked_digest(digest, request);
    struct lipd_job_wish wish = {.kind = kind,
                                 .request = text,
                                 .tenant = request->tenant,
                                 .key = request->idempotency_key,
                                 .digest = digest,
                                 .quota = request->quota};
    if (*request->trace.id)
        wish.trace = request->trace.id;
    if (body) {
        wish.input = lip_buffer_bytes(request->body);
        wish.input_size = lip_buffer_size(request->body);
    }
    if (!store->ops->add(store, id, &again, &wish, service->config->max_jobs,
                         problem)) {
        if (problem->code == API_PROBLEM_RATE_LIMITED)
            lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_JOBS, 1);
        return false;
    }
    if (!again) {
        lipd_hub_publish(service->hub, id);
        if (service->runner)
            lipd_runner_wake(service->runner);
    }
    if (!store->ops->get(store, job, id, problem))
        return false;
    if (!again)
        lipd_journal_add(job, request);
    return true;
}

void lipd_submit(struct lipd_request *request, const char *kind,
                 const char *text, bool body)
{
    struct api_problem problem;
    struct lipd_job job;
    if (!request->service->jobs) {
        lipd_no_jobs(&problem);
        lipd_reply_problem(request, &problem);
        return;
    }
    if (!lipd_submit_key_valid(request, &problem) ||
        !add(&job, request, kind, text, body, &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    lipd_reply_job(request, 202, &job);
    if (request->reply.status == 202) {
        request->reply.retry_after = 1;
        snprintf(request->reply.location, sizeof request->reply.location,
                 "/jobs/%s", job.id);
    }
    lipd_job_clear(&job);
}
