/* SPDX-License-Identifier: MIT
 *
 * A copy of the store's table of calls, with those that are measured replaced:
 * calls that are added to the table go through without a line here. */
#include "server/jobs/watched_store.h"

#include "server/metrics.h"

#include <pthread.h>

struct lipd_store_watch {
    struct lipd_job_store_ops watched;
    const struct lipd_job_store_ops *ops; /* the store's own */
    pthread_mutex_t lock;
    bool failing;
    double since; /* lip_now() of the latest failure */
    struct api_problem why;
};

static const struct lipd_job_store_ops *own(struct lipd_job_store *store)
{
    return store->watch->ops;
}

/* Not what the caller asked for is wrong, but the store. A database that does
 * not answer is told as an overload, and so is a list that is full. */
static bool is_trouble(enum lipd_call call, const struct api_problem *problem)
{
    return (problem->code == API_PROBLEM_OVERLOADED && call != LIPD_CALL_ADD) ||
           problem->code == API_PROBLEM_INTERNAL ||
           problem->code == API_PROBLEM_STORAGE_FULL;
}

static void observe(enum lipd_call call, double start)
{
    lipd_metric_observe(LIPD_STORE_SECONDS, call, lip_now() - start);
}

static void set_trouble(struct lipd_store_watch *watch,
                        const struct api_problem *problem)
{
    pthread_mutex_lock(&watch->lock);
    watch->failing = problem != NULL;
    watch->since = lip_now();
    if (problem)
        watch->why = *problem;
    pthread_mutex_unlock(&watch->lock);
}

/* After a call that only reads. */
static bool has_read(enum lipd_call call, double start, bool done,
                     const struct api_problem *problem)
{
    observe(call, start);
    if (!done && is_trouble(call, problem))
        lipd_metric_add(LIPD_STORE_FAILURES, call, 1);
    return done;
}

/* After a call that changes something. */
static bool has_written(struct lipd_job_store *store, enum lipd_call call,
                        double start, bool done,
                        const struct api_problem *problem)
{
    has_read(call, start, done, problem);
    if (done)
        set_trouble(store->watch, NULL);
    else if (is_trouble(call, problem))
        set_trouble(store->watch, problem);
    return done;
}

/* --- the calls */

static bool add(struct lipd_job_store *store, char id[LIPD_JOB_ID], bool *again,
                const struct lipd_job_wish *wish, size_t most,
                struct api_problem *problem)
{
    double start = lip_now();
    bool done = own(store)->add(store, id, again, wish, most, problem);
    return has_written(store, LIPD_CALL_ADD, start, done, problem);
}

static bool get(struct lipd_job_store *store, struct lipd_job *job,
                const char *id, struct api_problem *problem)
{
    double start = lip_now();
    bool done = own(store)->get(store, job, id, problem);
    return has_read(LIPD_CALL_GET, start, done, problem);
}

static bool list(struct lipd_job_store *store, struct lipd_job *job,
                 size_t *count, size_t most, const char *after,
                 const char *tenant, struct api_problem *problem)
{
    double start = lip_now();
    bool done =
        own(store)->list(store, job, count, most, after, tenant, problem);
    return has_read(LIPD_CALL_LIST, start, done, problem);
}

static bool events(struct lipd_job_store *store, struct lipd_job_event *event,
                   size_t *count, size_t most, const char *id, uint64_t after,
                   struct api_problem *problem)
{
    double start = lip_now();
    bool done =
        own(store)->events(store, event, count, most, id, after, problem);
    return has_read(LIPD_CALL_EVENTS, start, done, problem);
}

static enum lipd_claim claim(struct lipd_job_store *store, struct lipd_job *job,
                             const char *owner, double lease,
                             struct api_problem *problem)
{
    double start = lip_now();
    enum lipd_claim found =
        own(store)->claim(store, job, owner, lease, problem);
    if (found == LIPD_NOTHING) /* an idle look wrote nothing */
        observe(LIPD_CALL_CLAIM, start);
    else
        has_written(store, LIPD_CALL_CLAIM, start, found == LIPD_CLAIMED,
                    problem);
    return found;
}

static bool heartbeat(struct lipd_job_store *store, const char *id,
                      const char *owner, double lease, const char *progress,
                      bool *cancel, struct api_problem *problem)
{
    double start = lip_now();
    bool done = own(store)->heartbeat(store, id, owner, lease, progress, cancel,
                                      problem);
    return has_written(store, LIPD_CALL_HEARTBEAT, start, done, problem);
}

static bool finish(struct lipd_job_store *store, const char *id,
                   const char *owner, const struct lipd_job_end *end,
                   struct api_problem *problem)
{
    double start = lip_now();
    bool done = own(store)->finish(store, id, owner, end, problem);
    return has_written(store, LIPD_CALL_FINISH, start, done, problem);
}

static bool release(struct lipd_job_store *store, const char *id,
                    const char *owner, const struct lipd_attempts *tries,
                    struct api_problem *problem)
{
    double start = lip_now();
    bool done = own(store)->release(store, id, owner, tries, problem);
    return has_written(store, LIPD_CALL_RELEASE, start, done, problem);
}

static bool cancel(struct lipd_job_store *store, const char *id,
                   struct api_problem *problem)
{
    double start = lip_now();
    bool done = own(store)->cancel(store, id, problem);
    return has_written(store, LIPD_CALL_CANCEL, start, done, problem);
}

static void close_watched(struct lipd_job_store *store)
{
    struct lipd_store_watch *watch = store->watch;
    store->ops = watch->ops;
    store->watch = NULL;
    store->ops->close(store);
    pthread_mutex_destroy(&watch->lock);
    lip_free(watch);
}

bool lipd_store_watch(struct lipd_job_store *store)
{
    struct lipd_store_watch *watch = lip_calloc(NULL, 1, sizeof *watch);
    if (!watch)
        return false;
    pthread_mutex_init(&watch->lock, NULL);
    watch->ops = store->ops;
    watch->watched = *store->ops;
    watch->watched.add = add;
    watch->watched.get = get;
    watch->watched.list = list;
    watch->watched.events = events;
    watch->watched.claim = claim;
    watch->watched.heartbeat = heartbeat;
    watch->watched.finish = finish;
    watch->watched.release = release;
    watch->watched.cancel = cancel;
    watch->watched.close = close_watched;
    store->watch = watch;
    store->ops = &watch->watched;
    return true;
}

bool lipd_store_trouble(struct lipd_job_store *store, double within,
                        struct api_problem *problem)
{
    struct lipd_store_watch *watch = store->watch;
    if (!watch)
        return false;
    pthread_mutex_lock(&watch->lock);
    bool failing = watch->failing && lip_now() - watch->since <= within;
    if (failing)
        *problem = watch->why;
    pthread_mutex_unlock(&watch->lock);
    return failing;
}
