/* SPDX-License-Identifier: MIT
 *
 * Properties: forms as common clients send them are read, each part's bytes
 * lying where the form has them; whatever departs from the grammar is refused
 * with a sentence; no prefix of a form is taken for a form. */
#include "api/multipart.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char type[] = "multipart/form-data; boundary=XX";
static struct lip_ctx ctx;
static struct api_part part[API_MAX_PARTS];
static size_t count;

/* The body lies at the end of a block of its own, so that AddressSanitizer
 * sees every read past it. */
static enum lip_status read_sized(const char *content_type, const char *body,
                                  size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, body, size);
    lip_error_clear(&ctx);
    enum lip_status s =
        api_multipart_parts(part, &count, copy, size, content_type, &ctx);
    if (s != LIP_OK) {
        ck_assert_int_eq(ctx.error.status, s);
        ck_assert_uint_gt(strlen(ctx.error.detail), 10);
    }
    free(copy);
    return s;
}

static enum lip_status read_form(const char *content_type, const char *body)
{
    return read_sized(content_type, body, strlen(body));
}

static void ck_part(size_t i, const char *body, const char *name,
                    const char *content)
{
    ck_assert_uint_lt(i, count);
    ck_assert_str_eq(part[i].name, name);
    ck_assert_uint_eq(part[i].size, strlen(content));
    ck_assert_mem_eq(body + part[i].offset, content, part[i].size);
}

#define HEAD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n"

static const char two_parts[] =
    "--XX\r\n" HEAD("model") "Content-Type: application/octet-stream\r\n\r\n"
                             "a\r\nb--XX\r\n-\r\n--XX\r\n" HEAD(
                                 "options") "\r\n{}\r\n--XX--\r\n";

START_TEST(test_two_parts)
{
    ck_assert_int_eq(read_form(type, two_parts), LIP_OK);
    ck_assert_uint_eq(count, 2);
    ck_part(0, two_parts, "model", "a\r\nb--XX\r\n-");
    ck_part(1, two_parts, "options", "{}");
}
END_TEST

/* As curl, browsers and Python write them. */
START_TEST(test_forms_of_clients)
{
    static const struct {
        const char *type, *body, *name, *content;
    } row[] = {
        {"multipart/form-data; boundary=------------------------8f9f26",
         "--------------------------8f9f26\r\nContent-Disposition: form-data; "
         "name=\"model\"; filename=\"m; \\\"x\\\".npz\"\r\nContent-Type: "
         "application/octet-stream\r\n\r\nPK\r\n"
         "--------------------------8f9f26--\r\n",
         "model", "PK"},
        {"multipart/form-data; boundary=----WebKitFormBoundaryA1",
         "------WebKitFormBoundaryA1\r\nContent-Disposition: form-data; "
         "name=\"model\"\r\n\r\n\r\n------WebKitFormBoundaryA1--\r\n",
         "model", ""},
        {"Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"",
         "--a b \t\r\ncontent-disposition:FORM-DATA;name=model\r\n"
         "Content-Transfer-Encoding: binary\r\n\r\n1\r\n--a b--",
         "model", "1"},
        {"multipart/form-data;boundary=XX",
         "\r\n--XX\r\n" HEAD("o") "\r\n1\r\n--XX--", "o", "1"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ck_assert(api_is_multipart(row[i].type));
        ck_assert_msg(read_form(row[i].type, row[i].body) == LIP_OK,
                      "row %zu: %s", i, ctx.error.detail);
        ck_assert_uint_eq(count, 1);
        ck_part(0, row[i].body, row[i].name, row[i].content);
    }
}
END_TEST

START_TEST(test_no_parts)
{
    ck_assert_int_eq(read_form(type, "--XX--\r\n"), LIP_OK);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(test_media_type)
{
    ck_assert(!api_is_multipart(NULL));
    ck_assert(!api_is_multipart("multipart/form-datum; boundary=XX"));
    ck_assert(!api_is_multipart("multipart/mixed; boundary=XX"));
    ck_assert(!api_is_multipart("application/json"));
    ck_assert(api_is_multipart("MULTIPART/FORM-DATA"));
}
END_TEST

START_TEST(test_bad_boundaries)
{
    static const char *const bad[] = {
        "multipart/form-data",
        "multipart/form-data;",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"XX",
        "multipart/form-data; boundary=\"XX \"",
        "multipart/form-data; boundary=\"X\\\"X\"",
        "multipart/form-data; boundary=XX; boundary=XX",
        "multipart/form-data; boundary=XX boundary=YY",
        "multipart/form-data; charset=utf-8",
        "multipart/form-data; "
        "boundary=12345678901234567890123456789012345678901234567890"
        "123456789012345678901",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(read_form(bad[i], two_parts) == LIP_MALFORMED, "%s",
                      bad[i]);
}
END_TEST

START_TEST(test_bad_forms)
{
    static const char *const bad[] = {
        "",
        "--XY\r\n" HEAD("a") "\r\n1\r\n--XY--",
        "preamble\r\n--XX\r\n" HEAD("a") "\r\n1\r\n--XX--",
        "--XX\r\n" HEAD("a") "\r\n1\r\n--XX--\r\nepilogue",
        "--XX\r\n" HEAD("a") "\r\n1\r\n--XX--\r\n\r\n",
        "--XX\n" HEAD("a") "\r\n1\r\n--XX--",
        "--XX\r\n" HEAD("a") "\r\n1\r\n--XXY\r\n--XX--",
        "--XX\r\n" HEAD("a") "1\r\n--XX--",
        "--XX\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n1\r\n"
        "--XX--",
        "--XX\r\n" HEAD("a") HEAD("b") "\r\n1\r\n--XX--",
        "--XX\r\n" HEAD("a") "no header\r\n\r\n1\r\n--XX--",
        "--XX\r\n" HEAD("a") "Content-Type: multipart/mixed; boundary=YY\r\n"
                             "\r\n--YY--\r\n--XX--",
        "--XX\r\n" HEAD("a") "Content-Transfer-Encoding: base64\r\n\r\n1\r\n"
                             "--XX--",
        "--XX\r\n" HEAD("a") "\r\n1\r\n--XX\r\n" HEAD("a") "\r\n2\r\n--XX--",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(read_form(type, bad[i]) == LIP_MALFORMED, "form %zu", i);
}
END_TEST

START_TEST(test_cut_anywhere)
{
    size_t size = strlen(two_parts);
    for (size_t n = 0; n < size; n++) {
        /* The CRLF at the very end may be missing. */
        bool whole = n == size - 2;
        enum lip_status s = read_sized(type, two_parts, n);
        ck_assert_msg(s == (whole ? LIP_OK : LIP_MALFORMED), "cut at %zu", n);
    }
}
END_TEST

START_TEST(test_nul_in_a_header)
{
    static const char form[] =
        "--XX\r\n" HEAD("a") "X: a\0b\r\n\r\n1\r\n--XX--";
    ck_assert_int_eq(read_sized(type, form, sizeof form - 1), LIP_MALFORMED);
    ck_assert_int_eq(ctx.error.place, LIP_AT_BYTE);
    char where[24];
    snprintf(where, sizeof where, "%zu", strlen("--XX\r\n" HEAD("a")));
    ck_assert_str_eq(ctx.error.where, where);
}
END_TEST

/* Repeats a line n times between what goes before and after. */
static enum lip_status read_repeated(const char *before, const char *line,
                                     size_t n, const char *after)
{
    size_t step = strlen(line), size = strlen(before) + n * step;
    char *form = malloc(size + strlen(after) + 1);
    ck_assert_ptr_nonnull(form);
    char *p = stpcpy(form, before);
    for (size_t i = 0; i < n; i++)
        p = stpcpy(p, line);
    stpcpy(p, after);
    enum lip_status s = read_form(type, form);
    free(form);
    return s;
}

START_TEST(test_limits)
{
    const char *end = "\r\n1\r\n--XX--";
    ck_assert_int_eq(read_repeated("--XX\r\n" HEAD("a"), "X: y\r\n",
                                   API_MAX_PART_HEADERS - 1, end),
                     LIP_OK);
    ck_assert_int_eq(read_repeated("--XX\r\n" HEAD("a"), "X: y\r\n",
                                   API_MAX_PART_HEADERS, end),
                     LIP_TOO_LARGE);
    ck_assert_int_eq(read_repeated("--XX\r\n" HEAD("a") "X: ", "y",
                                   API_MAX_PART_HEAD, "\r\n\r\n1\r\n--XX--"),
                     LIP_TOO_LARGE);
    ck_assert_int_eq(
        read_repeated("--XX\r\nContent-Disposition: form-data; name=", "a",
                      API_PART_NAME, "\r\n\r\n1\r\n--XX--"),
        LIP_TOO_LARGE);
    ck_assert_int_eq(
        read_repeated("--XX\r\nContent-Disposition: form-data; name=", "a",
                      API_PART_NAME - 1, "\r\n\r\n1\r\n--XX--"),
        LIP_OK);
}
END_TEST

START_TEST(test_too_many_parts)
{
    char form[2000] = "--XX";
    for (int i = 0; i <= API_MAX_PARTS; i++) {
        ck_assert_int_eq(read_form(type, strcat(form, "--")), LIP_OK);
        ck_assert_uint_eq(count, (size_t)i);
        form[strlen(form) - 2] = '\0';
        snprintf(form + strlen(form), sizeof form - strlen(form),
                 "\r\nContent-Disposition: form-data; name=p%d\r\n\r\n1\r\n"
                 "--XX",
                 i);
    }
    ck_assert_int_eq(read_form(type, strcat(form, "--")), LIP_TOO_LARGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/multipart");
    TCase *t = tcase_create("multipart");
    tcase_add_test(t, test_two_parts);
    tcase_add_test(t, test_forms_of_clients);
    tcase_add_test(t, test_no_parts);
    tcase_add_test(t, test_media_type);
    tcase_add_test(t, test_bad_boundaries);
    tcase_add_test(t, test_bad_forms);
    tcase_add_test(t, test_cut_anywhere);
    tcase_add_test(t, test_nul_in_a_header);
    tcase_add_test(t, test_limits);
    tcase_add_test(t, test_too_many_parts);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
