/* SPDX-License-Identifier: MIT
 *
 * Bytes of a file: numbers that read back exactly, strings that any JSON reader
 * takes, failures that stick. */
#include "formats/output.h"

#include "formats/json_scan.h"
#include "linalg/random.h"

#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static struct lip_output begin(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    return (struct lip_output){.ctx = &ctx};
}

static void check_number(double value, size_t longest)
{
    struct lip_output output = begin();
    struct lip_json json;
    double back;
    lip_output_number(&output, value);
    ck_assert_uint_le(output.size, longest);
    lip_json_init(&json, output.data, output.size, 0, "", &ctx);
    ck_assert_int_eq(lip_json_number(&json, &back), LIP_OK);
    ck_assert_int_eq(lip_json_end(&json), LIP_OK);
    if (memcmp(&back, &value, sizeof value) != 0)
        ck_abort_msg("%.17g is %.*s", value, (int)output.size,
                     (const char *)output.data);
    lip_output_clear(&output);
}

/* Doubles of all sizes, and some whose shortest form is known. */
START_TEST(numbers_read_back)
{
    uint64_t seed = 7;
    check_number(0.1, 3);
    check_number(-2, 2);
    check_number(1e22, 5);
    check_number(0, 1);
    check_number(-0.0, 4);
    check_number(5e-324, 24);
    check_number(1.7976931348623157e308, 24);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = lip_random_next(&seed);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            check_number(value, 24);
    }
}
END_TEST

static void check_string(const char *text, size_t size, const char *written)
{
    struct lip_output output = begin();
    lip_output_string(&output, text, size);
    ck_assert_int_eq(output.status, LIP_OK);
    ck_assert_uint_eq(output.size, strlen(written));
    ck_assert_mem_eq(output.data, written, output.size);
    lip_output_clear(&output);
}

START_TEST(strings_are_json)
{
    check_string("", 0, "\"\"");
    check_string("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
    check_string("\n\0\x7f", 3, "\"\\u000a\\u0000\\u007f\"");
    check_string("\xc3\xa9", 2, "\"\xc3\xa9\"");
    check_string("x\xff\xc3", 3, "\"x??\"");
}
END_TEST

START_TEST(failures_stick)
{
    struct lip_output output = begin();
    unsigned char *data;
    size_t size;
    budget.fail_after = 1;
    for (int i = 0; i < 1000; i++)
        lip_output_text(&output, "more than a page of it ");
    budget.fail_after = -1;
    lip_output_text(&output, "and more");
    ck_assert_int_eq(output.status, LIP_NO_MEMORY);
    ck_assert_ptr_null(lip_output_room(&output, 1));
    ck_assert_int_eq(lip_output_finish(&data, &size, &output), LIP_NO_MEMORY);
    ck_assert_ptr_null(data);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    output = begin();
    ck_assert_ptr_nonnull(lip_output_room(&output, 1));
    ck_assert_ptr_null(lip_output_room(&output, (size_t)-1));
    ck_assert_int_eq(lip_output_finish(&data, &size, &output), LIP_TOO_LARGE);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(bytes_in_order)
{
    struct lip_output output = begin();
    unsigned char *data;
    size_t size;
    lip_output_little(&output, 0x0102030405060708, 8);
    lip_output_little(&output, 0x0102, 1);
    lip_output_size(&output, 42);
    ck_assert_int_eq(lip_output_finish(&data, &size, &output), LIP_OK);
    ck_assert_uint_eq(size, 11);
    ck_assert_mem_eq(data, "\10\7\6\5\4\3\2\1\00242", 11);
    lip_free(data);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("output");
    TCase *tests = tcase_create("output");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, numbers_read_back);
    tcase_add_test(tests, strings_are_json);
    tcase_add_test(tests, failures_stick);
    tcase_add_test(tests, bytes_in_order);
    return run_suite(suite);
}
