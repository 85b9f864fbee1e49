/* SPDX-License-Identifier: MIT
 *
 * GET /healthz and GET /readyz with their aliases: never blocks, allocates
 * nothing on the way to "yes". */
#include "server/routes.h"
#include "server/service.h"

#include <string.h>

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
    struct lipd_service *service = request->service;
    if (atomic_load(&service->state) != LIPD_SERVING)
        lipd_reply_fail(request, API_PROBLEM_DRAINING,
                        "This daemon is shutting down; ask another one.");
    else if (lipd_queue_full(&service->queue))
        lipd_reply_fail(request, API_PROBLEM_OVERLOADED,
                        "%zu requests wait already. Try again later.",
                        service->queue.capacity);
    else
        say(request, "{\"status\":\"ready\"}");
}
