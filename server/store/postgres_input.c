/* SPDX-License-Identifier: MIT
 *
 * The input files of jobs, which came with them in one statement, and go out
 * a megabyte at a time. */
#include "server/store/postgres.h"

#include "server/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_STEP = 1 << 20 };

static const char sql_input_size[] =
    "SELECT octet_length(content) FROM input JOIN job ON number = job "
    "WHERE id = $1";
static const char sql_input_part[] =
    "SELECT substring(content FROM $2::int FOR $3::int) FROM input "
    "JOIN job ON number = job WHERE id = $1";

static bool is_over(struct api_problem *problem, const char *id)
{
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "The job %.80s has no input any more.", id);
    return false;
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

static bool copy(struct lipd_pg *pg, const char *id, int fd, int64_t size,
                 struct api_problem *problem)
{
    struct lipd_pg_call call;
    PGresult *result;
    bool done = true;
    for (int64_t at = 0; at < size && done; at += INPUT_STEP) {
        lipd_pg_call(&call, sql_input_part, "tii", id, at + 1,
                     (int64_t)INPUT_STEP);
        call.binary_result = 1;
        if (!lipd_pg_ask(pg, &call, 1, &result, problem))
            return false;
        if (!PQntuples(result))
            done = is_over(problem, id);
        else if (!lipd_write_all(fd, PQgetvalue(result, 0, 0),
                                 (size_t)PQgetlength(result, 0, 0)))
            done = cannot_write(problem, errno);
        PQclear(result);
    }
    return done;
}

bool lipd_pg_input(struct lipd_pg *pg, const char *id, int fd, bool *there,
                   struct api_problem *problem)
{
    struct lipd_pg_call call;
    PGresult *result;
    lipd_pg_call(&call, sql_input_size, "t", id);
    if (!lipd_pg_ask(pg, &call, 1, &result, problem))
        return false;
    *there = PQntuples(result) > 0;
    int64_t size = *there ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return copy(pg, id, fd, size, problem);
}
