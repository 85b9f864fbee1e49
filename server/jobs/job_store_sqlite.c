/* SPDX-License-Identifier: MIT
 *
 * The job store in SQLite. A change is one transaction that holds with all its
 * events or not at all. Adding and ending return when they are on the disk;
 * claims and heartbeats, which may be done again, do not wait for it. Leases
 * run by the monotonic clock; what a machine that was started again finds is
 * recovered, whatever it says. */
#include "server/jobs/sqlite.h"

#include "base/context.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PROGRESS_KEPT = 2000 };

static struct lipd_sqlite *of(struct lipd_job_store *store)
{
    return (struct lipd_sqlite *)store;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- texts */

static void short_text(char *out, size_t size, sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    snprintf(out, size, "%s", text ? text : "");
}

/* A copy; *ok becomes false where there is no memory for it. */
static char *long_text(sqlite3_stmt *s, int column, bool *ok)
{
    if (sqlite3_column_type(s, column) == SQLITE_NULL)
        return NULL;
    const char *text = (const char *)sqlite3_column_text(s, column);
    char *copy = text ? lip_strdup(NULL, text) : NULL;
    *ok = *ok && copy;
    return copy;
}

static bool no_memory(struct api_problem *problem)
{
    api_problem_set(problem, API_PROBLEM_INTERNAL,
                    "There is no memory left to read the job.");
    return false;
}

static bool not_found(struct api_problem *problem, const char *id)
{
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "There is no job with the id %.80s.", id);
    return false;
}

/* --- inside a transaction */

static bool note(struct lipd_sqlite *store, int64_t number, const char *type,
                 const char *data, struct api_problem *problem)
{
    return lipd_sqlite_run(
               store,
               lipd_sqlite_bind(store, LIPD_SQL_COUNT_EVENT, "i", number),
               problem) &&
           lipd_sqlite_run(store,
                           lipd_sqlite_bind(store, LIPD_SQL_ADD_EVENT, "itt",
                                            number, type, data),
                           problem) &&
           lipd_sqlite_run(store,
                           lipd_sqlite_bind(store, LIPD_SQL_PRUNE, "ii", number,
                                            (int64_t)PROGRESS_KEPT),
                           problem);
}

static bool note_state(struct lipd_sqlite *store, int64_t number,
                       enum lipd_job_state state, struct api_problem *problem)
{
    char data[64];
    snprintf(data, sizeof data, "{\"state\": \"%s\"}",
             lipd_job_state_name(state));
    return note(store, number, "state", data, problem);
}

/* The number of a job that this owner has claimed. */
static bool find_held(struct lipd_sqlite *store, int64_t *number, bool *cancel,
                      const char *id, const char *owner,
                      struct api_problem *problem)
{
    int64_t marked;
    enum lipd_claim found = lipd_sqlite_row_of(
        store, lipd_sqlite_bind(store, LIPD_SQL_HELD, "tt", id, owner), number,
        &marked, problem);
    if (found == LIPD_NOTHING)
        api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                        "The job %.80s is not in this daemon's hands.", id);
    if (found == LIPD_CLAIMED && cancel)
        *cancel = marked != 0;
    return found == LIPD_CLAIMED;
}

/* --- adding */

static bool add_job(struct lipd_sqlite *store, const char *id,
                    const struct lipd_job_wish *wish,
                    struct api_problem *problem)
{
    char quota[LIPD_QUOTA_TEXT];
    if (!lipd_sqlite_run(
            store,
            lipd_sqlite_bind(store, LIPD_SQL_ADD, "ttttttrtt", id, wish->kind,
                             wish->request, wish->key, wish->digest,
                             wish->tenant, now(), wish->trace,
                             lipd_quota_write(quota, &wish->quota)),
            problem))
        return false;
    int64_t number = sqlite3_last_insert_rowid(store->db);
    return note_state(store, number, LIPD_JOB_QUEUED, problem) &&
           lipd_sqlite_keep_input(store, number, wish, problem);
}

static bool add(struct lipd_job_store *base, char id[LIPD_JOB_ID], bool *again,
                const struct lipd_job_wish *wish, size_t most,
                struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    *again = false;
    if (!lipd_sqlite_begin(store, problem))
        return false;
    enum lipd_claim found = wish->key
                                ? lipd_sqlite_find_key(store, id, wish, problem)
                                : LIPD_NOTHING;
    *again = found == LIPD_CLAIMED;
    bool done = *again;
    if (found == LIPD_NOTHING)
        done = lipd_sqlite_has_room(store, wish, most, problem) &&
               lipd_job_new_id(id, problem) &&
               add_job(store, id, wish, problem);
    return lipd_sqlite_end(store, done, problem);
}

/* --- reading */

static bool read_head(struct lipd_job *job, sqlite3_stmt *s)
{
    bool ok = true;
    memset(job, 0, sizeof *job);
    short_text(job->id, sizeof job->id, s, 0);
    short_text(job->kind, sizeof job->kind, s, 1);
    job->state = (enum lipd_job_state)sqlite3_column_int(s, 2);
    job->created = sqlite3_column_double(s, 3);
    job->started = sqlite3_column_double(s, 4);
    job->finished = sqlite3_column_double(s, 5);
    job->cancel = sqlite3_column_int(s, 6) != 0;
    job->attempts = (unsigned)sqlite3_column_int(s, 7);
    job->sequence = (uint64_t)sqlite3_column_int64(s, 8);
    job->progress = long_text(s, 9, &ok);
    short_text(job->tenant, sizeof job->tenant, s, 10);
    short_text(job->trace, sizeof job->trace, s, 11);
    return lipd_quota_read(&job->quota,
                           (const char *)sqlite3_column_text(s, 12)) &&
           ok;
}

static bool read_whole(struct lipd_job *job, sqlite3_stmt *s)
{
    bool ok = read_head(job, s);
    job->request = long_text(s, 13, &ok);
    job->result = long_text(s, 14, &ok);
    job->error = long_text(s, 15, &ok);
    job->tries.vain = (unsigned)sqlite3_column_int(s, 16);
    job->tries.best = sqlite3_column_double(s, 17);
    return ok;
}

static bool get_locked(struct lipd_sqlite *store, struct lipd_job *job,
                       const char *id, struct api_problem *problem)
{
    sqlite3_stmt *s = lipd_sqlite_bind(store, LIPD_SQL_GET, "t", id);
    enum lipd_claim found = lipd_sqlite_row(store, s, problem);
    memset(job, 0, sizeof *job);
    if (found == LIPD_NOTHING)
        return not_found(problem, id);
    if (found == LIPD_CLAIM_FAILED)
        return false;
    bool read = read_whole(job, s);
    sqlite3_reset(s);
    if (read)
        return true;
    lipd_job_clear(job);
    return no_memory(problem);
}

static bool get(struct lipd_job_store *base, struct lipd_job *job,
                const char *id, struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    pthread_mutex_lock(&store->lock);
    bool found = get_locked(store, job, id, problem);
    pthread_mutex_unlock(&store->lock);
    return found;
}

/* The number of a job by its id, with its state. */
static bool find(struct lipd_sqlite *store, int64_t *number,
                 enum lipd_job_state *state, const char *id,
                 struct api_problem *problem)
{
    int64_t value = 0;
    enum lipd_claim found = lipd_sqlite_row_of(
        store, lipd_sqlite_bind(store, LIPD_SQL_NUMBER, "t", id), number,
        &value, problem);
    *state = (enum lipd_job_state)value;
    return found == LIPD_CLAIMED ||
           (found == LIPD_NOTHING && not_found(problem, id));
}

static bool list_locked(struct lipd_sqlite *store, struct lipd_job *job,
                        size_t *count, size_t most, const char *after,
                        const char *tenant, struct api_problem *problem)
{
    int64_t before = INT64_MAX;
    enum lipd_job_state state;
    enum lipd_claim found;
    bool read = true;
    if (*after && !find(store, &before, &state, after, problem))
        return false;
    sqlite3_stmt *s = lipd_sqlite_bind(store, LIPD_SQL_LIST, "iit", before,
                                       (int64_t)most, tenant);
    while ((found = lipd_sqlite_row(store, s, problem)) == LIPD_CLAIMED &&
           *count < most && read)
        read = read_head(&job[(*count)++], s);
    sqlite3_reset(s);
    return read ? found != LIPD_CLAIM_FAILED : no_memory(problem);
}

static bool list(struct lipd_job_store *base, struct lipd_job *job,
                 size_t *count, size_t most, const char *after,
                 const char *tenant, struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    *count = 0;
    pthread_mutex_lock(&store->lock);
    bool listed = list_locked(store, job, count, most, after, tenant, problem);
    pthread_mutex_unlock(&store->lock);
    while (!listed && *count)
        lipd_job_clear(&job[--*count]);
    return listed;
}

static bool read_event(struct lipd_job_event *event, sqlite3_stmt *s)
{
    bool ok = true;
    event->sequence = (uint64_t)sqlite3_column_int64(s, 0);
    short_text(event->type, sizeof event->type, s, 1);
    event->data = long_text(s, 2, &ok);
    return ok;
}

static bool events_locked(struct lipd_sqlite *store,
                          struct lipd_job_event *event, size_t *count,
                          size_t most, const char *id, uint64_t after,
                          struct api_problem *problem)
{
    int64_t number, least = after < INT64_MAX ? (int64_t)after : INT64_MAX;
    enum lipd_job_state state;
    enum lipd_claim found;
    bool read = true;
    if (!find(store, &number, &state, id, problem))
        return false;
    sqlite3_stmt *s = lipd_sqlite_bind(store, LIPD_SQL_EVENTS, "iii", number,
                                       least, (int64_t)most);
    while ((found = lipd_sqlite_row(store, s, problem)) == LIPD_CLAIMED &&
           *count < most && read)
        read = read_event(&event[(*count)++], s);
    sqlite3_reset(s);
    return read ? found != LIPD_CLAIM_FAILED : no_memory(problem);
}

static bool events(struct lipd_job_store *base, struct lipd_job_event *event,
                   size_t *count, size_t most, const char *id, uint64_t after,
                   struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    *count = 0;
    pthread_mutex_lock(&store->lock);
    bool read = events_locked(store, event, count, most, id, after, problem);
    pthread_mutex_unlock(&store->lock);
    while (!read && *count)
        lipd_job_event_clear(&event[--*count]);
    return read;
}

static bool names(struct lipd_job_store *base, const char *text, bool *named,
                  struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    int64_t count = 0;
    pthread_mutex_lock(&store->lock);
    bool asked = lipd_sqlite_row_of(
                     store, lipd_sqlite_bind(store, LIPD_SQL_NAMES, "t", text),
                     &count, NULL, problem) == LIPD_CLAIMED;
    pthread_mutex_unlock(&store->lock);
    *named = count > 0;
    return asked;
}

static size_t queued(struct lipd_job_store *base)
{
    struct lipd_sqlite *store = of(base);
    struct api_problem ignored;
    int64_t count = 0;
    pthread_mutex_lock(&store->lock);
    lipd_sqlite_row_of(store, lipd_sqlite_bind(store, LIPD_SQL_QUEUED, ""),
                       &count, NULL, &ignored);
    pthread_mutex_unlock(&store->lock);
    return (size_t)count;
}

/* --- the life of a job */

static bool requeue(struct lipd_sqlite *store, int64_t number, bool forgive,
                    struct api_problem *problem)
{
    return lipd_sqlite_run(store,
                           lipd_sqlite_bind(store, LIPD_SQL_REQUEUE, "ii",
                                            number, (int64_t)forgive),
                           problem) &&
           note_state(store, number, LIPD_JOB_QUEUED, problem);
}

/* Queues every job that a statement, bound again each time, still names. */
static bool requeue_all(struct lipd_sqlite *store,
                        sqlite3_stmt *(*next)(struct lipd_sqlite *store,
                                              const void *arg),
                        const void *arg, struct api_problem *problem)
{
    for (;;) {
        int64_t number;
        enum lipd_claim found =
            lipd_sqlite_row_of(store, next(store, arg), &number, NULL, problem);
        if (found != LIPD_CLAIMED)
            return found == LIPD_NOTHING;
        if (!requeue(store, number, false, problem))
            return false;
    }
}

static sqlite3_stmt *next_expired(struct lipd_sqlite *store, const void *time)
{
    return lipd_sqlite_bind(store, LIPD_SQL_EXPIRED, "r",
                            *(const double *)time);
}

static sqlite3_stmt *next_owned(struct lipd_sqlite *store, const void *owner)
{
    return lipd_sqlite_bind(store, LIPD_SQL_OWNED, "t", (const char *)owner);
}

/* Marks the oldest queued job as ours. */
static enum lipd_claim take_oldest(struct lipd_sqlite *store, char *id,
                                   const char *owner, double lease,
                                   struct api_problem *problem)
{
    sqlite3_stmt *s = lipd_sqlite_bind(store, LIPD_SQL_OLDEST, "");
    enum lipd_claim found = lipd_sqlite_row(store, s, problem);
    if (found != LIPD_CLAIMED)
        return found;
    int64_t number = sqlite3_column_int64(s, 0);
    short_text(id, LIPD_JOB_ID, s, 1);
    sqlite3_reset(s);
    bool done =
        lipd_sqlite_run(store,
                        lipd_sqlite_bind(store, LIPD_SQL_CLAIM, "itrr", number,
                                         owner, lip_now() + lease, now()),
                        problem) &&
        note_state(store, number, LIPD_JOB_RUNNING, problem);
    return done ? LIPD_CLAIMED : LIPD_CLAIM_FAILED;
}

/* False without a transaction: an idle daemon writes nothing. */
static bool claimable(struct lipd_sqlite *store, double time)
{
    struct api_problem ignored;
    int64_t some = 1;
    pthread_mutex_lock(&store->lock);
    lipd_sqlite_row_of(store,
                       lipd_sqlite_bind(store, LIPD_SQL_CLAIMABLE, "r", time),
                       &some, NULL, &ignored);
    pthread_mutex_unlock(&store->lock);
    return some != 0;
}

static enum lipd_claim claim(struct lipd_job_store *base, struct lipd_job *job,
                             const char *owner, double lease,
                             struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    char id[LIPD_JOB_ID];
    double time = lip_now();
    memset(job, 0, sizeof *job);
    if (!claimable(store, time))
        return LIPD_NOTHING;
    if (!lipd_sqlite_begin(store, problem))
        return LIPD_CLAIM_FAILED;
    enum lipd_claim found = requeue_all(store, next_expired, &time, problem)
                                ? take_oldest(store, id, owner, lease, problem)
                                : LIPD_CLAIM_FAILED;
    if (found == LIPD_CLAIMED && !get_locked(store, job, id, problem))
        found = LIPD_CLAIM_FAILED;
    if (lipd_sqlite_end_soon(store, found != LIPD_CLAIM_FAILED, problem))
        return found;
    lipd_job_clear(job);
    return LIPD_CLAIM_FAILED;
}

static bool heartbeat(struct lipd_job_store *base, const char *id,
                      const char *owner, double lease, const char *progress,
                      bool *cancel, struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    int64_t number;
    if (!lipd_sqlite_begin(store, problem))
        return false;
    bool done =
        find_held(store, &number, cancel, id, owner, problem) &&
        lipd_sqlite_run(store,
                        lipd_sqlite_bind(store, LIPD_SQL_BEAT, "irt", number,
                                         lip_now() + lease, progress),
                        problem) &&
        (!progress || note(store, number, "progress", progress, problem));
    return lipd_sqlite_end_soon(store, done, problem);
}

/* Ends a job in this state. */
static bool finish_as(struct lipd_sqlite *store, int64_t number,
                      const struct lipd_job_end *how,
                      struct api_problem *problem)
{
    return lipd_sqlite_run(store,
                           lipd_sqlite_bind(store, LIPD_SQL_FINISH, "iittr",
                                            number, (int64_t)how->state,
                                            how->result, how->error, now()),
                           problem) &&
           lipd_sqlite_run(
               store, lipd_sqlite_bind(store, LIPD_SQL_DROP_INPUT, "i", number),
               problem) &&
           note_state(store, number, how->state, problem);
}

static bool finish(struct lipd_job_store *base, const char *id,
                   const char *owner, const struct lipd_job_end *how,
                   struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    int64_t number;
    if (!lipd_sqlite_begin(store, problem))
        return false;
    bool done = find_held(store, &number, NULL, id, owner, problem) &&
                finish_as(store, number, how, problem);
    return lipd_sqlite_end(store, done, problem);
}

static bool release(struct lipd_job_store *base, const char *id,
                    const char *owner, const struct lipd_attempts *tries,
                    struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    int64_t number;
    if (!lipd_sqlite_begin(store, problem))
        return false;
    bool done =
        find_held(store, &number, NULL, id, owner, problem) &&
        (!tries ||
         lipd_sqlite_run(store,
                         lipd_sqlite_bind(store, LIPD_SQL_TRIED, "iir", number,
                                          (int64_t)tries->vain, tries->best),
                         problem)) &&
        requeue(store, number, !tries, problem);
    return lipd_sqlite_end(store, done, problem);
}

/* One that was begun and paused has something to end with. */
static bool cancel_open(struct lipd_sqlite *store, int64_t number,
                        enum lipd_job_state state, struct api_problem *problem)
{
    static const struct lipd_job_end at_once = {.state = LIPD_JOB_CANCELLED};
    int64_t begun = 0;
    if (!lipd_sqlite_run(store,
                         lipd_sqlite_bind(store, LIPD_SQL_MARK, "i", number),
                         problem) ||
        lipd_sqlite_row_of(store,
                           lipd_sqlite_bind(store, LIPD_SQL_BEGUN, "i", number),
                           &begun, NULL, problem) != LIPD_CLAIMED)
        return false;
    return state != LIPD_JOB_QUEUED || begun ||
           finish_as(store, number, &at_once, problem);
}

static bool cancel(struct lipd_job_store *base, const char *id,
                   struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    int64_t number;
    enum lipd_job_state state;
    if (!lipd_sqlite_begin(store, problem))
        return false;
    bool done = find(store, &number, &state, id, problem);
    if (done && !lipd_job_over(state))
        done = cancel_open(store, number, state, problem);
    return lipd_sqlite_end(store, done, problem);
}

static bool recover(struct lipd_job_store *base, const char *owner,
                    struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    if (!lipd_sqlite_begin(store, problem))
        return false;
    return lipd_sqlite_end(
        store, requeue_all(store, next_owned, owner, problem), problem);
}

static bool trim(struct lipd_job_store *base, size_t most,
                 struct api_problem *problem)
{
    struct lipd_sqlite *store = of(base);
    int64_t kept = most < INT64_MAX ? (int64_t)most : INT64_MAX;
    if (!lipd_sqlite_begin(store, problem))
        return false;
    return lipd_sqlite_end(
        store,
        lipd_sqlite_run(store,
                        lipd_sqlite_bind(store, LIPD_SQL_TRIM, "ii", kept,
                                         (int64_t)LIPD_TRIMMED),
                        problem),
        problem);
}

static bool there(struct lipd_job_store *base, struct api_problem *problem)
{
    (void)base;
    (void)problem;
    return true;
}

static void close_store(struct lipd_job_store *base)
{
    struct lipd_sqlite *store = of(base);
    lipd_sqlite_close(store);
    lipd_sqlite_sync_clear(&store->sync);
    pthread_mutex_destroy(&store->lock);
    lip_free(store);
}

struct lipd_job_store *lipd_job_store_sqlite(const char *directory,
                                             char *complaint,
                                             size_t complaint_size)
{
    static const struct lipd_job_store_ops ops = {
        .add = add,
        .get = get,
        .input = lipd_sqlite_input,
        .list = list,
        .events = events,
        .claim = claim,
        .heartbeat = heartbeat,
        .finish = finish,
        .release = release,
        .cancel = cancel,
        .recover = recover,
        .trim = trim,
        .names = names,
        .queued = queued,
        .there = there,
        .close = close_store,
    };
    struct lipd_sqlite *store = lip_calloc(NULL, 1, sizeof *store);
    if (!store) {
        snprintf(complaint, complaint_size, "There is no memory.");
        return NULL;
    }
    store->base.ops = &ops;
    pthread_mutex_init(&store->lock, NULL);
    lipd_sqlite_sync_init(&store->sync);
    if (lipd_sqlite_open(store, directory, complaint, complaint_size))
        return &store->base;
    close_store(&store->base);
    return NULL;
}
