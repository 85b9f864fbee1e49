/* SPDX-License-Identifier: MIT
 *
 * GET /jobs, GET and DELETE /jobs/{id}, GET /jobs/{id}/events. */
#include "server/jobs/feed.h"
#include "server/jobs/hub.h"
#include "server/jobs/job_store.h"
#include "server/jobs/reply.h"
#include "server/jobs/runner.h"
#include "server/query.h"
#include "server/routes.h"
#include "server/service.h"

#include <stdio.h>
#include <string.h>

enum { LIST_MOST = 100, LIST_USUAL = 20, WAIT_MOST = 60 };

static bool get_job(struct lipd_job *job, const struct lipd_request *request,
                    struct api_problem *problem)
{
    struct lipd_job_store *store = request->service->jobs;
    if (!store) {
        lipd_no_jobs(problem);
        return false;
    }
    if (!store->ops->get(store, job, request->argument, problem))
        return false;
    if (request->sees_all || strcmp(job->tenant, request->tenant) == 0)
        return true;
    /* Another's job looks like none. */
    lipd_job_clear(job);
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "There is no job with the id %.80s.", request->argument);
    return false;
}

/* --- one job, perhaps after waiting for it to change */

struct waiting {
    struct lipd_request *request;
    enum lipd_job_state before;
    double until;
    char job[LIPD_JOB_ID];
};

static void look_again(void *arg, bool news);

/* The request must be parked. */
static bool wait_on(struct waiting *waiting, unsigned long since)
{
    return lipd_hub_listen(waiting->request->service->hub, waiting->job, since,
                           waiting->until, look_again, waiting->request);
}

/* On the hub's thread. Where it says that the time is up, that is so, or the
 * client left, or the daemon ends. */
static void look_again(void *arg, bool news)
{
    struct lipd_request *request = arg;
    struct waiting *waiting = request->own;
    struct api_problem problem;
    struct lipd_job job;
    unsigned long since = lipd_hub_time(request->service->hub);
    if (!get_job(&job, request, &problem)) {
        lipd_reply_problem(request, &problem);
    } else {
        bool changed = job.state != waiting->before;
        if (news && !changed && wait_on(waiting, since)) {
            lipd_job_clear(&job);
            return;
        }
        lipd_reply_job(request, 200, &job);
        lipd_job_clear(&job);
    }
    lip_free(waiting);
    request->finish(request);
}

static void hurry(struct lipd_request *request)
{
    lipd_hub_hurry(request->service->hub, request);
}

/* True where the request was parked: somebody else answers it. */
static bool wait_for_change(struct lipd_request *request,
                            const struct lipd_job *job, double seconds,
                            unsigned long since)
{
    struct waiting *waiting = lip_calloc(request->ctx, 1, sizeof *waiting);
    if (!waiting)
        return false;
    waiting->request = request;
    waiting->before = job->state;
    waiting->until = lip_now() + seconds;
    snprintf(waiting->job, sizeof waiting->job, "%s", job->id);
    request->own = waiting;
    lipd_request_park(request, hurry);
    if (!wait_on(waiting, since))
        look_again(request, false);
    return true;
}

void lipd_route_job_show(struct lipd_request *request)
{
    struct api_problem problem;
    struct lipd_job job;
    double seconds = 0;
    if (!lipd_query_only(request, "wait", &problem) ||
        !lipd_query_number(&seconds, request, "wait", 0, 1e9, &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    seconds = seconds < WAIT_MOST ? seconds : WAIT_MOST;
    struct lipd_hub *hub = request->service->hub;
    unsigned long since = hub ? lipd_hub_time(hub) : 0;
    if (!get_job(&job, request, &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    if (seconds <= 0 || lipd_job_over(job.state) ||
        !wait_for_change(request, &job, seconds, since))
        lipd_reply_job(request, 200, &job);
    lipd_job_clear(&job);
}

/* --- cancelling */

void lipd_route_job_cancel(struct lipd_request *request)
{
    struct lipd_service *service = request->service;
    struct api_problem problem;
    struct lipd_job job;
    if (!get_job(&job, request, &problem)) { /* there, and the tenant's? */
        lipd_reply_problem(request, &problem);
        return;
    }
    lipd_job_clear(&job);
    if (!service->jobs->ops->cancel(service->jobs, request->argument,
                                    &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    lipd_hub_publish(service->hub, request->argument);
    if (service->runner)
        lipd_runner_wake(service->runner);
    if (!get_job(&job, request, &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    lipd_reply_job(request, lipd_job_over(job.state) ? 200 : 202, &job);
    lipd_job_clear(&job);
}

/* --- the list */

static void reply_list(struct lipd_request *request, const struct lipd_job *job,
                       size_t count, size_t limit)
{
    struct api_text text;
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    api_object_open(&text, NULL);
    api_array_open(&text, "jobs");
    for (size_t i = 0; i < count && i < limit; i++)
        lipd_put_job(&text, &job[i]);
    api_array_close(&text);
    if (count > limit)
        api_put_string(&text, "next", job[limit - 1].id);
    api_object_close(&text);
    lipd_reply_json(request, 200, &text);
}

/* ?cursor=, which has the form of an id or is empty. */
static bool read_cursor(const char **cursor, const struct lipd_request *request,
                        struct api_problem *problem)
{
    const char *text = lipd_query_text(request, "cursor");
    *cursor = text ? text : "";
    if (!**cursor || (strlen(text) == LIPD_JOB_ID - 1 &&
                      strspn(text, "0123456789abcdef") == LIPD_JOB_ID - 1))
        return true;
    api_problem_set_at(problem, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,
                       "cursor",
                       "The query parameter \"cursor\" is the \"next\" of the "
                       "page before.");
    problem->in_query = true;
    return false;
}

void lipd_route_job_list(struct lipd_request *request)
{
    struct lipd_job job[LIST_MOST + 1];
    struct lipd_job_store *store = request->service->jobs;
    struct api_problem problem;
    const char *cursor;
    double limit = LIST_USUAL;
    size_t count = 0;
    if (!store)
        lipd_no_jobs(&problem);
    /* One more than is shown tells whether there is a next page. */
    if (!store || !lipd_query_only(request, "limit cursor", &problem) ||
        !lipd_query_whole(&limit, request, "limit", 1, LIST_MOST, &problem) ||
        !read_cursor(&cursor, request, &problem) ||
        !store->ops->list(store, job, &count, (size_t)limit + 1, cursor,
                          request->sees_all ? NULL : request->tenant,
                          &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    reply_list(request, job, count, (size_t)limit);
    for (size_t i = 0; i < count; i++)
        lipd_job_clear(&job[i]);
}

/* --- the events */

/* The sequence number that the client has seen last: the field, which a
 * browser sends when it comes back, else the parameter. */
static bool read_last(uint64_t *out, const struct lipd_request *request,
                      struct api_problem *problem)
{
    const char *text = request->last_event_id;
    if (!text)
        text = lipd_query_text(request, "last_event_id");
    *out = 0;
    if (!text)
        return true;
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < digits && digits < 20; i++)
        *out = 10 * *out + (uint64_t)(text[i] - '0');
    if (digits && digits < 20 && !text[digits])
        return true;
    api_problem_set(problem, API_PROBLEM_BAD_REQUEST,
                    "Last-Event-ID is the number that the last event came "
                    "with.");
    return false;
}

void lipd_route_job_events(struct lipd_request *request)
{
    struct api_problem problem;
    struct lipd_job job;
    uint64_t last;
    if (!lipd_query_only(request, "last_event_id", &problem) ||
        !read_last(&last, request, &problem) ||
        !get_job(&job, request, &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    /* Who has seen the end and comes back would do so for ever: 204 tells a
     * browser not to. */
    if (last && lipd_job_over(job.state) && job.sequence <= last)
        lipd_reply_static(request, 204, NULL, "", 0);
    else
        lipd_feed_open(request, job.id, last);
    lipd_job_clear(&job);
}
