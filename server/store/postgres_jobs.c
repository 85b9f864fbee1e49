/* SPDX-License-Identifier: MIT
 *
 * The job store in PostgreSQL. A change, its event and (but for those that
 * must be on the disk) its notice are one statement, which is a transaction:
 * one trip each. Time is the database's, but for leases, which those watch who
 * look for jobs (postgres_leases.c).
 *
 * Adding and ending are on the disk when they return. What a crash of the
 * database may take back, claims and heartbeats of the last moments, is done
 * again: they do not wait for the disk. Their notice would make every commit
 * wait for the one before, which is why that of an added or ended job is a
 * transaction of its own in the same packet. */
#include "server/store/postgres_jobs_sql.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_KEPT = 2000, RACES = 5 };

struct store {
    struct lipd_job_store base;
    struct lipd_pg *pg;
    struct lipd_pg_leases leases;
    _Atomic unsigned long claims;
    char nonce[LIPD_JOB_ID];
};

static struct store *of(struct lipd_job_store *store)
{
    return (struct store *)store;
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

static bool not_held(struct api_problem *problem, const char *id)
{
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "The job %.80s is not in this daemon's hands.", id);
    return false;
}

/* --- rows */

static bool truth(const PGresult *result, int column)
{
    return PQgetvalue(result, 0, column)[0] == 't';
}

static char *long_text(const PGresult *result, int row, int column, bool *ok)
{
    if (PQgetisnull(result, row, column))
        return NULL;
    char *copy = lip_strdup(NULL, PQgetvalue(result, row, column));
    *ok = *ok && copy;
    return copy;
}

static double number(const PGresult *result, int row, int column)
{
    return strtod(PQgetvalue(result, row, column), NULL);
}

static bool read_head(struct lipd_job *job, const PGresult *r, int row)
{
    bool ok = true;
    memset(job, 0, sizeof *job);
    snprintf(job->id, sizeof job->id, "%s", PQgetvalue(r, row, 0));
    snprintf(job->kind, sizeof job->kind, "%s", PQgetvalue(r, row, 1));
    job->state = (enum lipd_job_state)number(r, row, 2);
    job->created = number(r, row, 3);
    job->started = number(r, row, 4);
    job->finished = number(r, row, 5);
    job->cancel = number(r, row, 6) > 0;
    job->attempts = (unsigned)number(r, row, 7);
    job->sequence = strtoull(PQgetvalue(r, row, 8), NULL, 10);
    job->progress = long_text(r, row, 9, &ok);
    snprintf(job->tenant, sizeof job->tenant, "%s", PQgetvalue(r, row, 10));
    snprintf(job->trace, sizeof job->trace, "%s", PQgetvalue(r, row, 11));
    return lipd_quota_read(&job->quota, PQgetvalue(r, row, 12)) && ok;
}

static bool read_whole(struct lipd_job *job, const PGresult *r)
{
    bool ok = read_head(job, r, 0);
    job->request = long_text(r, 0, 13, &ok);
    job->result = long_text(r, 0, 14, &ok);
    job->error = long_text(r, 0, 15, &ok);
    job->tries.vain = (unsigned)number(r, 0, 16);
    job->tries.best = number(r, 0, 17);
    if (!ok)
        lipd_job_clear(job);
    return ok;
}

/* One call that gives at most a row; NULL with the problem. */
static PGresult *ask(struct store *store, const struct lipd_pg_call *call,
                     struct api_problem *problem)
{
    PGresult *result;
    return lipd_pg_ask(store->pg, call, 1, &result, problem) ? result : NULL;
}

/* --- adding */

/* What the row of sql_add means: DONE, FAILED, or AGAIN where somebody added
 * the same key at this moment. */
static enum lipd_pg_fate read_added(const PGresult *r, char *id, bool *again,
                                    const struct lipd_job_wish *wish,
                                    size_t most, struct api_problem *problem)
{
    const char *before = PQgetvalue(r, 0, 1), *digest = PQgetvalue(r, 0, 2);
    if (truth(r, 0))
        return LIPD_PG_DONE;
    if (*before && strcmp(digest, wish->digest ? wish->digest : "")) {
        api_problem_set(problem, API_PROBLEM_IDEMPOTENCY_CONFLICT,
                        "The Idempotency-Key %.80s came before, with a request "
                        "that was not the same. Send another key.",
                        wish->key);
        return LIPD_PG_FAILED;
    }
    if (*before) {
        snprintf(id, LIPD_JOB_ID, "%s", before);
        *again = true;
        return LIPD_PG_DONE;
    }
    if (number(r, 0, 3) < (double)most) {
        if (!wish->quota.jobs || number(r, 0, 4) < (double)wish->quota.jobs)
            return LIPD_PG_AGAIN;
        lipd_job_too_many(wish, problem);
        return LIPD_PG_FAILED;
    }
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "%zu jobs wait already, as many as may. Try again later.",
                    most);
    return LIPD_PG_FAILED;
}

/* Adds it, and tells; alone of its tenant where that is counted. */
static size_t plan_add(struct lipd_pg_call call[LIPD_PG_CALLS], const char *id,
                       const struct lipd_job_wish *wish, size_t most,
                       const char *quota)
{
    size_t n = 0;
    int64_t limit = most < INT64_MAX ? (int64_t)most : INT64_MAX;
    int64_t own = (int64_t)wish->quota.jobs;
    if (own)
        lipd_pg_call(&call[n++], sql_queue_up, "t", wish->tenant);
    lipd_pg_call(&call[n++], sql_add, "ttttttibtti", id, wish->kind,
                 wish->request, wish->key, wish->digest, wish->tenant, limit,
                 wish->input, wish->input_size, wish->trace, quota, own);
    if (own)
        lipd_pg_call(&call[n++], sql_tell_and_leave, "tt", id, wish->tenant);
    else
        lipd_pg_call(&call[n++], sql_tell, "t", id);
    return n;
}

static bool add(struct lipd_job_store *base, char id[LIPD_JOB_ID], bool *again,
                const struct lipd_job_wish *wish, size_t most,
                struct api_problem *problem)
{
    struct lipd_pg_call call[LIPD_PG_CALLS];
    PGresult *result[LIPD_PG_CALLS];
    enum lipd_pg_fate fate = LIPD_PG_AGAIN;
    char quota[LIPD_QUOTA_TEXT];
    *again = false;
    if (!lipd_job_new_id(id, problem))
        return false;
    size_t count =
        plan_add(call, id, wish, most, lipd_quota_write(quota, &wish->quota));
    for (int i = 0; fate == LIPD_PG_AGAIN && i < RACES; i++) {
        if (!lipd_pg_ask(of(base)->pg, call, count, result, problem))
            return false;
        fate = read_added(result[count - 2], id, again, wish, most, problem);
        for (size_t k = 0; k < count; k++)
            PQclear(result[k]);
    }
    if (fate == LIPD_PG_AGAIN)
        api_problem_set(problem, API_PROBLEM_OVERLOADED,
                        "The same Idempotency-Key comes too often at once.");
    return fate == LIPD_PG_DONE;
}

/* --- reading */

static bool get(struct lipd_job_store *base, struct lipd_job *job,
                const char *id, struct api_problem *problem)
{
    struct lipd_pg_call call;
    memset(job, 0, sizeof *job);
    lipd_pg_call(&call, sql_get, "t", id);
    PGresult *result = ask(of(base), &call, problem);
    if (!result)
        return false;
    bool found = PQntuples(result) > 0;
    bool read = found && read_whole(job, result);
    PQclear(result);
    return read || (found ? no_memory(problem) : not_found(problem, id));
}

/* The rows of the second call, where the first found the job. */
static PGresult *rows_of(struct store *store, struct lipd_pg_call call[2],
                         const char *id, struct api_problem *problem)
{
    PGresult *result[2];
    lipd_pg_call(&call[0], sql_exists, "t", id);
    if (!lipd_pg_ask(store->pg, call, 2, result, problem))
        return NULL;
    bool found = !*id || PQntuples(result[0]) > 0;
    PQclear(result[0]);
    if (found)
        return result[1];
    PQclear(result[1]);
    not_found(problem, id);
    return NULL;
}

static bool list(struct lipd_job_store *base, struct lipd_job *job,
                 size_t *count, size_t most, const char *after,
                 const char *tenant, struct api_problem *problem)
{
    struct lipd_pg_call call[2];
    bool ok = true;
    *count = 0;
    lipd_pg_call(&call[1], sql_list, "tit", after, (int64_t)most, tenant);
    PGresult *rows = rows_of(of(base), call, after, problem);
    if (!rows)
        return false;
    for (int i = 0; i < PQntuples(rows) && ok; i++)
        ok = read_head(&job[(*count)++], rows, i);
    PQclear(rows);
    while (!ok && *count)
        lipd_job_clear(&job[--*count]);
    return ok || no_memory(problem);
}

static bool events(struct lipd_job_store *base, struct lipd_job_event *event,
                   size_t *count, size_t most, const char *id, uint64_t after,
                   struct api_problem *problem)
{
    struct lipd_pg_call call[2];
    int64_t least = after < INT64_MAX ? (int64_t)after : INT64_MAX;
    bool ok = true;
    *count = 0;
    lipd_pg_call(&call[1], sql_events, "tii", id, least, (int64_t)most);
    PGresult *rows = rows_of(of(base), call, id, problem);
    if (!rows)
        return false;
    for (int i = 0; i < PQntuples(rows) && ok; i++) {
        struct lipd_job_event *e = &event[(*count)++];
        e->sequence = strtoull(PQgetvalue(rows, i, 0), NULL, 10);
        snprintf(e->type, sizeof e->type, "%s", PQgetvalue(rows, i, 1));
        e->data = long_text(rows, i, 2, &ok);
    }
    PQclear(rows);
    while (!ok && *count)
        lipd_job_event_clear(&event[--*count]);
    return ok || no_memory(problem);
}

static bool names(struct lipd_job_store *base, const char *text, bool *named,
                  struct api_problem *problem)
{
    struct lipd_pg_call call;
    lipd_pg_call(&call, sql_names, "t", text);
    PGresult *result = ask(of(base), &call, problem);
    *named = result && number(result, 0, 0) > 0;
    PQclear(result);
    return result != NULL;
}

static size_t queued(struct lipd_job_store *base)
{
    struct lipd_pg_call call;
    struct api_problem ignored;
    lipd_pg_call(&call, sql_queued, "");
    PGresult *result = ask(of(base), &call, &ignored);
    size_t count = result ? (size_t)number(result, 0, 0) : 0;
    PQclear(result);
    return count;
}

static bool input(struct lipd_job_store *base, const char *id, int fd,
                  bool *there, struct api_problem *problem)
{
    return lipd_pg_input(of(base)->pg, id, fd, there, problem);
}

/* --- the life of a job */

/* A claim whose answer was lost is found by its ticket. */
static PGresult *take(struct store *store, const char *owner, double lease,
                      struct api_problem *problem)
{
    struct lipd_pg_call call, lost;
    struct lipd_pg_turn turn = {0};
    PGresult *result = NULL, *found = NULL;
    enum lipd_pg_fate fate;
    char ticket[LIPD_JOB_ID + 24];
    snprintf(ticket, sizeof ticket, "%s.%lu", store->nonce,
             atomic_fetch_add(&store->claims, 1));
    lipd_pg_call(&call, sql_claim, "trt", owner, lease, ticket);
    lipd_pg_call(&lost, sql_claimed, "tt", owner, ticket);
    do {
        if (turn.tries && (found = ask(store, &lost, problem)) &&
            PQntuples(found))
            return found;
        PQclear(found);
        found = NULL;
        fate = lipd_pg_try(store->pg, &turn, &call, 1, &result, problem);
    } while (fate == LIPD_PG_AGAIN);
    return fate == LIPD_PG_DONE ? result : NULL;
}

static enum lipd_claim claim(struct lipd_job_store *base, struct lipd_job *job,
                             const char *owner, double lease,
                             struct api_problem *problem)
{
    memset(job, 0, sizeof *job);
    lipd_pg_leases_look(&of(base)->leases, of(base)->pg, lease);
    PGresult *result = take(of(base), owner, lease, problem);
    if (!result)
        return LIPD_CLAIM_FAILED;
    bool found = PQntuples(result) > 0;
    bool read = found && read_whole(job, result);
    PQclear(result);
    if (found && !read)
        no_memory(problem);
    return !found ? LIPD_NOTHING : read ? LIPD_CLAIMED : LIPD_CLAIM_FAILED;
}

static bool heartbeat(struct lipd_job_store *base, const char *id,
                      const char *owner, double lease, const char *progress,
                      bool *cancel, struct api_problem *problem)
{
    struct lipd_pg_call call;
    lipd_pg_leases_look(&of(base)->leases, of(base)->pg, lease);
    lipd_pg_call(&call, sql_beat, "ttrti", id, owner, lease, progress,
                 (int64_t)PROGRESS_KEPT);
    PGresult *result = ask(of(base), &call, problem);
    if (!result)
        return false;
    bool held = PQntuples(result) > 0;
    *cancel = held && number(result, 0, 0) > 0;
    PQclear(result);
    return held || not_held(problem, id);
}

static bool finish(struct lipd_job_store *base, const char *id,
                   const char *owner, const struct lipd_job_end *how,
                   struct api_problem *problem)
{
    struct lipd_pg_call call[2];
    PGresult *result[2];
    char event[64];
    snprintf(event, sizeof event, "{\"state\": \"%s\"}",
             lipd_job_state_name(how->state));
    lipd_pg_call(&call[0], sql_finish, "ttittt", id, owner, (int64_t)how->state,
                 event, how->result, how->error);
    lipd_pg_call(&call[1], sql_tell, "t", id);
    if (!lipd_pg_ask(of(base)->pg, call, 2, result, problem))
        return false;
    /* Or it was by a call before, whose answer was lost. */
    bool ended = truth(result[0], 0) || truth(result[0], 1);
    PQclear(result[0]);
    PQclear(result[1]);
    return ended || not_held(problem, id);
}

static bool release(struct lipd_job_store *base, const char *id,
                    const char *owner, const struct lipd_attempts *tries,
                    struct api_problem *problem)
{
    struct lipd_pg_call call;
    lipd_pg_call(&call, sql_release, "ttiir", id, owner, (int64_t)!tries,
                 (int64_t)(tries ? tries->vain : 0), tries ? tries->best : 0);
    if (!tries)
        call.value[3] = call.value[4] = NULL;
    PGresult *result = ask(of(base), &call, problem);
    if (!result)
        return false;
    bool held = PQntuples(result) > 0;
    PQclear(result);
    return held || not_held(problem, id);
}

static bool cancel(struct lipd_job_store *base, const char *id,
                   struct api_problem *problem)
{
    struct lipd_pg_call call[2];
    PGresult *result[2];
    lipd_pg_call(&call[0], sql_cancel, "t", id);
    lipd_pg_call(&call[1], sql_tell, "t", id);
    if (!lipd_pg_ask(of(base)->pg, call, 2, result, problem))
        return false;
    bool found = PQntuples(result[0]) > 0;
    PQclear(result[0]);
    PQclear(result[1]);
    return found || not_found(problem, id);
}

static bool recover(struct lipd_job_store *base, const char *owner,
                    struct api_problem *problem)
{
    struct lipd_pg_call call;
    lipd_pg_call(&call, sql_recover, "t", owner);
    PGresult *result = ask(of(base), &call, problem);
    PQclear(result);
    return result != NULL;
}

static bool trim(struct lipd_job_store *base, size_t most,
                 struct api_problem *problem)
{
    struct lipd_pg_call call;
    lipd_pg_call(&call, sql_trim, "ii",
                 most < INT64_MAX ? (int64_t)most : INT64_MAX,
                 (int64_t)LIPD_TRIMMED);
    PGresult *result = ask(of(base), &call, problem);
    PQclear(result);
    return result != NULL;
}

static bool there(struct lipd_job_store *base, struct api_problem *problem)
{
    return !lipd_pg_is_down(of(base)->pg, problem);
}

static void close_store(struct lipd_job_store *base)
{
    lipd_pg_leases_clear(&of(base)->leases);
    lip_free(of(base));
}

struct lipd_job_store *lipd_pg_jobs(struct lipd_pg *pg)
{
    static const struct lipd_job_store_ops ops = {
        .add = add,
        .get = get,
        .input = input,
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
    struct api_problem problem;
    struct store *store = lip_calloc(NULL, 1, sizeof *store);
    if (!store)
        return NULL;
    store->base.ops = &ops;
    store->pg = pg;
    lipd_pg_leases_init(&store->leases);
    if (lipd_job_new_id(store->nonce, &problem))
        return &store->base;
    lip_free(store);
    return NULL;
}
