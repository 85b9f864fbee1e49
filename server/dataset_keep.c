/* SPDX-License-Identifier: MIT
 *
 * The file knows when it came, which may have been by another tenant: times are
 * those of the holding. */
#include "server/dataset_keep.h"

struct putting {
    struct lipd_dataset_store *store;
    const struct lip_data *data;
    struct lipd_dataset *out;
};

static bool put(void *arg, struct api_problem *problem)
{
    const struct putting *p = arg;
    return lipd_dataset_put_described(p->store, p->data, p->out, problem);
}

bool lipd_dataset_keep(struct lipd_request *request,
                       const struct lip_data *data,
                       const struct lipd_asked *asked, struct lipd_dataset *out,
                       struct api_problem *problem)
{
    struct lipd_service *service = request->service;
    struct putting putting = {service->datasets, data, out};
    struct lipd_holding own;
    bool fresh = asked->fresh;
    if (!lipd_dataset_describe(out, data)) {
        api_problem_set(problem, API_PROBLEM_BODY_TOO_LARGE,
                        "The data set is too large to be stored.");
        return false;
    }
    const struct lipd_keeping keeping = {.thing = LIPD_DATASET,
                                         .id = out->id,
                                         .tenant = request->tenant,
                                         .bytes = out->bytes,
                                         .quota = request->quota.stored,
                                         .key = asked->key,
                                         .digest = asked->digest,
                                         .put = put,
                                         .arg = &putting};
    if (!asked->again && !lipd_keep(service, &keeping, &fresh, problem))
        return false;
    if (service->holdings) {
        out->fresh = fresh;
        if (service->holdings->ops->holds(service->holdings, &own, LIPD_DATASET,
                                          out->id, request->tenant))
            out->created = own.created;
    }
    return true;
}

bool lipd_dataset_find(const struct lipd_request *request, const char *id,
                       struct lipd_dataset *out, struct api_problem *problem)
{
    struct lipd_holding own;
    if (!lipd_may_see(request, LIPD_DATASET, id, &own, problem))
        return false;
    if (!lipd_dataset_show(request->service->datasets, id, out, problem))
        return false;
    if (own.created > 0)
        out->created = own.created;
    return true;
}

bool lipd_dataset_page(const struct lipd_request *request, const char *after,
                       struct lipd_dataset *out, size_t limit, size_t *count,
                       bool *more, struct api_problem *problem)
{
    struct lipd_service *service = request->service;
    struct lipd_holdings *holdings = service->holdings;
    struct api_problem ignored;
    size_t found = 0;
    *count = 0;
    if (!holdings) {
        *count = lipd_dataset_list(service->datasets, after, out, limit, more);
        return true;
    }
    struct lipd_holding *own = lip_alloc(NULL, limit + 1, sizeof *own);
    if (!own) {
        api_problem_set(problem, API_PROBLEM_OVERLOADED,
                        "There is no memory for the list.");
        return false;
    }
    bool done = holdings->ops->list(holdings, LIPD_DATASET,
                                    request->sees_all ? NULL : request->tenant,
                                    after, own, &found, limit + 1, problem);
    *more = found > limit;
    for (size_t i = 0; done && i < found && i < limit; i++) {
        struct lipd_dataset *next = &out[*count];
        if (lipd_dataset_show(service->datasets, own[i].id, next, &ignored)) {
            next->created = own[i].created;
            ++*count;
        }
    }
    lip_free(own);
    return done;
}
