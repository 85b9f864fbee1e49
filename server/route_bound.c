/* SPDX-License-Identifier: MIT
 *
 * POST /bound. */
#include "server/bound_time.h"
#include "server/jobs/limits.h"
#include "server/jobs/submit.h"
#include "server/machine.h"
#include "server/metrics.h"
#include "server/model_load.h"
#include "server/prefer.h"
#include "server/routes.h"
#include "server/service.h"

#include <math.h>
#include <stdio.h>

static void observe(void *arg, const struct lip_bound *bound)
{
    (void)arg;
    lipd_metric_bound(bound);
}

/* Puts a model that the request names by its id in its place. */
static bool load_named(struct lipd_request *request,
                       struct api_bound_request *read,
                       struct api_problem *problem)
{
    if (read->network)
        return true;
    read->network = lipd_model_load(request, read->model_id, problem);
    if (!read->network && problem->code == API_PROBLEM_NOT_FOUND) {
        problem->place = LIP_AT_POINTER;
        snprintf(problem->where, sizeof problem->where, "/model/id");
    }
    return read->network != NULL;
}

static struct api_bound_limits limits_of(const struct lipd_request *request)
{
    const struct lipd_config *config = request->service->config;
    size_t memory = lipd_request_memory(request);
    double flops = lipd_request_flops(request);
    return (struct api_bound_limits){
        .max_bytes = (double)memory,
        .own_bytes = memory == request->quota.memory,
        .max_flops = flops,
        .own_flops =
            request->quota.flops > 0 && !(flops < request->quota.flops),
        .max_seconds = lipd_request_seconds(request),
        .flops_per_second = lipd_machine_speed(config),
        .observe = observe,
    };
}

static struct lipd_bound_time time_of(const struct lipd_request *request)
{
    return lipd_bound_time(request->service->config, request->quota);
}

/* The preference wait=N is a limit of its own. */
static void reply_bounds(struct lipd_request *request,
                         const struct api_bound_request *read,
                         const struct lipd_prefer *prefer)
{
    struct api_bound_limits limits = limits_of(request);
    struct api_problem problem;
    struct api_text text;
    if (prefer->wait)
        limits.max_seconds = fmin(limits.max_seconds, prefer->wait);
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    if (api_bound_answer(&text, read, &limits, &problem, request->ctx) ==
        LIP_OK)
        lipd_reply_json(request, 200, &text);
    else
        lipd_reply_problem(request, &problem);
    api_text_clear(&text);
    if (prefer->wait)
        snprintf(request->reply.preference, sizeof request->reply.preference,
                 "wait=%u", prefer->wait);
}

/* What the job needs besides the body. The model that is named there stands
 * here too: whoever takes the job up fetches it, and opens it before the rest
 * is looked at. */
static void write_query(struct api_text *text,
                        const struct lipd_request *request,
                        const struct api_bound_request *read)
{
    api_object_open(text, NULL);
    api_object_open(text, "model");
    if (*read->model_id)
        api_put_string(text, "id", read->model_id);
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
    api_object_close(text);
}

/* Everything that is wrong with the request has been said by now. */
static void reply_later(struct lipd_request *request,
                        const struct api_bound_request *read)
{
    struct api_text text;
    size_t size;
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    write_query(&text, request, read);
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
static bool is_stored(struct lipd_request *request,
                      const struct api_bound_request *read,
                      struct api_problem *problem)
{
    if (read->network || lipd_model_there(request, read->model_id, problem))
        return true;
    if (problem->code == API_PROBLEM_NOT_FOUND) {
        problem->place = LIP_AT_POINTER;
        snprintf(problem->where, sizeof problem->where, "/model/id");
    }
    return false;
}

/* What a job may take is known here, so that one that cannot end well need not
 * be begun. A model that is only named is judged by the job itself. */
static bool job_can_end(struct lipd_request *request,
                        const struct api_bound_request *read,
                        struct api_problem *problem)
{
    struct lipd_quota may =
        lipd_job_may(request->service->config, request->quota);
    struct api_bound_limits limits = limits_of(request);
    double predicted = 0, seconds;
    limits.max_bytes = (double)may.memory;
    limits.own_bytes = may.memory == request->quota.memory;
    limits.max_flops = request->quota.flops;
    limits.own_flops = true;
    if (read->network && api_bound_predict(&predicted, read, &limits, problem,
                                           request->ctx) != LIP_OK) {
        lip_error_clear(request->ctx);
        if (problem->code == API_PROBLEM_MODEL_TOO_LARGE)
            return false;
    }
    return lipd_bound_job_time(&seconds, time_of(request), read, predicted,
                               problem);
}

static void check_and_reply_later(struct lipd_request *request,
                                  const struct api_bound_request *read)
{
    struct api_problem problem;
    if (is_stored(request, read, &problem) &&
        job_can_end(request, read, &problem))
        reply_later(request, read);
    else
        lipd_reply_problem(request, &problem);
}

/* Methods that are named take as long as they take: longer than an answer at
 * once may? Where that cannot be told, the answer will say why. */
static bool is_predicted_long(struct lipd_request *request,
                              const struct api_bound_request *read)
{
    const struct api_bound_limits limits = limits_of(request);
    struct api_problem problem;
    double seconds;
    if (read->options.time_limit > 0)
        return false;
    if (api_bound_predict(&seconds, read, &limits, &problem, request->ctx) ==
        LIP_OK)
        return lipd_bound_is_long(time_of(request), read, seconds);
    lip_error_clear(request->ctx);
    return false;
}

/* Nobody asked for a job, and it may become one where `may_pass`. */
static void reply_now(struct lipd_request *request,
                      struct api_bound_request *read,
                      const struct lipd_prefer *prefer, bool may_pass)
{
    struct api_problem problem;
    /* The network holds what it needs of the body; a job needs all of it. */
    if (!may_pass || read->choice != API_METHODS_NAMED) {
        lip_buffer_put(request->body);
        request->body = NULL;
    }
    if (!load_named(request, read, &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    if (request->body && is_predicted_long(request, read)) {
        check_and_reply_later(request, read);
        return;
    }
    lip_buffer_put(request->body);
    request->body = NULL;
    reply_bounds(request, read, prefer);
}

void lipd_route_bound(struct lipd_request *request)
{
    const struct lipd_service *service = request->service;
    struct api_bound_request read;
    struct api_problem problem;
    struct lipd_prefer prefer;
    lipd_prefer_read(&prefer, request->prefer);
    bool async = service->jobs && prefer.async;
    bool may_pass = service->jobs && !prefer.wait;
    if ((async && !lipd_submit_key_valid(request, &problem)) ||
        api_bound_request_read(&read, request->body, request->content_type,
                               &request->query, &problem,
                               request->ctx) != LIP_OK) {
        lipd_reply_problem(request, &problem);
        return;
    }
    lipd_metric_format(read.format);
    if (async || (may_pass && lipd_bound_is_long(time_of(request), &read, 0)))
        check_and_reply_later(request, &read);
    else
        reply_now(request, &read, &prefer, may_pass);
    if (async && request->reply.status == 202)
        snprintf(request->reply.preference, sizeof request->reply.preference,
                 "respond-async");
    api_bound_request_clear(&read);
}
