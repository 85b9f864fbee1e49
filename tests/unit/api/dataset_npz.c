/* SPDX-License-Identifier: MIT
 *
 * Arrays of NumPy as data sets: every element type and order gives the numbers
 * that NumPy would, and what does not fit is told by the array's name. */
#include "api/dataset.h"

#include "tests/support/suite.h"
#include "tests/support/upload.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Six numbers of each type, as bytes of the low order first. */
static void put_number(struct bytes *bytes, const char *type, int value)
{
    size_t width = (size_t)(type[1] - '0');
    double wide = value;
    float narrow = (float)value;
    /* 0 to 5 as float16 */
    static const uint16_t half[] = {0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500};
    uint64_t bits = (uint64_t)(int64_t)value;
    if (!strcmp(type, "f8"))
        memcpy(&bits, &wide, 8);
    if (!strcmp(type, "f4"))
        bits = 0, memcpy(&bits, &narrow, 4);
    if (!strcmp(type, "f2"))
        bits = half[value];
    bytes_little(bytes, bits, (int)width);
}

static void swap(struct bytes *bytes, size_t width)
{
    for (size_t i = 0; i < bytes->size; i += width)
        for (size_t k = 0; k < width / 2; k++) {
            unsigned char byte = bytes->data[i + k];
            bytes->data[i + k] = bytes->data[i + width - 1 - k];
            bytes->data[i + width - 1 - k] = byte;
        }
}

static struct lip_data *read_arrays(const struct upload_array *arrays,
                                    size_t count, const char *query)
{
    struct bytes body = {0};
    struct lip_data *data;
    struct api_problem problem;
    upload_npz(&body, arrays, count, false);
    ck_assert_msg(upload_read(&data, &body, NULL, query, &problem) == LIP_OK,
                  "%s", problem.detail);
    bytes_clear(&body);
    return data;
}

static const char *const types[] = {"f8", "f4", "f2", "u1", "u2", "u4",
                                    "u8", "i1", "i2", "i4", "i8", "b1"};

/* 0 .. 5 as 3 x 2, by rows and by columns, either byte order, of each type. */
START_TEST(every_type_and_order)
{
    const char *type = types[_i];
    for (int form = 0; form < 4; form++) {
        struct bytes x = {0}, y = {0};
        bool fortran = form & 1, big = form & 2;
        char descr[8];
        int largest = *type == 'b' ? 1 : 5;
        for (int k = 0; k < 6; k++) {
            int at = fortran ? k % 3 * 2 + k / 3 : k;
            put_number(&x, type, at > largest ? largest : at);
        }
        for (int k = 0; k < 3; k++)
            put_number(&y, type, k > largest ? largest : k);
        snprintf(descr, sizeof descr, "%c%s",
                 type[1] == '1' ? '|'
                 : big          ? '>'
                                : '<',
                 type);
        if (big) {
            swap(&x, (size_t)(type[1] - '0'));
            swap(&y, (size_t)(type[1] - '0'));
        }
        const struct upload_array arrays[] = {
            {"y", descr, "(3,)", false, y.data, y.size},
            {"unused", "|O", "(3,)", false, "", 0},
            {"x", descr, "(3, 2)", fortran, x.data, x.size}};
        struct lip_data *data = read_arrays(arrays, 3, "");
        ck_assert_uint_eq(data->rows, 3);
        ck_assert_uint_eq(data->features, 2);
        for (int k = 0; k < 6; k++)
            ck_assert_float_eq(data->x[k], (float)(k > largest ? largest : k));
        ck_assert_int_eq(data->classes > 0, *type != 'f');
        for (int k = 0; k < 3; k++)
            if (data->label)
                ck_assert_uint_eq(data->label[k],
                                  (unsigned)(k > largest ? largest : k));
            else
                ck_assert_float_eq(data->y[k], (float)k);
        lip_data_free(data);
        bytes_clear(&x);
        bytes_clear(&y);
    }
}
END_TEST

START_TEST(signs_are_kept)
{
    static const signed char x[] = {-128, -1, 127, 0}, y[] = {-3, 4};
    const struct upload_array arrays[] = {{"x", "|i1", "(2, 2)", false, x, 4},
                                          {"y", "|i1", "(2, 1)", false, y, 2}};
    struct lip_data *data = read_arrays(arrays, 2, "task=regression");
    for (int k = 0; k < 4; k++)
        ck_assert_float_eq(data->x[k], x[k]);
    ck_assert_float_eq(data->y[0], -3);
    lip_data_free(data);
}
END_TEST

/* Large enough that strips begin in the middle of a row, in three dimensions,
 * by columns: the index of each number is what it holds. */
START_TEST(further_dimensions_are_flattened_by_rows)
{
    enum { A = 50, B = 13, C = 17 };
    uint32_t *x = malloc(sizeof *x * A * B * C);
    uint16_t y[A][2];
    size_t n = 0;
    for (size_t c = 0; c < C; c++)
        for (size_t b = 0; b < B; b++)
            for (size_t a = 0; a < A; a++)
                x[n++] = (uint32_t)((a * B + b) * C + c);
    for (size_t a = 0; a < A; a++)
        y[a][0] = y[a][1] = (uint16_t)a;
    const struct upload_array arrays[] = {
        {"pixels", "<u4", "(50, 13, 17)", true, x, sizeof *x * A * B * C},
        {"what", "<u2", "(50, 2)", false, y, sizeof y}};
    struct lip_data *data =
        read_arrays(arrays, 2, "x=pixels&y=what&task=regression");
    ck_assert_uint_eq(data->features, B * C);
    ck_assert_uint_eq(data->targets, 2);
    for (size_t i = 0; i < A * B * C; i++)
        ck_assert_float_eq(data->x[i], (float)i);
    for (size_t a = 0; a < A; a++)
        ck_assert_float_eq(data->y[2 * a + 1], (float)a);
    lip_data_free(data);
    free(x);
}
END_TEST

START_TEST(numbers_are_rounded_to_the_nearest_float)
{
    const double x[] = {0.1, 1 + 0x1p-24, 1 + 0x3p-24, 255};
    const int64_t y[] = {0, 1};
    const struct upload_array arrays[] = {{"x", "<f8", "(2, 2)", false, x, 32},
                                          {"y", "<i8", "(2,)", false, y, 16}};
    struct lip_data *data = read_arrays(arrays, 2, "");
    for (int k = 0; k < 4; k++)
        ck_assert_float_eq(data->x[k], (float)x[k]);
    lip_data_free(data);
    data = read_arrays(arrays, 2, "scale=255");
    ck_assert_float_eq(data->x[3], 1);
    ck_assert_float_eq(data->x[0], (float)(0.1 / 255));
    lip_data_free(data);
}
END_TEST

static void refused(const struct upload_array *x, const struct upload_array *y,
                    const char *query, int status, const char *says)
{
    struct bytes body = {0};
    const struct upload_array arrays[] = {*x, *y};
    upload_npz(&body, arrays, 2, false);
    upload_refused(&body, NULL, query, status, says);
    bytes_clear(&body);
}

START_TEST(what_does_not_fit_is_named)
{
    static const float x[] = {1, 2, 3, 4}, bad[] = {1, 2, NAN, 4};
    static const double huge[] = {1, 2, 3, 1e39};
    static const int8_t y[] = {0, 1}, minus[] = {0, -1};
    static const int64_t many[] = {0, 65536};
    static const float half[] = {0, 0.5F};
    const struct upload_array good_x = {"x", "<f4", "(2, 2)", false, x, 16};
    const struct upload_array good_y = {"y", "|i1", "(2,)", false, y, 2};
    const struct {
        struct upload_array x, y;
        const char *query;
        int status;
        const char *says;
    } cases[] = {
        {good_x, {"y", "|i1", "(3,)", false, "abc", 3}, "", 422, "3 rows"},
        {good_x, {"y", "|i1", "(2, 1, 1)", false, y, 2}, "", 422, "two dim"},
        {good_x, {"y", "|i1", "()", false, y, 1}, "", 422, "single number"},
        {good_x, {"y", "|i1", "(2, 2)", false, "abcd", 4}, "", 422, "columns"},
        {good_x, {"y", "|i1", "(2,)", false, minus, 2}, "", 422, "row 1"},
        {good_x, {"y", "<i8", "(2,)", false, many, 16}, "", 422, "65535"},
        {good_x,
         {"y", "<f4", "(2,)", false, half, 8},
         "task=classification",
         422,
         "row 1"},
        {good_x, {"y", "<f4", "(2,)", false, bad + 1, 8}, "", 422, "row 1"},
        {good_x, {"labels", "|i1", "(2,)", false, y, 2}, "", 422, "x, labels"},
        {good_x, good_y, "y=z", 422, "\"z\""},
        {{"x", "<f4", "(4,)", false, x, 16}, good_y, "", 422, "reshape"},
        {{"x", "<f4", "(2, 3)", false, x, 16}, good_y, "", 422, "needs 24"},
        {{"x", "<f4", "(2, 2)", false, bad, 16},
         good_y,
         "",
         422,
         "row 1, column 0"},
        {{"x", "<f8", "(2, 2)", false, huge, 32},
         good_y,
         "",
         422,
         "row 1, column 1"},
        {{"x", "<c8", "(2, 2)", false, huge, 32}, good_y, "", 422, "'<c8'"},
        {{"x", "|O", "(2, 2)", false, huge, 32}, good_y, "", 422, "'|O'"},
        {{"x", "=f4", "(2, 2)", false, x, 16}, good_y, "", 422, "'=f4'"},
        {{"x", "|f4", "(2, 2)", false, x, 16}, good_y, "", 422, "'|f4'"},
        {{"x", "<f4", "(2, 0)", false, x, 0}, good_y, "", 422, "empty"},
        {{"x", "<f4", "(0, 2)", false, x, 0},
         {"y", "|i1", "(0,)", false, y, 0},
         "",
         422,
         "empty"},
        {{"x", "<f4", "(2, 9223372036854775807, 4)", false, x, 16},
         good_y,
         "",
         422,
         "address space"},
        {{"x", "<f4", "(2, 99999999999999999999)", false, x, 16},
         good_y,
         "",
         422,
         "address space"},
        {{"x", "<f4", "2", false, x, 16}, good_y, "", 400, "dictionary"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(&cases[i].x, &cases[i].y, cases[i].query, cases[i].status,
                cases[i].says);
}
END_TEST

START_TEST(other_zip_files_are_not_read)
{
    static const struct {
        const char *name;
        int status;
        const char *says;
    } cases[] = {{"archive/data.pkl", 415, "PyTorch"},
                 {"xl/workbook.xml", 415, "not a .npy"},
                 {"x.npy", 400, "does not begin"}};
    for (size_t i = 0; i < 3; i++) {
        struct bytes body = {0};
        const struct entry entry[] = {{cases[i].name, "x", 1},
                                      {"y.npy", "", 0}};
        bytes_zip(&body, entry, 2, 0, NULL);
        upload_refused(&body, NULL, "", cases[i].status, cases[i].says);
        bytes_clear(&body);
    }
}
END_TEST

START_TEST(damage)
{
    static const float x[] = {1, 2, 3, 4};
    static const int8_t y[] = {0, 1};
    const struct upload_array arrays[] = {{"x", "<f4", "(2, 2)", _i % 2, x, 16},
                                          {"y", "|i1", "(2,)", false, y, 2}};
    struct bytes body = {0}, part[2] = {{0}, {0}};
    if (_i < 2) {
        upload_npz(&body, arrays, 2, _i);
        upload_damaged(&body, NULL, "");
    } else {
        upload_npy(&part[0], &arrays[0]);
        upload_npy(&part[1], &arrays[1]);
        upload_part(&body, "x", &part[0]);
        upload_part(&body, "y", &part[1]);
        upload_form_end(&body);
        upload_damaged(&body, upload_form, "");
    }
    bytes_clear(&body);
    bytes_clear(&part[0]);
    bytes_clear(&part[1]);
}
END_TEST

/* A small file that says it is huge is refused before memory is asked for. */
START_TEST(a_bomb_is_planned_for)
{
    struct bytes body = {0}, npy[2] = {{0}, {0}};
    const size_t zeros = 1 << 26;
    unsigned char *x = calloc(zeros, 1), y[16] = {0};
    const struct upload_array arrays[] = {
        {"x", "|u1", "(16, 4194304)", false, x, zeros},
        {"y", "|u1", "(16,)", false, y, 16}};
    upload_npz(&body, arrays, 2, true);
    ck_assert_uint_lt(body.size, 100000);
    upload_refused(&body, NULL, "", 413, "");
    bytes_clear(&body);
    bytes_clear(&npy[0]);
    free(x);
}
END_TEST

/* The zip directory says that an entry is longer than its packed bytes are: no
 * number is made up for what is missing. */
START_TEST(an_entry_that_ends_early)
{
    static const float x[] = {1, 2, 3, 4};
    static const int8_t y[] = {0, 1};
    const struct upload_array arrays[] = {{"y", "|i1", "(2,)", false, y, 2},
                                          {"x", "<f4", "(2, 3)", false, x, 16}};
    struct bytes body = {0};
    upload_npz(&body, arrays, 2, true);
    size_t at = body.size;
    at -= 4;
    while (memcmp(&body.data[--at], "PK\1\2", 4) != 0)
        ; /* the last entry of the directory: x */
    ck_assert_uint_lt(body.data[at + 24], 248);
    body.data[at + 24] = (unsigned char)(body.data[at + 24] + 8);
    upload_refused(&body, NULL, "", 400, "not as long as");
    bytes_clear(&body);
}
END_TEST

START_TEST(lack_of_memory)
{
    static const float x[] = {1, 2, 3, 4};
    static const int8_t y[] = {0, 1};
    const struct upload_array arrays[] = {{"x", "<f4", "(2, 2)", false, x, 16},
                                          {"y", "|i1", "(2,)", false, y, 2}};
    struct bytes body = {0};
    static struct api_dataset_plan plan;
    struct api_query query = {.count = 0};
    struct api_problem problem;
    struct lip_data *data;
    struct lip_budget budget;
    upload_npz(&body, arrays, 2, true);
    const struct api_dataset_body upload = {body.data, body.size, NULL, &query};
    for (long most = 0;; most++) {
        struct lip_ctx ctx = {.budget = &budget};
        lip_budget_init(&budget, 0);
        atomic_store(&budget.fail_after, most);
        enum lip_status status =
            api_dataset_plan(&plan, &upload, &problem, &ctx);
        if (status == LIP_OK)
            status = api_dataset_read(&data, &plan, &problem, &ctx);
        if (status == LIP_OK)
            break;
        ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
        ck_assert_int_lt(most, 50);
    }
    lip_data_free(data);
    bytes_clear(&body);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/dataset_npz");
    TCase *tcase = tcase_create("npz");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, every_type_and_order, 0,
                        sizeof types / sizeof *types);
    tcase_add_test(tcase, signs_are_kept);
    tcase_add_test(tcase, further_dimensions_are_flattened_by_rows);
    tcase_add_test(tcase, numbers_are_rounded_to_the_nearest_float);
    tcase_add_test(tcase, what_does_not_fit_is_named);
    tcase_add_test(tcase, other_zip_files_are_not_read);
    tcase_add_loop_test(tcase, damage, 0, 3);
    tcase_add_test(tcase, a_bomb_is_planned_for);
    tcase_add_test(tcase, an_entry_that_ends_early);
    tcase_add_test(tcase, lack_of_memory);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
