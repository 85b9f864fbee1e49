/* SPDX-License-Identifier: MIT
 *
 * Two steps, the file and who holds it. A lock has the second upload and the
 * last delete of the same file come one after the other: whoever comes to hold
 * a file looks under the lock whether it is still there. Among daemons that
 * share a database, the database does both in one step (postgres_hold.c). */
#include "server/keep.h"

#include "server/asked.h"
#include "server/dataset_store.h"
#include "server/evict.h"
#include "server/model_store.h"
#include "server/shelf.h"

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

static const char *name_of(enum lipd_thing thing)
{
    return thing == LIPD_MODEL ? "model" : "data set";
}

static bool not_found(struct api_problem *problem, enum lipd_thing thing,
                      const char *id)
{
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "No %s is stored under the id %.80s.", name_of(thing), id);
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

/* --- what is too much */

static bool tenant_full(const struct lipd_keeping *k, size_t held,
                        struct api_problem *problem)
{
    if (k->bytes > k->quota)
        api_problem_set(problem, API_PROBLEM_BODY_TOO_LARGE,
                        "The %s takes %zu bytes, more than the %zu that its "
                        "token may have stored in all.",
                        name_of(k->thing), k->bytes, k->quota);
    else
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                        "The %s takes %zu bytes, and its token has %zu of %zu "
                        "stored already. Delete models or data sets (DELETE "
                        "/models/{id}, /datasets/{id}), or have the daemon "
                        "remove the models used longest ago (--evict models).",
                        name_of(k->thing), k->bytes, held, k->quota);
    return false;
}

static bool all_full(const struct lipd_keeping *k, size_t held, size_t most,
                     struct api_problem *problem)
{
    api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                    "The %s takes %zu bytes, and with the %zu stored it would "
                    "be over the limit of %zu (--max-%s). Delete stored %ss, "
                    "or give the daemon more room%s.",
                    name_of(k->thing), k->bytes, held, most,
                    k->thing == LIPD_MODEL ? "stored" : "datasets",
                    name_of(k->thing),
                    k->thing == LIPD_MODEL ? " or --evict models" : "");
    return false;
}

/* --- keeping */

/* Bytes that all files of the kind may take. Their sum is that of one daemon's
 * folder, or, where daemons share them, of the database. */
static size_t limit_of(const struct lipd_service *service,
                       enum lipd_thing thing)
{
    return thing == LIPD_MODEL ? service->config->max_stored
                               : service->config->max_datasets;
}

static struct lipd_shelf *shelf_of(const struct lipd_service *service,
                                   enum lipd_thing thing)
{
    return thing == LIPD_MODEL ? lipd_store_shelf(service->store)
                               : lipd_dataset_shelf(service->datasets);
}

/* Has the least recently used models make room where the tenant's limit asks
 * for that: only where it helps. */
static bool room_for_tenant(struct lipd_service *service,
                            const struct lipd_keeping *k,
                            struct api_problem *problem)
{
    struct lipd_holdings *holdings = service->holdings;
    struct lipd_holding own;
    size_t held[LIPD_THINGS];
    while (k->quota) {
        if (holdings->ops->holds(holdings, &own, k->thing, k->id, k->tenant))
            return true;
        if (!holdings->ops->bytes(holdings, k->tenant, held, problem))
            return false;
        size_t sum = held[LIPD_MODEL] + held[LIPD_DATASET];
        if (k->bytes <= k->quota && sum <= k->quota - k->bytes)
            return true;
        if (k->bytes > k->quota || held[LIPD_DATASET] > k->quota - k->bytes ||
            !lipd_may_evict(service) ||
            !lipd_evict(service, k->tenant, problem))
            return tenant_full(k, sum, problem);
    }
    return true;
}

/* The same for the folder of one daemon. */
static void room_for_all(struct lipd_service *service,
                         const struct lipd_keeping *k)
{
    struct api_problem ignored;
    struct lipd_shelf *shelf = shelf_of(service, k->thing);
    if (service->blobs || k->thing != LIPD_MODEL || !lipd_may_evict(service))
        return;
    while (k->bytes <= shelf->quota && !lipd_shelf_size(shelf, k->id) &&
           lipd_shelf_used(shelf) > shelf->quota - k->bytes)
        if (!lipd_evict(service, NULL, &ignored))
            return;
}

/* The file of something that came to nothing goes, unless somebody holds it. */
static void sweep(struct lipd_service *service, const struct lipd_keeping *k)
{
    struct lipd_holdings *holdings = service->holdings;
    struct api_problem ignored;
    bool last;
    pthread_mutex_lock(&lock);
    if (holdings->ops->sweep(holdings, k->thing, k->id, &last, &ignored) &&
        last)
        remove_file(service, k->thing, k->id);
    pthread_mutex_unlock(&lock);
}

static bool hold(struct lipd_service *service, const struct lipd_keeping *k,
                 struct lipd_held *out, struct api_problem *problem)
{
    struct lipd_holdings *holdings = service->holdings;
    bool done = true;
    *out = (struct lipd_held){.fate = LIPD_GONE};
    pthread_mutex_lock(&lock);
    struct lipd_wish wish = {.thing = k->thing,
                             .id = k->id,
                             .tenant = k->tenant,
                             .bytes = size_of(service, k->thing, k->id),
                             .shared = service->blobs != NULL,
                             .most = k->quota,
                             .key = k->key,
                             .digest = k->digest};
    if (service->blobs)
        wish.most_all = limit_of(service, k->thing);
    if (wish.bytes)
        done = holdings->ops->hold(holdings, out, &wish, problem);
    pthread_mutex_unlock(&lock);
    return done;
}

/* Whether the file, which is there, is held by now, or *again. */
static bool settle(struct lipd_service *service, const struct lipd_keeping *k,
                   const struct lipd_held *held, bool *again,
                   struct api_problem *problem)
{
    size_t most = limit_of(service, k->thing);
    bool by_all = held->fate == LIPD_ALL_FULL;
    switch (held->fate) {
    case LIPD_HELD:
        return true;
    case LIPD_GONE:
        *again = true;
        return true;
    case LIPD_KEY_USED:
        sweep(service, k);
        return true;
    case LIPD_KEY_TAKEN:
        sweep(service, k);
        return lipd_asked_conflict(k->key, problem);
    case LIPD_ALL_FULL:
    case LIPD_TENANT_FULL:
        break;
    }
    /* Somebody was faster with the room that there was. */
    if (lipd_may_evict(service) && (k->thing == LIPD_MODEL || !by_all) &&
        k->bytes <= (by_all ? most : k->quota) &&
        lipd_evict(service, by_all ? NULL : k->tenant, problem)) {
        *again = true;
        return true;
    }
    sweep(service, k);
    return by_all ? all_full(k, held->bytes, most, problem)
                  : tenant_full(k, held->bytes, problem);
}

bool lipd_keep(struct lipd_service *service, const struct lipd_keeping *keeping,
               bool *fresh, struct api_problem *problem)
{
    struct lipd_held held = {.fate = LIPD_GONE};
    if (!service->holdings)
        return keeping->put(keeping->arg, problem);
    for (bool again = true; again;) {
        again = false;
        if (!room_for_tenant(service, keeping, problem))
            return false;
        room_for_all(service, keeping);
        if (!keeping->put(keeping->arg, problem))
            return false;
        if (!hold(service, keeping, &held, problem)) {
            sweep(service, keeping);
            return false;
        }
        if (!settle(service, keeping, &held, &again, problem))
            return false;
    }
    if (fresh)
        *fresh = held.fresh;
    return true;
}

/* --- letting go */

bool lipd_release(struct lipd_service *service, enum lipd_thing thing,
                  const char *id, const char *tenant,
                  struct api_problem *problem)
{
    struct lipd_holdings *holdings = service->holdings;
    bool last = true, done = true;
    pthread_mutex_lock(&lock);
    if (holdings)
        done =
            holdings->ops->let_go(holdings, thing, id, tenant, &last, problem);
    else
        problem->code = API_PROBLEM_NOT_FOUND;
    if (done && last)
        done = remove_file(service, thing, id) || holdings;
    pthread_mutex_unlock(&lock);
    return done || (problem->code == API_PROBLEM_NOT_FOUND
                        ? not_found(problem, thing, id)
                        : false);
}

bool lipd_let_go(const struct lipd_request *request, enum lipd_thing thing,
                 const char *id, struct api_problem *problem)
{
    return lipd_release(request->service, thing, id,
                        request->sees_all ? NULL : request->tenant, problem);
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
    struct lipd_held held;
    const struct lipd_wish wish = {.thing = a->thing,
                                   .id = id,
                                   .tenant = "",
                                   .bytes = size_of(a->service, a->thing, id)};
    return holdings->ops->holds(holdings, &found, a->thing, id, NULL) ||
           holdings->ops->hold(holdings, &held, &wish, a->problem);
}

bool lipd_adopt(struct lipd_service *service, struct api_problem *problem)
{
    struct adopting model = {service, LIPD_MODEL, problem};
    struct adopting data = {service, LIPD_DATASET, problem};
    return lipd_store_each(service->store, adopt, &model) &&
           lipd_dataset_each(service->datasets, adopt, &data);
}
