/* SPDX-License-Identifier: MIT
 *
 * Two steps each, the file and who holds it. A lock has the second upload and
 * the last delete of the same file come one after the other: whoever comes to
 * hold a file looks under the lock whether it is still there. */
#include "server/keep.h"

#include "server/dataset_store.h"
#include "server/model_store.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t size_of(const struct lipd_service *service, enum lipd_thing thing,
                      const char *id)
{
    return thing == LIPD_MODEL ? lipd_store_size(service->store, id)
                               : lipd_dataset_size(service->datasets, id);
}

static bool remove_file(const struct lipd_service *service,
                        enum lipd_thing thing, const char *id)
{
    return thing == LIPD_MODEL ? lipd_store_delete(service->store, id)
                               : lipd_dataset_delete(service->datasets, id);
}

static bool not_found(struct api_problem *problem, enum lipd_thing thing,
                      const char *id)
{
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "No %s is stored under the id %.80s.",
                    thing == LIPD_MODEL ? "model" : "data set", id);
    return false;
}

bool lipd_may_see(const struct lipd_request *request, enum lipd_thing thing,
                  const char *id, struct lipd_holding *out,
                  struct api_problem *problem)
{
    struct lipd_holdings *holdings = request->service->holdings;
    struct lipd_holding found = {.created = 0};
    bool may = !holdings ||
               holdings->ops->holds(holdings, &found, thing, id,
                                    request->sees_all ? NULL : request->tenant);
    if (out)
        *out = found;
    if (may || found.thing != LIPD_THINGS)
        return may || not_found(problem, thing, id);
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "The database, which knows whose the files are, does not "
                    "answer. Try again later.");
    return false;
}

bool lipd_keep(struct lipd_service *service, enum lipd_thing thing,
               const char *tenant, const struct lipd_putting *putting,
               bool *fresh, struct api_problem *problem)
{
    struct lipd_holdings *holdings = service->holdings;
    size_t size = 0;
    bool held = true, new = false, first = false;
    for (bool again = false; held && !size; again = true) {
        if (!putting->put(putting->arg, problem))
            return false;
        if (!holdings)
            return true;
        pthread_mutex_lock(&lock);
        size = size_of(service, thing, putting->id);
        held = holdings->ops->hold(holdings, thing, putting->id, tenant, size,
                                   &new, problem);
        pthread_mutex_unlock(&lock);
        first = again ? first : new;
    }
    if (fresh)
        *fresh = first;
    return held;
}

bool lipd_let_go(const struct lipd_request *request, enum lipd_thing thing,
                 const char *id, struct api_problem *problem)
{
    struct lipd_service *service = request->service;
    struct lipd_holdings *holdings = service->holdings;
    bool last = true, done = true;
    pthread_mutex_lock(&lock);
    if (holdings)
        done = holdings->ops->let_go(holdings, thing, id,
                                     request->sees_all ? NULL : request->tenant,
                                     &last, problem);
    else
        problem->code = API_PROBLEM_NOT_FOUND;
    if (done && last)
        done = remove_file(service, thing, id) || holdings;
    pthread_mutex_unlock(&lock);
    return done || (problem->code == API_PROBLEM_NOT_FOUND
                        ? not_found(problem, thing, id)
                        : false);
}

struct adopting {
    struct lipd_service *service;
    enum lipd_thing thing;
    struct api_problem *problem;
};

static bool adopt(void *arg, const char *id)
{
    const struct adopting *a = arg;
    struct lipd_holdings *holdings = a->service->holdings;
    struct lipd_holding found;
    bool fresh;
    return holdings->ops->holds(holdings, &found, a->thing, id, NULL) ||
           holdings->ops->hold(holdings, a->thing, id, "",
                               size_of(a->service, a->thing, id), &fresh,
                               a->problem);
}

bool lipd_adopt(struct lipd_service *service, struct api_problem *problem)
{
    struct adopting model = {service, LIPD_MODEL, problem};
    struct adopting data = {service, LIPD_DATASET, problem};
    return lipd_store_each(service->store, adopt, &model) &&
           lipd_dataset_each(service->datasets, adopt, &data);
}
