/* SPDX-License-Identifier: MIT
 *
 * Bodies of POST /datasets as a test wants them. */
#include "tests/support/upload.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

const char upload_form[] = "multipart/form-data; boundary=edge";

static void split(struct api_query *query, char *text)
{
    query->count = 0;
    while (*text) {
        char *next = text + strcspn(text, "&"), *is = text + strcspn(text, "=");
        if (*next)
            *next++ = '\0';
        query->item[query->count].name = text;
        query->item[query->count].value = *is ? is + 1 : "";
        *is = '\0';
        query->count++;
        text = next;
    }
}

enum lip_status upload_read(struct lip_data **out, const struct bytes *body,
                            const char *content_type, const char *query,
                            struct api_problem *problem)
{
    char text[512];
    struct api_query items;
    static struct api_dataset_plan plan;
    static struct lip_budget budget; /* the data outlive this call */
    struct lip_ctx ctx = {.budget = &budget};
    /* A block of exactly that size: reading beyond it is noticed. */
    unsigned char *copy = malloc(body->size ? body->size : 1);
    memcpy(copy, body->data ? body->data : copy, body->size);
    snprintf(text, sizeof text, "%s", query);
    split(&items, text);
    struct api_dataset_body upload = {copy, body->size, content_type, &items};
    lip_budget_init(&budget, 0);
    memset(problem, 0, sizeof *problem);
    *out = NULL;
    enum lip_status status = api_dataset_plan(&plan, &upload, problem, &ctx);
    if (status == LIP_OK && plan.memory > 1 << 28) {
        api_problem_set(problem, API_PROBLEM_BODY_TOO_LARGE,
                        "Over what this test allows.");
        status = LIP_TOO_LARGE;
    }
    if (status == LIP_OK) {
        budget.limit = plan.memory + 4096;
        status = api_dataset_read(out, &plan, problem, &ctx);
    }
    free(copy);
    ck_assert((status == LIP_OK) == (*out != NULL));
    if (status == LIP_OK)
        return LIP_OK;
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    ck_assert_uint_gt(strlen(problem->detail), 10);
    ck_assert_int_ge(api_problem_status(problem->code), 400);
    ck_assert_msg(api_problem_status(problem->code) < 500, "%s",
                  problem->detail);
    return status;
}

void upload_id(char out[LIP_DIGEST_TEXT], const struct bytes *body,
               const char *content_type, const char *query)
{
    struct lip_data *data;
    struct api_problem problem;
    enum lip_status status =
        upload_read(&data, body, content_type, query, &problem);
    ck_assert_msg(status == LIP_OK, "%s", problem.detail);
    lip_data_digest(out, data);
    lip_data_free(data);
}

void upload_refused(const struct bytes *body, const char *content_type,
                    const char *query, int status, const char *says)
{
    struct lip_data *data;
    struct api_problem problem;
    ck_assert_int_ne(upload_read(&data, body, content_type, query, &problem),
                     LIP_OK);
    ck_assert_msg(strstr(problem.detail, says) != NULL, "\"%s\" has no \"%s\"",
                  problem.detail, says);
    ck_assert_msg(api_problem_status(problem.code) == status, "%d: %s",
                  api_problem_status(problem.code), problem.detail);
}

void upload_damaged(const struct bytes *body, const char *content_type,
                    const char *query)
{
    struct lip_data *data;
    struct api_problem problem;
    for (size_t size = 0; size < body->size; size++) {
        struct bytes cut = {.data = body->data, .size = size};
        upload_read(&data, &cut, content_type, query, &problem);
        lip_data_free(data);
    }
    for (size_t bit = 0; bit < 8 * body->size; bit++) {
        body->data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        upload_read(&data, body, content_type, query, &problem);
        lip_data_free(data);
        body->data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

void upload_part(struct bytes *body, const char *name,
                 const struct bytes *content)
{
    bytes_text(body,
               "%s--edge\r\nContent-Disposition: form-data; name=\"%s\"; "
               "filename=\"f\"\r\n\r\n",
               body->size ? "\r\n" : "", name);
    bytes_put(body, content->data, content->size);
}

void upload_form_end(struct bytes *body)
{
    bytes_text(body, "\r\n--edge--\r\n");
}

void upload_npy(struct bytes *bytes, const struct upload_array *array)
{
    char dictionary[256];
    snprintf(dictionary, sizeof dictionary,
             "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }",
             array->descr, array->fortran ? "True" : "False", array->shape);
    bytes_npy_raw(bytes, 1, dictionary, array->data, array->size);
}

void upload_npz(struct bytes *bytes, const struct upload_array *array,
                size_t count, bool deflated)
{
    struct bytes npy[8] = {0};
    struct entry entry[8] = {{0}};
    char name[8][64];
    for (size_t i = 0; i < count; i++) {
        upload_npy(&npy[i], &array[i]);
        snprintf(name[i], sizeof name[i], "%s.npy", array[i].name);
        entry[i] = (struct entry){name[i], npy[i].data, npy[i].size};
    }
    bytes_zip(bytes, entry, count, deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
              NULL);
    for (size_t i = 0; i < count; i++)
        bytes_clear(&npy[i]);
}
