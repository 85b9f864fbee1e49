/* SPDX-License-Identifier: MIT
 *
 * Who is let in, as whom. */
#include "server/access.h"

#include "server/access_file.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct lipd_access *access_;
static struct lipd_request request;
static struct api_problem problem;
static char complaint[300];

/* A line for the token `secret`. */
static void put_line(char *out, size_t size, const char *name,
                     const char *secret, const char *rest)
{
    uint8_t hash[LIPD_TOKEN_HASH];
    size_t used = strlen(out);
    lipd_token_hash(hash, secret, strlen(secret));
    used += (size_t)snprintf(out + used, size - used, "%s sha256:", name);
    for (size_t i = 0; i < sizeof hash; i++)
        used += (size_t)snprintf(out + used, size - used, "%02x", hash[i]);
    snprintf(out + used, size - used, " %s\n", rest);
}

static void setup(void)
{
    char text[1000] = "";
    put_line(text, sizeof text, "a", "one", "bound body=1K jobs=2");
    put_line(text, sizeof text, "a", "more", "bound jobs=3");
    put_line(text, sizeof text, "b", "two", "train requests=1/s");
    put_line(text, sizeof text, "root", "three", "admin");
    access_ = lipd_access_open(NULL, text, complaint, sizeof complaint);
    ck_assert_msg(access_ != NULL, "%s", complaint);
}

static void teardown(void)
{
    lipd_access_close(access_);
}

/* The code of the refusal, or -1. */
static int check(const char *authorization, unsigned scopes)
{
    memset(&request, 0, sizeof request);
    return lipd_access_check(access_, &request, authorization, scopes, &problem)
               ? -1
               : (int)problem.code;
}

START_TEST(a_token_opens_its_scopes_only)
{
    ck_assert_int_eq(check("Bearer one", LIPD_SCOPE_BOUND), -1);
    ck_assert_str_eq(request.tenant, "a");
    ck_assert(!request.sees_all);
    ck_assert_int_eq(check("bearer  one", LIPD_SCOPE_BOUND | LIPD_SCOPE_TRAIN),
                     -1);
    ck_assert_int_eq(check("Bearer one", LIPD_SCOPE_TRAIN),
                     API_PROBLEM_FORBIDDEN);
    ck_assert_int_eq(check("Bearer two", LIPD_SCOPE_BOUND),
                     API_PROBLEM_FORBIDDEN);
    ck_assert_int_eq(check("Bearer one", LIPD_SCOPE_ADMIN),
                     API_PROBLEM_FORBIDDEN);
    ck_assert_int_eq(check("Bearer three", LIPD_SCOPE_TRAIN), -1);
    ck_assert_int_eq(check("Bearer three", LIPD_SCOPE_ADMIN), -1);
    ck_assert(request.sees_all);
    ck_assert_str_eq(request.tenant, "root");
}
END_TEST

static const char *const strangers[] = {
    NULL,          "",          "Bearer",       "Bearer ", "Bearer on",
    "Bearer onee", "Basic one", "Bearer one x", "one",     "Bearer One",
};

START_TEST(a_stranger_is_not_let_in)
{
    ck_assert_int_eq(check(strangers[_i], LIPD_SCOPE_BOUND),
                     API_PROBLEM_UNAUTHORIZED);
    ck_assert_str_eq(request.tenant, "");
    ck_assert(!request.sees_all);
    ck_assert_int_eq(check(strangers[_i], LIPD_SCOPE_NONE), -1);
}
END_TEST

START_TEST(a_rate_is_of_one_token)
{
    ck_assert_int_eq(check("Bearer two", LIPD_SCOPE_TRAIN), -1);
    ck_assert_int_eq(check("Bearer two", LIPD_SCOPE_TRAIN),
                     API_PROBLEM_RATE_LIMITED);
    ck_assert_uint_eq(problem.retry_after, 1);
    ck_assert_int_eq(check("Bearer one", LIPD_SCOPE_BOUND), -1);
}
END_TEST

START_TEST(a_quota_is_of_one_token)
{
    ck_assert_int_eq(check("Bearer one", LIPD_SCOPE_BOUND), -1);
    ck_assert_uint_eq(request.quota.jobs, 2);
    ck_assert_uint_eq(request.quota.body, 1024);
    ck_assert_int_eq(check("Bearer more", LIPD_SCOPE_BOUND), -1);
    ck_assert_str_eq(request.tenant, "a");
    ck_assert_uint_eq(request.quota.jobs, 3);
    ck_assert_uint_eq(request.quota.body, 0);
}
END_TEST

START_TEST(without_tokens_all_is_open)
{
    lipd_access_close(access_);
    access_ = NULL;
    ck_assert_int_eq(check(NULL, LIPD_SCOPE_ADMIN), -1);
    ck_assert_str_eq(request.tenant, "");
}
END_TEST

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

START_TEST(a_file_is_read_again_or_stays_as_it_was)
{
    char path[] = "/tmp/lip-access-XXXXXX", text[1000] = "";
    close(mkstemp(path));
    put_line(text, sizeof text, "old", "four", "bound requests=1/s");
    write_file(path, text);
    lipd_access_close(access_);
    access_ = lipd_access_open(path, NULL, complaint, sizeof complaint);
    ck_assert_msg(access_ != NULL, "%s", complaint);
    ck_assert_int_eq(check("Bearer four", LIPD_SCOPE_BOUND), -1);
    ck_assert_uint_eq(request.quota.jobs, 0);
    put_line(text, sizeof text, "new", "five", "bound jobs=4");
    write_file(path, text);
    ck_assert(lipd_access_reload(access_, complaint, sizeof complaint));
    ck_assert_int_eq(check("Bearer five", LIPD_SCOPE_BOUND), -1);
    ck_assert_uint_eq(request.quota.jobs, 4);
    /* What was used up stays so. */
    ck_assert_int_eq(check("Bearer four", LIPD_SCOPE_BOUND),
                     API_PROBLEM_RATE_LIMITED);
    write_file(path, "nonsense\n");
    ck_assert(!lipd_access_reload(access_, complaint, sizeof complaint));
    ck_assert_int_eq(check("Bearer five", LIPD_SCOPE_BOUND), -1);
    write_file(path, "");
    ck_assert(lipd_access_reload(access_, complaint, sizeof complaint));
    ck_assert_int_eq(check("Bearer five", LIPD_SCOPE_BOUND),
                     API_PROBLEM_UNAUTHORIZED);
    unlink(path);
    ck_assert_ptr_null(
        lipd_access_open(path, NULL, complaint, sizeof complaint));
    ck_assert_ptr_nonnull(strstr(complaint, path));
}
END_TEST

static double seconds_of_this_thread(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* All requests wait while rates are taken over: that is to take no longer than
 * reading the file, which nobody waits for. */
START_TEST(many_tokens_are_read_again_as_fast_as_at_first)
{
    enum { TOKENS = 2000, LINE = 120 };
    char path[] = "/tmp/lipschitz-tokens-XXXXXX", secret[16];
    char *text = calloc(TOKENS, LINE);
    int fd = mkstemp(path);
    size_t used = 0;
    for (int i = 0; i < TOKENS; i++) {
        snprintf(secret, sizeof secret, "%d", i);
        put_line(text + used, LINE, "a", secret, "bound");
        used += strlen(text + used);
    }
    ck_assert(write(fd, text, used) == (ssize_t)used);
    close(fd);
    free(text);
    double start = seconds_of_this_thread();
    teardown();
    access_ = lipd_access_open(path, NULL, complaint, sizeof complaint);
    double first = seconds_of_this_thread() - start;
    start = seconds_of_this_thread();
    ck_assert(lipd_access_reload(access_, complaint, sizeof complaint));
    double again = seconds_of_this_thread() - start;
    ck_assert_msg(again < 4 * first + 0.01, "%g s, at first %g s", again,
                  first);
    ck_assert_int_eq(check("Bearer 1999", LIPD_SCOPE_BOUND), -1);
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/access");
    TCase *access = tcase_create("access");
    tcase_add_checked_fixture(access, setup, teardown);
    tcase_add_test(access, a_token_opens_its_scopes_only);
    tcase_add_loop_test(access, a_stranger_is_not_let_in, 0,
                        sizeof strangers / sizeof *strangers);
    tcase_add_test(access, a_rate_is_of_one_token);
    tcase_add_test(access, a_quota_is_of_one_token);
    tcase_add_test(access, without_tokens_all_is_open);
    tcase_add_test(access, a_file_is_read_again_or_stays_as_it_was);
    tcase_add_test(access, many_tokens_are_read_again_as_fast_as_at_first);
    suite_add_tcase(suite, access);
    return run_suite(suite);
}
