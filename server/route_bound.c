/* SPDX-License-Identifier: MIT
 *
 * POST /bound. */
#include "server/jobs/submit.h"
#include "server/machine.h"
#include "server/metrics.h"
#include "server/model_load.h"
#include "server/routes.h"
#include "server/service.h"

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

static void reply_bounds(struct lipd_request *request,
                         const struct api_bound_request *read)
{
    const struct lipd_config *config = request->service->config;
    size_t memory = lipd_request_memory(request);
    double flops = lipd_request_flops(request);
    const struct api_bound_limits limits = {
        .max_bytes = (double)memory,
        .own_bytes = memory == request->quota.memory,
        .max_flops = flops,
        .own_flops =
            request->quota.flops > 0 && !(flops < request->quota.flops),
        .max_seconds = lipd_request_seconds(request),
        .flops_per_second = lipd_machine_speed(config),
        .observe = observe,
    };
    struct api_problem problem;
    struct api_text text;
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    if (api_bound_answer(&text, read, &limits, &problem, request->ctx) ==
        LIP_OK)
        lipd_reply_json(request, 200, &text);
    else
        lipd_reply_problem(request, &problem);
    api_text_clear(&text);
}

/* What the job needs besides the body. */
static void write_query(struct api_text *text,
                        const struct lipd_request *request)
{
    api_object_open(text, NULL);
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
static void reply_later(struct lipd_request *request)
{
    struct api_text text;
    size_t size;
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    write_query(&text, request);
    char *written = api_text_take(&text, &size);
    if (written)
        lipd_submit(request, "bound", written, true);
    else
        lipd_reply_fail(request, API_PROBLEM_INTERNAL,
                        "The request cannot be written down: %s",
                        request->ctx->error.detail);
    lip_free(written);
    request->reply.preferred = request->reply.status == 202;
}

/* Is the model that the request names there? */
static bool is_stored(const struct lipd_request *request,
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

static void check_and_reply_later(struct lipd_request *request)
{
    struct api_bound_request read;
    struct api_problem problem;
    if (!lipd_submit_key_valid(request, &problem) ||
        api_bound_request_read(&read, request->body, request->content_type,
                               &request->query, &problem,
                               request->ctx) != LIP_OK) {
        lipd_reply_problem(request, &problem);
        return;
    }
    lipd_metric_format(read.format);
    bool stored = is_stored(request, &read, &problem);
    api_bound_request_clear(&read);
    if (stored)
        reply_later(request);
    else
        lipd_reply_problem(request, &problem);
}

void lipd_route_bound(struct lipd_request *request)
{
    struct api_bound_request read;
    struct api_problem problem;
    if (request->service->jobs && lipd_submit_preferred(request)) {
        check_and_reply_later(request);
        return;
    }
    if (api_bound_request_read(&read, request->body, request->content_type,
                               &request->query, &problem,
                               request->ctx) != LIP_OK) {
        lipd_reply_problem(request, &problem);
        return;
    }
    lipd_metric_format(read.format);
    /* The network holds what it needs of the body. */
    lip_buffer_put(request->body);
    request->body = NULL;
    if (load_named(request, &read, &problem))
        reply_bounds(request, &read);
    else
        lipd_reply_problem(request, &problem);
    api_bound_request_clear(&read);
}
