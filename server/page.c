/* SPDX-License-Identifier: MIT
 *
 * An id is a digest, so that a page does not move when others come or go. */
#include "server/page.h"

#include "server/query.h"
#include "server/service.h"
#include "server/shelf.h"
#include "server/store/holdings.h"

enum { PAGE = 50, PAGE_MAX = 200 };

bool lipd_page_read(struct lipd_page *page, struct lipd_request *request,
                    const char *thing, struct api_problem *problem)
{
    double count = PAGE;
    if (!lipd_query_only(request, "limit after", problem) ||
        !lipd_query_whole(&count, request, "limit", 1, PAGE_MAX, problem))
        return false;
    page->limit = (size_t)count;
    page->after = lipd_query_text(request, "after");
    if (!page->after)
        page->after = "";
    if (!*page->after || lipd_shelf_is_id(page->after))
        return true;
    api_problem_set_at(problem, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,
                       "after",
                       "The query parameter \"after\" is the \"next\" of the "
                       "page before: the id of a %s.",
                       thing);
    problem->in_query = true;
    return false;
}

/* "held": what the request's tenant holds, and how much it may. */
static bool put_held(struct api_text *text, const struct lipd_request *request,
                     struct api_problem *problem)
{
    struct lipd_holdings *holdings = request->service->holdings;
    size_t bytes[LIPD_THINGS] = {0};
    if (holdings && !holdings->ops->bytes(
                        holdings, request->sees_all ? NULL : request->tenant,
                        bytes, problem))
        return false;
    api_object_open(text, "held");
    api_put_count(text, "models", bytes[LIPD_MODEL]);
    api_put_count(text, "datasets", bytes[LIPD_DATASET]);
    if (request->quota.stored)
        api_put_count(text, "limit", request->quota.stored);
    api_object_close(text);
    return true;
}

void lipd_page_begin(struct api_text *text, struct lipd_request *request,
                     const char *name)
{
    api_text_init(text, LIPD_ANSWER_MAX, request->ctx);
    api_object_open(text, NULL);
    api_array_open(text, name);
}

void lipd_page_end(struct api_text *text, struct lipd_request *request,
                   const char *next)
{
    struct api_problem problem;
    api_array_close(text);
    if (next)
        api_put_string(text, "next", next);
    bool told = put_held(text, request, &problem);
    api_object_close(text);
    if (told)
        lipd_reply_json(request, 200, text);
    else
        lipd_reply_problem(request, &problem);
    api_text_clear(text);
}
