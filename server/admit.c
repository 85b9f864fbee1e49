/* SPDX-License-Identifier: MIT
 *
 * What is refused here costs neither an upload nor a worker. */
#include "server/admit.h"

#include "server/metrics.h"
#include "server/routes.h"

#include <string.h>

/* Workers are watched, and asked nothing else. */
static bool is_of_worker(struct lipd_request *request,
                         struct api_problem *problem)
{
    if (request->route && request->route->probe)
        return true;
    request->route = NULL;
    request->reply.allow[0] = '\0';
    lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_NO_ROUTE, 1);
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "This is a worker: it answers GET /healthz, /readyz and "
                    "/metrics. Ask a daemon that serves.");
    return false;
}

static bool find_route(struct lipd_request *request,
                       const struct lipd_head *head,
                       struct api_problem *problem)
{
    char *allow = request->reply.allow;
    request->route = lipd_route_find(
        head->method, head->path, request->argument, sizeof request->argument,
        allow, sizeof request->reply.allow);
    if (!strcmp(request->service->config->role, "work"))
        return is_of_worker(request, problem);
    if (request->route)
        return true;
    lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_NO_ROUTE, 1);
    if (allow[0])
        api_problem_set(problem, API_PROBLEM_METHOD_NOT_ALLOWED,
                        "%.40s takes %s.", head->path, allow);
    else
        api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                        "There is no %.100s; GET / lists what there is.",
                        head->path);
    return false;
}

/* May whoever sent this do it, and now? */
static bool may(struct lipd_request *request, const struct lipd_head *head,
                struct api_problem *problem)
{
    if (lipd_access_check(request->service->access, request,
                          head->authorization.value, request->route->scopes,
                          problem)) {
        request->budget.limit = lipd_request_memory(request);
        return true;
    }
    lipd_metric_add(LIPD_REJECTS,
                    problem->code == API_PROBLEM_RATE_LIMITED
                        ? LIPD_REJECT_RATE
                        : LIPD_REJECT_TOKEN,
                    1);
    return false;
}

/* Is there room to begin now? */
static bool has_room(const struct lipd_request *request,
                     struct api_problem *problem)
{
    struct lipd_service *service = request->service;
    enum lipd_weight weight = request->route->weight;
    enum lipd_reject reason = LIPD_REJECT_QUEUE;
    if (weight == LIPD_LIGHT)
        return true;
    struct lipd_queue *queue = lipd_service_queue(service, weight == LIPD_DISK);
    if (atomic_load(&service->state) == LIPD_DRAINING) {
        reason = LIPD_REJECT_DRAINING;
        api_problem_set(problem, API_PROBLEM_DRAINING,
                        "This daemon is shutting down; ask another one.");
    } else if (!lipd_queue_come(queue, lip_now())) {
        lipd_queue_refuse(queue, problem);
    } else {
        return true;
    }
    lipd_metric_add(LIPD_REJECTS, reason, 1);
    return false;
}

static bool check_body(struct lipd_request *request,
                       const struct lipd_head *head,
                       const struct lipd_framing *framing,
                       struct api_problem *problem)
{
    const struct lipd_route *route = request->route;
    bool has_body = framing->form != LIPD_BODY_NONE;
    if (route->body == LIPD_NO_BODY && has_body) {
        api_problem_set(problem, API_PROBLEM_BAD_REQUEST,
                        "%s %s takes no body.", route->method, route->path);
        return false;
    }
    if (route->body != LIPD_NO_BODY && !has_body) {
        bool sized = head->content_length.count > 0;
        api_problem_set(
            problem,
            sized ? API_PROBLEM_MALFORMED_BODY : API_PROBLEM_LENGTH_REQUIRED,
            "%s Send %s as the body, with Content-Length or chunked.",
            sized ? "The body is empty." : "There is no body.",
            route->body == LIPD_DATA_BODY   ? "a data set"
            : route->body == LIPD_JSON_BODY ? "JSON"
                                            : "a model");
        return false;
    }
    return true;
}

bool lipd_admit(struct lipd_request *request, const struct lipd_head *head,
                struct lipd_framing *framing, struct lipd_body_state *body,
                struct api_problem *problem)
{
    if (!lipd_head_framing(framing, head, problem)) {
        /* Where this request ends is open to opinion: read no further. */
        request->reply.close = true;
        lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_BAD_HEAD, 1);
        return false;
    }
    if (!find_route(request, head, problem) || !may(request, head, problem))
        return false;
    if (request->query.count > API_MAX_QUERY) {
        api_problem_set(problem, API_PROBLEM_BAD_REQUEST,
                        "The query has more than %d parameters.",
                        API_MAX_QUERY);
        return false;
    }
    return has_room(request, problem) &&
           check_body(request, head, framing, problem) &&
           lipd_body_begin(body, framing, request, problem);
}
