/* SPDX-License-Identifier: MIT
 *
 * A daemon with every kind of secret, a busy life at the most talkative level
 * of the log, and a search for the secrets in all that it wrote and said. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/models.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"
#include "tests/support/tokens.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSWORD "n0thing-to-see"
#define STRAY "lip_stray_Xk2mQ9" /* no token of ours, but of somebody's */

static struct daemon daemon_;
static char file[100], folder[100], log_file[100], said[100];
static char one[TOKEN_SIZE], poor[TOKEN_SIZE], old[TOKEN_SIZE], line[80];

/* --- what is secret */

static void read_key(void)
{
    char path[100], text[200];
    snprintf(path, sizeof path, "%s/key.pem", daemon_.directory);
    FILE *key = fopen(path, "r");
    ck_assert_ptr_nonnull(key);
    for (int i = 0; i < 2; i++)
        ck_assert_ptr_nonnull(fgets(text, sizeof text, key));
    fclose(key);
    snprintf(line, sizeof line, "%.40s", text);
    ck_assert_uint_eq(strlen(line), 40);
}

static bool is_in(const char *secret, const char *place)
{
    char command[500];
    snprintf(command, sizeof command, "grep -rqaF -e '%s' '%s'", secret, place);
    int status = system(command);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 0;
}

static void expect_silence(const char *place)
{
    /* A token behind its prefix too: half of it is too much. */
    const char *const secrets[] = {one,      one + 4, poor + 4, old + 4,
                                   PASSWORD, STRAY,   line,     "aHVudGVyMg"};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        ck_assert_msg(!is_in(secrets[i], place), "secret %zu is in %s", i,
                      place);
}

/* --- a busy life */

/* Sends a request as it is; what comes back is kept. Its status, 0: none. */
static int say(const char *text)
{
    struct http_client client;
    struct http_answer answer;
    int status = 0;
    FILE *out = fopen(said, "a");
    ck_assert_ptr_nonnull(out);
    http_open(&client, daemon_.port);
    http_say(&client, text);
    if (http_read(&answer, &client, false)) {
        fprintf(out, "%s%s\n", answer.head, answer.body);
        status = answer.status;
    }
    http_clear(&answer);
    http_close(&client);
    fclose(out);
    return status;
}

static int ask(const char *token, const char *method, const char *target,
               const char *body)
{
    char text[4000];
    int n = snprintf(text, sizeof text,
                     "%s %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                     "Cookie: session=" PASSWORD "\r\nContent-Length: %zu\r\n"
                     "Connection: close\r\n\r\n%s",
                     method, target, token, strlen(body), body);
    ck_assert(n > 0 && (size_t)n < sizeof text);
    return say(text);
}

static void go_wrong(void)
{
    char text[1000];
    ck_assert_int_eq(ask(STRAY, "POST", "/bound", TINY_BOUND), 401);
    ck_assert_int_eq(ask(old, "POST", "/bound", TINY_BOUND), 401);
    ck_assert_int_eq(ask(poor, "GET", "/metrics", ""), 403);
    ck_assert_int_eq(ask(poor, "POST", "/train", "{}"), 403);
    ck_assert_int_eq(ask(one, "POST", "/bound", "{\"model\":"), 400);
    ck_assert_int_eq(ask(one, "PUT", "/bound", ""), 405);
    ck_assert_int_eq(ask(one, "GET", "/jobs/none", ""), 404);
    ck_assert_int_eq(ask(one, "GET", "/jobs?token=" STRAY, ""), 422);
    ck_assert_int_eq(say("GET /jobs HTTP/1.1\r\nHost: a\r\nAuthorization: "
                         "Basic dXNlcjpaHVudGVyMg==\r\n\r\n"),
                     401);
    snprintf(text, sizeof text,
             "GET /jobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
             "Authorization: Bearer %s\r\n\r\n",
             one, poor);
    ck_assert_int_eq(say(text), 400);
    snprintf(text, sizeof text,
             "GET /jobs HTTP/1.1\r\nHost: a\r\nAuthorization : Bearer %s\r\n"
             "\r\n",
             one);
    ck_assert_int_eq(say(text), 400);
    snprintf(text, sizeof text,
             "GET /jobs HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\r\n"
             "traceparent: %s\r\nAuthorization: Bearer\t%s\r\n\r\n",
             one, one);
    ck_assert_int_eq(say(text), 401);
}

static void work(void)
{
    struct job_request request = {.width = 64, .epochs = 100000, .seed = 1};
    char body[JOB_BODY], path[64];
    ck_assert_int_eq(ask(one, "POST", "/bound", TINY_BOUND), 200);
    ck_assert_int_eq(ask(one, "POST", "/models", "{" TINY_LAYERS "}"), 201);
    job_body(body, &request);
    ck_assert_int_eq(ask(one, "POST", "/train", body), 202);
    pid_t job = job_process_await(&daemon_);
    snprintf(path, sizeof path, "/proc/%ld/environ", (long)job);
    ck_assert(is_in("LIPSCHITZD_QUEUE", path));
    expect_silence(path);
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)job);
    expect_silence(path);
    ck_assert_int_eq(kill(job, SIGKILL), 0); /* a crash is told */
    ck_assert_int_eq(ask(one, "GET", "/jobs", ""), 200);
    ck_assert_int_eq(ask(one, "GET", "/", ""), 200);
    ck_assert_int_eq(ask(one, "GET", "/version", ""), 200);
}

/* Files that somebody got wrong: a token in the place of its hash, a key that
 * is none. */
static void reload_nonsense(void)
{
    FILE *tokens = fopen(file, "a");
    ck_assert_ptr_nonnull(tokens);
    fprintf(tokens, "two %s bound\n%s\n", one, poor);
    fclose(tokens);
    char path[100];
    snprintf(path, sizeof path, "%s/cert.pem", daemon_.directory);
    ck_assert_int_eq(truncate(path, 60), 0);
    daemon_signal(&daemon_, SIGHUP);
    ck_assert(daemon_logged(&daemon_, "\"tokens\"", "tokens before stay"));
    ck_assert(daemon_logged(&daemon_, "\"tls\"", "certificate before stays"));
}

static void live(const char *store)
{
    const char *flags[] = {"--tokens",    file,    "--data-dir", folder,
                           "--log-level", "debug", "--store",    store,
                           "--jobs",      "1",     NULL};
    daemon_prepare(&daemon_);
    daemon_.tls = true;
    snprintf(file, sizeof file, "%s/tokens", daemon_.directory);
    snprintf(folder, sizeof folder, "%s/data", daemon_.directory);
    snprintf(log_file, sizeof log_file, "%s/log", daemon_.directory);
    snprintf(said, sizeof said, "%s/said", daemon_.directory);
    token_add(old, file, "old", "bound");
    unlink(file);
    token_add(one, file, "one", "bound,train");
    token_add(poor, file, "poor", "bound");
    setenv("PGPASSWORD", PASSWORD, 1);
    daemon_run(&daemon_, flags);
    unsetenv("PGPASSWORD");
    read_key();
    go_wrong();
    work();
    reload_nonsense();
    go_wrong();
    daemon_signal(&daemon_, SIGTERM);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    ck_assert(is_in("\"tenant\":\"one\"", log_file));
    ck_assert(is_in("\"job-end\"", log_file));
    ck_assert(is_in("X-Request-Id", said));
    expect_silence(log_file);
    expect_silence(said);
    expect_silence(folder);
    daemon_forget(&daemon_);
}

START_TEST(a_daemon_with_files_keeps_its_secrets)
{
    live("");
}
END_TEST

START_TEST(a_daemon_with_a_database_keeps_its_secrets)
{
    struct postgres server;
    char url[300];
    if (!postgres_there())
        return;
    postgres_start(&server);
    snprintf(url, sizeof url, "%s%cpassword=" PASSWORD, server.url,
             strchr(server.url, '?') ? '&' : '?');
    live(url);
    postgres_end(&server);
}
END_TEST

/* A database that is not there, and URLs that are none. */
START_TEST(no_complaint_shows_a_password)
{
    static const char *const urls[] = {"postgresql://me:" PASSWORD
                                       "%zz@host/db",
                                       "postgresql://me:x/" PASSWORD "@host/db",
                                       "postgresql://me:" PASSWORD "/x@host/db",
                                       "postgresql://me@host/db?" PASSWORD,
                                       "host=/nowhere password=" PASSWORD " x"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char command[500], text[2000] = "";
        snprintf(command, sizeof command,
                 "'%s' --listen 127.0.0.1:0 --data-dir \"$(mktemp -d)\" "
                 "--log-level debug --store '%s' 2>&1",
                 daemon_program(), urls[i]);
        FILE *pipe = popen(command, "r");
        ck_assert_ptr_nonnull(pipe);
        ck_assert_uint_gt(fread(text, 1, sizeof text - 1, pipe), 0);
        ck_assert_int_ne(pclose(pipe), 0);
        ck_assert_msg(!strstr(text, PASSWORD), "%s", text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/secrets");
    TCase *tcase = tcase_create("secrets");
    tcase_set_timeout(tcase, 180);
    tcase_add_test(tcase, a_daemon_with_files_keeps_its_secrets);
    tcase_add_test(tcase, a_daemon_with_a_database_keeps_its_secrets);
    tcase_add_test(tcase, no_complaint_shows_a_password);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
