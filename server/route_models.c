/* SPDX-License-Identifier: MIT
 *
 * POST and GET /models, GET and DELETE /models/{id}. */
#include "api/bound_write.h"
#include "api/job.h"
#include "base/size.h"
#include "formats/writer.h"
#include "server/asked.h"
#include "server/conditional.h"
#include "server/keep.h"
#include "server/meter.h"
#include "server/metrics.h"
#include "server/model_load.h"
#include "server/model_store.h"
#include "server/page.h"
#include "server/query.h"
#include "server/routes.h"
#include "server/service.h"
#include "server/uses.h"

#include <stdint.h>
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

struct putting {
    const struct lipd_request *request;
    const char *id;
};

static bool put(void *arg, struct api_problem *problem)
{
    const struct putting *p = arg;
    const struct lipd_request *request = p->request;
    return lipd_store_take(request->service->store, p->id, &request->upload,
                           problem);
}

static bool store_model(struct lipd_request *request,
                        const struct api_bound_request *read,
                        const struct lipd_asked *asked,
                        struct api_problem *problem)
{
    struct lipd_store *store = request->service->store;
    if (!read->network) {
        api_problem_set(problem, API_PROBLEM_INVALID_OPTION,
                        "Send the model itself; an id names one that is "
                        "stored already.");
        return false;
    }
    struct putting putting = {request, read->network->id};
    const struct lipd_keeping keeping = {.thing = LIPD_MODEL,
                                         .id = putting.id,
                                         .tenant = request->tenant,
                                         .bytes = request->upload.head +
                                                  request->upload.size,
                                         .quota = request->quota.stored,
                                         .key = asked->key,
                                         .digest = asked->digest,
                                         .put = put,
                                         .arg = &putting};
    if (!asked->again && !lipd_keep(request->service, &keeping, NULL, problem))
        return false;
    lipd_metric_set(LIPD_STORED, 0, (int64_t)lipd_store_used(store));
    return true;
}

void lipd_route_model_store(struct lipd_request *request)
{
    struct api_bound_request read;
    struct api_problem problem;
    struct lipd_asked asked;
    lipd_meter_start(request);
    if (!lipd_asked_read(&asked, request, &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    if (api_bound_request_read(&read, request->body, request->content_type,
                               &request->query, &problem,
                               request->ctx) != LIP_OK) {
        lipd_meter_failed(request, &problem);
        lipd_reply_problem(request, &problem);
        return;
    }
    lipd_metric_format(read.format);
    if (store_model(request, &read, &asked, &problem)) {
        reply_model(request, 201, read.network);
        snprintf(request->reply.location, sizeof request->reply.location,
                 "/models/%s", read.network->id);
    } else {
        lipd_reply_problem(request, &problem);
    }
    api_bound_request_clear(&read);
}

/* --- the list */

static void write_held(struct api_text *text, const struct lipd_holding *model)
{
    char time[API_TIME_SIZE];
    api_object_open(text, NULL);
    api_put_string(text, "id", model->id);
    api_put_count(text, "bytes", model->bytes);
    api_time(time, model->created);
    api_put_string(text, "created", time);
    api_time(time, model->used);
    api_put_string(text, "used", time);
    api_object_close(text);
}

static void reply_page(struct lipd_request *request,
                       const struct lipd_holding *model, size_t count,
                       bool more)
{
    struct api_text text;
    lipd_page_begin(&text, request, "models");
    for (size_t i = 0; i < count; i++)
        write_held(&text, &model[i]);
    lipd_page_end(&text, request, more && count ? model[count - 1].id : NULL);
}

void lipd_route_model_list(struct lipd_request *request)
{
    struct lipd_service *service = request->service;
    struct lipd_holdings *holdings = service->holdings;
    struct lipd_holding *model = NULL;
    struct api_problem problem;
    struct lipd_page page;
    size_t count = 0;
    bool good = holdings != NULL;
    if (!good)
        lipd_no_store(&problem);
    good = good && lipd_page_read(&page, request, "model", &problem);
    if (good &&
        !(model = lip_alloc(request->ctx, page.limit + 1, sizeof *model))) {
        api_problem_from_error(&problem, &request->ctx->error);
        good = false;
    }
    if (good)
        lipd_uses_flush(service->uses, holdings);
    good = good &&
           holdings->ops->list(
               holdings, LIPD_MODEL, request->sees_all ? NULL : request->tenant,
               page.after, model, &count, page.limit + 1, &problem);
    bool more = good && count > page.limit;
    if (good)
        reply_page(request, model, more ? page.limit : count, more);
    else
        lipd_reply_problem(request, &problem);
    lip_free(model);
}

/* --- GET */

/* "json, safetensors, npz" */
static void list_writers(char *out, size_t size)
{
    size_t used = 0;
    *out = '\0';
    for (size_t i = 0; lip_writers[i] && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "",
                                 lip_writers[i]->name);
}

/* The writer that ?format= names; *out is NULL where it is not there. */
static bool choose_writer(const struct lip_writer **out,
                          const struct lipd_request *request,
                          struct api_problem *problem)
{
    char known[100];
    *out = NULL;
    if (!lipd_query_only(request, "format", problem))
        return false;
    const char *name = lipd_query_text(request, "format");
    if (!name)
        return true;
    *out = lip_writer_find(name);
    if (*out)
        return true;
    list_writers(known, sizeof known);
    api_problem_set_at(problem, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,
                       "format",
                       "Models are not written as \"%.40s\". The formats are "
                       "%s.",
                       name, known);
    problem->in_query = true;
    return false;
}

/* An upper estimate of what writing takes: a number is at most 26 bytes of
 * JSON, in a buffer that doubles and moves. */
static size_t writing(const struct lip_network *network)
{
    enum { PER_NUMBER = 3 * 26, PER_LAYER = 4096 };
    size_t numbers, layers, bytes;
    if (!lip_size_mul(&numbers, network->parameters, PER_NUMBER) ||
        !lip_size_mul(&layers, network->count, PER_LAYER) ||
        !lip_size_add(&bytes, numbers, layers))
        return SIZE_MAX;
    return bytes;
}

/* "model-0123456789ab.safetensors" */
static void reply_file(struct lipd_request *request,
                       const struct lip_network *network,
                       const struct lip_writer *writer)
{
    enum { PREFIX = sizeof "sha256:" - 1, DIGITS = 12 };
    struct api_problem problem;
    unsigned char *data;
    size_t size;
    if (!lipd_model_book(request, writing(network), &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    if (writer->write(&data, &size, network, &network->metadata,
                      request->ctx) != LIP_OK) {
        api_problem_from_error(&problem, &request->ctx->error);
        lipd_reply_problem(request, &problem);
        return;
    }
    lipd_reply_take(request, 200, writer->media_type, (char *)data, size);
    snprintf(request->reply.file_name, sizeof request->reply.file_name,
             "model-%.*s%s", DIGITS, network->id + PREFIX, writer->extension);
    lipd_reply_conditional(request, true);
}

void lipd_route_model_show(struct lipd_request *request)
{
    struct api_problem problem;
    const struct lip_writer *writer;
    if (!choose_writer(&writer, request, &problem)) {
        lipd_reply_problem(request, &problem);
        return;
    }
    struct lip_network *network =
        lipd_model_load(request, request->argument, &problem);
    if (!network)
        lipd_reply_problem(request, &problem);
    else if (writer)
        reply_file(request, network, writer);
    else
        reply_model(request, 200, network);
    if (!writer)
        lipd_reply_conditional(request, false);
    lip_network_free(network);
}

void lipd_route_model_delete(struct lipd_request *request)
{
    struct lipd_store *store = request->service->store;
    struct api_problem problem;
    if (store &&
        lipd_let_go(request, LIPD_MODEL, request->argument, &problem)) {
        lipd_metric_set(LIPD_STORED, 0, (int64_t)lipd_store_used(store));
        lipd_reply_static(request, 204, NULL, "", 0);
        return;
    }
    if (!store)
        lipd_no_store(&problem);
    lipd_reply_problem(request, &problem);
}
