/* SPDX-License-Identifier: MIT
 *
 * A result counts only when its model is in the store. */
#include "server/jobs/outcome.h"

#include "server/file.h"
#include "server/jobs/child.h"
#include "server/jobs/folder.h"
#include "server/keep.h"
#include "server/model_store.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { RESULT_MAX = 64 << 20, ERROR_MAX = 64 << 10, ID_MAX = 128 };
static const size_t model_max = (size_t)1 << 40;

void lipd_outcome_clear(struct lipd_outcome *outcome)
{
    lip_free(outcome->result);
    lip_free(outcome->error);
    memset(outcome, 0, sizeof *outcome);
}

void lipd_outcome_requeue(struct lipd_outcome *outcome, bool forgive)
{
    lipd_outcome_clear(outcome);
    outcome->forgive = forgive;
}

void lipd_outcome_fail(struct lipd_outcome *outcome,
                       const struct api_problem *problem)
{
    struct api_text text;
    size_t size;
    lipd_outcome_clear(outcome);
    api_text_init(&text, ERROR_MAX, NULL);
    api_problem_write(&text, problem, NULL);
    outcome->over = true;
    outcome->state = LIPD_JOB_FAILED;
    outcome->error = api_text_take(&text, &size);
}

void lipd_outcome_late(struct lipd_outcome *outcome, double seconds)
{
    struct api_problem problem;
    api_problem_set(
        &problem, API_PROBLEM_TIME_LIMIT,
        "The job took longer than the %.15g seconds that it may "
        "take (--job-time, or its token's limit), and did not end when asked.",
        seconds);
    lipd_outcome_fail(outcome, &problem);
}

bool lipd_outcome_forbidden(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

void lipd_outcome_hopeless(struct lipd_outcome *outcome, int status,
                           int attempts, size_t memory)
{
    struct api_problem problem;
    char how[128];
    lipd_outcome_describe(how, sizeof how, status);
    if (lipd_outcome_forbidden(status))
        api_problem_set(&problem, API_PROBLEM_INTERNAL,
                        "The job's process asked the system for something "
                        "that a job may not do, and %s. It is not tried again: "
                        "this is a fault of the service, or of what it was "
                        "given to read.",
                        how);
    else
        api_problem_set(&problem, API_PROBLEM_INTERNAL,
                        "The job's process %s; so did %d attempts in a row "
                        "without getting further. It may have met its limit "
                        "of memory (%zu bytes: --job-memory, or its token's "
                        "own).",
                        how, attempts, memory);
    lipd_outcome_fail(outcome, &problem);
}

/* A file of the folder that is one JSON object, or NULL. */
static char *read_object(int folders, const char *id, const char *name,
                         size_t most)
{
    size_t size;
    char *text = lipd_folder_read(folders, id, name, most, &size);
    json_t *json = text ? json_loadb(text, size, 0, NULL) : NULL;
    bool good = json_is_object(json) && !memchr(text, '\0', size);
    json_decref(json);
    if (good) {
        /* Blanks behind it are what is left of the child's reserve. */
        while (size > 0 && strchr(" \t\r\n", text[size - 1]))
            text[--size] = '\0';
        return text;
    }
    lip_free(text);
    return NULL;
}

/* --- the model */

struct putting {
    struct lipd_store *models;
    const char *id, *type;
    struct lip_buffer *body;
};

static const struct api_query no_query;

static bool put(void *arg, struct api_problem *problem)
{
    const struct putting *p = arg;
    return lipd_store_put(p->models, p->id, p->type, &no_query, p->body,
                          problem);
}

/* For the job's tenant. */
static bool keep(struct lipd_service *service, const char *name,
                 struct putting *putting, struct api_problem *problem)
{
    struct lipd_job job = {.tenant = ""};
    if (service->holdings &&
        !service->jobs->ops->get(service->jobs, &job, name, problem))
        return false;
    const struct lipd_keeping keeping = {
        .thing = LIPD_MODEL,
        .id = putting->id,
        .tenant = job.tenant,
        .bytes = lipd_store_bytes(putting->type, &no_query, putting->body),
        .quota = job.quota.stored,
        .put = put,
        .arg = putting};
    bool kept = lipd_keep(service, &keeping, NULL, problem);
    lipd_job_clear(&job);
    return kept;
}

static bool put_model(char *bytes, size_t size, const char *id, const char *job,
                      struct lipd_service *service, struct api_problem *problem)
{
    struct lip_ctx ctx = {.budget = NULL};
    /* JSON is told by its type, model files by their bytes. */
    const char *type = size && bytes[0] == '{' ? "application/json" : NULL;
    struct lip_buffer *body = lip_buffer_take(bytes, size, &ctx);
    if (!body) {
        api_problem_from_error(problem, &ctx.error);
        return false;
    }
    struct putting putting = {service->store, id, type, body};
    bool stored = keep(service, job, &putting, problem);
    lip_buffer_put(body);
    return stored;
}

static bool not_read(struct api_problem *problem, int error)
{
    api_problem_set(
        problem,
        lipd_short_of(error) ? API_PROBLEM_OVERLOADED : API_PROBLEM_INTERNAL,
        "The trained model cannot be read back: %s.", strerror(error));
    return false;
}

/* Nothing to do where the child left no model. */
static bool store_model(int folders, const char *job,
                        struct lipd_service *service,
                        struct api_problem *problem)
{
    size_t size, id_size;
    char *id = lipd_folder_read(folders, job, "model.id", ID_MAX, &id_size);
    if (!id)
        return errno == ENOENT || not_read(problem, errno);
    id[strcspn(id, " \r\n")] = '\0';
    errno = EINVAL;
    char *bytes =
        lipd_store_id_valid(id)
            ? lipd_folder_read(folders, job, "model", model_max, &size)
            : NULL;
    bool stored = bytes ? put_model(bytes, size, id, job, service, problem)
                        : not_read(problem, errno);
    lip_free(id);
    return stored;
}

/* --- the end */

/* A store that cannot be reached, or whose disk is full, is no reason for a job
 * to fail; a limit is. */
static void not_stored(struct lipd_outcome *outcome, const char *id,
                       const struct api_problem *problem)
{
    lipd_outcome_fail(outcome, problem);
    outcome->later =
        problem->code == API_PROBLEM_OVERLOADED || problem->retry_after > 0;
    if (outcome->later)
        lipd_job_trouble(id, problem);
}

/* A failed job may leave a model too: the last good one. */
static bool read_failure(struct lipd_outcome *outcome, int folders,
                         const char *id, struct lipd_service *service)
{
    struct api_problem problem;
    outcome->over = true;
    outcome->state = LIPD_JOB_FAILED;
    outcome->error = read_object(folders, id, "error.json", ERROR_MAX);
    if (outcome->error && !store_model(folders, id, service, &problem))
        not_stored(outcome, id, &problem);
    return outcome->error != NULL;
}

bool lipd_outcome_read(struct lipd_outcome *outcome, int folders,
                       const char *id, int status, struct lipd_service *service)
{
    struct api_problem problem;
    lipd_outcome_clear(outcome);
    if (status == LIPD_CHILD_FAILED)
        return read_failure(outcome, folders, id, service);
    outcome->result = read_object(folders, id, "result.json", RESULT_MAX);
    if (!outcome->result && status == LIPD_CHILD_DONE)
        return false;
    outcome->over = true;
    outcome->state =
        status == LIPD_CHILD_DONE ? LIPD_JOB_SUCCEEDED : LIPD_JOB_CANCELLED;
    if (outcome->result && !store_model(folders, id, service, &problem))
        not_stored(outcome, id, &problem);
    return true;
}

int lipd_outcome_left(int folders, const char *id)
{
    size_t size;
    char *end, *text = lipd_folder_read(folders, id, "status", 15, &size);
    long status = text ? strtol(text, &end, 10) : -1;
    bool read = text && end != text && *end == '\n' &&
                (status == LIPD_CHILD_DONE || status == LIPD_CHILD_FAILED ||
                 status == LIPD_CHILD_CANCELLED);
    lip_free(text);
    return read ? (int)status : -1;
}

void lipd_outcome_describe(char *out, size_t size, int status)
{
    const char *name =
        WIFSIGNALED(status) ? sigdescr_np(WTERMSIG(status)) : NULL;
    if (WIFSIGNALED(status))
        snprintf(out, size, "was ended by signal %d (%s)", WTERMSIG(status),
                 name ? name : "unknown");
    else
        snprintf(out, size, "ended with the exit status %d",
                 WEXITSTATUS(status));
}
