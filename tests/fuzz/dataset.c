/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a data set. The first line, where it begins with '?', is the
 * query; a second that begins with '!' says that the body is a form whose
 * boundary is "edge". */
#include "api/dataset.h"

#include "tests/fuzz/reader.h"

static void split(struct api_query *query, char *text)
{
    query->count = 0;
    while (*text && query->count < API_MAX_QUERY) {
        char *next = text + strcspn(text, "&"), *is = text + strcspn(text, "=");
        if (*next)
            *next++ = '\0';
        query->item[query->count].name = text;
        query->item[query->count++].value = *is ? is + 1 : "";
        *is = '\0';
        text = next;
    }
}

/* Takes a line that begins with this mark off the front. */
static bool take_line(char *out, size_t room, char mark, const uint8_t **data,
                      size_t *size)
{
    const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
    if (!end || **data != mark || (size_t)(end - *data) >= room)
        return false;
    memcpy(out, *data + 1, (size_t)(end - *data) - 1);
    out[end - *data - 1] = '\0';
    *size -= (size_t)(end + 1 - *data);
    *data = end + 1;
    return true;
}

/* A set or a problem; memory within the plan; nothing is left. */
static void read_upload(const struct api_dataset_body *body, long fail_after)
{
    static struct api_dataset_plan plan;
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct api_problem problem = {.detail = ""};
    struct lip_data *data = NULL;
    lip_budget_init(&budget, 32 << 20);
    atomic_store(&budget.fail_after, fail_after);
    enum lip_status status = api_dataset_plan(&plan, body, &problem, &ctx);
    if (status == LIP_OK && plan.memory < (size_t)16 << 20) {
        budget.limit = plan.memory + 4096;
        status = api_dataset_read(&data, &plan, &problem, &ctx);
        HOLDS((status == LIP_OK) == (data != NULL));
    }
    HOLDS(status == LIP_OK || *problem.detail);
    HOLDS(status == LIP_OK || api_problem_status(problem.code) >= 400);
    HOLDS(status == LIP_OK || fail_after >= 0 ||
          api_problem_status(problem.code) < 500);
    if (data) {
        char id[LIP_DIGEST_TEXT];
        HOLDS(lip_data_check(data, &ctx) == LIP_OK);
        lip_data_digest(id, data);
    }
    lip_data_free(data);
    HOLDS(atomic_load(&budget.used) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char query_text[256] = "", form[8] = "";
    struct api_query query;
    if (size == 0 || size > 1 << 20)
        return 0;
    long fail_after = (long)(data[size - 1] % 16);
    take_line(query_text, sizeof query_text, '?', &data, &size);
    bool is_form = take_line(form, sizeof form, '!', &data, &size);
    split(&query, query_text);
    uint8_t *copy = malloc(size ? size : 1);
    HOLDS(copy);
    memcpy(copy, data, size);
    const struct api_dataset_body body = {
        .bytes = copy,
        .size = size,
        .content_type = is_form ? "multipart/form-data; boundary=edge" : NULL,
        .query = &query};
    read_upload(&body, -1);
    read_upload(&body, fail_after);
    free(copy);
    return 0;
}
