/* SPDX-License-Identifier: MIT
 *
 * The file of the jobs: opened, checked, brought to the newest version, and
 * its statements, which are prepared once. What is done with them stands in
 * job_store_sqlite.c. */
#ifndef LIPD_JOBS_SQLITE_H
#define LIPD_JOBS_SQLITE_H

#include "server/jobs/job_store.h"

#include <pthread.h>
#include <sqlite3.h>

/* What an option of the store names, and its SQL. Columns of a job are named
 * once, in LIPD_JOB_HEAD, in the order in which they are read. */
#define LIPD_JOB_HEAD                                                          \
    "id, kind, state, created, started, finished, cancel, attempts, "          \
    "sequence, progress, tenant, trace, quota"

/* The index of open jobs is used where its condition stands in the query, word
 * by word: without it each claim would walk over all jobs that are over. */
#define LIPD_OPEN "state < 2"

#define LIPD_STATEMENTS(X)                                                     \
    X(BEGIN, "BEGIN IMMEDIATE")                                                \
    X(COMMIT, "COMMIT")                                                        \
    X(ROLLBACK, "ROLLBACK")                                                    \
    X(BY_KEY, "SELECT id, digest FROM job WHERE key = ?1 AND tenant = ?2")     \
    X(QUEUED, "SELECT count(*) FROM job WHERE state = 0 AND " LIPD_OPEN)       \
    X(HELD_BY, "SELECT count(*) FROM job WHERE tenant = ?1 AND " LIPD_OPEN)    \
    X(NAMES,                                                                   \
      "SELECT count(*) FROM job WHERE instr(request, ?1) > 0 AND " LIPD_OPEN)  \
    X(ADD, "INSERT INTO job(id, kind, request, key, digest, tenant, created, " \
           "trace, quota) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")         \
    X(NUMBER, "SELECT number, state FROM job WHERE id = ?1")                   \
    X(BEGUN, "SELECT started > 0 FROM job WHERE number = ?1")                  \
    X(HELD, "SELECT number, cancel FROM job "                                  \
            "WHERE id = ?1 AND state = 1 AND owner = ?2")                      \
    X(GET, "SELECT " LIPD_JOB_HEAD ", request, result, error, vain, best "     \
           "FROM job "                                                         \
           "WHERE id = ?1")                                                    \
    X(LIST, "SELECT " LIPD_JOB_HEAD " FROM job WHERE number < ?1 "             \
            "AND (?3 IS NULL OR tenant = ?3) ORDER BY number DESC LIMIT ?2")   \
    X(EVENTS, "SELECT sequence, type, data FROM event WHERE job = ?1 "         \
              "AND sequence > ?2 ORDER BY sequence LIMIT ?3")                  \
    X(COUNT_EVENT, "UPDATE job SET sequence = sequence + 1 WHERE number = ?1") \
    X(ADD_EVENT, "INSERT INTO event(job, sequence, type, data) "               \
                 "SELECT number, sequence, ?2, ?3 FROM job WHERE number = ?1") \
    X(PRUNE, "DELETE FROM event WHERE job = ?1 AND type = 'progress' AND "     \
             "sequence = (SELECT sequence FROM job WHERE number = ?1) - ?2")   \
    X(CLAIMABLE,                                                               \
      "SELECT EXISTS(SELECT 1 FROM job WHERE state = 0 AND " LIPD_OPEN ") OR " \
      "EXISTS(SELECT 1 FROM job WHERE state = 1 AND " LIPD_OPEN                \
      " AND lease < ?1)")                                                      \
    X(EXPIRED, "SELECT number FROM job WHERE state = 1 AND " LIPD_OPEN         \
               " AND lease < ?1 "                                              \
               "LIMIT 1")                                                      \
    X(OWNED, "SELECT number FROM job WHERE state = 1 AND " LIPD_OPEN           \
             " AND owner = ?1 LIMIT 1")                                        \
    X(OLDEST, "SELECT number, id FROM job WHERE state = 0 AND " LIPD_OPEN " "  \
              "ORDER BY number LIMIT 1")                                       \
    X(CLAIM, "UPDATE job SET state = 1, owner = ?2, lease = ?3, "              \
             "attempts = attempts + 1, started = "                             \
             "CASE WHEN started > 0 THEN started ELSE max(?4, created) END "   \
             "WHERE number = ?1")                                              \
    X(BEAT, "UPDATE job SET lease = ?2, progress = coalesce(?3, progress) "    \
            "WHERE number = ?1")                                               \
    X(FINISH,                                                                  \
      "UPDATE job SET state = ?2, result = ?3, error = ?4, "                   \
      "finished = max(?5, created, started), owner = NULL, lease = 0, "        \
      "ended = (SELECT coalesce(max(ended), 0) + 1 FROM job "                  \
      "WHERE finished > 0) WHERE number = ?1")                                 \
    X(REQUEUE, "UPDATE job SET state = 0, owner = NULL, lease = 0, "           \
               "attempts = attempts - ?2 WHERE number = ?1")                   \
    X(TRIED, "UPDATE job SET vain = ?2, best = ?3 WHERE number = ?1")          \
    X(ADD_INPUT, "INSERT INTO input(job, content) VALUES(?1, ?2)")             \
    X(INPUT, "SELECT job FROM input JOIN job ON number = job WHERE id = ?1")   \
    X(DROP_INPUT, "DELETE FROM input WHERE job = ?1")                          \
    X(MARK, "UPDATE job SET cancel = 1 WHERE number = ?1")                     \
    X(TRIM, "DELETE FROM job WHERE number IN (SELECT number FROM job "         \
            "WHERE finished > 0 AND ended <= (SELECT ended FROM job "          \
            "WHERE finished > 0 ORDER BY ended DESC LIMIT 1 OFFSET ?1) "       \
            "ORDER BY ended LIMIT ?2)")

enum lipd_statement {
#define X(name, sql) LIPD_SQL_##name,
    LIPD_STATEMENTS(X)
#undef X
        LIPD_SQL_COUNT
};

/* Has what was committed on the disk; in sqlite_sync.c. */
struct lipd_sqlite_sync {
    int log; /* descriptor of SQLite's */
    pthread_mutex_t lock;
    pthread_cond_t ended;
    unsigned long committed, synced; /* commits, counted */
    unsigned long lost; /* those up to this one that were not synced by then
                           never will be for sure */
    int error;          /* errno of the last failure */
    bool busy;          /* somebody syncs */
};

/* The store is one connection, used by one thread at a time. */
struct lipd_sqlite {
    struct lipd_job_store base;
    pthread_mutex_t lock;
    struct lipd_sqlite_sync sync;
    sqlite3 *db;
    sqlite3_stmt *statement[LIPD_SQL_COUNT];
};

/* Opens DIRECTORY/jobs.sqlite; false with a sentence. Whatever was opened,
 * lipd_sqlite_close closes. */
bool lipd_sqlite_open(struct lipd_sqlite *store, const char *directory,
                      char *complaint, size_t complaint_size);
void lipd_sqlite_close(struct lipd_sqlite *store);

/* Binds the statement's parameters: a letter each, 't' a text (NULL allowed),
 * 'i' an int64_t, 'r' a double. Texts must live until it is reset. */
sqlite3_stmt *lipd_sqlite_bind(struct lipd_sqlite *store,
                               enum lipd_statement statement, const char *types,
                               ...);

/* The problem that tells of the connection's last failure, with errno as that
 * left it; returns false. */
bool lipd_sqlite_fail(struct lipd_sqlite *store, struct api_problem *problem);

/* Runs a bound statement that gives no rows. */
bool lipd_sqlite_run(struct lipd_sqlite *store, sqlite3_stmt *s,
                     struct api_problem *problem);

/* The next row: LIPD_NOTHING, and the statement is reset, where there is none.
 */
enum lipd_claim lipd_sqlite_row(struct lipd_sqlite *store, sqlite3_stmt *s,
                                struct api_problem *problem);

/* The first two columns (second may be NULL) of the only row. */
enum lipd_claim lipd_sqlite_row_of(struct lipd_sqlite *store, sqlite3_stmt *s,
                                   int64_t *first, int64_t *second,
                                   struct api_problem *problem);

/* A transaction, and the lock while it lasts: true where it has begun; then
 * the end commits it where `done`, and tells whether all of it is on the disk.
 */
bool lipd_sqlite_begin(struct lipd_sqlite *store, struct api_problem *problem);
bool lipd_sqlite_end(struct lipd_sqlite *store, bool done,
                     struct api_problem *problem);
/* The same for what may be done again after a loss of power, as claims and
 * heartbeats may: it survives the loss of the process. */
bool lipd_sqlite_end_soon(struct lipd_sqlite *store, bool done,
                          struct api_problem *problem);

/* --- syncing, in sqlite_sync.c */

void lipd_sqlite_sync_init(struct lipd_sqlite_sync *sync);
void lipd_sqlite_sync_clear(struct lipd_sqlite_sync *sync);
/* Opens the log of the database of this path, which is there once it was read
 * from. False with errno. */
bool lipd_sqlite_sync_open(struct lipd_sqlite_sync *sync, const char *path);
/* After a commit, without the store's lock: returns when it is on the disk. */
bool lipd_sqlite_sync(struct lipd_sqlite_sync *sync,
                      struct api_problem *problem);

/* --- adding, in sqlite_admit.c: inside the transaction */

/* Looks for a job that came with this key: LIPD_NOTHING where there is none. */
enum lipd_claim lipd_sqlite_find_key(struct lipd_sqlite *store,
                                     char id[LIPD_JOB_ID],
                                     const struct lipd_job_wish *wish,
                                     struct api_problem *problem);
/* Are less than `most` jobs queued, and less of the tenant's open than its
 * quota says? */
bool lipd_sqlite_has_room(struct lipd_sqlite *store,
                          const struct lipd_job_wish *wish, size_t most,
                          struct api_problem *problem);

/* --- input files, in sqlite_input.c */

/* Inside the transaction that adds a job. */
bool lipd_sqlite_keep_input(struct lipd_sqlite *store, int64_t number,
                            const struct lipd_job_wish *wish,
                            struct api_problem *problem);
/* The store's `input`. */
bool lipd_sqlite_input(struct lipd_job_store *base, const char *id, int fd,
                       bool *there, struct api_problem *problem);

#endif
