/* SPDX-License-Identifier: MIT
 *
 * POST /models, GET and DELETE /models/{id}. */
#include "api/bound_write.h"
#include "server/metrics.h"
#include "server/model_load.h"
#include "server/model_store.h"
#include "server/routes.h"
#include "server/service.h"

#include <stdio.h>
#include <string.h>

static void reply_model(struct lipd_request *request, int status,
                        const struct lip_network *network)
{
    struct api_text text;
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    api_model_write(&text, NULL, network);
    lipd_reply_json(request, status, &text);
}

static bool store_model(struct lipd_request *request,
                        const struct api_bound_request *read,
                        struct api_problem *problem)
{
    struct lipd_store *store = request->service->store;
    if (!read->network) {
        api_problem_set(problem, API_PROBLEM_INVALID_OPTION,
                        "Send the model itself; an id names one that is "
                        "stored already.");
        return false;
    }
    if (!lipd_store_put(store, read->network->id, request->content_type,
                        &request->query, request->body, problem))
        return false;
    lipd_metric_set(LIPD_STORED, 0, (int64_t)lipd_store_used(store));
    return true;
}

void lipd_route_model_store(struct lipd_request *request)
{
    struct api_bound_request read;
    struct api_problem problem;
    if (!request->service->store) {
        lipd_no_store(&problem);
        lipd_reply_problem(request, &problem);
        return;
    }
    if (api_bound_request_read(&read, request->body, request->content_type,
                               &request->query, &problem,
                               request->ctx) != LIP_OK) {
        lipd_reply_problem(request, &problem);
        return;
    }
    if (store_model(request, &read, &problem)) {
        reply_model(request, 201, read.network);
        snprintf(request->reply.location, sizeof request->reply.location,
                 "/models/%s", read.network->id);
    } else {
        lipd_reply_problem(request, &problem);
    }
    api_bound_request_clear(&read);
}

void lipd_route_model_show(struct lipd_request *request)
{
    struct api_problem problem;
    struct lip_network *network =
        lipd_model_load(request, request->argument, &problem);
    if (network)
        reply_model(request, 200, network);
    else
        lipd_reply_problem(request, &problem);
    lip_network_free(network);
}

void lipd_route_model_delete(struct lipd_request *request)
{
    struct lipd_store *store = request->service->store;
    struct api_problem problem;
    if (store && lipd_store_delete(store, request->argument)) {
        lipd_metric_set(LIPD_STORED, 0, (int64_t)lipd_store_used(store));
        lipd_reply_static(request, 204, NULL, "", 0);
        return;
    }
    if (store)
        api_problem_set(&problem, API_PROBLEM_NOT_FOUND,
                        "No model is stored under the id %.80s.",
                        request->argument);
    else
        lipd_no_store(&problem);
    lipd_reply_problem(request, &problem);
}
