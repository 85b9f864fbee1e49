/* SPDX-License-Identifier: MIT
 *
 * Framing: whatever two parsers could read differently is refused. */
#include "server/head.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

enum { REFUSED = -1 };

static const struct {
    const char *fields; /* "name:value\n..." */
    int form;           /* REFUSED or enum lipd_body_form */
    uint64_t size;
} cases[] = {
    {"host:a\n", LIPD_BODY_NONE, 0},
    {"content-length:0\n", LIPD_BODY_NONE, 0},
    {"Content-Length:17\n", LIPD_BODY_SIZED, 17},
    {"content-length:18446744073709551615\n", LIPD_BODY_SIZED, UINT64_MAX},
    {"transfer-encoding:chunked\n", LIPD_BODY_CHUNKED, 0},
    {"TRANSFER-ENCODING:Chunked\n", LIPD_BODY_CHUNKED, 0},
    {"content-length:18446744073709551616\n", REFUSED, 0},
    {"content-length:\n", REFUSED, 0},
    {"content-length:-1\n", REFUSED, 0},
    {"content-length:+1\n", REFUSED, 0},
    {"content-length:0x10\n", REFUSED, 0},
    {"content-length:5, 5\n", REFUSED, 0},
    {"content-length:5\ncontent-length:5\n", REFUSED, 0},
    {"content-length:5\nCONTENT-LENGTH:6\n", REFUSED, 0},
    {"content-length:5\ntransfer-encoding:chunked\n", REFUSED, 0},
    {"transfer-encoding:chunked\ncontent-length:5\n", REFUSED, 0},
    {"transfer-encoding:gzip\n", REFUSED, 0},
    {"transfer-encoding:gzip, chunked\n", REFUSED, 0},
    {"transfer-encoding:chunked\ntransfer-encoding:chunked\n", REFUSED, 0},
    {"transfer-encoding:identity\n", REFUSED, 0},
    {"host:a\nhost:b\n", REFUSED, 0},
    {"content-type:a\ncontent-type:a\n", REFUSED, 0},
    {"content-length :5\n", REFUSED, 0},
    {":x\n", REFUSED, 0},
    {"a(b:x\n", REFUSED, 0},
    {"a\tb:x\n", REFUSED, 0},
    {"a\xe9:x\n", REFUSED, 0},
    {"a:b\rc\n", REFUSED, 0},
    {"a:b\x7f\n", REFUSED, 0},
    {"a:b\tc \xe9\n", LIPD_BODY_NONE, 0},
    {"!#$%&'*+-.^_`|~09AZaz:x\n", LIPD_BODY_NONE, 0},
    {"host:\n", LIPD_BODY_NONE, 0},
    {"host:a-b.c:80 \n", LIPD_BODY_NONE, 0},
    {"host:a%20b:\n", LIPD_BODY_NONE, 0},
    {"host:[::1]:80\n", LIPD_BODY_NONE, 0},
    {"host:[::1\n", REFUSED, 0},
    {"host:[::g]\n", REFUSED, 0},
    {"host:a b\n", REFUSED, 0},
    {"host:a/b\n", REFUSED, 0},
    {"host:a@b\n", REFUSED, 0},
    {"host:a:b\n", REFUSED, 0},
    {"host:a, b:80:80\n", REFUSED, 0},
};

static char text[256];

static void fill(struct lipd_head *head, const char *fields)
{
    memset(head, 0, sizeof *head);
    head->method = "GET";
    head->path = "/";
    head->version = "HTTP/1.1";
    snprintf(text, sizeof text, "%s", fields);
    for (char *line = text; *line;) {
        char *colon = strchr(line, ':'), *end = strchr(colon, '\n');
        *colon = *end = '\0';
        lipd_head_add(head, line, strlen(line), colon + 1, strlen(colon + 1));
        line = end + 1;
    }
}

START_TEST(framing_of_a_body)
{
    struct lipd_head head;
    struct lipd_framing framing;
    struct api_problem problem;
    fill(&head, cases[_i].fields);
    bool good = lipd_head_framing(&framing, &head, &problem);
    ck_assert_msg(good == (cases[_i].form != REFUSED), "%s", cases[_i].fields);
    if (good) {
        ck_assert_int_eq(framing.form, cases[_i].form);
        ck_assert_uint_eq(framing.size, cases[_i].size);
    } else {
        ck_assert_int_eq(problem.code, API_PROBLEM_BAD_REQUEST);
    }
}
END_TEST

START_TEST(chunks_need_http_1_1)
{
    struct lipd_head head;
    struct lipd_framing framing;
    struct api_problem problem;
    fill(&head, "transfer-encoding:chunked\n");
    head.version = "HTTP/1.0";
    ck_assert(!lipd_head_framing(&framing, &head, &problem));
}
END_TEST

START_TEST(a_zero_byte_is_refused)
{
    struct lipd_head head;
    struct lipd_framing framing;
    struct api_problem problem;
    fill(&head, "host:a\n");
    lipd_head_add(&head, "x", 1, "a\0b", 3);
    ck_assert(!lipd_head_framing(&framing, &head, &problem));
}
END_TEST

START_TEST(what_cannot_be_read_is_refused)
{
    struct lipd_head head;
    struct lipd_framing framing;
    struct api_problem problem;
    fill(&head, "host:a\n");
    ck_assert(lipd_head_framing(&framing, &head, &problem));
    head.method = "G(T";
    ck_assert(!lipd_head_framing(&framing, &head, &problem));
    fill(&head, "host:a\n");
    head.path = NULL;
    ck_assert(!lipd_head_framing(&framing, &head, &problem));
    fill(&head, "host:a\n");
    head.torn = true;
    ck_assert(!lipd_head_framing(&framing, &head, &problem));
}
END_TEST

/* A list may come in several fields; of others the last is shown. */
START_TEST(parts_of_a_list_are_one_list)
{
    struct lipd_head head;
    char more[300], name[] = "prefer";
    fill(&head, "prefer:respond-async\nPREFER:wait=5\nPrefer:a;b\n"
                "cache-control:no-store\nCache-Control:max-age=0\n");
    ck_assert_str_eq(head.prefer.value, "respond-async, wait=5, a;b");
    ck_assert_uint_eq(head.prefer.count, 3);
    ck_assert_str_eq(head.cache_control.value, "no-store, max-age=0");
    /* What does not fit changes nothing; to the last byte. */
    size_t two = strlen("respond-async, wait=5");
    for (size_t size = 220; size < sizeof more; size++) {
        fill(&head, "prefer:respond-async\nprefer:wait=5\n");
        memset(more, 'x', size);
        more[size] = '\0';
        lipd_head_add(&head, name, strlen(name), more, size);
        bool fits = two + 2 + size < sizeof head.prefer_list;
        ck_assert_uint_eq(strlen(head.prefer.value),
                          fits ? two + 2 + size : two);
        ck_assert(!head.bad_field && !head.torn);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/head");
    TCase *tcase = tcase_create("framing");
    tcase_add_loop_test(tcase, framing_of_a_body, 0,
                        sizeof cases / sizeof cases[0]);
    tcase_add_test(tcase, chunks_need_http_1_1);
    tcase_add_test(tcase, a_zero_byte_is_refused);
    tcase_add_test(tcase, what_cannot_be_read_is_refused);
    tcase_add_test(tcase, parts_of_a_list_are_one_list);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
