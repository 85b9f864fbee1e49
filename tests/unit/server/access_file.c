/* SPDX-License-Identifier: MIT
 *
 * The lines of a token file. */
#include "server/access_file.h"

#include "tests/support/suite.h"

#include <string.h>

#define HASH_A                                                                 \
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HASH_B                                                                 \
    "sha256:1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct lipd_token *token;
static size_t count;
static char complaint[300];

static bool read_lines(const char *text)
{
    complaint[0] = '\0';
    return lipd_tokens_read(&token, &count, text, complaint, sizeof complaint);
}

START_TEST(lines_are_read_with_their_limits)
{
    ck_assert(read_lines("# who\n\n team-a " HASH_A " bound,train "
                         "requests=2.5/s # old\r\n"
                         "ops\t" HASH_B " admin"));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(token[0].name, "team-a");
    ck_assert_uint_eq(token[0].hash[0], 0x01);
    ck_assert_uint_eq(token[0].hash[31], 0xef);
    ck_assert_uint_eq(token[0].scopes, LIPD_SCOPE_BOUND | LIPD_SCOPE_TRAIN);
    ck_assert_double_eq(token[0].rate.per_second, 2.5);
    ck_assert_uint_eq(token[1].scopes, LIPD_SCOPE_ADMIN);
    lip_free(token);
    ck_assert(read_lines("a " HASH_A " bound;b " HASH_B " train"));
    ck_assert_uint_eq(count, 2);
    lip_free(token);
    ck_assert(read_lines("\n# nobody\n"));
    ck_assert_uint_eq(count, 0);
}
END_TEST

static const char *const bad[] = {
    "a lip_secretsecret bound",
    "a sha256:secret bound",
    "secret!secret " HASH_A " bound",
    "a " HASH_A,
    "a " HASH_A " secret",
    "a " HASH_A " bound,",
    "a " HASH_A " bound,,train",
    "a " HASH_A " bound secret=1",
    "a " HASH_A " bound requests=0/s",
    "a " HASH_A " bound requests=5",
    "a " HASH_A " bound requests=nan/s",
    "a " HASH_A " bound requests=-1/s",
    "a " HASH_A " bound jobs=1 jobs=1",
    "a " HASH_A " bound secrets=1",
    "a " HASH_A " bound\nb " HASH_A " bound",
    "0123456789012345678901234567890123456789012345678901234567890123x " HASH_A
    " bound",
};

START_TEST(every_limit_is_read)
{
    ck_assert(read_lines("a " HASH_A " bound flops=1e12 time=2.5 memory=1G "
                         "body=10M jobs=3 stored=1.5k requests=4/s\n"
                         "b " HASH_B " bound"));
    ck_assert_uint_eq(token->quota.stored, 1536);
    ck_assert_uint_eq(token->quota.jobs, 3);
    ck_assert_uint_eq(token->quota.body, (size_t)10 << 20);
    ck_assert_uint_eq(token->quota.memory, (size_t)1 << 30);
    ck_assert_double_eq(token->quota.seconds, 2.5);
    ck_assert_double_eq(token->quota.flops, 1e12);
    ck_assert_double_eq(token->rate.per_second, 4);
    const struct lipd_quota none = {.stored = 0};
    ck_assert_mem_eq(&token[1].quota, &none, sizeof none);
    lip_free(token);
}
END_TEST

START_TEST(a_bad_line_is_refused_and_not_quoted)
{
    char text[400];
    snprintf(text, sizeof text, "\n%s", bad[_i]);
    ck_assert(!read_lines(text));
    ck_assert_ptr_null(token);
    ck_assert_msg(strstr(complaint, "Line 2 ") || strstr(complaint, "Line 3 "),
                  "%s", complaint);
    ck_assert_ptr_null(strstr(complaint, "secret"));
    ck_assert_ptr_null(strstr(complaint, "0123"));
}
END_TEST

static char line[300], secret[100];

static bool make(char *const *words)
{
    memset(line, 0, sizeof line);
    memset(secret, 0, sizeof secret);
    FILE *out = fmemopen(line, sizeof line - 1, "w");
    FILE *hidden = fmemopen(secret, sizeof secret - 1, "w");
    bool made =
        lipd_token_make(out, hidden, words, complaint, sizeof complaint);
    fclose(out);
    fclose(hidden);
    return made;
}

START_TEST(a_made_token_fits_its_line)
{
    uint8_t hash[LIPD_TOKEN_HASH];
    ck_assert(make((char *[]){"ci", NULL}));
    ck_assert_uint_eq(strlen(secret), 4 + 64 + 1);
    ck_assert(read_lines(line));
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(token->scopes, LIPD_SCOPE_BOUND | LIPD_SCOPE_TRAIN);
    lipd_token_hash(hash, secret, strlen(secret) - 1);
    ck_assert_mem_eq(hash, token->hash, sizeof hash);
    ck_assert_ptr_null(strstr(line, "lip_"));
    lip_free(token);
}
END_TEST

START_TEST(a_token_is_made_with_its_scopes_and_limits)
{
    ck_assert(make((char *[]){"ci", "admin", "jobs=7", "time=3", NULL}));
    ck_assert(read_lines(line));
    ck_assert_uint_eq(token->scopes, LIPD_SCOPE_ADMIN);
    ck_assert_uint_eq(token->quota.jobs, 7);
    ck_assert_double_eq(token->quota.seconds, 3);
    lip_free(token);
}
END_TEST

static char *const unmade[][4] = {
    {"a b"},         {""},          {"a", "secret"},
    {"a", "jobs=1"}, {"a", ""},     {"a", "bound", "jobs=x"},
    {"a;b"},         {"a # bound"}, {"a", "bound", "jobs=1 jobs=1"},
    {"a\nb"},
};

START_TEST(a_token_that_no_file_takes_is_not_made)
{
    ck_assert(!make(unmade[_i]));
    ck_assert_str_eq(line, "");
    ck_assert_str_eq(secret, "");
    ck_assert_str_ne(complaint, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/access_file");
    TCase *lines = tcase_create("lines");
    tcase_add_test(lines, lines_are_read_with_their_limits);
    tcase_add_loop_test(lines, a_bad_line_is_refused_and_not_quoted, 0,
                        sizeof bad / sizeof *bad);
    tcase_add_test(lines, every_limit_is_read);
    tcase_add_test(lines, a_made_token_fits_its_line);
    tcase_add_test(lines, a_token_is_made_with_its_scopes_and_limits);
    tcase_add_loop_test(lines, a_token_that_no_file_takes_is_not_made, 0,
                        sizeof unmade / sizeof *unmade);
    suite_add_tcase(suite, lines);
    return run_suite(suite);
}
