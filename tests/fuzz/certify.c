/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a body of POST /certify: read, answered or refused with a
 * sentence; nothing stays behind; an answer is JSON, has a prediction for each
 * input and no radius below 0. */
#include "api/certify.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t size, size_t count)
{
    json_t *json = json_loadb(text, size, 0, NULL);
    const json_t *list = json_object_get(json, "predictions");
    if (!json || json_array_size(list) != count)
        abort();
    for (size_t i = 0; i < count; i++) {
        const json_t *p = json_array_get(list, i);
        const json_t *radius = json_object_get(p, "radius");
        if (!json_is_number(radius) || !(json_number_value(radius) >= 0))
            abort();
    }
    json_decref(json);
}

static void answer(const struct api_certify_request *request,
                   struct lip_ctx *ctx)
{
    struct api_problem problem = {.detail = ""};
    struct api_text text;
    size_t size;
    api_text_init(&text, MEMORY, ctx);
    enum lip_status status =
        api_certify_answer(&text, request, 0, 1, &problem, ctx);
    char *document = status == LIP_OK ? api_text_take(&text, &size) : NULL;
    if (status != LIP_OK && !problem.detail[0])
        abort();
    if (document)
        check(document, size, request->count);
    lip_free(document);
    api_text_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lip_budget budget;
    struct api_certify_request request;
    struct api_problem problem = {.detail = ""};
    lip_budget_init(&budget, MEMORY);
    struct lip_ctx ctx = {.budget = &budget};
    enum lip_status status =
        api_certify_read(&request, data, size, &problem, &ctx);
    if (status != LIP_OK && !problem.detail[0])
        abort();
    if (status == LIP_OK) {
        request.seconds = request.seconds > 0.01 ? 0.01 : request.seconds;
        if (request.network && !request.dataset_id[0])
            answer(&request, &ctx);
        api_certify_clear(&request);
    }
    if (budget.used != 0)
        abort();
    return 0;
}
