/* SPDX-License-Identifier: MIT
 *
 * Jobs of the kind "bound": what POST /bound does, from the body that it came
 * in (the file "input"), with a job's memory and time. One that is interrupted
 * begins anew. */
#include "api/bound.h"
#include "server/bound_time.h"
#include "server/jobs/kinds.h"
#include "server/machine.h"
#include "server/model_load.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double tell_every = 0.25;

struct bound_job {
    struct lipd_child *child;
    struct api_problem *problem;
    struct lip_buffer *body;
    struct api_query query;
    const char *content_type, *model_id;
    struct lipd_stored model; /* of that id */
    double told;              /* when */
    double over;              /* methods that were over then */
    enum lipd_child_wish wish;
};

static bool failed(struct bound_job *job)
{
    api_problem_from_error(job->problem, &job->child->ctx->error);
    return false;
}

/* --- the request */

static bool take_query(struct bound_job *job, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list) && i < API_MAX_QUERY; i++) {
        const json_t *pair = json_array_get(list, i);
        const char *name = json_string_value(json_array_get(pair, 0));
        const char *value = json_string_value(json_array_get(pair, 1));
        if (!name || !value)
            return false;
        job->query.item[job->query.count].name = name;
        job->query.item[job->query.count++].value = value;
    }
    return true;
}

static bool take_body(struct bound_job *job)
{
    unsigned char *bytes;
    size_t size;
    if (!lipd_child_read(job->child, "input", &bytes, &size, job->problem))
        return false;
    if (!bytes) {
        api_problem_set(job->problem, API_PROBLEM_INTERNAL,
                        "The body of the request is gone.");
        return false;
    }
    job->body = lip_buffer_take(bytes, size, job->child->ctx);
    return job->body || failed(job);
}

/* The named model's file, where the request names one: it cannot be opened
 * later. A request of an older version does not tell. */
static bool take_model(struct bound_job *job, bool *told)
{
    const struct lipd_child *child = job->child;
    const json_t *model = json_object_get(child->request, "model");
    *told = model != NULL;
    job->model_id = json_string_value(json_object_get(model, "id"));
    return !job->model_id ||
           lipd_model_of_folder(&job->model, child->config->data_dir,
                                job->model_id, job->problem, child->ctx);
}

/* Parses the body; in the sandbox where it can be done there. */
static bool parse(struct bound_job *job, struct api_bound_request *read,
                  bool told)
{
    struct lip_ctx *ctx = job->child->ctx;
    if (told && !lipd_child_needs_program(job->body) &&
        !(job->model_id && lipd_child_needs_program(job->model.body)))
        lipd_child_confine(job->child);
    if (api_bound_request_read(read, job->body, job->content_type, &job->query,
                               job->problem, ctx) != LIP_OK)
        return false;
    lip_buffer_put(job->body);
    job->body = NULL;
    if (!read->network && job->model_id)
        read->network =
            lipd_model_parse(&job->model, read->model_id, job->problem, ctx);
    else if (!read->network)
        read->network =
            lipd_child_model(job->child, read->model_id, job->problem);
    if (!read->network)
        api_bound_request_clear(read);
    return read->network != NULL;
}

static bool read_request(struct bound_job *job, struct api_bound_request *read)
{
    const json_t *request = job->child->request;
    bool told;
    job->content_type =
        json_string_value(json_object_get(request, "content_type"));
    if (!take_query(job, json_object_get(request, "query"))) {
        api_problem_set(job->problem, API_PROBLEM_INTERNAL,
                        "The job's request is damaged.");
        return false;
    }
    bool read_it =
        take_body(job) && take_model(job, &told) && parse(job, read, told);
    lipd_stored_clear(&job->model);
    lipd_child_confine(job->child);
    return read_it;
}

/* --- the work */

/* Sends a line, which this ends. */
static void say(struct bound_job *job, struct api_text *text)
{
    size_t size;
    char *json = api_text_take(text, &size);
    if (json && !lipd_child_tell(json, size))
        job->wish = LIPD_PAUSE;
    lip_free(json);
}

static void tell(struct bound_job *job, const struct lip_progress *progress)
{
    struct api_text text;
    api_text_init(&text, LIPD_CHILD_LINE, NULL);
    api_object_open(&text, NULL);
    api_put_number(&text, "done", fmax(progress->done, 0));
    api_put_number(&text, "total", fmax(progress->total, 0));
    api_put_string(&text, "unit", progress->phase);
    api_object_open(&text, "metrics");
    if (isfinite(progress->best))
        api_put_upper(&text, "upper_bound", progress->best);
    api_object_close(&text);
    api_object_close(&text);
    say(job, &text);
    job->told = lip_now();
    job->over = floor(progress->done);
}

/* A method gave a bound. */
static void observe(void *arg, const struct lip_bound *bound)
{
    struct api_text text;
    api_text_init(&text, LIPD_CHILD_LINE, NULL);
    api_object_open(&text, NULL);
    api_object_open(&text, LIPD_CHILD_BOUND);
    api_put_string(&text, "method", bound->method->id);
    api_put_number(&text, "seconds", bound->seconds);
    api_object_close(&text);
    api_object_close(&text);
    say(arg, &text);
}

static bool hear(void *arg, const struct lip_progress *progress)
{
    struct bound_job *job = arg;
    if (job->wish == LIPD_GO_ON)
        job->wish = lipd_child_wish();
    if (lip_now() - job->told >= tell_every ||
        floor(progress->done) > job->over)
        tell(job, progress);
    return job->wish == LIPD_GO_ON;
}

static enum lip_status answer(struct bound_job *job, struct api_text *text,
                              struct api_bound_request *read,
                              enum api_bound_standing *standing)
{
    const struct lipd_child *child = job->child;
    struct lip_ctx *ctx = job->child->ctx;
    struct api_bound_limits limits = {
        .max_bytes = (double)child->may.memory,
        .own_bytes = child->may.memory == child->quota.memory,
        .max_flops = child->quota.flops,
        .own_flops = true,
        .flops_per_second = lipd_machine_speed(child->config),
        .observe = observe,
        .observe_arg = job,
        .standing = standing,
    };
    double predicted;
    enum lip_status s =
        api_bound_predict(&predicted, read, &limits, job->problem, ctx);
    if (s != LIP_OK)
        return s;
    if (!lipd_bound_job_time(&limits.max_seconds,
                             lipd_bound_time(child->config, child->quota), read,
                             predicted, job->problem))
        return LIP_TOO_LARGE;
    return api_bound_answer(text, read, &limits, job->problem, ctx);
}

static bool keep(struct bound_job *job, const char *document, size_t size,
                 enum api_bound_standing standing)
{
    if (standing == API_BOUND_FINAL &&
        !lipd_child_write(job->child, LIPD_CHILD_FINAL, "1", 1, job->problem))
        return false;
    return lipd_child_write(job->child, "result.json", document, size,
                            job->problem);
}

static int work(struct bound_job *job, struct api_bound_request *read)
{
    struct lip_ctx *ctx = job->child->ctx;
    struct api_text text;
    enum api_bound_standing standing = API_BOUND_CUT;
    int status = LIPD_CHILD_FAILED;
    ctx->progress = hear;
    ctx->progress_arg = job;
    api_text_init(&text, LIPD_ANSWER_MAX, ctx);
    if (answer(job, &text, read, &standing) == LIP_OK) {
        size_t size;
        char *document = api_text_take(&text, &size);
        if (!document)
            failed(job);
        else if (keep(job, document, size, standing))
            status = LIPD_CHILD_DONE;
        lip_free(document);
    } else if (job->wish == LIPD_PAUSE) {
        status = LIPD_CHILD_PAUSED;
    } else if (job->wish == LIPD_CANCEL) {
        status = LIPD_CHILD_CANCELLED;
    }
    api_text_clear(&text);
    return status;
}

int lipd_child_bound(struct lipd_child *child, struct api_problem *problem)
{
    struct bound_job job = {.child = child, .problem = problem};
    struct api_bound_request read;
    int status = LIPD_CHILD_FAILED;
    if (read_request(&job, &read)) {
        status = work(&job, &read);
        api_bound_request_clear(&read);
    }
    lip_buffer_put(job.body);
    return status;
}
