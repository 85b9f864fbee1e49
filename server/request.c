/* SPDX-License-Identifier: MIT
 *
 * Request ids and the forms an answer can take. */
#include "server/request.h"

#include "server/metrics.h"
#include "server/service.h"
#include "server/uses.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static bool id_valid(const char *text)
{
    static const char marks[] = "-_.:+/=";
    size_t n = 0;
    for (; text[n]; n++) {
        char c = text[n];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && !strchr(marks, c))
            return false;
    }
    return n >= 1 && n < LIPD_REQUEST_ID;
}

/* A secret start and a mixed counter (splitmix64): unique within the process,
 * and not to be guessed from outside at no cost of a system call. */
static uint64_t next_number(void)
{
    static _Atomic uint64_t counter;
    uint64_t x = atomic_fetch_add(&counter, 0x9e3779b97f4a7c15u);
    if (x == 0) {
        uint64_t start = (uint64_t)time(NULL);
        ssize_t got = getrandom(&start, sizeof start, GRND_NONBLOCK);
        (void)got; /* the time remains */
        atomic_fetch_add(&counter, start);
        x = start;
    }
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void lipd_request_id(char out[LIPD_REQUEST_ID], const char *offered)
{
    if (offered && id_valid(offered))
        snprintf(out, LIPD_REQUEST_ID, "%s", offered);
    else
        snprintf(out, LIPD_REQUEST_ID, "%016llx",
                 (unsigned long long)next_number());
}

size_t lipd_request_memory(const struct lipd_request *request)
{
    return lipd_least(request->service->max_request_memory,
                      request->quota.memory);
}

double lipd_request_seconds(const struct lipd_request *request)
{
    return lipd_least_of(request->service->config->max_time,
                         request->quota.seconds);
}

double lipd_request_flops(const struct lipd_request *request)
{
    return lipd_least_of(request->service->config->max_flops,
                         request->quota.flops);
}

void lipd_request_park(struct lipd_request *request,
                       void (*leave)(struct lipd_request *request))
{
    *request->parked = true;
    request->parked = NULL;
    request->ctx = NULL;
    request->leave = leave;
    request->park(request);
}

static void drop_reply(struct lipd_request *request)
{
    if (request->reply.stream)
        request->reply.stream->free(request->reply.stream);
    lip_free(request->reply.owned);
    memset(&request->reply, 0, sizeof request->reply);
}

void lipd_reply_static(struct lipd_request *request, int status,
                       const char *media_type, const char *data, size_t size)
{
    drop_reply(request);
    request->reply.status = status;
    request->reply.media_type = media_type;
    request->reply.data = data;
    request->reply.size = size;
}

void lipd_reply_take(struct lipd_request *request, int status,
                     const char *media_type, char *data, size_t size)
{
    if (!data) {
        lipd_reply_fail(request, API_PROBLEM_INTERNAL,
                        "There was no memory for the answer.");
        return;
    }
    lipd_reply_static(request, status, media_type, data, size);
    request->reply.owned = data;
}

void lipd_reply_stream(struct lipd_request *request, const char *media_type,
                       struct lipd_stream *stream)
{
    lipd_reply_static(request, 200, media_type, "", 0);
    request->reply.stream = stream;
}

void lipd_reply_json(struct lipd_request *request, int status,
                     struct api_text *text)
{
    size_t size;
    char *data = api_text_take(text, &size);
    lipd_reply_take(request, status, "application/json", data, size);
}

void lipd_reply_problem(struct lipd_request *request,
                        const struct api_problem *problem)
{
    /* Outside the request's budget: it may just have been used up. */
    struct lip_ctx ctx = {.budget = NULL};
    struct api_text text;
    size_t size = 0;
    api_text_init(&text, 16384, &ctx);
    api_problem_write(&text, problem, request->id);
    char *data = api_text_take(&text, &size);
    struct lipd_reply before = request->reply;
    lipd_reply_static(request, api_problem_status(problem->code),
                      "application/problem+json", data ? data : "",
                      data ? size : 0);
    request->reply.owned = data;
    request->reply.retry_after = problem->retry_after;
    request->reply.close = before.close;
    memcpy(request->reply.allow, before.allow, sizeof before.allow);
    lipd_metric_add(LIPD_PROBLEMS, problem->code, 1);
}

void lipd_reply_fail(struct lipd_request *request, enum api_problem_code code,
                     const char *format, ...)
{
    char detail[400];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    struct api_problem problem;
    api_problem_set(&problem, code, "%s", detail);
    lipd_reply_problem(request, &problem);
}

void lipd_request_clear(struct lipd_request *request)
{
    drop_reply(request);
    lip_buffer_put(request->body);
    request->body = NULL;
    lipd_upload_clear(&request->upload);
    if (request->opened[0])
        lipd_uses_close(request->service->uses, request->opened);
    request->opened[0] = '\0';
}
