/* SPDX-License-Identifier: MIT
 *
 * The stored texts go out as they are: what a number's decimal says, and to
 * which side it is rounded, was decided where it was made. */
#include "api/job.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void api_time(char out[API_TIME_SIZE], double seconds)
{
    /* To the nearest millisecond before it is taken apart: .9996 carries. */
    long long milliseconds = llround(seconds * 1000);
    time_t whole = (time_t)(milliseconds / 1000);
    struct tm day;
    gmtime_r(&whole, &day);
    size_t length = strftime(out, API_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &day);
    snprintf(out + length, API_TIME_SIZE - length, ".%03dZ",
             (int)(milliseconds % 1000));
}

static void put_time(struct api_text *text, const char *key, double seconds)
{
    char time[API_TIME_SIZE];
    if (seconds <= 0)
        return;
    api_time(time, seconds);
    api_put_string(text, key, time);
}

/* Seconds to go at the pace so far; negative where there is no telling. */
static double time_left(const struct api_job *job, double now)
{
    double left = -1;
    json_t *progress = json_loads(job->progress, JSON_REJECT_DUPLICATES, NULL);
    double done = json_number_value(json_object_get(progress, "done"));
    double total = json_number_value(json_object_get(progress, "total"));
    bool told = json_object_get(progress, "eta_seconds") != NULL;
    double spent = now - job->started;
    if (!told && json_is_object(progress) && !strcmp(job->state, "running") &&
        done > 0 && total >= done && spent >= 0)
        left = spent * (total - done) / done;
    json_decref(progress);
    return isfinite(left) ? left : -1;
}

static void put_progress(struct api_text *text, const struct api_job *job,
                         double now)
{
    double left = time_left(job, now);
    size_t size = strlen(job->progress);
    while (size && job->progress[size - 1] != '}')
        size--;
    if (left < 0 || !size) {
        api_put_raw(text, "progress", job->progress);
        return;
    }
    /* It is an object with members: one more before its last bracket. */
    char *longer = lip_alloc(text->ctx, size + 64, 1);
    if (!longer) {
        text->failed = true;
        return;
    }
    snprintf(longer, size + 64, "%.*s,\"eta_seconds\":%.1f}", (int)(size - 1),
             job->progress, left);
    api_put_raw(text, "progress", longer);
    lip_free(longer);
}

void api_job_write(struct api_text *text, const char *key,
                   const struct api_job *job, double now)
{
    api_object_open(text, key);
    api_put_string(text, "id", job->id);
    api_put_string(text, "kind", job->kind);
    api_put_string(text, "state", job->state);
    put_time(text, "created", job->created);
    put_time(text, "started", job->started);
    put_time(text, "finished", job->finished);
    if (job->progress)
        put_progress(text, job, now);
    if (job->result)
        api_put_raw(text, "result", job->result);
    if (job->error)
        api_put_raw(text, "error", job->error);
    api_object_close(text);
}
