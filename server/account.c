/* SPDX-License-Identifier: MIT
 *
 * One pass over the request for each. */
#include "server/account.h"

#include "server/log.h"
#include "server/metrics.h"
#include "server/routes.h"

/* Bytes of the body; some answers have one that is not sent. */
static size_t sent(const struct lipd_request *request)
{
    return request->head_only || request->reply.status == 304
               ? 0
               : request->reply.size;
}

void lipd_account_log(const struct lipd_account *account)
{
    const struct lipd_request *request = account->request;
    bool quiet = request->route && request->route->probe && account->complete &&
                 request->reply.status < 500;
    enum lipd_log_level level = quiet ? LIPD_DEBUG : LIPD_INFO;
    if (!lipd_log_on(level))
        return;
    struct api_text line;
    lipd_log_open(&line, level, "request");
    api_put_string(&line, "id", request->id);
    lipd_trace_log(&line, &request->trace);
    api_put_string(&line, "method",
                   request->route ? request->route->method : "?");
    api_put_string(&line, "path", account->path);
    if (request->tenant[0])
        api_put_string(&line, "tenant", request->tenant);
    api_put_count(&line, "status", (uint64_t)request->reply.status);
    api_put_count(&line, "received", account->received);
    api_put_count(&line, "sent", sent(request));
    api_put_count(&line, "peak_bytes", atomic_load(&request->budget.peak));
    api_put_number(&line, "seconds",
                   (double)(long)(account->seconds * 1e6) / 1e6);
    api_put_bool(&line, "complete", account->complete);
    lipd_log_close(&line);
}

void lipd_account_count(const struct lipd_account *account)
{
    enum { CLIENT_LEFT = 499 };
    const struct lipd_request *request = account->request;
    size_t row = request->route && request->route != &lipd_options
                     ? (size_t)(request->route - lipd_routes)
                     : lipd_route_count;
    int status = request->reply.status ? request->reply.status : CLIENT_LEFT;
    lipd_metric_add(LIPD_REQUESTS, lipd_metric_route(row, status), 1);
    lipd_metric_add(LIPD_SENT, 0, (int64_t)sent(request));
    lipd_metric_add(LIPD_IN_FLIGHT_BYTES, 0, -(int64_t)account->received);
    lipd_metric_observe(LIPD_REQUEST_SECONDS, row, account->seconds);
}
