/* SPDX-License-Identifier: MIT
 *
 * The command line of the real program. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char output[65536];

/* Runs the program; its exit status, and in `output` all it wrote. */
static int run(const char *const *flags)
{
    const char *arguments[16] = {daemon_program()};
    int ends[2], status;
    for (int i = 1; flags && *flags; flags++)
        arguments[i++] = *flags;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    close(ends[1]);
    size_t size = 0;
    for (ssize_t n;
         (n = read(ends[0], output + size, sizeof output - 1 - size)) > 0;)
        size += (size_t)n;
    output[size] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define RUN(...) run((const char *[]){__VA_ARGS__, NULL})

START_TEST(help_and_version)
{
    ck_assert_int_eq(RUN("--help"), 0);
    ck_assert_ptr_nonnull(strstr(output, "--max-body"));
    ck_assert_int_eq(RUN("--version"), 0);
    ck_assert_int_eq(strncmp(output, "lipschitzd ", 11), 0);
}
END_TEST

START_TEST(print_config_shows_environment_and_flags)
{
    setenv("LIPSCHITZD_QUEUE", "77", 1);
    setenv("LIPSCHITZD_MAX_BODY", "5M", 1);
    ck_assert_int_eq(RUN("--print-config", "--max-body", "6M"), 0);
    ck_assert_ptr_nonnull(strstr(output, "LIPSCHITZD_QUEUE=77\n"));
    ck_assert_ptr_nonnull(strstr(output, "LIPSCHITZD_MAX_BODY=6291456\n"));
}
END_TEST

START_TEST(wrong_usage_is_2_and_a_sentence)
{
    ck_assert_int_eq(RUN("--quark"), 2);
    ck_assert_ptr_nonnull(strstr(output, "--quark"));
    ck_assert_int_eq(RUN("--queue", "none"), 2);
    ck_assert_ptr_nonnull(strstr(output, "--queue"));
    setenv("LIPSCHITZD_MAX_TIME", "soon", 1);
    ck_assert_int_eq(run(NULL), 2);
    ck_assert_ptr_nonnull(strstr(output, "LIPSCHITZD_MAX_TIME"));
}
END_TEST

START_TEST(what_cannot_start_is_1_and_a_sentence)
{
    struct daemon daemon;
    char address[64];
    ck_assert_int_eq(RUN("--listen", "nowhere"), 1);
    ck_assert_ptr_nonnull(strstr(output, "nowhere"));
    ck_assert_int_eq(
        RUN("--listen", "127.0.0.1:0", "--data-dir", "/proc/1/nowhere"), 1);
    ck_assert_ptr_nonnull(strstr(output, "/proc/1/nowhere"));
    daemon_start(&daemon, NULL);
    snprintf(address, sizeof address, "127.0.0.1:%u", daemon.port);
    ck_assert_int_eq(RUN("--listen", address), 1);
    ck_assert_ptr_nonnull(strstr(output, "in use"));
    daemon_end(&daemon);
}
END_TEST

START_TEST(the_probe_tells_alive_from_dead)
{
    struct daemon daemon;
    char address[64];
    daemon_start(&daemon, NULL);
    snprintf(address, sizeof address, "127.0.0.1:%u", daemon.port);
    ck_assert_int_eq(RUN("--probe", "--listen", address), 0);
    ck_assert_str_eq(output, "");
    /* As in a container: the daemon listens on every address. */
    snprintf(address, sizeof address, "0.0.0.0:%u", daemon.port);
    ck_assert_int_eq(RUN("--probe", "--listen", address), 0);
    daemon_end(&daemon);
    ck_assert_int_eq(RUN("--probe", "--listen", address), 1);
    ck_assert_ptr_nonnull(strstr(output, "No answer"));
}
END_TEST

START_TEST(ipv6)
{
    struct daemon daemon;
    char address[64];
    daemon_prepare(&daemon);
    daemon_run(&daemon, (const char *[]){"--listen", "[::1]:0", NULL});
    snprintf(address, sizeof address, "[::1]:%u", daemon.port);
    ck_assert_int_eq(RUN("--probe", "--listen", address), 0);
    daemon_end(&daemon);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/command");
    TCase *tcase = tcase_create("command");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, help_and_version);
    tcase_add_test(tcase, print_config_shows_environment_and_flags);
    tcase_add_test(tcase, wrong_usage_is_2_and_a_sentence);
    tcase_add_test(tcase, what_cannot_start_is_1_and_a_sentence);
    tcase_add_test(tcase, the_probe_tells_alive_from_dead);
    tcase_add_test(tcase, ipv6);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
