/* SPDX-License-Identifier: MIT
 *
 * POST /train: everything that can be said of a run before it is begun is said
 * here; what is accepted becomes a job. */
#include "api/train.h"
#include "server/dataset_keep.h"
#include "server/jobs/reply.h"
#include "server/jobs/submit.h"
#include "server/metrics.h"
#include "server/model_load.h"
#include "server/queue.h"
#include "server/routes.h"
#include "server/service.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TEXT_MAX = 1 << 20 };

/* --- the body */

/* JSON, or nothing said, or what curl says where it is told nothing. */
static bool may_be_json(const char *type)
{
    static const char *const known[] = {"application/json",
                                        "application/x-www-form-urlencoded"};
    if (!type)
        return true;
    size_t length = strcspn(type, "; \t");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (length == strlen(known[i]) && !strncasecmp(type, known[i], length))
            return true;
    return length > 5 && !strncasecmp(type + length - 5, "+json", 5);
}

static bool check_body(struct lipd_request *request,
                       struct api_problem *problem)
{
    size_t tree = LIPD_JSON_TREE * lip_buffer_size(request->body);
    if (!may_be_json(request->content_type)) {
        api_problem_set(problem, API_PROBLEM_UNSUPPORTED_FORMAT,
                        "A training run is described in JSON; send it as "
                        "application/json.");
        return false;
    }
    if (lipd_queue_reserve(&request->service->queue, tree)) {
        request->reserved += tree;
        return true;
    }
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "The requests being served leave no room to read this "
                    "one. Try again later.");
    return false;
}

static bool read_request(struct api_train_request *out,
                         struct lipd_request *request,
                         struct api_problem *problem)
{
    json_error_t error;
    char where[32];
    json_t *json = json_loadb((const char *)lip_buffer_bytes(request->body),
                              lip_buffer_size(request->body),
                              JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        snprintf(where, sizeof where, "%d", error.position);
        api_problem_set_at(problem, API_PROBLEM_MALFORMED_BODY, LIP_AT_BYTE,
                           where, "The body is not JSON: %s (line %d).",
                           error.text, error.line);
        return false;
    }
    enum lip_status status = api_train_read(out, json, problem, request->ctx);
    json_decref(json);
    return status == LIP_OK;
}

/* --- what it names */

static bool store_inline(struct api_train_request *read,
                         struct lipd_request *request,
                         struct api_problem *problem)
{
    struct lipd_service *service = request->service;
    struct lipd_dataset dataset;
    const struct lipd_asked none = {0};
    if (!lipd_dataset_keep(request, read->inline_data, &none, &dataset,
                           problem))
        return false;
    lipd_metric_set(LIPD_DATASETS, 0,
                    (int64_t)lipd_dataset_store_used(service->datasets));
    lip_data_free(read->inline_data);
    read->inline_data = NULL;
    read->source = API_DATA_STORED;
    memcpy(read->dataset_id, dataset.id, sizeof read->dataset_id);
    return true;
}

static void point_at(struct api_problem *problem, const char *pointer)
{
    problem->place = LIP_AT_POINTER;
    snprintf(problem->where, sizeof problem->where, "%s", pointer);
}

/* The shape of a stored data set is all that can be held against a request. */
static bool check_stored(const struct api_train_request *read,
                         struct lipd_request *request,
                         struct api_problem *problem)
{
    struct lipd_dataset dataset;
    if (!lipd_dataset_find(request, read->dataset_id, &dataset, problem)) {
        if (problem->code == API_PROBLEM_NOT_FOUND)
            point_at(problem, "/dataset/id");
        return false;
    }
    const struct lip_data shape = {.rows = dataset.rows,
                                   .features = dataset.features,
                                   .classes = dataset.classes,
                                   .targets = dataset.targets};
    return api_train_check_data(read, &shape, problem, request->ctx) == LIP_OK;
}

static bool check_model(const struct api_train_request *read,
                        struct lipd_request *request,
                        struct api_problem *problem)
{
    if (!*read->model_id || lipd_model_there(request, read->model_id, problem))
        return true;
    if (problem->code == API_PROBLEM_NOT_FOUND)
        point_at(problem, "/model/id");
    return false;
}

static bool check_named(struct api_train_request *read,
                        struct lipd_request *request,
                        struct api_problem *problem)
{
    return check_model(read, request, problem) &&
           (read->source != API_DATA_STORED ||
            check_stored(read, request, problem)) &&
           (read->source != API_DATA_INLINE ||
            store_inline(read, request, problem));
}

/* --- the job */

static void submit(struct lipd_request *request,
                   const struct api_train_request *read)
{
    struct api_text text;
    size_t size;
    api_text_init(&text, TEXT_MAX, request->ctx);
    api_train_write(&text, NULL, read);
    char *written = api_text_take(&text, &size);
    if (written)
        lipd_submit(request, "train", written, false);
    else
        lipd_reply_fail(request, API_PROBLEM_INTERNAL,
                        "The request cannot be written down: %s",
                        request->ctx->error.detail);
    lip_free(written);
}

void lipd_route_train(struct lipd_request *request)
{
    struct api_train_request read;
    struct api_problem problem;
    const struct lipd_service *service = request->service;
    if (!service->jobs || !service->datasets || !service->store) {
        lipd_no_jobs(&problem);
        lipd_reply_problem(request, &problem);
        return;
    }
    if (!lipd_submit_key_valid(request, &problem) ||
        !check_body(request, &problem) ||
        !read_request(&read, request, &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    if (check_named(&read, request, &problem))
        submit(request, &read);
    else
        lipd_reply_problem(request, &problem);
    api_train_clear(&read);
}
