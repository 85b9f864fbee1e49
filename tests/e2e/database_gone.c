/* SPDX-License-Identifier: MIT
 *
 * A database that is gone, says nothing or cannot be reached: who needs it is
 * told so in time, everybody else notices nothing, jobs go on, and all is well
 * again without hands. GONE=60 in the environment makes it that many seconds
 * (`make faults`). */
#include "base/context.h"
#include "tests/support/http_client.h"
#include "tests/support/machines.h"
#include "tests/support/postgres.h"
#include "tests/support/proxy.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_MODEL                                                               \
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum { WIDTH = 64, GONE = 12 };

/* Seconds: until a job ends on a machine that does much else; until somebody
 * is told that the database is gone; until light requests are answered. */
static const double patience = 240, told_within = 16, light_within = 3;

static struct postgres server;
static struct daemon here, there, worker[2];
static struct proxy proxy;

static double gone(void)
{
    return (double)machines_number("GONE", GONE);
}

static void empty(void)
{
    postgres_empty(&server);
}

/* --- asking */

static int status_of(const char *method, const char *target, const char *body,
                     double within)
{
    struct http_answer answer;
    double start = lip_now();
    http_ask(&answer, here.port, method, target,
             body ? "application/json" : NULL, body, body ? strlen(body) : 0);
    double took = lip_now() - start;
    int status = answer.status;
    ck_assert_msg(took < within, "%s %s took %.1f s", method, target, took);
    if (status == 503) {
        ck_assert_str_ne(http_field(&answer, "Retry-After"), "");
        ck_assert_msg(http_has(&answer, "database"), "%s", answer.body);
    }
    http_clear(&answer);
    return status;
}

/* What has nothing to do with the database works as ever. */
static void light_works(void)
{
    static const char model[] =
        "{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[3,0],[0,4]]}"
        "]},\"methods\":[\"spectral\"]}";
    ck_assert_int_eq(status_of("GET", "/healthz", NULL, light_within), 200);
    ck_assert_int_eq(status_of("GET", "/methods", NULL, light_within), 200);
    ck_assert_int_eq(status_of("GET", "/metrics", NULL, light_within), 200);
    ck_assert_int_eq(status_of("POST", "/bound", model, light_within), 200);
}

static bool is_ready(const struct daemon *daemon)
{
    struct http_answer answer;
    http_get(&answer, daemon->port, "/readyz");
    bool ready = answer.status == 200;
    if (!ready)
        ck_assert_msg(http_has(&answer, "store-failing"), "%s", answer.body);
    http_clear(&answer);
    return ready;
}

static void await_ready(const struct daemon *daemon, bool ready, double seconds)
{
    for (double end = lip_now() + seconds; is_ready(daemon) != ready;) {
        ck_assert_msg(lip_now() < end, "still %s", ready ? "unready" : "ready");
        usleep(100000);
    }
}

static void submit(char id[JOB_ID], size_t epochs)
{
    const struct job_request request = {WIDTH, epochs, 1};
    char body[JOB_BODY];
    job_body(body, &request);
    job_submit(id, &here, body);
}

/* --- the database is gone */

static void ask_all_the_while(const char *id, double end)
{
    const struct job_request request = {8, 3, 1};
    char target[JOB_ID + 8], body[JOB_BODY];
    snprintf(target, sizeof target, "/jobs/%s", id);
    job_body(body, &request);
    do {
        ck_assert_int_eq(status_of("GET", target, NULL, told_within), 503);
        light_works();
        ck_assert_int_eq(status_of("POST", "/train", body, told_within), 503);
        ck_assert_int_eq(status_of("GET", "/datasets", NULL, told_within), 503);
        ck_assert_int_eq(status_of("GET", "/jobs", NULL, told_within), 503);
        ck_assert_int_eq(
            status_of("GET", "/models/" NO_MODEL, NULL, told_within), 503);
        light_works();
    } while (lip_now() < end);
}

static void start_machines(const char *const *lease)
{
    empty();
    machine_serve(&here, server.url, NULL);
    machine_serve(&there, server.url, NULL);
    for (int i = 0; i < 2; i++)
        machine_work(&worker[i], server.url, lease);
}

static void end_machines(void)
{
    daemon_end(&here);
    daemon_end(&there);
    for (int i = 0; i < 2; i++)
        daemon_end(&worker[i]);
}

/* Silent, or stopped. One job runs all the time, one ends meanwhile. */
START_TEST(the_database_is_gone)
{
    static const char *const lease[] = {"--lease=60", NULL};
    bool silent = !_i;
    char calm[JOB_ID], longer[JOB_ID], shorter[JOB_ID], brief[JOB_ID];
    start_machines(lease);
    size_t epochs = machines_epochs(&here, WIDTH, gone() / 3);
    submit(calm, 5 * epochs);
    submit(brief, epochs);
    json_decref(machine_await(&here, calm, patience));
    submit(longer, 5 * epochs);
    submit(shorter, epochs);
    job_await_state(&here, longer, "running", patience);
    job_await_state(&here, shorter, "running", patience);
    usleep(1500000);
    if (silent)
        postgres_signal(&server, SIGSTOP);
    else
        postgres_kill(&server);
    double end = lip_now() + gone();
    ask_all_the_while(longer, lip_now());
    await_ready(&here, false, 20);
    await_ready(&there, false, 20);
    ask_all_the_while(longer, end);
    if (silent)
        postgres_signal(&server, SIGCONT);
    else
        postgres_again(&server);
    await_ready(&here, true, 15);
    await_ready(&there, true, 15);
    machine_same_model(&here, shorter, brief);
    machine_same_model(&here, longer, calm);
    /* Nobody thought that a machine had died. */
    ck_assert_int_eq(machine_begun(&server, longer), 1);
    ck_assert_int_eq(machine_begun(&server, shorter), 1);
    end_machines();
}
END_TEST

/* A daemon that serves and is cut off says so; the other one answers. */
START_TEST(a_replica_is_cut_off)
{
    char id[JOB_ID], target[JOB_ID + 8];
    empty();
    proxy_start(&proxy, &server, "127.0.0.1");
    machine_serve(&here, proxy.url, NULL);
    machine_serve(&there, server.url, NULL);
    machine_work(&worker[0], server.url, NULL);
    submit(id, 100);
    snprintf(target, sizeof target, "/jobs/%s", id);
    proxy_set(&proxy, PROXY_SILENT);
    double end = lip_now() + gone();
    ask_all_the_while(id, lip_now());
    await_ready(&here, false, 20);
    ask_all_the_while(id, end);
    ck_assert(is_ready(&there));
    json_decref(machine_await(&there, id, patience));
    proxy_set(&proxy, PROXY_OPEN);
    await_ready(&here, true, 15);
    ck_assert_int_eq(status_of("GET", target, NULL, told_within), 200);
    machine_check_events(&here, id, false);
    daemon_end(&here);
    daemon_end(&there);
    daemon_end(&worker[0]);
    proxy_end(&proxy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/database_gone");
    TCase *test = tcase_create("database_gone");
    if (!postgres_there())
        return 0;
    postgres_start(&server);
    tcase_set_timeout(test, 600 + 10 * gone());
    tcase_add_loop_test(test, the_database_is_gone, 0, 2);
    tcase_add_test(test, a_replica_is_cut_off);
    suite_add_tcase(suite, test);
    int status = run_suite(suite);
    postgres_end(&server);
    return status;
}
