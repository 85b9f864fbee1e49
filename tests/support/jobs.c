/* SPDX-License-Identifier: MIT
 *
 * Jobs by HTTP, and their processes by /proc. */
#include "tests/support/jobs.h"

#include "base/context.h"
#include "tests/support/http_client.h"

#include <check.h>
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void job_body(char out[JOB_BODY], const struct job_request *request)
{
    snprintf(out, JOB_BODY,
             "{\"dataset\":{\"generate\":\"two-moons\",\"samples\":1000,"
             "\"noise\":0.1,\"seed\":3},\"task\":\"classification\","
             "\"model\":{\"layers\":[{\"type\":\"dense\",\"units\":%zu},"
             "{\"type\":\"groupsort\",\"group\":2},{\"type\":\"dense\","
             "\"units\":%zu},{\"type\":\"relu\"},{\"type\":\"dense\","
             "\"units\":2}]},\"constraint\":{\"method\":\"projection\","
             "\"norm\":2,\"lipschitz\":1.5},\"epochs\":%zu,\"batch_size\":50,"
             "\"seed\":%u,\"validation\":{\"split\":0.2,\"radii\":[0.1]}}",
             request->width, request->width, request->epochs, request->seed);
}

static json_t *document(const struct http_answer *answer)
{
    json_t *json = json_loads(answer->body, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_msg(json != NULL, "%s", answer->body);
    return json;
}

void job_submit(char id[JOB_ID], const struct daemon *daemon, const char *body)
{
    struct http_answer answer;
    http_post(&answer, daemon->port, "/train", body);
    ck_assert_msg(answer.status == 202, "%d %s", answer.status, answer.body);
    json_t *json = document(&answer);
    const char *given = json_string_value(json_object_get(json, "id"));
    ck_assert_ptr_nonnull(given);
    snprintf(id, JOB_ID, "%s", given);
    json_decref(json);
    http_clear(&answer);
}

json_t *job_show(const struct daemon *daemon, const char *id)
{
    struct http_answer answer;
    char target[JOB_ID + 8];
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_get(&answer, daemon->port, target);
    ck_assert_msg(answer.status == 200, "%s: %d %s", target, answer.status,
                  answer.body);
    json_t *json = document(&answer);
    http_clear(&answer);
    return json;
}

const char *job_state(const json_t *job)
{
    const char *state = json_string_value(json_object_get(job, "state"));
    ck_assert_ptr_nonnull(state);
    return state;
}

static bool is_over(const char *state)
{
    return strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
}

/* Until the job is over, or in the state where one is given. */
static json_t *await(const struct daemon *daemon, const char *id,
                     const char *state, double seconds)
{
    for (double end = lip_now() + seconds;; usleep(20000)) {
        json_t *job = job_show(daemon, id);
        const char *now = job_state(job);
        if (is_over(now) || (state && !strcmp(now, state)))
            return job;
        ck_assert_msg(lip_now() < end, "job %s is still %s after %g s", id, now,
                      seconds);
        json_decref(job);
    }
}

json_t *job_await(const struct daemon *daemon, const char *id, double seconds)
{
    return await(daemon, id, NULL, seconds);
}

void job_await_state(const struct daemon *daemon, const char *id,
                     const char *state, double seconds)
{
    json_t *job = await(daemon, id, state, seconds);
    ck_assert_msg(!strcmp(job_state(job), state), "job %s is %s, not %s", id,
                  job_state(job), state);
    json_decref(job);
}

const char *job_model(const json_t *job)
{
    const json_t *result = json_object_get(job, "result");
    const char *id = json_string_value(json_object_get(result, "model_id"));
    if (!id) {
        char *text = json_dumps(job, 0);
        ck_abort_msg("no model: %s", text);
    }
    return id;
}

double job_bound(const json_t *job)
{
    const json_t *bound =
        json_object_get(json_object_get(job, "result"), "bound");
    const json_t *value = json_object_get(bound, "upper_bound");
    ck_assert(json_is_number(value));
    return json_number_value(value);
}

/* The parent of a process; 0 where it is gone. */
static pid_t parent_of(const char *pid)
{
    char path[300], line[600];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%.200s/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    /* The name is in brackets and may hold anything. */
    if (fgets(line, sizeof line, file)) {
        const char *after = strrchr(line, ')');
        if (!after || sscanf(after + 1, " %*c %d", &parent) != 1)
            parent = 0;
    }
    fclose(file);
    return parent;
}

pid_t job_process(const struct daemon *daemon)
{
    pid_t found = 0;
    struct dirent *entry;
    DIR *proc = opendir("/proc");
    ck_assert_ptr_nonnull(proc);
    while (!found && (entry = readdir(proc)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            parent_of(entry->d_name) == daemon->pid)
            found = (pid_t)strtol(entry->d_name, NULL, 10);
    closedir(proc);
    return found;
}

/* Bytes of the command line, up to `size`; 0 where the process is gone. */
static size_t command_of(char *out, size_t size, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    FILE *file = fopen(path, "r");
    size_t count = file ? fread(out, 1, size, file) : 0;
    if (file)
        fclose(file);
    return count;
}

/* A process that begins is its parent's copy for a moment. */
static bool is_own(pid_t pid, pid_t parent)
{
    char own[4096], other[sizeof own];
    size_t size = command_of(own, sizeof own, pid);
    return size && (size != command_of(other, sizeof other, parent) ||
                    memcmp(own, other, size) != 0);
}

pid_t job_process_await(const struct daemon *daemon)
{
    for (double end = lip_now() + 30; lip_now() < end; usleep(10000)) {
        pid_t pid = job_process(daemon);
        if (pid && is_own(pid, daemon->pid))
            return pid;
    }
    ck_abort_msg("no process of a job");
    return 0;
}

void job_model_bytes(struct bytes *out, const struct daemon *daemon,
                     const char *model)
{
    struct http_answer answer;
    char target[200];
    snprintf(target, sizeof target, "/models/%s?format=safetensors", model);
    http_get(&answer, daemon->port, target);
    ck_assert_msg(answer.status == 200, "%s: %d", target, answer.status);
    bytes_put(out, answer.body, answer.size);
    http_clear(&answer);
}

void job_list_is_whole(const char *data)
{
    char path[200];
    sqlite3 *db;
    sqlite3_stmt *check;
    snprintf(path, sizeof path, "%s/jobs.sqlite", data);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &check, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(check), SQLITE_ROW);
    ck_assert_str_eq((const char *)sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
    sqlite3_close(db);
}
