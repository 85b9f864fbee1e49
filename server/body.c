/* SPDX-License-Identifier: MIT
 *
 * The library cannot answer in the middle of an upload, so a body that fails
 * on the way (only a chunked one can) is read on and dropped, up to a second
 * cap, to be answered at its end. */
#include "server/body.h"

#include "server/dataset_store.h"
#include "server/metrics.h"
#include "server/model_load.h"
#include "server/routes.h"

#include <string.h>

enum {
    FIRST_CAPACITY = 64 << 10,
    DISCARD_MAX = 64 << 20,
    LARGE = 8 << 20 /* of what is not stored: by way of the disk from here on */
};

static bool is_of(const struct lipd_request *request, enum lipd_body kind)
{
    return request->route && request->route->body == kind;
}

static void too_large(const struct lipd_request *request, size_t limit,
                      struct api_problem *problem)
{
    lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_BODY_SIZE, 1);
    api_problem_set(problem, API_PROBLEM_BODY_TOO_LARGE,
                    "The body is larger than the limit of %zu bytes%s.%s",
                    limit,
                    limit == request->quota.body ? " that its token has" : "",
                    is_of(request, LIPD_JSON_BODY)
                        ? " Data that need more room are stored first, by POST "
                          "/datasets, and named by their id."
                        : "");
}

/* Books what a body of this capacity will need, beyond what is booked. */
static bool book(struct lipd_request *request, size_t capacity,
                 struct api_problem *problem)
{
    size_t need = lipd_estimate(capacity);
    if (need <= request->reserved)
        return true;
    if (lipd_queue_reserve(&request->service->queue,
                           need - request->reserved)) {
        request->reserved = need;
        return true;
    }
    lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_MEMORY, 1);
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "The requests being served leave no room for this one of "
                    "about %zu bytes of memory. Try again later.",
                    need);
    return false;
}

static bool resize(struct lipd_body_state *body, struct lipd_request *request,
                   size_t capacity, struct api_problem *problem)
{
    struct lip_ctx ctx = {.budget = &request->budget};
    if (!book(request, capacity, problem))
        return false;
    unsigned char *data = lip_realloc(&ctx, body->data, capacity, 1);
    if (!data) {
        api_problem_from_error(problem, &ctx.error);
        return false;
    }
    body->data = data;
    body->capacity = capacity;
    return true;
}

static size_t common_limit(const struct lipd_request *request)
{
    const struct lipd_config *config = request->service->config;
    size_t most = request->service->max_body;
    if (is_of(request, LIPD_JSON_BODY))
        return most < LIPD_JSON_MAX ? most : LIPD_JSON_MAX;
    if (!is_of(request, LIPD_DATA_BODY))
        return most;
    return config->max_dataset < config->max_datasets ? config->max_dataset
                                                      : config->max_datasets;
}

static size_t limit_of(const struct lipd_request *request)
{
    size_t limit = common_limit(request), own = request->quota.body;
    return own && own < limit ? own : limit;
}

/* A model that is to be stored: what it is read back with comes first. */
static bool spool_kept(struct lipd_body_state *body, size_t announced,
                       struct lipd_request *request,
                       struct api_problem *problem)
{
    struct lipd_store *store = request->service->store;
    size_t size;
    if (!store) {
        lipd_no_store(problem);
        return false;
    }
    void *head =
        lipd_store_head(&size, request->content_type, &request->query, problem);
    bool begun = head && lipd_spool_begin(&body->spool, lipd_store_shelf(store),
                                          head, size, announced, problem);
    lip_free(head);
    return begun;
}

static bool spool_data(struct lipd_body_state *body, size_t announced,
                       struct lipd_request *request,
                       struct api_problem *problem)
{
    struct lipd_dataset_store *store = request->service->datasets;
    if (store)
        return lipd_spool_begin(&body->spool, lipd_dataset_shelf(store), NULL,
                                0, announced, problem);
    lipd_no_datasets(problem);
    return false;
}

/* A large model that is not to be stored: where the disk has room. */
static bool spool_large(struct lipd_body_state *body, size_t announced,
                        struct lipd_request *request)
{
    struct lipd_store *store = request->service->store;
    struct api_problem ignored;
    return is_of(request, LIPD_MODEL_BODY) && announced >= LARGE && store &&
           lipd_spool_begin(&body->spool, lipd_store_shelf(store), NULL, 0,
                            announced, &ignored);
}

bool lipd_body_begin(struct lipd_body_state *body,
                     const struct lipd_framing *framing,
                     struct lipd_request *request, struct api_problem *problem)
{
    *body = (struct lipd_body_state){.limit = limit_of(request)};
    if (framing->form == LIPD_BODY_NONE)
        return true;
    if (framing->size > body->limit) {
        too_large(request, body->limit, problem);
        return false;
    }
    size_t size = (size_t)framing->size;
    size_t capacity = framing->form == LIPD_BODY_SIZED ? size
                      : body->limit < FIRST_CAPACITY   ? body->limit
                                                       : FIRST_CAPACITY;
    bool kept = is_of(request, LIPD_KEPT_BODY);
    body->spools = kept || is_of(request, LIPD_DATA_BODY);
    if (body->spools) /* what reading it takes is booked when that is known */
        return book(request, 0, problem) &&
               (kept ? spool_kept(body, size, request, problem)
                     : spool_data(body, size, request, problem));
    body->spools =
        book(request, size, problem) && spool_large(body, size, request);
    return body->spools || resize(body, request, capacity, problem);
}

/* Room for `more` bytes. */
static bool grow(struct lipd_body_state *body, struct lipd_request *request,
                 size_t more, struct api_problem *problem)
{
    if (more <= body->capacity - body->size)
        return true;
    if (more > body->limit - body->size) {
        too_large(request, body->limit, problem);
        return false;
    }
    size_t capacity = body->capacity;
    while (capacity - body->size < more)
        capacity = capacity < body->limit / 2 ? 2 * capacity : body->limit;
    return resize(body, request, capacity, problem);
}

static bool take(struct lipd_body_state *body, struct lipd_request *request,
                 const void *bytes, size_t size, struct api_problem *problem)
{
    if (body->spools) {
        if (size <= body->limit - (body->spool.size - body->spool.head))
            return lipd_spool_add(&body->spool, bytes, size, problem);
        too_large(request, body->limit, problem);
        return false;
    }
    if (!grow(body, request, size, problem))
        return false;
    memcpy(body->data + body->size, bytes, size);
    body->size += size;
    return true;
}

bool lipd_body_add(struct lipd_body_state *body, struct lipd_request *request,
                   const void *bytes, size_t size)
{
    body->arrived += size;
    if (!body->failed && take(body, request, bytes, size, &body->problem))
        return true;
    if (!body->failed) {
        body->failed = true;
        lipd_body_clear(body);
    }
    return body->arrived <= (uint64_t)body->limit + DISCARD_MAX;
}

/* What reads models reads them from the mapping. */
static bool end_spool(struct lipd_body_state *body,
                      struct lipd_request *request, struct api_problem *problem)
{
    struct lip_ctx ctx = {.budget = &request->budget};
    struct lipd_upload *upload = &request->upload;
    if (!lipd_spool_map(upload, &body->spool, problem))
        return false;
    if (is_of(request, LIPD_DATA_BODY))
        return true;
    request->body =
        lip_buffer_lend(upload->bytes, upload->size, NULL, NULL, &ctx);
    if (!request->body)
        api_problem_from_error(problem, &ctx.error);
    return request->body != NULL;
}

bool lipd_body_end(struct lipd_body_state *body, struct lipd_request *request,
                   struct api_problem *problem)
{
    if (body->failed) {
        *problem = body->problem;
        return false;
    }
    if (body->spools)
        return end_spool(body, request, problem);
    if (!body->data)
        return true;
    struct lip_ctx ctx = {.budget = &request->budget};
    request->body = lip_buffer_take(body->data, body->size, &ctx);
    body->data = NULL;
    if (!request->body)
        api_problem_from_error(problem, &ctx.error);
    return request->body != NULL;
}

void lipd_body_clear(struct lipd_body_state *body)
{
    lip_free(body->data);
    body->data = NULL;
    body->size = body->capacity = 0;
    lipd_spool_clear(&body->spool);
}
