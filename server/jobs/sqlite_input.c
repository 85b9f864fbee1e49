/* SPDX-License-Identifier: MIT
 *
 * The input files of jobs, kept in the transaction that adds the job, so that
 * neither is ever without the other. */
#include "server/file.h"
#include "server/jobs/sqlite.h"

#include <errno.h>
#include <string.h>

bool lipd_sqlite_keep_input(struct lipd_sqlite *store, int64_t number,
                            const struct lipd_job_wish *wish,
                            struct api_problem *problem)
{
    if (!wish->input)
        return true;
    sqlite3_stmt *s = lipd_sqlite_bind(store, LIPD_SQL_ADD_INPUT, "i", number);
    if (sqlite3_bind_blob64(s, 2, wish->input, wish->input_size,
                            SQLITE_STATIC) != SQLITE_OK)
        return lipd_sqlite_fail(store, problem);
    return lipd_sqlite_run(store, s, problem);
}

static bool cannot_write(struct api_problem *problem, int error)
{
    bool full = lipd_disk_full(error);
    api_problem_set(problem,
                    full ? API_PROBLEM_STORAGE_FULL : API_PROBLEM_INTERNAL,
                    "The job's input cannot be written: %s.%s", strerror(error),
                    full ? " Give the daemon more room." : "");
    return false;
}

static bool copy(sqlite3_blob *blob, int fd, bool *read)
{
    enum { STEP = 1 << 16 };
    char bytes[STEP];
    int size = sqlite3_blob_bytes(blob);
    for (int at = 0; at < size; at += STEP) {
        int n = size - at < STEP ? size - at : STEP;
        *read = sqlite3_blob_read(blob, bytes, n, at) == SQLITE_OK;
        if (!*read || !lipd_write_all(fd, bytes, (size_t)n))
            return false;
    }
    return true;
}

static bool copy_input(struct lipd_sqlite *store, int64_t number, int fd,
                       struct api_problem *problem)
{
    sqlite3_blob *blob = NULL;
    bool read = sqlite3_blob_open(store->db, "main", "input", "content", number,
                                  0, &blob) == SQLITE_OK;
    bool copied = read && copy(blob, fd, &read);
    int error = errno;
    if (!read)
        lipd_sqlite_fail(store, problem);
    else if (!copied)
        cannot_write(problem, error);
    sqlite3_blob_close(blob);
    return copied;
}

bool lipd_sqlite_input(struct lipd_job_store *base, const char *id, int fd,
                       bool *there, struct api_problem *problem)
{
    struct lipd_sqlite *store = (struct lipd_sqlite *)base;
    int64_t number;
    pthread_mutex_lock(&store->lock);
    enum lipd_claim found = lipd_sqlite_row_of(
        store, lipd_sqlite_bind(store, LIPD_SQL_INPUT, "t", id), &number, NULL,
        problem);
    bool done = found != LIPD_CLAIM_FAILED;
    *there = found == LIPD_CLAIMED;
    if (*there)
        done = copy_input(store, number, fd, problem);
    pthread_mutex_unlock(&store->lock);
    return done;
}
