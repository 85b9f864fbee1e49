/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a training request: what is taken is written as a request that
 * is taken too and written as the same bytes; what is refused is refused at a
 * place, in a sentence; nothing leaks. */
#include "api/train.h"

#include <stdlib.h>
#include <string.h>

enum { MEMORY = 64 << 20, TEXT = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The request read from JSON and written again; NULL where it is refused. */
static char *again(const json_t *json, struct lip_ctx *ctx)
{
    struct api_problem problem = {.detail = ""};
    struct api_train_request request;
    struct api_text text;
    size_t size;
    lip_error_clear(ctx);
    if (api_train_read(&request, json, &problem, ctx) != LIP_OK) {
        if (!problem.detail[0] || (problem.code == API_PROBLEM_INVALID_OPTION &&
                                   problem.place != LIP_AT_POINTER))
            abort();
        return NULL;
    }
    if (request.source == API_DATA_INLINE) { /* as the daemon stores it */
        lip_data_digest(request.dataset_id, request.inline_data);
        lip_data_free(request.inline_data);
        request.inline_data = NULL;
        request.source = API_DATA_STORED;
    }
    api_text_init(&text, TEXT, ctx);
    api_train_write(&text, NULL, &request);
    char *out = api_text_take(&text, &size);
    api_train_clear(&request);
    return out;
}

static void check(const char *text, struct lip_ctx *ctx)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    char *same = json ? again(json, ctx) : NULL;
    if (!same || strcmp(same, text) != 0)
        abort();
    lip_free(same);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lip_budget budget;
    lip_budget_init(&budget, MEMORY);
    struct lip_ctx ctx = {.budget = &budget};
    json_t *json = json_loadb((const char *)data, size,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (!json)
        return 0;
    char *text = again(json, &ctx);
    if (text)
        check(text, &ctx);
    lip_free(text);
    json_decref(json);
    if (atomic_load(&budget.used) != 0)
        abort();
    return 0;
}
