/* SPDX-License-Identifier: MIT
 *
 * Tables: quotes, line ends, classes by text and number, what is refused. */
#include "training/csv.h"

#include "tests/support/suite.h"

#include <string.h>

static struct lip_ctx ctx;

static enum lip_status read(struct lip_data **out, const char *text,
                            const char *target, bool classification)
{
    struct lip_csv_options options = {.target = target,
                                      .classification = classification};
    memset(&ctx, 0, sizeof ctx);
    return lip_csv_read(out, text, strlen(text), &options, &ctx);
}

START_TEST(regression)
{
    struct lip_data *data;
    ck_assert_int_eq(read(&data,
                          ",a,\"b,\",y\r\n0,1,-2.5,3e1\r\n1, 4 ,5,6\r\n\r\n",
                          "y", false),
                     LIP_OK);
    ck_assert_uint_eq(data->rows, 2);
    ck_assert_uint_eq(data->features, 2);
    ck_assert_float_eq(data->x[1], -2.5F);
    ck_assert_float_eq(data->x[2], 4);
    ck_assert_float_eq(data->y[0], 30);
    ck_assert_uint_eq(data->classes, 0);
    lip_data_free(data);
}
END_TEST

/* Numbers are classes by value, 2 before 10; else texts by their bytes. */
START_TEST(classes)
{
    struct lip_data *data;
    ck_assert_int_eq(read(&data, "x,c\n1,10\n2,2\n3,10\n4,2.0", "c", true),
                     LIP_OK);
    ck_assert_uint_eq(data->rows, 4);
    ck_assert_uint_eq(data->label[0], data->label[2]);
    ck_assert_uint_gt(data->label[0], data->label[1]);
    lip_data_free(data);
    ck_assert_int_eq(read(&data, "c,x\nM,1\nF,2\nI,3\nM,4\n", "c", true),
                     LIP_OK);
    ck_assert_uint_eq(data->classes, 3);
    static const uint32_t expected[] = {2, 0, 1, 2};
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(data->label[i], expected[i]);
    ck_assert_float_eq(data->x[3], 4);
    lip_data_free(data);
}
END_TEST

START_TEST(refusals)
{
    static const struct {
        const char *text, *says;
        enum lip_status status;
    } bad[] = {
        {"x,y\n", "no line of data", LIP_INVALID},
        {"", "no line of data", LIP_INVALID},
        {"x,z\n1,2\n", "no column \"y\"", LIP_INVALID},
        {"x,y\n1,2\n1,2,3\n", "Line 3", LIP_INVALID},
        {"x,y\n1,2\n1\n", "Line 3", LIP_INVALID},
        {"x,y\n\"1,2\n", "Line 2", LIP_MALFORMED},
        {"x,y\n\"1\"2,2\n", "Line 2", LIP_MALFORMED},
        {"x,y\nnan,2\n", "\"nan\"", LIP_INVALID},
        {"x,y\ninf,2\n", "\"inf\"", LIP_INVALID},
        {"x,y\n0x10,2\n", "\"0x10\"", LIP_INVALID},
        {"x,y\n1e39,2\n", "\"1e39\"", LIP_INVALID},
        {"x,y\n1,\n", "cell 2", LIP_INVALID},
        {"x,y\n1-2,1\n", "cell 1", LIP_INVALID},
        {"y\n1\n", "empty", LIP_INVALID},
    };
    struct lip_data *data;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(read(&data, bad[i].text, "y", false), bad[i].status);
        ck_assert_msg(strstr(ctx.error.detail, bad[i].says) != NULL, "%s: %s",
                      bad[i].text, ctx.error.detail);
        ck_assert_ptr_null(data);
    }
}
END_TEST

/* Where nobody says what the target is: numbers that are not all whole are to
 * be predicted, everything else is classes. */
START_TEST(the_target_tells)
{
    static const struct {
        const char *text;
        size_t classes;
    } cases[] = {{"y,x\n1,2\n3,4\n", 2},    {"y,x\n1,2\n3.5,4\n", 0},
                 {"y,x\n1,2\n3.0,4\n", 0},  {"y,x\n1,2\n3e0,4\n", 2},
                 {"y,x\n1e-1,2\n3,4\n", 0}, {"y,x\n1.5,2\nno,4\n", 2},
                 {"y,x\n-1,2\n1,4\n", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lip_csv_options options = {.target = "y", .guess = true};
        struct lip_data *data;
        ck_assert_int_eq(lip_csv_read(&data, cases[i].text,
                                      strlen(cases[i].text), &options, NULL),
                         LIP_OK);
        ck_assert_uint_eq(data->classes, cases[i].classes);
        ck_assert_uint_eq(data->targets, !cases[i].classes);
        lip_data_free(data);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/csv");
    TCase *tc = tcase_create("csv");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, regression);
    tcase_add_test(tc, classes);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, the_target_tells);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
