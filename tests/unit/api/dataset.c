/* SPDX-License-Identifier: MIT
 *
 * Uploaded data sets: the format is told from the bytes, the same numbers are
 * the same set in every format, the query is held to what it can say. */
#include "api/dataset.h"

#include "tests/support/suite.h"
#include "tests/support/upload.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* Three images of 2 x 2 with labels 1, 0, 4. */
static const unsigned char images[] = {0,  0,  8,  3,  0,  0,   0,  3,  0,  0,
                                       0,  2,  0,  0,  0,  2,   10, 20, 30, 40,
                                       50, 60, 70, 80, 90, 100, 0,  255};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 1, 0, 4};

static void gzip(struct bytes *out, const unsigned char *data, size_t size)
{
    unsigned char room[4096];
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)data,
                       .avail_in = (uInt)size,
                       .next_out = room,
                       .avail_out = sizeof room};
    deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, 0);
    ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    bytes_put(out, room, stream.total_out);
    deflateEnd(&stream);
}

static void idx_form(struct bytes *out, bool zipped, const char *first,
                     const char *second)
{
    struct bytes x = {0}, y = {0};
    if (zipped) {
        gzip(&x, images, sizeof images);
        gzip(&y, labels, sizeof labels);
    } else {
        bytes_put(&x, images, sizeof images);
        bytes_put(&y, labels, sizeof labels);
    }
    bool swapped = first[0] == 'l' || first[0] == 'y';
    upload_part(out, first, swapped ? &y : &x);
    upload_part(out, second, swapped ? &x : &y);
    upload_form_end(out);
    bytes_clear(&x);
    bytes_clear(&y);
}

/* The same three images as everything that can hold them. */
START_TEST(one_set_in_every_format)
{
    static const unsigned char y[] = {1, 0, 4};
    const struct upload_array arrays[] = {
        {"x", "|u1", "(3, 2, 2)", false, images + 16, 12},
        {"y", "|u1", "(3,)", false, y, 3}};
    char id[LIP_DIGEST_TEXT], other[LIP_DIGEST_TEXT];
    struct bytes body = {0}, part[2] = {{0}, {0}};
    idx_form(&body, false, "images", "labels");
    upload_id(id, &body, upload_form, "");
    bytes_clear(&body);
    for (int i = 0; i < 3; i++) {
        idx_form(&body, i < 2, i ? "y" : "x", i ? "x" : "y");
        upload_id(other, &body, upload_form, "");
        ck_assert_str_eq(id, other);
        bytes_clear(&body);
    }
    for (int deflated = 0; deflated < 2; deflated++) {
        upload_npz(&body, arrays, 2, deflated);
        upload_id(other, &body, NULL, "scale=255");
        ck_assert_str_eq(id, other);
        bytes_clear(&body);
    }
    upload_npz(&part[0], arrays, 2, false);
    upload_part(&body, "file", &part[0]);
    upload_form_end(&body);
    upload_id(other, &body, upload_form, "scale=255");
    ck_assert_str_eq(id, other);
    bytes_clear(&body);
    bytes_clear(&part[0]);
    upload_npy(&part[0], &arrays[0]);
    upload_npy(&part[1], &arrays[1]);
    upload_part(&body, "labels", &part[1]);
    upload_part(&body, "images", &part[0]);
    upload_form_end(&body);
    upload_id(other, &body, upload_form, "scale=255&task=classification");
    ck_assert_str_eq(id, other);
    bytes_clear(&body);
    bytes_clear(&part[0]);
    bytes_clear(&part[1]);
}
END_TEST

/* Text formats of one small set, with classes = 5 where labels are 0 and 4. */
START_TEST(one_table_as_text)
{
    static const struct {
        const char *text, *query;
    } forms[] = {
        {"{\"x\":[[1.5,-2],[0,1e2]],\"y\":[0,1]}", ""},
        {" \n{\"task\":\"classification\",\"y\":[0,1.0],"
         "\"x\":[[15e-1,-2.0],[0,100]]}",
         "task=classification"},
        {"a,b,y\n1.5,-2,no\n0,100,yes\n", "target=y"},
        {"\xef\xbb\xbfy,a,b\r\n3,1.5,-2\r\n7,0,100", "target=y"},
        {"a,\"b,c\",y,id\n1.5,-2,0,77\n0,100,1,x\n",
         "target=y&ignore=id&task=classification"},
        {"a,b,y,\"i,d\",z\n1.5,-2,0,77,\n0,100,1,x,\n",
         "target=y&ignore=i\\,d,z"},
    };
    char id[LIP_DIGEST_TEXT] = "", other[LIP_DIGEST_TEXT];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct bytes body = {0};
        bytes_text(&body, "%s", forms[i].text);
        upload_id(other, &body, "application/x-www-form-urlencoded",
                  forms[i].query);
        if (i == 0)
            memcpy(id, other, sizeof id);
        ck_assert_str_eq(id, other);
        bytes_clear(&body);
    }
}
END_TEST

/* What y is where nobody says. */
START_TEST(the_data_tell_the_task)
{
    static const struct {
        const char *text, *query;
        size_t classes, targets;
    } cases[] = {
        {"a,y\n1,2\n2,5\n", "target=y", 2, 0},
        {"a,y\n1,2\n2,5.0\n", "target=y", 0, 1},
        {"a,y\n1,2\n2,5.5\n", "target=y", 0, 1},
        {"a,y\n1,2.5\n2,x\n", "target=y", 2, 0},
        {"a,y\n1,2.5\n2,3.5\n", "target=y&task=classification", 2, 0},
        {"a,y\n1,2\n2,5\n", "target=y&task=regression", 0, 1},
        {"{\"x\":[[1],[2]],\"y\":[0,3]}", "", 4, 0},
        {"{\"x\":[[1],[2]],\"y\":[0,3]}", "classes=9", 9, 0},
        {"{\"x\":[[1],[2]],\"y\":[0,3.5]}", "", 0, 1},
        {"{\"x\":[[1],[2]],\"y\":[[0],[3]]}", "", 0, 1},
        {"{\"x\":[[1],[2]],\"y\":[[0,1],[3,1]]}", "", 0, 2},
        {"{\"x\":[[1],[2]],\"y\":[0,3],\"task\":\"regression\"}", "", 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes body = {0};
        struct lip_data *data;
        struct api_problem problem;
        bytes_text(&body, "%s", cases[i].text);
        ck_assert_int_eq(
            upload_read(&data, &body, NULL, cases[i].query, &problem), LIP_OK);
        ck_assert_uint_eq(data->classes, cases[i].classes);
        ck_assert_uint_eq(data->targets, cases[i].targets);
        lip_data_free(data);
        bytes_clear(&body);
    }
}
END_TEST

START_TEST(refused_text)
{
    static const struct {
        const char *text, *query;
        int status;
        const char *says;
    } cases[] = {
        {"a,y\n1,2\n", "", 422, "target"},
        {"a,y\n1,2\n", "target=z", 422, "\"z\""},
        {"a,y\n1,2\n", "target=y&scale=2", 422, "csv"},
        {"a,y\n1,2\n", "target=y&colour=2", 422, "colour"},
        {"a,y\n1,2\n", "target=y&target=y", 422, "twice"},
        {"a,y\n1,2\n", "target=", 422, "column"},
        {"a,y\n1,2\n", "target=y&task=ranking", 422, "regression"},
        {"a,y\n1,2\n1\n", "target=y", 422, "Line 3"},
        {"a,y\n1,2\nx,2\n", "target=y", 422, "cell 1"},
        {"a,y\nnan,2\n", "target=y", 422, "Line 2"},
        {"a,y\n1e39,2\n", "target=y", 422, "Line 2"},
        {"a,y\n", "target=y", 422, "no line of data"},
        {"a,y\n1,\"2\n", "target=y", 400, "Line 2"},
        {"y\n1\n", "target=y", 422, "empty"},
        {"{\"x\":[[1]],\"y\":[0]}", "target=y", 422, "json"},
        {"{\"x\":[[1]],\"y\":[0]}", "classes=0", 422, "65536"},
        {"{\"x\":[[1]],\"y\":[0]}", "classes=70000", 422, "65536"},
        {"{\"x\":[[1],[2]],\"y\":[0,3]}", "classes=3", 422, "row 1"},
        {"{\"x\":[[1]],\"y\":[0.5]}", "classes=3", 422, "classes"},
        {"", "", 400, "empty"},
        {"one line of text", "", 415, "no known format"},
        {"\x7f"
         "ELF\n",
         "", 415, "no known format"},
        {"PAR1\001\n", "", 415, "Parquet"},
        {"\x89HDF\r\n\x1a\n", "", 415, "HDF5"},
        {"\x80\x04\x95", "", 415, "pickle"},
        {"\x1f\x8b\x08", "", 415, "gzip"},
        {"\x93NUMPY\x01", "", 415, "npy"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes body = {0};
        bytes_text(&body, "%s", cases[i].text);
        upload_refused(&body, NULL, cases[i].query, cases[i].status,
                       cases[i].says);
        bytes_clear(&body);
    }
}
END_TEST

START_TEST(a_scale_is_a_positive_number)
{
    static const char *const wrong[] = {"scale=",     "scale=0",   "scale=-1",
                                        "scale=nan",  "scale=inf", "scale=1x",
                                        "scale=1e40", "scale=0x10"};
    struct bytes body = {0};
    bytes_text(&body, "x");
    upload_refused(&body, NULL, wrong[_i], 422, "scale");
    bytes_clear(&body);
}
END_TEST

START_TEST(refused_forms)
{
    static const char *const names[][3] = {{"images"},
                                           {"file", "labels"},
                                           {"x", "labels"},
                                           {"model"},
                                           {"images", "labels", "file"}};
    struct bytes body = {0}, part = {0};
    bytes_put(&part, images, sizeof images);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t k = 0; k < 3 && names[i][k]; k++)
            upload_part(&body, names[i][k], &part);
        upload_form_end(&body);
        upload_refused(&body, upload_form, "", 400, "A form has");
        bytes_clear(&body);
    }
    upload_part(&body, "file", &part);
    upload_form_end(&body);
    upload_refused(&body, upload_form, "", 415, "one idx file");
    bytes_clear(&body);
    upload_part(&body, "x", &part);
    part.size = 3;
    memcpy(part.data, "a,b", 3);
    upload_part(&body, "y", &part);
    upload_form_end(&body);
    upload_refused(&body, upload_form, "", 415, "neither");
    bytes_clear(&body);
    idx_form(&body, true, "images", "labels");
    upload_refused(&body, upload_form, "task=regression", 422, "idx");
    bytes_clear(&body);
    bytes_clear(&part);
}
END_TEST

/* A gzip part that says it inflates to less than it does gets no more memory
 * for it. */
START_TEST(a_gzip_that_lies_is_refused)
{
    static unsigned char zeros[1 << 20];
    struct bytes x = {0}, y = {0}, body = {0};
    memcpy(zeros, images, 4);
    gzip(&x, zeros, sizeof zeros);
    gzip(&y, labels, sizeof labels);
    memcpy(x.data + x.size - 4, "\x10\0\0", 4);
    upload_part(&body, "images", &x);
    upload_part(&body, "labels", &y);
    upload_form_end(&body);
    upload_refused(&body, upload_form, "", 413, "inflates");
    bytes_clear(&x);
    bytes_clear(&y);
    bytes_clear(&body);
}
END_TEST

START_TEST(damage_to_forms_and_tables)
{
    struct bytes body = {0};
    idx_form(&body, _i == 1, "images", "labels");
    if (_i < 2)
        upload_damaged(&body, upload_form, "");
    bytes_clear(&body);
    bytes_text(&body, "a,\"b,c\",y,id\n1.5,-2,0,77\n0,100,1,x\n");
    if (_i == 2)
        upload_damaged(&body, NULL, "target=y&ignore=id");
    if (_i == 3)
        upload_damaged(&body, NULL, "target=y&ignore=id&task=regression");
    bytes_clear(&body);
}
END_TEST

/* The plan counts what is read: a larger set of each kind fits in what was
 * planned, which upload_read holds it to. */
START_TEST(plans_suffice)
{
    char id[LIP_DIGEST_TEXT];
    struct bytes table = {0}, json = {0};
    bytes_text(&table, "a,b,y\n");
    bytes_text(&json, "{\"x\":[");
    for (int i = 0; i < 3000; i++) {
        bytes_text(&table, "%d,%d,%d\n", i % 10, i % 7, i % 3);
        bytes_text(&json, "%s[%d,%d]", i ? "," : "", i % 10, i % 7);
    }
    bytes_text(&json, "],\"y\":[0");
    for (int i = 1; i < 3000; i++)
        bytes_text(&json, ",%d", i % 3);
    bytes_text(&json, "]}");
    upload_id(id, &table, NULL, "target=y");
    upload_id(id, &json, NULL, "");
    bytes_clear(&table);
    bytes_clear(&json);
}
END_TEST

START_TEST(every_format_says_what_it_is)
{
    for (size_t i = 0; api_dataset_formats[i]; i++) {
        const struct api_dataset_format *format = api_dataset_formats[i];
        size_t end = strlen(format->options);
        ck_assert(format->name && format->title && format->media_type);
        ck_assert(format->options[0] == ' ' && format->options[end - 1] == ' ');
        ck_assert(format->parts == 1 || format->parts == 2);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/dataset");
    TCase *tcase = tcase_create("dataset");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, one_set_in_every_format);
    tcase_add_test(tcase, one_table_as_text);
    tcase_add_test(tcase, the_data_tell_the_task);
    tcase_add_test(tcase, refused_text);
    tcase_add_loop_test(tcase, a_scale_is_a_positive_number, 0, 8);
    tcase_add_test(tcase, refused_forms);
    tcase_add_test(tcase, a_gzip_that_lies_is_refused);
    tcase_add_loop_test(tcase, damage_to_forms_and_tables, 0, 4);
    tcase_add_test(tcase, plans_suffice);
    tcase_add_test(tcase, every_format_says_what_it_is);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
