/* SPDX-License-Identifier: MIT
 *
 * Arrays of numbers in JSON: values, shapes, refusals, and memory of 8 bytes a
 * number. */
#include "formats/json_parts.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

typedef enum lip_status read_fn(struct lip_tensor *, struct lip_json *);

static enum lip_status take(read_fn *read, struct lip_tensor *tensor,
                            const char *text, size_t size)
{
    struct lip_json json;
    ctx = (struct lip_ctx){.budget = &budget};
    lip_budget_init(&budget, 0);
    memset(tensor, 0, sizeof *tensor);
    lip_json_init(&json, (const unsigned char *)text, size, 0, "", &ctx);
    return read(tensor, &json);
}

START_TEST(matrices)
{
    struct lip_tensor t;
    static const char text[] = " [ [1, 2.5,-3] ,\n[0,1e-3 , 4] ]";
    static const double want[] = {1, 2.5, -3, 0, 1e-3, 4};
    ck_assert_int_eq(take(lip_json_matrix, &t, text, strlen(text)), LIP_OK);
    ck_assert_uint_eq(t.rank, 2);
    ck_assert_uint_eq(t.dim[0], 2);
    ck_assert_uint_eq(t.dim[1], 3);
    ck_assert(!t.column_major && t.dtype == LIP_F64);
    for (size_t i = 0; i < 6; i++)
        ck_assert(lip_tensor_at(&t, i) == want[i]);
    lip_tensor_clear(&t);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(vectors)
{
    struct lip_tensor t;
    ck_assert_int_eq(take(lip_json_vector, &t, "[3,-0.5]", 8), LIP_OK);
    ck_assert_uint_eq(t.rank, 1);
    ck_assert_uint_eq(t.dim[0], 2);
    ck_assert(lip_tensor_at(&t, 0) == 3 && lip_tensor_at(&t, 1) == -0.5);
    lip_tensor_clear(&t);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

/* Of every depth, whatever the space between the brackets. */
START_TEST(arrays_of_any_depth)
{
    static const struct {
        const char *text;
        size_t rank, dim[LIP_MAX_RANK];
    } cases[] = {
        {"7", 0, {0}},
        {" [0,1,2]", 1, {3}},
        {"[[0,1],[2,3]]", 2, {2, 2}},
        {"[[[0],[1]],[[2],[3]],[[4],[5]]]", 3, {3, 2, 1}},
        {"[ [ [0,1],[2 ,3] ] ,\n[[4,5],\t[6,7]]\n]", 3, {2, 2, 2}},
        {"[[[[0,1,2]]],[[[3,4,5]]]]", 4, {2, 1, 1, 3}},
        {"[[[[[[[[0,1]]]]]]]]", 8, {1, 1, 1, 1, 1, 1, 1, 2}},
        {"[[[[[[[[0]],[[1]]]]]],[[[[[[2]],[[3]]]]]]]]",
         8,
         {1, 2, 1, 1, 1, 2, 1, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lip_tensor t;
        ck_assert_msg(take(lip_json_array, &t, cases[i].text,
                           strlen(cases[i].text)) == LIP_OK,
                      "%s: %s", cases[i].text, ctx.error.detail);
        ck_assert_uint_eq(t.rank, cases[i].rank);
        ck_assert_mem_eq(t.dim, cases[i].dim, t.rank * sizeof *t.dim);
        for (size_t k = 0; k < lip_tensor_count(&t); k++)
            ck_assert(lip_tensor_at(&t, k) == (t.rank ? (double)k : 7));
        lip_tensor_clear(&t);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
}
END_TEST

START_TEST(arrays_that_are_no_arrays)
{
    static const struct {
        const char *text;
        enum lip_status status;
        const char *where, *says;
    } cases[] = {
        {"[[[1],[2]],[[3]]]", LIP_INVALID, "/1", "1 parts"},
        {"[[[1],[2]],[[3],[4],[5]]]", LIP_INVALID, "/1", "3 parts"},
        {"[[[1],[2]],[[3],[4,5]]]", LIP_INVALID, "/1/1", "2 numbers"},
        {"[[[1]],[]]", LIP_INVALID, "/1", "empty"},
        {"[[[1]],[[]]]", LIP_INVALID, "/1/0", "empty"},
        {"[[[]]]", LIP_INVALID, "/0/0", "empty"},
        {"[]", LIP_INVALID, "", "empty"},
        {"[[[1]],2]", LIP_INVALID, "/1", "an array, not a number"},
        {"[[[1]],[2]]", LIP_INVALID, "/1/0", "is a number"},
        {"[[[1]],[[[2]]]]", LIP_INVALID, "/1/0/0", "not an array"},
        {"[[[1]],[[2]],{}]", LIP_INVALID, "/2", "not an object"},
        {"[[[[[[[[[1]]]]]]]]]", LIP_TOO_LARGE, "/0/0/0/0/0/0/0/0", "at most 8"},
        {"[[[1]],[[2]]", LIP_MALFORMED, "12", "too early"},
        {"\"x\"", LIP_INVALID, "", "not a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lip_tensor t;
        enum lip_status status =
            take(lip_json_array, &t, cases[i].text, strlen(cases[i].text));
        ck_assert_msg(status == cases[i].status &&
                          strcmp(ctx.error.where, cases[i].where) == 0 &&
                          strstr(ctx.error.detail, cases[i].says),
                      "%s: %d %s: %s", cases[i].text, status, ctx.error.where,
                      ctx.error.detail);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
}
END_TEST

START_TEST(refusals)
{
    static const struct {
        read_fn *read;
        const char *text;
        enum lip_status status;
        const char *where, *says;
    } cases[] = {
        {lip_json_matrix, "[[1,2],[3]]", LIP_INVALID, "/1", "1 numbers where"},
        {lip_json_matrix, "[[1],[2,3]]", LIP_INVALID, "/1", "2 numbers where"},
        {lip_json_matrix, "[]", LIP_INVALID, "", "empty"},
        {lip_json_matrix, "[[]]", LIP_INVALID, "/0", "empty"},
        {lip_json_matrix, "[[1],[]]", LIP_INVALID, "/1", "empty"},
        {lip_json_matrix, "[1,2]", LIP_INVALID, "/0", "array of rows"},
        {lip_json_matrix, "3", LIP_INVALID, "", "an array, not a number"},
        {lip_json_matrix, "{}", LIP_INVALID, "", "an array, not an object"},
        {lip_json_matrix, "[[1,\"2\"]]", LIP_INVALID, "/0/1", "not a string"},
        {lip_json_matrix, "[[1,[2]]]", LIP_INVALID, "/0/1", "not an array"},
        {lip_json_matrix, "[[1],null]", LIP_INVALID, "/1", "not null"},
        {lip_json_matrix, "[[1,NaN]]", LIP_INVALID, "/0/1", "finite"},
        {lip_json_matrix, "[[1e999]]", LIP_INVALID, "/0/0", "not finite"},
        {lip_json_matrix, "[[1,2", LIP_MALFORMED, "5", "too early"},
        {lip_json_matrix, "[[1,2]", LIP_MALFORMED, "6", "too early"},
        {lip_json_matrix, "[[1,,2]]", LIP_MALFORMED, "4", "value"},
        {lip_json_vector, "[]", LIP_INVALID, "", "empty"},
        {lip_json_vector, "[[1]]", LIP_INVALID, "/0", "not an array"},
        {lip_json_vector, "[true]", LIP_INVALID, "/0", "not true or false"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lip_tensor t;
        const char *text = cases[i].text;
        enum lip_status status = take(cases[i].read, &t, text, strlen(text));
        ck_assert_msg(status == cases[i].status &&
                          strcmp(ctx.error.where, cases[i].where) == 0 &&
                          strstr(ctx.error.detail, cases[i].says),
                      "%s: %s: %s", text, ctx.error.where, ctx.error.detail);
        ck_assert_ptr_null(t.data);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
}
END_TEST

/* 100 x 1000 numbers of 17 digits; the promise is 12 bytes each. */
START_TEST(memory_for_a_number)
{
    enum { ROWS = 100, COLS = 1000 };
    char *text = malloc(ROWS * COLS * 24 + 10);
    size_t n = 0;
    text[n++] = '[';
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < COLS; j++)
            n += (size_t)snprintf(text + n, 24, "%s%.16f%s",
                                  j ? "," : (i ? ",[" : "["),
                                  (double)(i * COLS + j + 1) / 1234567.0,
                                  j + 1 == COLS ? "]" : "");
    text[n++] = ']';
    struct lip_tensor t;
    ck_assert_int_eq(take(lip_json_matrix, &t, text, n), LIP_OK);
    ck_assert_uint_le(atomic_load(&budget.peak), 9 * ROWS * COLS);
    ck_assert_uint_eq(t.dim[0], ROWS);
    ck_assert_uint_eq(t.dim[1], COLS);
    lip_tensor_clear(&t);
    /* Commas alone buy at most four times their bytes. */
    memset(text + 2, ',', n - 2);
    ck_assert_int_eq(take(lip_json_matrix, &t, text, n), LIP_MALFORMED);
    ck_assert_uint_le(atomic_load(&budget.peak), 4 * n + 1000);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_tensor");
    TCase *tests = tcase_create("json_tensor");
    tcase_add_test(tests, matrices);
    tcase_add_test(tests, vectors);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, arrays_of_any_depth);
    tcase_add_test(tests, arrays_that_are_no_arrays);
    tcase_add_test(tests, memory_for_a_number);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
