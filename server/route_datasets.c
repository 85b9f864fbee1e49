/* SPDX-License-Identifier: MIT
 *
 * POST and GET /datasets, GET and DELETE /datasets/{id}. */
#include "api/dataset.h"
#include "api/job.h"
#include "server/dataset_keep.h"
#include "server/page.h"
#include "server/routes.h"
#include "server/service.h"

#include <stdio.h>

enum { READING = 1 << 20 /* beside the data: strips, zlib, libzip */ };

static void write_dataset(struct api_text *text,
                          const struct lipd_dataset *dataset)
{
    char created[API_TIME_SIZE];
    api_time(created, dataset->created);
    api_object_open(text, NULL);
    api_put_string(text, "id", dataset->id);
    api_put_string(text, "task",
                   dataset->classes ? "classification" : "regression");
    api_put_count(text, "rows", dataset->rows);
    api_put_count(text, "features", dataset->features);
    if (dataset->classes)
        api_put_count(text, "classes", dataset->classes);
    else
        api_put_count(text, "targets", dataset->targets);
    api_put_count(text, "bytes", dataset->bytes);
    api_put_string(text, "created", created);
    api_object_close(text);
}

static void reply_dataset(struct lipd_request *request, int status,
                          const struct lipd_dataset *dataset)
{
    struct api_text text;
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    write_dataset(&text, dataset);
    lipd_reply_json(request, status, &text);
}

/* The store; NULL with the answer given where there is none. */
static const struct lipd_dataset_store *store_of(struct lipd_request *request)
{
    struct api_problem problem;
    if (request->service->datasets)
        return request->service->datasets;
    lipd_no_datasets(&problem);
    lipd_reply_problem(request, &problem);
    return NULL;
}

/* --- POST */

/* Asks the gate for what reading will take, and holds the request to it: a file
 * that lies about its size gets no more. */
static bool book(struct lipd_request *request, size_t memory,
                 struct api_problem *problem)
{
    struct lipd_service *service = request->service;
    size_t most = lipd_request_memory(request);
    bool own = most == request->quota.memory;
    if (most < READING || memory > most - READING) {
        api_problem_set(problem, API_PROBLEM_BODY_TOO_LARGE,
                        "Reading this data set takes about %zu bytes of "
                        "memory, more than the %zu that a request %smay use%s.",
                        memory, most, own ? "of its token " : "",
                        own ? "" : " (--max-request-memory)");
        return false;
    }
    if (!lipd_queue_reserve(&service->queue, memory + READING)) {
        api_problem_set(problem, API_PROBLEM_OVERLOADED,
                        "The requests being served leave no room to read this "
                        "data set, which takes %zu bytes. Try again later.",
                        memory);
        return false;
    }
    request->reserved += memory + READING;
    request->budget.limit = memory + READING;
    return true;
}

static struct lip_data *read_data(struct lipd_request *request,
                                  struct api_problem *problem)
{
    const struct api_dataset_body body = {.bytes = request->upload.bytes,
                                          .size = request->upload.size,
                                          .content_type = request->content_type,
                                          .query = &request->query};
    struct api_dataset_plan plan;
    struct lip_data *data = NULL;
    if (api_dataset_plan(&plan, &body, problem, request->ctx) == LIP_OK &&
        book(request, plan.memory, problem))
        api_dataset_read(&data, &plan, problem, request->ctx);
    return data;
}

void lipd_route_dataset_store(struct lipd_request *request)
{
    struct lipd_dataset dataset;
    struct api_problem problem;
    if (!store_of(request))
        return;
    struct lipd_asked asked;
    struct lip_data *data = NULL;
    if (lipd_asked_read(&asked, request, &problem))
        data = read_data(request, &problem);
    bool stored =
        data && lipd_dataset_keep(request, data, &asked, &dataset, &problem);
    lip_data_free(data);
    if (!stored) {
        lipd_reply_problem(request, &problem);
        return;
    }
    reply_dataset(request, dataset.fresh ? 201 : 200, &dataset);
    snprintf(request->reply.location, sizeof request->reply.location,
             "/datasets/%s", dataset.id);
}

/* --- GET */

/* The page as it is; the memory is the caller's. */
static void reply_page(struct lipd_request *request,
                       const struct lipd_dataset *dataset, size_t count,
                       bool more)
{
    struct api_text text;
    lipd_page_begin(&text, request, "datasets");
    for (size_t i = 0; i < count; i++)
        write_dataset(&text, &dataset[i]);
    lipd_page_end(&text, request, more && count ? dataset[count - 1].id : NULL);
}

void lipd_route_dataset_list(struct lipd_request *request)
{
    struct api_problem problem;
    struct lipd_page page;
    bool more;
    if (!store_of(request))
        return;
    if (!lipd_page_read(&page, request, "data set", &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    struct lipd_dataset *dataset =
        lip_alloc(request->ctx, page.limit, sizeof *dataset);
    if (!dataset) {
        api_problem_from_error(&problem, &request->ctx->error);
        lipd_reply_problem(request, &problem);
        return;
    }
    size_t count;
    if (lipd_dataset_page(request, page.after, dataset, page.limit, &count,
                          &more, &problem))
        reply_page(request, dataset, count, more);
    else
        lipd_reply_problem(request, &problem);
    lip_free(dataset);
}

void lipd_route_dataset_show(struct lipd_request *request)
{
    struct lipd_dataset dataset;
    struct api_problem problem;
    if (!store_of(request))
        return;
    if (lipd_dataset_find(request, request->argument, &dataset, &problem))
        reply_dataset(request, 200, &dataset);
    else
        lipd_reply_problem(request, &problem);
}

void lipd_route_dataset_delete(struct lipd_request *request)
{
    struct api_problem problem;
    if (!store_of(request))
        return;
    if (lipd_let_go(request, LIPD_DATASET, request->argument, &problem))
        lipd_reply_static(request, 204, NULL, "", 0);
    else
        lipd_reply_problem(request, &problem);
}
