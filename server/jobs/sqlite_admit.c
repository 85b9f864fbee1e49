/* SPDX-License-Identifier: MIT
 *
 * May a job be added? Inside the transaction that adds it, so that nobody else
 * adds one in between. */
#include "server/jobs/sqlite.h"

#include <stdio.h>
#include <string.h>

enum lipd_claim lipd_sqlite_find_key(struct lipd_sqlite *store,
                                     char id[LIPD_JOB_ID],
                                     const struct lipd_job_wish *wish,
                                     struct api_problem *problem)
{
    sqlite3_stmt *s =
        lipd_sqlite_bind(store, LIPD_SQL_BY_KEY, "tt", wish->key, wish->tenant);
    enum lipd_claim found = lipd_sqlite_row(store, s, problem);
    if (found != LIPD_CLAIMED)
        return found;
    const char *before = (const char *)sqlite3_column_text(s, 1);
    if (strcmp(before ? before : "", wish->digest ? wish->digest : "")) {
        api_problem_set(problem, API_PROBLEM_IDEMPOTENCY_CONFLICT,
                        "The Idempotency-Key %.80s came before, with a request "
                        "that was not the same. Send another key.",
                        wish->key);
        found = LIPD_CLAIM_FAILED;
    }
    snprintf(id, LIPD_JOB_ID, "%s", (const char *)sqlite3_column_text(s, 0));
    sqlite3_reset(s);
    return found;
}

static bool has_room(struct lipd_sqlite *store, size_t most,
                     struct api_problem *problem)
{
    int64_t count = 0;
    if (lipd_sqlite_row_of(store, lipd_sqlite_bind(store, LIPD_SQL_QUEUED, ""),
                           &count, NULL, problem) == LIPD_CLAIM_FAILED)
        return false;
    if ((uint64_t)count < most)
        return true;
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "%zu jobs wait already, as many as may. Try again later.",
                    (size_t)count);
    return false;
}

/* Of the tenant's own jobs. The lock keeps all others from adding. */
static bool has_share(struct lipd_sqlite *store,
                      const struct lipd_job_wish *wish,
                      struct api_problem *problem)
{
    int64_t count = 0;
    if (!wish->quota.jobs)
        return true;
    if (lipd_sqlite_row_of(
            store, lipd_sqlite_bind(store, LIPD_SQL_HELD_BY, "t", wish->tenant),
            &count, NULL, problem) == LIPD_CLAIM_FAILED)
        return false;
    return (uint64_t)count < wish->quota.jobs ||
           lipd_job_too_many(wish, problem);
}

bool lipd_sqlite_has_room(struct lipd_sqlite *store,
                          const struct lipd_job_wish *wish, size_t most,
                          struct api_problem *problem)
{
    return has_room(store, most, problem) && has_share(store, wish, problem);
}
