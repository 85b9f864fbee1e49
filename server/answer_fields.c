/* SPDX-License-Identifier: MIT
 *
 * One function for each kind of field. */
#include "server/answer_fields.h"

#include "server/cors.h"
#include "server/routes.h"
#include "server/service.h"

#include <stdio.h>
#include <string.h>

struct fields {
    const struct lipd_request *request;
    const struct lipd_reply *reply;
    void (*put)(void *arg, const char *name, const char *value);
    void *arg;
};

/* "": the answer has no such field. */
static void add(const struct fields *fields, const char *name,
                const char *value)
{
    if (value[0])
        fields->put(fields->arg, name, value);
}

/* --- what the handler has said */

static void add_asked(const struct fields *fields)
{
    const struct lipd_reply *reply = fields->reply;
    char seconds[16] = "", file[96] = "", trace[LIPD_TRACE_FIELD];
    if (reply->retry_after)
        snprintf(seconds, sizeof seconds, "%u", reply->retry_after);
    if (reply->file_name[0])
        snprintf(file, sizeof file, "attachment; filename=\"%s\"",
                 reply->file_name);
    lipd_trace_write(trace, &fields->request->trace);
    add(fields, "X-Request-Id", fields->request->id);
    add(fields, "Content-Type", reply->media_type ? reply->media_type : "");
    add(fields, "traceresponse", trace);
    add(fields, "Retry-After", seconds);
    add(fields, "WWW-Authenticate",
        reply->status == 401 ? "Bearer realm=\"lipschitzd\"" : "");
    add(fields, "Allow", reply->allow);
    add(fields, "Location", reply->location);
    add(fields, "Preference-Applied", reply->preference);
    add(fields, "Age", reply->age);
    add(fields, "Cache-Status", reply->cache_status);
    add(fields, "Content-Disposition", file);
    add(fields, "ETag", reply->etag);
    add(fields, "Accept-Ranges", reply->ranges ? "bytes" : "");
    add(fields, "Content-Range", reply->content_range);
    /* While the daemon ends, a connection serves one more request at most. */
    if (reply->close ||
        atomic_load(&fields->request->service->state) != LIPD_SERVING)
        add(fields, "Connection", "close");
}

/* --- who may keep it */

/* Answers that a token is needed for are its tenant's; health and errors are
 * true for a moment; the others change with the version of the daemon. */
static const char *caching(const struct lipd_request *request)
{
    const struct lipd_reply *reply = &request->reply;
    const struct lipd_route *route = request->route;
    if (reply->caching)
        return reply->caching;
    if (reply->stream || reply->status >= 400 || !route || route->probe)
        return "no-store";
    return route->scopes ? "private, no-store" : "no-cache";
}

/* --- what a browser may do with it */

/* No answer is a page that loads, runs or is framed by anything; some programs
 * show any answer as a page, so that all of them say so. */
static void add_protection(const struct fields *fields)
{
    const struct lipd_config *config = fields->request->service->config;
    const char *type = fields->reply->media_type;
    char age[40];
    add(fields, "X-Content-Type-Options", "nosniff");
    add(fields, "Content-Security-Policy",
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'");
    add(fields, "Cross-Origin-Resource-Policy", "same-origin");
    add(fields, "Referrer-Policy", "no-referrer");
    if (fields->request->service->tls && config->hsts > 0) {
        snprintf(age, sizeof age, "max-age=%.0f", config->hsts);
        add(fields, "Strict-Transport-Security", age);
    }
    if (!type || strncmp(type, "text/html", 9) != 0)
        return;
    add(fields, "X-Frame-Options", "DENY"); /* browsers before 2017 */
    add(fields, "Cross-Origin-Opener-Policy", "same-origin");
    add(fields, "Permissions-Policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), "
        "payment=(), usb=()");
}

/* --- pages of other origins */

static void add_cors(const struct fields *fields)
{
    const struct lipd_request *request = fields->request;
    const char *list = request->service->config->cors_origins;
    const char *origin = lipd_cors_allow(list, request->origin);
    if (!*list)
        return;
    if (strcmp(list, "*") != 0)
        add(fields, "Vary", "Origin");
    if (!origin)
        return;
    add(fields, "Access-Control-Allow-Origin", origin);
    if (request->route != &lipd_options || !request->preflight) {
        add(fields, "Access-Control-Expose-Headers",
            "Accept-Ranges, Age, Allow, Cache-Status, Content-Disposition, "
            "Content-Range, ETag, Location, Preference-Applied, Retry-After, "
            "WWW-Authenticate, "
            "X-Request-Id, traceresponse");
        return;
    }
    add(fields, "Access-Control-Allow-Methods", fields->reply->allow);
    add(fields, "Access-Control-Allow-Headers",
        "Authorization, Cache-Control, Content-Type, Idempotency-Key, "
        "If-Match, "
        "If-None-Match, If-Range, Last-Event-ID, Prefer, Range, X-Request-Id, "
        "traceparent, tracestate");
    add(fields, "Access-Control-Max-Age", "3600");
}

void lipd_answer_fields(const struct lipd_request *request,
                        void (*put)(void *arg, const char *name,
                                    const char *value),
                        void *arg)
{
    struct fields fields = {request, &request->reply, put, arg};
    add_asked(&fields);
    add(&fields, "Cache-Control", caching(request));
    add_protection(&fields);
    add_cors(&fields);
}
