/* SPDX-License-Identifier: MIT
 *
 * Loading goes the way the upload went: same reader, same limits. */
#include "server/model_load.h"

#include "server/keep.h"
#include "server/model_store.h"
#include "server/service.h"
#include "server/uses.h"

#include <stdio.h>
#include <string.h>

void lipd_no_store(struct api_problem *problem)
{
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "This daemon stores no models. Start it with --data-dir "
                    "DIR to keep them there.");
}

bool lipd_model_book(struct lipd_request *request, size_t bytes,
                     struct api_problem *problem)
{
    if (lipd_queue_reserve(&request->service->queue, bytes)) {
        request->reserved += bytes;
        return true;
    }
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "The requests being served leave no room to load this "
                    "model. Try again later.");
    return false;
}

/* Has it stay: before anybody looks whether it is there. */
static bool keep_open(struct lipd_request *request, const char *id)
{
    struct lipd_uses *uses = request->service->uses;
    if (!lipd_store_id_valid(id) || !strcmp(request->opened, id))
        return true;
    if (!lipd_uses_open(uses, id))
        return false;
    if (request->opened[0])
        lipd_uses_close(uses, request->opened);
    snprintf(request->opened, sizeof request->opened, "%s", id);
    return true;
}

bool lipd_model_there(struct lipd_request *request, const char *id,
                      struct api_problem *problem)
{
    struct lipd_service *service = request->service;
    struct lipd_store *store = service->store;
    if (store && !keep_open(request, id)) {
        api_problem_set(problem, API_PROBLEM_OVERLOADED,
                        "There is no memory to keep the model open.");
        return false;
    }
    if (store && !lipd_may_see(request, LIPD_MODEL, id, NULL, problem))
        return false;
    if (store)
        lipd_uses_note(service->uses, service->holdings, id,
                       request->sees_all ? NULL : request->tenant);
    if (store && !lipd_store_fetch(store, id, problem) &&
        problem->code != API_PROBLEM_NOT_FOUND)
        return false;
    if (store && lipd_store_size(store, id))
        return true;
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "No model is stored under the id %.80s.", id);
    return false;
}

struct lip_network *lipd_model_parse(struct lipd_stored *stored, const char *id,
                                     struct api_problem *problem,
                                     struct lip_ctx *ctx)
{
    struct api_bound_request read;
    if (api_bound_request_read(&read, stored->body, stored->content_type,
                               &stored->query, problem, ctx) != LIP_OK)
        return NULL;
    struct lip_network *network = read.network;
    if (network && !strcmp(network->id, id)) {
        read.network = NULL;
    } else {
        network = NULL;
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The stored model %s is damaged; delete it and store "
                        "it again.",
                        id);
    }
    api_bound_request_clear(&read);
    return network;
}

struct lip_network *lipd_model_read(struct lipd_store *store, const char *id,
                                    struct api_problem *problem,
                                    struct lip_ctx *ctx)
{
    struct lipd_stored stored;
    if (!lipd_store_get(&stored, store, id, problem, ctx))
        return NULL;
    struct lip_network *network = lipd_model_parse(&stored, id, problem, ctx);
    lipd_stored_clear(&stored);
    return network;
}

bool lipd_model_of_folder(struct lipd_stored *out, const char *directory,
                          const char *id, struct api_problem *problem,
                          struct lip_ctx *ctx)
{
    char complaint[300];
    struct lipd_store *store =
        lipd_store_read_only(directory, complaint, sizeof complaint);
    if (!store) {
        api_problem_set(problem, API_PROBLEM_INTERNAL, "%s", complaint);
        return false;
    }
    bool got = lipd_store_get(out, store, id, problem, ctx);
    lipd_store_close(store);
    if (!got && problem->code == API_PROBLEM_NOT_FOUND) {
        problem->place = LIP_AT_POINTER;
        snprintf(problem->where, sizeof problem->where, "/model/id");
    }
    return got;
}

struct lip_network *lipd_model_load(struct lipd_request *request,
                                    const char *id, struct api_problem *problem)
{
    struct lipd_store *store = request->service->store;
    if (!store) {
        lipd_no_store(problem);
        return NULL;
    }
    if (!lipd_model_there(request, id, problem))
        return NULL;
    size_t bytes = lipd_estimate(lipd_store_size(store, id));
    return lipd_model_book(request, bytes, problem)
               ? lipd_model_read(store, id, problem, request->ctx)
               : NULL;
}
