/* SPDX-License-Identifier: MIT
 *
 * Request ids and answers. */
#include "server/request.h"

#include "tests/support/suite.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(a_valid_id_is_taken_as_it_is)
{
    static const char *const good[] = {
        "a", "7f3c-9a", "A_b.c:d+e/f=",
        "0123456789012345678901234567890123456789012345678901234567890123"};
    char id[LIPD_REQUEST_ID];
    lipd_request_id(id, good[_i]);
    ck_assert_str_eq(id, good[_i]);
}
END_TEST

START_TEST(any_other_is_replaced)
{
    static const char *const bad[] = {
        NULL,
        "",
        "a b",
        "a\"b",
        "a\x01",
        "\xc3\xa9",
        "a,b",
        "01234567890123456789012345678901234567890123456789012345678901234"};
    char id[LIPD_REQUEST_ID];
    lipd_request_id(id, bad[_i]);
    ck_assert_uint_eq(strlen(id), 16);
    ck_assert_uint_eq(strspn(id, "0123456789abcdef"), 16);
}
END_TEST

START_TEST(made_ids_differ)
{
    char id[1000][LIPD_REQUEST_ID];
    for (int i = 0; i < 1000; i++) {
        lipd_request_id(id[i], NULL);
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(id[i], id[k]);
    }
}
END_TEST

/* The first id of a new process. */
static void first_id(char out[LIPD_REQUEST_ID])
{
    int ends[2];
    memset(out, 0, LIPD_REQUEST_ID);
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        lipd_request_id(out, NULL);
        _exit(write(ends[1], out, LIPD_REQUEST_ID) != LIPD_REQUEST_ID);
    }
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert_int_eq(read(ends[0], out, LIPD_REQUEST_ID), LIPD_REQUEST_ID);
    close(ends[0]);
    close(ends[1]);
}

START_TEST(processes_begin_with_other_ids)
{
    char one[LIPD_REQUEST_ID], two[LIPD_REQUEST_ID];
    first_id(one);
    first_id(two);
    ck_assert_str_ne(one, two);
}
END_TEST

START_TEST(a_problem_replaces_an_answer_and_leaks_nothing)
{
    struct lipd_request request = {.id = "the-id"};
    lip_budget_init(&request.budget, 0);
    struct lip_ctx ctx = {.budget = &request.budget};
    char *data = lip_strdup(&ctx, "hello");
    lipd_reply_take(&request, 200, "text/plain", data, 5);
    ck_assert_int_eq(request.reply.status, 200);
    request.reply.close = true;
    lipd_reply_fail(&request, API_PROBLEM_OVERLOADED, "%s", "Busy.");
    ck_assert_uint_eq(atomic_load(&request.budget.used), 0);
    ck_assert_int_eq(request.reply.status, 503);
    ck_assert_uint_gt(request.reply.retry_after, 0);
    ck_assert(request.reply.close);
    ck_assert_ptr_nonnull(strstr(request.reply.data, "\"the-id\""));
    lipd_request_clear(&request);
    ck_assert_int_eq(request.reply.status, 0);
}
END_TEST

START_TEST(no_memory_for_the_answer_is_500)
{
    struct lipd_request request = {.id = "the-id"};
    struct api_text text;
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    lip_budget_init(&budget, 10);
    api_text_init(&text, 1000, &ctx);
    api_object_open(&text, NULL);
    api_object_close(&text);
    lipd_reply_json(&request, 200, &text);
    ck_assert_int_eq(request.reply.status, 500);
    lipd_request_clear(&request);
}
END_TEST

static int freed;

static void free_stream(struct lipd_stream *stream)
{
    (void)stream;
    freed++;
}

/* A stream is let go of once, by whatever takes its place or by the end. */
START_TEST(a_stream_is_freed_once)
{
    struct lipd_stream stream = {.free = free_stream};
    struct lipd_request request = {.reply = {.status = 0}};
    lipd_reply_stream(&request, "text/event-stream", &stream);
    ck_assert_int_eq(request.reply.status, 200);
    ck_assert_ptr_eq(request.reply.stream, &stream);
    lipd_reply_fail(&request, API_PROBLEM_INTERNAL, "No.");
    ck_assert_int_eq(freed, 1);
    ck_assert_ptr_null(request.reply.stream);
    lipd_reply_stream(&request, "text/event-stream", &stream);
    lipd_request_clear(&request);
    lipd_request_clear(&request);
    ck_assert_int_eq(freed, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/request");
    TCase *tcase = tcase_create("request");
    tcase_add_loop_test(tcase, a_valid_id_is_taken_as_it_is, 0, 4);
    tcase_add_loop_test(tcase, any_other_is_replaced, 0, 8);
    tcase_add_test(tcase, made_ids_differ);
    tcase_add_test(tcase, processes_begin_with_other_ids);
    tcase_add_test(tcase, a_problem_replaces_an_answer_and_leaks_nothing);
    tcase_add_test(tcase, no_memory_for_the_answer_is_500);
    tcase_add_test(tcase, a_stream_is_freed_once);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
