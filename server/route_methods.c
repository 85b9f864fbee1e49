/* SPDX-License-Identifier: MIT
 *
 * GET /methods. */
#include "server/routes.h"

void lipd_route_methods(struct lipd_request *request)
{
    struct api_text text;
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    api_methods_write(&text);
    lipd_reply_json(request, 200, &text);
}
