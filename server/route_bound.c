/* SPDX-License-Identifier: MIT
 *
 * POST /bound: an answer that is kept, one that is made at once, or a job. */
#include "server/bound_time.h"
#include "server/jobs/limits.h"
#include "server/jobs/submit.h"
#include "server/machine.h"
#include "server/metrics.h"
#include "server/model_load.h"
#include "server/prefer.h"
#include "server/recall.h"
#include "server/routes.h"
#include "server/service.h"

#include <math.h>
#include <stdio.h>

struct bound {
    struct lipd_request *request;
    struct lipd_prefer prefer;
    struct api_bound_request read;
    struct api_bound_limits limits; /* of an answer at once */
    struct lipd_recall recall;
};

static void observe(void *arg, const struct lip_bound *bound)
{
    (void)arg;
    lipd_metric_bound(bound);
}

static void set_limits(struct bound *b)
{
    const struct lipd_request *request = b->request;
    size_t memory = lipd_request_memory(request);
    double flops = lipd_request_flops(request);
    b->limits = (struct api_bound_limits){
        .max_bytes = (double)memory,
        .own_bytes = memory == request->quota.memory,
        .max_flops = flops,
        .own_flops =
            request->quota.flops > 0 && !(flops < request->quota.flops),
        .max_seconds = lipd_request_seconds(request),
        .flops_per_second = lipd_machine_speed(request->service->config),
        .observe = observe,
    };
    /* The preference wait=N is a limit of its own. */
    if (b->prefer.wait)
        b->limits.max_seconds =
            fmin(b->limits.max_seconds, (double)b->prefer.wait);
}

static struct lipd_bound_time time_of(const struct bound *b)
{
    return lipd_bound_time(b->request->service->config, b->request->quota);
}

/* --- at once */

/* Puts a model that the request names by its id in its place. */
static bool load_named(struct bound *b, struct api_problem *problem)
{
    if (b->read.network)
        return true;
    b->read.network = lipd_model_load(b->request, b->read.model_id, problem);
    if (!b->read.network && problem->code == API_PROBLEM_NOT_FOUND) {
        problem->place = LIP_AT_POINTER;
        snprintf(problem->where, sizeof problem->where, "/model/id");
    }
    return b->read.network != NULL;
}

static void reply_bounds(struct bound *b)
{
    struct lipd_request *request = b->request;
    struct api_problem problem;
    struct api_text text;
    enum api_bound_standing standing = API_BOUND_CUT;
    b->limits.standing = &standing;
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    if (api_bound_answer(&text, &b->read, &b->limits, &problem, request->ctx) ==
        LIP_OK)
        lipd_recall_keep(&b->recall, request, standing, &text);
    else
        lipd_reply_problem(request, &problem);
    api_text_clear(&text);
}

/* --- as a job */

/* What the job needs besides the body. The model that is named there stands
 * here too: whoever takes the job up fetches it, and opens it before the rest
 * is looked at. */
static void write_query(struct api_text *text, const struct bound *b)
{
    const struct lipd_request *request = b->request;
    api_object_open(text, NULL);
    api_object_open(text, "model");
    if (*b->read.model_id)
        api_put_string(text, "id", b->read.model_id);
    api_object_close(text);
    if (request->content_type)
        api_put_string(text, "content_type", request->content_type);
    api_array_open(text, "query");
    for (size_t i = 0; i < request->query.count; i++) {
        api_array_open(text, NULL);
        api_put_string(text, NULL, request->query.item[i].name);
        api_put_string(text, NULL, request->query.item[i].value);
        api_array_close(text);
    }
    api_array_close(text);
    lipd_recall_write(&b->recall, text);
    api_object_close(text);
}

/* Everything that is wrong with the request has been said by now. */
static void submit(struct bound *b)
{
    struct lipd_request *request = b->request;
    struct api_text text;
    size_t size;
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    write_query(&text, b);
    char *written = api_text_take(&text, &size);
    if (written)
        lipd_submit(request, "bound", written, true);
    else
        lipd_reply_fail(request, API_PROBLEM_INTERNAL,
                        "The request cannot be written down: %s",
                        request->ctx->error.detail);
    lip_free(written);
}

/* Is the model that the request names there? */
static bool is_stored(const struct bound *b, struct api_problem *problem)
{
    if (b->read.network ||
        lipd_model_there(b->request, b->read.model_id, problem))
        return true;
    if (problem->code == API_PROBLEM_NOT_FOUND) {
        problem->place = LIP_AT_POINTER;
        snprintf(problem->where, sizeof problem->where, "/model/id");
    }
    return false;
}

/* What a job may take is known here, so that one that cannot end well need not
 * be begun. A model that is only named is judged by the job itself. */
static bool job_can_end(const struct bound *b, struct api_problem *problem)
{
    const struct lipd_request *request = b->request;
    struct lipd_quota may =
        lipd_job_may(request->service->config, request->quota);
    struct api_bound_limits limits = b->limits;
    double predicted = 0, seconds;
    limits.max_bytes = (double)may.memory;
    limits.own_bytes = may.memory == request->quota.memory;
    limits.max_flops = request->quota.flops;
    limits.own_flops = true;
    if (b->read.network && api_bound_predict(&predicted, &b->read, &limits,
                                             problem, request->ctx) != LIP_OK) {
        lip_error_clear(request->ctx);
        if (problem->code == API_PROBLEM_MODEL_TOO_LARGE)
            return false;
    }
    return lipd_bound_job_time(&seconds, time_of(b), &b->read, predicted,
                               problem);
}

static void reply_later(struct bound *b)
{
    struct api_problem problem;
    if (is_stored(b, &problem) && job_can_end(b, &problem))
        submit(b);
    else
        lipd_reply_problem(b->request, &problem);
}

/* --- which of them */

/* Methods that are named take as long as they take: longer than an answer at
 * once may? Where that cannot be told, the answer will say why. */
static bool is_predicted_long(const struct bound *b)
{
    struct api_problem problem;
    double seconds;
    if (b->read.options.time_limit > 0)
        return false;
    if (api_bound_predict(&seconds, &b->read, &b->limits, &problem,
                          b->request->ctx) == LIP_OK)
        return lipd_bound_is_long(time_of(b), &b->read, seconds);
    lip_error_clear(b->request->ctx);
    return false;
}

static void drop_body(struct lipd_request *request)
{
    lip_buffer_put(request->body);
    request->body = NULL;
}

/* Nobody asked for a job, and it may become one where `may_pass`. */
static void reply_now(struct bound *b, bool may_pass)
{
    struct api_problem problem;
    /* The network holds what it needs of the body; a job needs all of it. */
    if (!may_pass || b->read.choice != API_METHODS_NAMED)
        drop_body(b->request);
    if (!load_named(b, &problem)) {
        lipd_reply_problem(b->request, &problem);
        return;
    }
    if (b->request->body && is_predicted_long(b)) {
        reply_later(b);
        return;
    }
    drop_body(b->request);
    reply_bounds(b);
}

static void answer(struct bound *b)
{
    const struct lipd_service *service = b->request->service;
    bool may_pass = service->jobs && !b->prefer.wait;
    set_limits(b);
    lipd_recall_name(&b->recall, b->request, &b->read, &b->limits);
    if (service->jobs && b->prefer.async)
        reply_later(b);
    else if (lipd_recall_reply(&b->recall, b->request))
        return;
    else if (may_pass && lipd_bound_is_long(time_of(b), &b->read, 0))
        reply_later(b);
    else
        reply_now(b, may_pass);
}

/* Which preference was heeded. */
static void tell_preference(const struct bound *b)
{
    struct lipd_reply *reply = &b->request->reply;
    if (b->prefer.async && reply->status == 202)
        snprintf(reply->preference, sizeof reply->preference, "respond-async");
    else if (b->prefer.wait)
        snprintf(reply->preference, sizeof reply->preference, "wait=%u",
                 b->prefer.wait);
}

void lipd_route_bound(struct lipd_request *request)
{
    struct bound b = {.request = request};
    struct api_problem problem;
    lipd_prefer_read(&b.prefer, request->prefer);
    bool async = request->service->jobs && b.prefer.async;
    if ((async && !lipd_submit_key_valid(request, &problem)) ||
        api_bound_request_read(&b.read, request->body, request->content_type,
                               &request->query, &problem,
                               request->ctx) != LIP_OK) {
        lipd_reply_problem(request, &problem);
        return;
    }
    lipd_metric_format(b.read.format);
    answer(&b);
    tell_preference(&b);
    api_bound_request_clear(&b.read);
}
