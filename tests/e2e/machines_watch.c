/* SPDX-License-Identifier: MIT
 *
 * A worker is watched like a daemon that serves, and asked nothing else; the
 * probe of a container knows which of both it is. */
#include "tests/support/http_client.h"
#include "tests/support/machines.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct postgres server;
static struct daemon serves, works;

static int status_of(const struct daemon *daemon, const char *target)
{
    struct http_answer answer;
    http_get(&answer, daemon->port, target);
    int status = answer.status;
    http_clear(&answer);
    return status;
}

/* As a container's health check, without a word about the role. */
static int probe(const struct daemon *daemon)
{
    char command[400];
    snprintf(command, sizeof command,
             "LIPSCHITZD_LISTEN=127.0.0.1:%u %s --probe --data-dir %s/data "
             "2>/dev/null",
             serves.port, daemon_program(), daemon->directory);
    return WEXITSTATUS(system(command));
}

START_TEST(workers_are_watched)
{
    char store[200], data[100];
    snprintf(store, sizeof store, "--store=%s", server.url);
    machine_serve(&serves, server.url, NULL);
    daemon_prepare(&works);
    snprintf(data, sizeof data, "--data-dir=%s/data", works.directory);
    daemon_run(&works, (const char *[]){"--role=work", store, data, "--jobs=1",
                                        "--metrics-listen=127.0.0.1:0", NULL});
    ck_assert_int_eq(status_of(&works, "/healthz"), 200);
    ck_assert_int_eq(status_of(&works, "/readyz"), 200);
    ck_assert_double_ge(daemon_metric(&works, "jobs_queued"), 0);
    ck_assert_int_eq(status_of(&works, "/jobs"), 404);
    ck_assert_int_eq(status_of(&works, "/methods"), 404);
    ck_assert_int_eq(status_of(&works, "/"), 404);
    ck_assert_int_eq(probe(&works), 0);
    ck_assert_int_eq(probe(&serves), 0);
    daemon_signal(&serves, SIGKILL);
    daemon_wait(&serves);
    ck_assert_int_eq(probe(&works), 0);
    ck_assert_int_eq(probe(&serves), 1);
    daemon_end(&works);
    ck_assert_int_eq(probe(&works), 1);
    daemon_forget(&serves);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/machines_watch");
    TCase *test = tcase_create("machines_watch");
    if (!postgres_there())
        return 0;
    postgres_start(&server);
    tcase_set_timeout(test, 120);
    tcase_add_test(test, workers_are_watched);
    suite_add_tcase(suite, test);
    int status = run_suite(suite);
    postgres_end(&server);
    return status;
}
