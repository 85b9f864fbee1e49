/* SPDX-License-Identifier: MIT
 *
 * Files in the database, in parts of one megabyte: no call holds a whole file
 * in memory. A file is replaced in one transaction and read in one, so that
 * nobody sees half of one. */
#include "server/store/postgres_hold.h"

#include "server/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PART = 1 << 20 };

struct blobs {
    struct lipd_blobs base;
    struct lipd_pg *pg;
};

/* What one transaction works on. */
struct errand {
    const char *kind, *name;
    const char *owner; /* of the job of that name; NULL: no matter */
    int fd;
    size_t size; /* to be written, or what was */
    char *part;  /* PART bytes */
};

static bool file_failed(bool *stop, struct api_problem *problem)
{
    int error = errno;
    bool full = lipd_disk_full(error);
    *stop = true;
    api_problem_set(problem,
                    full ? API_PROBLEM_STORAGE_FULL : API_PROBLEM_INTERNAL,
                    "A file cannot be shared: %s.%s",
                    error ? strerror(error) : "it is shorter than it was",
                    full ? " Give the daemon more room." : "");
    return false;
}

/* A full disk is no reason to try again. */
static bool refused(const PGresult *result, bool *stop,
                    struct api_problem *problem)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state && !strcmp(state, "53100")) {
        *stop = true;
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                        "There is no room on the disk of the database.");
        problem->retry_after = LIPD_PG_FULL_RETRY;
    }
    return false;
}

/* One statement with kind, name, a part's number and its bytes. */
static PGresult *execute(PGconn *connection, const char *sql,
                         const struct errand *errand, int part,
                         const char *bytes, size_t size)
{
    char number[16];
    snprintf(number, sizeof number, "%d", part);
    const char *value[] = {errand->kind, errand->name, number, bytes};
    const int length[] = {0, 0, 0, (int)size}, format[] = {0, 0, 0, 1};
    const struct lipd_pg_values values = {value, length, format,
                                          part < 0 ? 2
                                          : bytes  ? 4
                                                   : 3};
    return lipd_pg_execute_with(connection, sql, &values);
}

static bool command(PGresult *result, bool *stop, struct api_problem *problem)
{
    bool done = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!done)
        refused(result, stop, problem);
    PQclear(result);
    return done;
}

static bool read_part(const struct errand *errand, size_t at, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(errand->fd, errand->part + done, size - done,
                          (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n ? errno : 0;
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

/* Nobody takes the job away before the transaction ends. */
static bool is_held(PGconn *connection, const struct errand *errand, bool *stop,
                    struct api_problem *problem)
{
    const char *value[] = {errand->name, errand->owner};
    const int none[] = {0, 0};
    const struct lipd_pg_values values = {value, none, none, 2};
    PGresult *result = lipd_pg_execute_with(
        connection,
        "SELECT 1 FROM job WHERE id = $1 AND owner = $2 AND state = 1 "
        "FOR SHARE",
        &values);
    bool read = PQresultStatus(result) == PGRES_TUPLES_OK;
    *stop = read && !PQntuples(result);
    PQclear(result);
    if (*stop)
        api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                        "The job %.80s is not in this daemon's hands.",
                        errand->name);
    return read && !*stop;
}

static bool write_out(PGconn *connection, void *arg, bool *stop,
                      struct api_problem *problem)
{
    static const char drop[] = "DELETE FROM blob WHERE kind = $1 AND name = $2",
                      add[] = "INSERT INTO blob VALUES($1, $2, $3, $4) "
                              "ON CONFLICT (kind, name, part) "
                              "DO UPDATE SET content = excluded.content";
    const struct errand *errand = arg;
    if (errand->owner && !is_held(connection, errand, stop, problem))
        return false;
    if (!lipd_pg_lock(connection, errand->kind, errand->name) ||
        !command(execute(connection, drop, errand, -1, NULL, 0), stop, problem))
        return false;
    for (size_t at = 0, part = 0; at < errand->size || !part; part++) {
        size_t left = errand->size - at, size = left < PART ? left : PART;
        if (!read_part(errand, at, size))
            return file_failed(stop, problem);
        if (!command(
                execute(connection, add, errand, (int)part, errand->part, size),
                stop, problem))
            return false;
        at += size;
    }
    return true;
}

static bool not_there(bool *stop, struct api_problem *problem)
{
    *stop = true;
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "There is no shared file of that name.");
    return false;
}

/* Nothing is there after the last part; it is the one that is not full. */
static bool read_in(PGconn *connection, void *arg, bool *stop,
                    struct api_problem *problem)
{
    static const char one[] = "SELECT content FROM blob WHERE kind = $1 "
                              "AND name = $2 AND part = $3",
                      still[] = "SET TRANSACTION ISOLATION LEVEL "
                                "REPEATABLE READ READ ONLY";
    struct errand *errand = arg;
    errand->size = 0;
    if (!command(lipd_pg_execute(connection, still), stop, problem))
        return false;
    if (ftruncate(errand->fd, 0) || lseek(errand->fd, 0, SEEK_SET))
        return file_failed(stop, problem);
    for (int part = 0;; part++) {
        PGresult *result = execute(connection, one, errand, part, NULL, 0);
        bool read = PQresultStatus(result) == PGRES_TUPLES_OK;
        bool there = read && PQntuples(result) > 0;
        size_t size = there ? (size_t)PQgetlength(result, 0, 0) : 0;
        bool kept = !there ||
                    lipd_write_all(errand->fd, PQgetvalue(result, 0, 0), size);
        PQclear(result);
        if (!kept)
            return file_failed(stop, problem);
        errand->size += size;
        if (read && !there && part == 0)
            return not_there(stop, problem);
        if (size < PART)
            return read;
    }
}

static bool drop_all(PGconn *connection, void *arg, bool *stop,
                     struct api_problem *problem)
{
    const struct errand *errand = arg;
    return lipd_pg_lock(connection, errand->kind, errand->name) &&
           command(execute(connection,
                           "DELETE FROM blob WHERE kind = $1 AND name = $2",
                           errand, -1, NULL, 0),
                   stop, problem);
}

static bool run(struct lipd_blobs *base, lipd_pg_work *work,
                struct errand *errand, struct api_problem *problem)
{
    errand->part = lip_alloc(NULL, PART, 1);
    if (!errand->part) {
        api_problem_set(problem, API_PROBLEM_OVERLOADED,
                        "There is no memory to share a file.");
        return false;
    }
    bool done =
        lipd_pg_transaction(((struct blobs *)base)->pg, work, errand, problem);
    lip_free(errand->part);
    return done;
}

static bool put(struct lipd_blobs *blobs, const char *kind, const char *name,
                int fd, size_t size, struct api_problem *problem)
{
    struct errand errand = {.kind = kind, .name = name, .fd = fd, .size = size};
    return run(blobs, write_out, &errand, problem);
}

static bool put_held(struct lipd_blobs *blobs, const char *job,
                     const char *owner, int fd, size_t size,
                     struct api_problem *problem)
{
    struct errand errand = {
        .kind = "job", .name = job, .owner = owner, .fd = fd, .size = size};
    return run(blobs, write_out, &errand, problem);
}

static bool get(struct lipd_blobs *blobs, const char *kind, const char *name,
                int fd, size_t *size, struct api_problem *problem)
{
    struct errand errand = {.kind = kind, .name = name, .fd = fd};
    bool got = run(blobs, read_in, &errand, problem);
    *size = errand.size;
    return got;
}

static bool remove_blob(struct lipd_blobs *blobs, const char *kind,
                        const char *name, struct api_problem *problem)
{
    struct errand errand = {.kind = kind, .name = name, .fd = -1};
    return run(blobs, drop_all, &errand, problem);
}

static void close_blobs(struct lipd_blobs *blobs)
{
    lip_free(blobs);
}

struct lipd_blobs *lipd_pg_blobs(struct lipd_pg *pg)
{
    static const struct lipd_blobs_ops ops = {.put = put,
                                              .put_held = put_held,
                                              .get = get,
                                              .remove = remove_blob,
                                              .close = close_blobs};
    struct blobs *blobs = lip_calloc(NULL, 1, sizeof *blobs);
    if (!blobs)
        return NULL;
    blobs->base.ops = &ops;
    blobs->pg = pg;
    return &blobs->base;
}
