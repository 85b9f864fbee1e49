/* SPDX-License-Identifier: MIT
 *
 * What the daemon says of itself: the front page, version, metrics and the
 * OpenAPI document. */
#include "api/openapi.h"
#include "api/version.h"
#include "server/dataset_store.h"
#include "server/metrics.h"
#include "server/model_store.h"
#include "server/out.h"
#include "server/routes.h"
#include "server/service.h"
#include "server/store/results.h"
#include "server/usage.h"

#include <string.h>

enum { TEXT_MAX = 1 << 20 };

void lipd_route_version(struct lipd_request *request)
{
    struct api_text text;
    api_text_init(&text, TEXT_MAX, request->ctx);
    api_version_write(&text);
    lipd_reply_json(request, 200, &text);
}

void lipd_route_openapi(struct lipd_request *request)
{
    lipd_reply_static(request, 200, "application/yaml", api_openapi_yaml,
                      api_openapi_yaml_size);
}

void lipd_route_options(struct lipd_request *request)
{
    char allow[sizeof request->reply.allow];
    memcpy(allow, request->reply.allow, sizeof allow);
    lipd_reply_static(request, 204, NULL, "", 0);
    memcpy(request->reply.allow, allow, sizeof allow);
}

static void reply_out(struct lipd_request *request, const char *media_type,
                      struct lipd_out *out)
{
    size_t size;
    char *data = lipd_out_take(out, &size);
    lipd_reply_take(request, 200, media_type, data, size);
}

void lipd_route_metrics(struct lipd_request *request)
{
    struct lipd_service *service = request->service;
    struct lipd_usage usage;
    struct lipd_out out;
    lipd_metric_set(LIPD_QUEUE_DEPTH, 0,
                    (int64_t)lipd_queue_depth(&service->queue));
    lipd_metric_set(LIPD_RESERVED, 0,
                    (int64_t)atomic_load(&service->queue.reserved));
    lipd_metric_set(LIPD_STREAMS, 0, (int64_t)atomic_load(&service->streams));
    lipd_metric_set(LIPD_WORKERS, 0, (int64_t)service->workers);
    if (service->store)
        lipd_metric_set(LIPD_STORED, 0,
                        (int64_t)lipd_store_used(service->store));
    if (service->datasets)
        lipd_metric_set(LIPD_DATASETS, 0,
                        (int64_t)lipd_dataset_store_used(service->datasets));
    if (service->results)
        lipd_metric_set(
            LIPD_RESULT_BYTES, 0,
            (int64_t)service->results->ops->bytes(service->results));
    lipd_metric_set(LIPD_QUEUE_OLDEST, 0,
                    (int64_t)(1e9 * lipd_queue_age(&service->queue)));
    lipd_usage(&usage);
    lipd_metric_set(LIPD_RESIDENT, 0, usage.resident);
    lipd_metric_set(LIPD_DESCRIPTORS, 0, usage.descriptors);
    lipd_metric_set(LIPD_CPU, 0, usage.cpu);
    lipd_metric_set(LIPD_UPTIME, 0, (int64_t)(lip_now() - service->started));
    lipd_out_init(&out, TEXT_MAX, request->ctx);
    lipd_metrics_write(&out);
    reply_out(request, "text/plain; version=0.0.4; charset=utf-8", &out);
}

void lipd_route_front(struct lipd_request *request)
{
    struct lipd_out out;
    lipd_out_init(&out, TEXT_MAX, request->ctx);
    lipd_out_print(
        &out, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
              "<title>lipschitzd</title>\n<h1>lipschitzd " API_VERSION "</h1>\n"
              "<p>Proven Lipschitz bounds of neural networks. Try\n<pre>"
              "curl --data-binary @model.safetensors "
              "http://HOST:PORT/bound</pre>\n<table>\n");
    for (size_t i = 0; i < lipd_route_count; i++)
        lipd_out_print(&out, "<tr><td>%s<td><code>%s</code><td>%s</tr>\n",
                       lipd_routes[i].method, lipd_routes[i].path,
                       lipd_routes[i].says);
    lipd_out_print(&out, "</table>\n</html>\n");
    reply_out(request, "text/html; charset=utf-8", &out);
}
