/* SPDX-License-Identifier: MIT
 *
 * GET /healthz and GET /readyz with their aliases: never waits for
 * a worker. */
#include "server/ready.h"
#include "server/routes.h"
#include "server/service.h"

#include <string.h>

enum { READY_MAX = 8192 };

static void say(struct lipd_request *request, const char *text)
{
    lipd_reply_static(request, 200, "application/json", text, strlen(text));
}

void lipd_route_alive(struct lipd_request *request)
{
    say(request, "{\"status\":\"alive\"}");
}

void lipd_route_ready(struct lipd_request *request)
{
    struct api_text text;
    api_text_init(&text, READY_MAX, request->ctx);
    bool ready = lipd_ready_write(&text, request->service);
    lipd_reply_json(request, ready ? 200 : 503, &text);
    if (!ready)
        request->reply.retry_after = 1;
}
