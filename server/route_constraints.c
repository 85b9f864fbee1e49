/* SPDX-License-Identifier: MIT
 *
 * GET /constraints. */
#include "server/routes.h"

#include "api/train.h"

void lipd_route_constraints(struct lipd_request *request)
{
    struct api_text text;
    api_text_init(&text, LIPD_ANSWER_MAX, request->ctx);
    api_constraints_write(&text);
    lipd_reply_json(request, 200, &text);
}
