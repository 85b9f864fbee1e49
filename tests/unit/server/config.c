/* SPDX-License-Identifier: MIT
 *
 * The option table: order of precedence, spelling, limits, sentences. */
#include "server/config.h"

#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static struct lipd_config config;
static char complaint[512];

static enum lipd_command read(char *const *environment, int argc,
                              const char *const *argv)
{
    return lipd_config_read(&config, argc, (char *const *)(uintptr_t)argv,
                            environment, complaint, sizeof complaint);
}

#define READ(...)                                                              \
    read(NULL, sizeof((const char *[]){"x", __VA_ARGS__}) / sizeof(char *),    \
         (const char *[]){"x", __VA_ARGS__})

START_TEST(every_default_is_valid)
{
    ck_assert_int_eq(read(NULL, 1, (const char *[]){"x"}), LIPD_SERVE);
    ck_assert_str_eq(config.listen, "127.0.0.1:8080");
    ck_assert_uint_eq(config.max_body, 256u << 20);
    ck_assert(config.max_flops > 0.9e15);
}
END_TEST

START_TEST(flag_beats_environment_beats_default)
{
    char *const environment[] = {"LIPSCHITZD_QUEUE=7",
                                 "LIPSCHITZD_MAX_TIME=2.5", NULL};
    const char *argv[] = {"x", "--queue", "9"};
    ck_assert_int_eq(read(environment, 1, argv), LIPD_SERVE);
    ck_assert_uint_eq(config.queue, 7);
    ck_assert(config.max_time > 2.4 && config.max_time < 2.6);
    ck_assert_int_eq(read(environment, 3, argv), LIPD_SERVE);
    ck_assert_uint_eq(config.queue, 9);
}
END_TEST

START_TEST(both_spellings_of_a_flag)
{
    ck_assert_int_eq(READ("--max-body=3K"), LIPD_SERVE);
    ck_assert_uint_eq(config.max_body, 3072);
    ck_assert_int_eq(READ("--max-body", "2m"), LIPD_SERVE);
    ck_assert_uint_eq(config.max_body, 2u << 20);
}
END_TEST

static const char *const bad[][2] = {
    {"--queue", "0"},        {"--queue", "-1"},
    {"--queue", "1.5"},      {"--queue", ""},
    {"--queue", "7 "},       {"--queue", "0x10"},
    {"--queue", "7K"},       {"--queue", "nan"},
    {"--max-body", "1Q"},    {"--max-body", "1KK"},
    {"--max-body", "1e400"}, {"--max-time", "0"},
    {"--log-level", "loud"}, {"--log-level", ""},
    {"--log-level", "inf"},  {"--max-time", "infinity"},
    {"--max-memory", "1 "}};

START_TEST(bad_values_are_refused_with_the_place)
{
    const char *argv[] = {"x", bad[_i][0], bad[_i][1]};
    ck_assert_int_eq(read(NULL, 3, argv), LIPD_BAD_USAGE);
    ck_assert_ptr_nonnull(strstr(complaint, bad[_i][0]));
    ck_assert(complaint[strlen(complaint) - 1] == '.');
}
END_TEST

START_TEST(unknown_options_and_missing_values_are_refused)
{
    ck_assert_int_eq(READ("--quark", "1"), LIPD_BAD_USAGE);
    ck_assert_ptr_nonnull(strstr(complaint, "--quark"));
    ck_assert_int_eq(READ("--que", "1"), LIPD_BAD_USAGE);
    ck_assert_int_eq(READ("queue", "1"), LIPD_BAD_USAGE);
    ck_assert_int_eq(READ("--queue"), LIPD_BAD_USAGE);
    ck_assert_ptr_nonnull(strstr(complaint, "needs a value"));
    char *const environment[] = {"LIPSCHITZD_QUEUE=many", NULL};
    ck_assert_int_eq(read(environment, 1, (const char *[]){"x"}),
                     LIPD_BAD_USAGE);
    ck_assert_ptr_nonnull(strstr(complaint, "LIPSCHITZD_QUEUE"));
}
END_TEST

START_TEST(a_text_that_does_not_fit_is_refused)
{
    char text[LIPD_TEXT_MAX + 1];
    memset(text, 'a', LIPD_TEXT_MAX);
    text[LIPD_TEXT_MAX] = '\0';
    ck_assert_int_eq(READ("--data-dir", text), LIPD_BAD_USAGE);
    text[LIPD_TEXT_MAX - 1] = '\0';
    ck_assert_int_eq(READ("--data-dir", text), LIPD_SERVE);
    ck_assert_str_eq(config.data_dir, text);
}
END_TEST

START_TEST(what_kubernetes_sets_is_no_option)
{
    char *const environment[] = {"LIPSCHITZD_PORT=tcp://10.0.0.1:80",
                                 "LIPSCHITZD_SERVICE_HOST=10.0.0.1", NULL};
    ck_assert_int_eq(read(environment, 1, (const char *[]){"x"}), LIPD_SERVE);
}
END_TEST

START_TEST(commands)
{
    ck_assert_int_eq(READ("--help"), LIPD_HELP);
    ck_assert_int_eq(READ("--version"), LIPD_VERSION);
    ck_assert_int_eq(READ("--listen", "[::1]:1", "--probe"), LIPD_PROBE);
    ck_assert_str_eq(config.listen, "[::1]:1");
    ck_assert_int_eq(READ("--print-config", "--quark"), LIPD_BAD_USAGE);
}
END_TEST

static void expect_store(const char *given, const char *printed)
{
    char *text;
    size_t size;
    char line[200];
    ck_assert_int_eq(READ("worker", "--store", given), LIPD_SERVE);
    ck_assert_str_eq(config.role, "work");
    ck_assert_str_eq(config.store, given);
    FILE *out = open_memstream(&text, &size);
    lipd_config_print(out, &config);
    fclose(out);
    snprintf(line, sizeof line, "\nLIPSCHITZD_STORE=%s\n", printed);
    ck_assert_msg(strstr(text, line) != NULL, "%s", text);
    free(text);
}

/* A password is not printed, wherever a URL has it. */
START_TEST(no_password_is_printed)
{
    expect_store("postgresql://me:secret@host/db?x=a@b",
                 "postgresql://me:***@host/db?x=a@b");
    expect_store("postgresql://me:se@cret@host/db",
                 "postgresql://me:***@host/db");
    expect_store("postgresql://me:sec/ret@host/db",
                 "postgresql://me:***@host/db");
    expect_store("postgresql://me:sec?ret@host/db",
                 "postgresql://me:***@host/db");
    expect_store("postgresql://host/db?user=me&password=secret&x=y",
                 "postgresql://host/db?user=me&password=***");
    expect_store("host=h password=secret", "host=h password=***");
    expect_store("postgresql://me@host:5432/db",
                 "postgresql://me@host:5432/db");
    expect_store("postgresql:///db?host=/tmp", "postgresql:///db?host=/tmp");
}
END_TEST

/* What --print-config prints, given back as environment, prints the same. */
START_TEST(the_printed_configuration_reads_back)
{
    char *text, *again, *lines[128] = {NULL};
    size_t size, count = 0;
    ck_assert_int_eq(READ("--queue", "77", "--max-time", "0.1", "--data-dir",
                          "/a b", "--log-level", "debug"),
                     LIPD_SERVE);
    FILE *out = open_memstream(&text, &size);
    lipd_config_print(out, &config);
    fclose(out);
    char *copy = strdup(text);
    for (char *line = strtok_r(copy, "\n", &again); line && count < 127;
         line = strtok_r(NULL, "\n", &again))
        lines[count++] = line;
    ck_assert_int_eq(read(lines, 1, (const char *[]){"x"}), LIPD_SERVE);
    char *text2;
    out = open_memstream(&text2, &size);
    lipd_config_print(out, &config);
    fclose(out);
    ck_assert_str_eq(text, text2);
    ck_assert_ptr_nonnull(strstr(text, "LIPSCHITZD_QUEUE=77\n"));
    free(copy);
    free(text);
    free(text2);
}
END_TEST

START_TEST(help_names_every_option_in_80_columns)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    lipd_config_help(out);
    fclose(out);
#define X(name, type, fallback, least, most, unit, prose)                      \
    {                                                                          \
        char flag[] = "--" #name;                                              \
        for (char *c = flag; *c; c++)                                          \
            *c = *c == '_' ? '-' : *c;                                         \
        ck_assert_msg(strstr(text, flag) != NULL, "%s", flag);                 \
    }
    LIPD_OPTIONS(X)
#undef X
    for (char *line = text; *line; line += strcspn(line, "\n") + 1)
        ck_assert_uint_le(strcspn(line, "\n"), 80);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/config");
    TCase *tcase = tcase_create("options");
    tcase_add_test(tcase, every_default_is_valid);
    tcase_add_test(tcase, flag_beats_environment_beats_default);
    tcase_add_test(tcase, both_spellings_of_a_flag);
    tcase_add_loop_test(tcase, bad_values_are_refused_with_the_place, 0,
                        sizeof bad / sizeof bad[0]);
    tcase_add_test(tcase, unknown_options_and_missing_values_are_refused);
    tcase_add_test(tcase, a_text_that_does_not_fit_is_refused);
    tcase_add_test(tcase, what_kubernetes_sets_is_no_option);
    tcase_add_test(tcase, commands);
    tcase_add_test(tcase, no_password_is_printed);
    tcase_add_test(tcase, the_printed_configuration_reads_back);
    tcase_add_test(tcase, help_names_every_option_in_80_columns);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
