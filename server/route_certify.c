/* SPDX-License-Identifier: MIT
 *
 * POST /certify. */
#include "api/certify.h"
#include "server/dataset_keep.h"
#include "server/model_load.h"
#include "server/routes.h"
#include "server/service.h"

#include <stdint.h>
#include <stdio.h>

/* What is named by an id and not there is a fault of that member. */
static void point(struct api_problem *problem, const char *where)
{
    if (problem->code != API_PROBLEM_NOT_FOUND)
        return;
    problem->place = LIP_AT_POINTER;
    snprintf(problem->where, sizeof problem->where, "%s", where);
}

static bool load_model(struct lipd_request *request,
                       struct api_certify_request *read,
                       struct api_problem *problem)
{
    if (read->network)
        return true;
    read->network = lipd_model_load(request, read->model_id, problem);
    point(problem, "/model/id");
    return read->network != NULL;
}

/* The numbers are in memory twice for a moment: as they are stored, and as
 * doubles. */
static bool load_data(struct lipd_request *request,
                      struct api_certify_request *read,
                      struct api_problem *problem)
{
    struct lipd_service *service = request->service;
    struct lipd_dataset known;
    struct lip_data *data;
    if (!read->dataset_id[0])
        return true;
    if (!service->datasets) {
        lipd_no_datasets(problem);
        return false;
    }
    bool found = lipd_dataset_find(request, read->dataset_id, &known, problem);
    point(problem, "/dataset/id");
    if (!found)
        return false;
    size_t memory = 4 * known.bytes;
    if (known.bytes > SIZE_MAX / 8 ||
        !lipd_queue_reserve(&service->queue, memory)) {
        api_problem_set(problem, API_PROBLEM_OVERLOADED,
                        "The requests being served leave no room for this "
                        "data set. Try again later.");
        return false;
    }
    request->reserved += memory;
    if (!lipd_dataset_load(&data, service->datasets, read->dataset_id, problem,
                           request->ctx)) {
        point(problem, "/dataset/id");
        return false;
    }
    enum lip_status status =
        api_certify_take_data(read, data, problem, request->ctx);
    lip_data_free(data);
    return status == LIP_OK;
}

static bool answer(struct lipd_request *request,
                   const struct api_certify_request *read,
                   struct api_problem *problem)
{
    struct api_text text;
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    bool done =
        api_certify_answer(&text, read, (double)lipd_request_memory(request),
                           lipd_request_seconds(request), problem,
                           request->ctx) == LIP_OK;
    if (done)
        lipd_reply_json(request, 200, &text);
    api_text_clear(&text);
    return done;
}

void lipd_route_certify(struct lipd_request *request)
{
    struct api_certify_request read;
    struct api_problem problem = {.code = API_PROBLEM_INTERNAL};
    if (request->query.count > 0) {
        lipd_reply_fail(request, API_PROBLEM_INVALID_OPTION,
                        "The options of this request stand in its JSON body, "
                        "none in the query.");
        return;
    }
    if (api_certify_read(&read, lip_buffer_bytes(request->body),
                         lip_buffer_size(request->body), &problem,
                         request->ctx) != LIP_OK) {
        lipd_reply_problem(request, &problem);
        return;
    }
    lip_buffer_put(request->body);
    request->body = NULL;
    if (!load_model(request, &read, &problem) ||
        !load_data(request, &read, &problem) ||
        !answer(request, &read, &problem))
        lipd_reply_problem(request, &problem);
    api_certify_clear(&read);
}
