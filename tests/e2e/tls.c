/* SPDX-License-Identifier: MIT
 *
 * HTTPS: what is served over plain HTTP is served over TLS, and what a stranger
 * may do before there are any bytes of HTTP is bounded. That all the rest holds
 * over TLS too: TESTS_TLS=1 runs any other program of this folder so. */
#include "tests/support/tls.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"

#include <gnutls/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct daemon daemon_;
static char certificate[100], key[100];

static void setup(void)
{
    daemon_prepare(&daemon_);
    daemon_.tls = true;
    snprintf(certificate, sizeof certificate, "%s/cert.pem", daemon_.directory);
    snprintf(key, sizeof key, "%s/key.pem", daemon_.directory);
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

#define RUN(...) daemon_run(&daemon_, (const char *[]){__VA_ARGS__, NULL})

static const char health[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

/* Asks over an open connection. */
static bool is_served(struct http_client *client)
{
    struct http_answer answer;
    bool good = http_say(client, health) && http_read(&answer, client, false) &&
                answer.status == 200;
    http_clear(&answer);
    return good;
}

static int probe(void)
{
    char command[400];
    snprintf(command, sizeof command,
             "'%s' --listen 127.0.0.1:%u --tls-certificate '%s' --tls-key '%s' "
             "--probe 2>/dev/null",
             daemon_program(), daemon_.port, certificate, key);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(a_chain_leads_to_its_root)
{
    struct http_client client;
    char root[100];
    snprintf(root, sizeof root, "%s/root.pem", daemon_.directory);
    tls_make_chain(certificate, key, root);
    RUN("--hsts", "0");
    http_trust(root);
    http_open(&client, daemon_.port);
    ck_assert(is_served(&client));
    ck_assert(is_served(&client));
    http_close(&client);
    ck_assert_int_eq(probe(), 0);
}
END_TEST

/* A gigabyte a second is not the point; that nothing is lost on the way is. */
START_TEST(large_bodies_go_both_ways)
{
    struct http_answer answer;
    struct bytes model = {0}, back = {0};
    char target[200];
    RUN("--data-dir", daemon_.directory, "--body-timeout", "300");
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    size_t width = 700;
#else
    size_t width = 2300; /* 105 MB */
#endif
    bytes_wide_model(&model, width, 5);
    http_ask(&answer, daemon_.port, "POST", "/models",
             "application/octet-stream", model.data, model.size);
    ck_assert_int_eq(answer.status, 201);
    const char *id = strstr(answer.body, "sha256:");
    ck_assert_ptr_nonnull(id);
    snprintf(target, sizeof target, "%.71s", id);
    http_clear(&answer);
    job_model_bytes(&back, &daemon_, target);
    ck_assert_uint_ge(back.size, width * width * 5 * 4);
    http_ask(&answer, daemon_.port, "POST", "/models",
             "application/octet-stream", back.data, back.size);
    ck_assert_ptr_nonnull(strstr(answer.body, target));
    http_clear(&answer);
    bytes_clear(&model);
    bytes_clear(&back);
}
END_TEST

START_TEST(answers_tell_of_tls_where_that_is_asked_for)
{
    struct http_answer answer;
    RUN("--hsts", "3600");
    http_get(&answer, daemon_.port, "/");
    ck_assert_str_eq(http_field(&answer, "Strict-Transport-Security"),
                     "max-age=3600");
    http_clear(&answer);
}
END_TEST

/* --- who does not speak it */

START_TEST(plain_http_gets_no_answer)
{
    struct http_client client;
    RUN("--log-level", "debug");
    http_connect(&client, daemon_.port);
    client.patience = 10;
    http_say(&client, health);
    char byte;
    ck_assert_int_le(recv(client.fd, &byte, 1, 0), 0);
    http_close(&client);
    ck_assert(
        daemon_metric_reaches(&daemon_, "tls_handshake_failures_total", 1, 5));
    ck_assert_double_ge(daemon_metric(&daemon_, "tls_handshakes_total"), 1);
}
END_TEST

START_TEST(old_versions_are_refused)
{
    static const char *const offers[] = {
        "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-CBC",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA"};
    struct http_client client;
    RUN("--hsts", "0");
    for (int i = 0; i < 3; i++) {
        http_connect(&client, daemon_.port);
        ck_assert_int_lt(http_handshake(&client, offers[i]), 0);
        http_close(&client);
    }
    http_connect(&client, daemon_.port);
    ck_assert_int_eq(http_handshake(&client, "NORMAL:-VERS-ALL:+VERS-TLS1.2"),
                     0);
    ck_assert(is_served(&client));
    http_close(&client);
}
END_TEST

/* A client that asks for a handshake anew is cut off, or passed over. */
START_TEST(nobody_shakes_hands_twice)
{
    struct http_client client;
    RUN("--header-timeout", "2");
    http_connect(&client, daemon_.port);
    ck_assert_int_eq(http_handshake(&client, "NORMAL:-VERS-ALL:+VERS-TLS1.2"),
                     0);
    ck_assert(is_served(&client));
    gnutls_handshake_set_timeout(client.session, 3000);
    ck_assert_int_lt(gnutls_handshake(client.session), 0);
    http_close(&client);
    ck_assert_int_eq(probe(), 0);
}
END_TEST

/* --- who is slow */

/* Seconds until the other side hangs up on a socket that sends these bytes, one
 * every 50 ms, and then no more. */
static double cut_after(const void *bytes, size_t size)
{
    struct http_client client;
    double start = lip_now();
    char byte;
    http_connect(&client, daemon_.port);
    for (size_t i = 0; i < size; i++) {
        if (send(client.fd, (const char *)bytes + i, 1, MSG_NOSIGNAL) < 0 ||
            recv(client.fd, &byte, 1, MSG_DONTWAIT) == 0)
            break;
        usleep(50000);
    }
    ck_assert_int_le(recv(client.fd, &byte, 1, 0), 0);
    http_close(&client);
    return lip_now() - start;
}

START_TEST(a_handshake_that_never_ends_is_cut)
{
    static unsigned char hello[200] =
        "\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03";
    RUN("--header-timeout", "1");
    double silent = cut_after("", 0);
    double dripping = cut_after(hello, sizeof hello);
    ck_assert_msg(silent > 0.5 && silent < 5, "%g s", silent);
    ck_assert_msg(dripping > 0.5 && dripping < 5, "%g s", dripping);
    ck_assert(
        daemon_metric_reaches(&daemon_, "tls_handshake_failures_total", 2, 5));
    ck_assert_double_ge(
        daemon_metric(&daemon_, "rejects_total{reason=\"header_timeout\"}"), 2);
}
END_TEST

/* Those who stop in the middle cost next to nothing. */
START_TEST(handshakes_that_wait_take_no_processor)
{
    struct http_client held[20];
    RUN("--header-timeout", "30");
    for (int i = 0; i < 20; i++) {
        http_connect(&held[i], daemon_.port);
        send(held[i].fd, "\x16\x03\x01", 3, MSG_NOSIGNAL);
    }
    usleep(300000);
    double before = daemon_metric(&daemon_, "cpu_seconds_total");
    usleep(3000000);
    double took = daemon_metric(&daemon_, "cpu_seconds_total") - before;
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    double most = 1;
#else
    double most = 0.35;
#endif
    ck_assert_msg(took < most, "%g s of 3", took);
    for (int i = 0; i < 20; i++)
        http_close(&held[i]);
}
END_TEST

/* What the sweeper would say goes through TLS or not at all. */
START_TEST(a_slow_request_is_cut_without_plain_bytes)
{
    static const char *const heads[] = {
        "", "GET / HTTP/1.1\r\n",
        "POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"};
    struct http_client client;
    RUN("--header-timeout", "1", "--body-timeout", "1");
    for (int i = 0; i < 3; i++) {
        char bytes[2000];
        http_open(&client, daemon_.port);
        http_say(&client, heads[i]);
        ssize_t n, size = 0;
        double start = lip_now();
        while ((n = recv(client.fd, bytes + size, sizeof bytes - (size_t)size,
                         0)) > 0)
            size += n;
        ck_assert_msg(lip_now() - start < 5, "%g s", lip_now() - start);
        ck_assert_ptr_null(memmem(bytes, (size_t)size, "408", 3));
        http_close(&client);
    }
}
END_TEST

/* Silent sockets of a stranger do not keep anybody else out. */
START_TEST(an_address_has_its_share_of_handshakes)
{
    struct http_client held[4], client;
    char byte;
    RUN("--connections-per-ip", "4", "--header-timeout", "20");
    usleep(200000);
    for (int i = 0; i < 4; i++)
        http_connect(&held[i], daemon_.port);
    usleep(200000);
    http_connect(&client, daemon_.port);
    ck_assert_int_le(recv(client.fd, &byte, 1, 0), 0);
    http_close(&client);
    for (int i = 0; i < 4; i++)
        http_close(&held[i]);
    /* A place is free as soon as the daemon has seen one of them go. */
    bool again = false;
    for (int i = 0; i < 100 && !again; i++, usleep(100000))
        if (http_dial(&client, daemon_.port)) {
            again = is_served(&client);
            http_close(&client);
        }
    ck_assert(again);
}
END_TEST

START_TEST(work_for_a_client_that_left_is_cancelled)
{
    struct http_client client;
    RUN("--workers", "1");
    http_send_wide(&client, daemon_.port, 600, 6);
    ck_assert(daemon_metric_reaches(&daemon_, "workers_busy", 1, 20));
    double start = lip_now();
    http_close(&client);
    ck_assert(daemon_metric_rests(&daemon_, "workers_busy", 25));
    ck_assert_msg(lip_now() - start < 15, "%g s", lip_now() - start);
    ck_assert_double_ge(
        daemon_metric(&daemon_, "rejects_total{reason=\"client_gone\"}"), 1);
}
END_TEST

START_TEST(noise_does_no_harm)
{
    struct http_client client;
    RUN("--header-timeout", "2");
    printf("seeds 0 to 99\n");
    for (unsigned seed = 0; seed < 100; seed++) {
        unsigned char noise[3000];
        srandom(seed);
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (unsigned char)random();
        if (seed % 2)
            memcpy(noise, "\x16\x03\x01\x0b\x00\x01\x00\x0a\xfc\x03\x03", 11);
        http_connect(&client, daemon_.port);
        send(client.fd, noise, sizeof noise, MSG_NOSIGNAL);
        http_close(&client);
    }
    /* Noise behind a handshake, where records are to be. */
    for (int i = 0; i < 20; i++) {
        http_open(&client, daemon_.port);
        http_say(&client, "GET / HTTP/1.1\r\n");
        send(client.fd, "\x17\x03\x03\x00\x20nonsense nonsense nonsense nonse",
             37, MSG_NOSIGNAL);
        http_close(&client);
    }
    http_open(&client, daemon_.port);
    ck_assert(is_served(&client));
    http_close(&client);
    ck_assert(daemon_metric_rests(&daemon_, "in_flight_bytes", 5));
}
END_TEST

/* --- new keys */

/* The end of the certificate that a new connection sees. */
static time_t expiry_seen(void)
{
    struct http_client client;
    gnutls_x509_crt_t crt;
    unsigned count;
    http_open(&client, daemon_.port);
    const gnutls_datum_t *shown =
        gnutls_certificate_get_peers(client.session, &count);
    ck_assert_ptr_nonnull(shown);
    gnutls_x509_crt_init(&crt);
    gnutls_x509_crt_import(crt, shown, GNUTLS_X509_FMT_DER);
    time_t expiry = gnutls_x509_crt_get_expiration_time(crt);
    gnutls_x509_crt_deinit(crt);
    http_close(&client);
    return expiry;
}

START_TEST(hangup_reads_the_keys_again)
{
    struct http_client kept;
    RUN("--tls-check", "0");
    http_open(&kept, daemon_.port);
    ck_assert(is_served(&kept));
    time_t before = expiry_seen();
    tls_make(certificate, key, 50);
    http_trust(certificate);
    daemon_signal(&daemon_, SIGHUP);
    ck_assert(daemon_logged(&daemon_, "\"tls\"", "read again"));
    ck_assert_int_lt(expiry_seen(), before);
    ck_assert(is_served(&kept));
    /* A file that is half written changes nothing. */
    ck_assert_int_eq(truncate(certificate, 100), 0);
    daemon_signal(&daemon_, SIGHUP);
    ck_assert(daemon_logged(&daemon_, "\"tls\"", "certificate before stays"));
    ck_assert_int_lt(expiry_seen(), before);
    ck_assert(is_served(&kept));
    http_close(&kept);
}
END_TEST

/* As a mounted secret changes: by a rename, with nobody there to send a
 * signal. */
START_TEST(changed_files_are_read_again)
{
    char new_certificate[120], new_key[120];
    RUN("--tls-check", "0.1");
    time_t before = expiry_seen();
    snprintf(new_certificate, sizeof new_certificate, "%s.new", certificate);
    snprintf(new_key, sizeof new_key, "%s.new", key);
    tls_make(new_certificate, new_key, 50);
    http_trust(new_certificate);
    ck_assert_int_eq(rename(new_certificate, certificate), 0);
    ck_assert(daemon_logged(&daemon_, "\"tls\"", "certificate before stays"));
    ck_assert_int_eq(rename(new_key, key), 0);
    ck_assert(daemon_logged(&daemon_, "\"tls\"", "read again"));
    http_trust(certificate);
    ck_assert_int_lt(expiry_seen(), before);
}
END_TEST

/* New keys all the time, and nobody is turned away. */
START_TEST(keys_change_under_load)
{
    struct http_client client[8];
    RUN("--tls-check", "0");
    for (int round = 0; round < 40; round++) {
        daemon_signal(&daemon_, SIGHUP);
        for (int i = 0; i < 8; i++)
            http_open(&client[i], daemon_.port);
        daemon_signal(&daemon_, SIGHUP);
        for (int i = 0; i < 8; i++) {
            ck_assert(is_served(&client[i]));
            http_close(&client[i]);
        }
    }
}
END_TEST

START_TEST(a_certificate_that_ended_is_told_and_served)
{
    struct http_client client;
    tls_make(certificate, key, -1);
    RUN("--hsts", "0");
    ck_assert(daemon_logged(&daemon_, "\"warning\"", "The certificate ended"));
    ck_assert_int_eq(probe(), 0);
    /* Who looks at it does not go on. */
    http_connect(&client, daemon_.port);
    ck_assert_int_lt(http_handshake(&client, NULL), 0);
    http_close(&client);
}
END_TEST

/* --- secrets */

/* A line out of the middle of the key. */
static void secret_of(char out[80], const char *path)
{
    char line[200];
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 2; i++)
        ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    fclose(file);
    snprintf(out, 80, "%.40s", line);
    ck_assert_uint_ge(strlen(out), 40);
}

static bool file_has(const char *path, const char *text)
{
    static char bytes[1 << 20];
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    return memmem(bytes, size, text, strlen(text));
}

START_TEST(the_key_is_not_logged_nor_a_jobs)
{
    struct job_request request = {.width = 64, .epochs = 100000, .seed = 1};
    char secret[80], body[JOB_BODY], id[JOB_ID], path[64], keylog[120];
    snprintf(keylog, sizeof keylog, "%s/keylog", daemon_.directory);
    setenv("SSLKEYLOGFILE", keylog, 1);
    tls_make(certificate, key, 100);
    chmod(key, 0644);
    secret_of(secret, key);
    RUN("--data-dir", daemon_.directory, "--log-level", "debug");
    unsetenv("SSLKEYLOGFILE");
    ck_assert(daemon_logged(&daemon_, "\"warning\"", "chmod o-r"));
    job_body(body, &request);
    job_submit(id, &daemon_, body);
    job_await_state(&daemon_, id, "running", 30);
    snprintf(path, sizeof path, "/proc/%ld/environ",
             (long)job_process_await(&daemon_));
    ck_assert(file_has(path, "LIPSCHITZD_"));
    ck_assert(!file_has(path, "_TLS_"));
    ck_assert(!file_has(path, "key.pem"));
    struct http_answer answer;
    http_ask(&answer, daemon_.port, "DELETE", "/jobs/x", NULL, NULL, 0);
    http_clear(&answer);
    ck_assert_int_eq(chmod(key, 0), 0);
    unlink(key);
    daemon_signal(&daemon_, SIGHUP);
    ck_assert(daemon_logged(&daemon_, "\"tls\"", "--tls-key"));
    ck_assert(!daemon_has_logged(&daemon_, secret, ""));
    ck_assert_int_ne(access(keylog, F_OK), 0);
}
END_TEST

/* Does a process that is made to crash say that it left its memory? */
static bool leaves_a_core(pid_t pid)
{
    int status;
    ck_assert_int_eq(kill(pid, SIGABRT), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    return WCOREDUMP(status);
}

START_TEST(no_core_file_has_the_key)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    ck_assert_int_eq(chdir(daemon_.directory), 0);
    bool may = !setrlimit(RLIMIT_CORE, &all);
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    may = leaves_a_core(pid) && may;
    if (!may)
        puts("SKIP: no core files on this machine");
    RUN("--hsts", "0");
    bool left = leaves_a_core(daemon_.pid);
#ifndef __SANITIZE_ADDRESS__
    ck_assert(!left);
#endif
    (void)left;
    ck_assert_int_eq(chdir("/"), 0);
    daemon_forget(&daemon_);
}
END_TEST

/* --- wrong usage */

static bool complains(const char *flags, const char *text)
{
    char command[600];
    snprintf(command, sizeof command,
             "'%s' --listen 127.0.0.1:0 %s 2>&1 | grep -q -e '%s'",
             daemon_program(), flags, text);
    return system(command) == 0;
}

START_TEST(half_a_configuration_does_not_start)
{
    char flags[400], other[120];
    ck_assert(complains("--tls-certificate /nowhere", "go together"));
    ck_assert(complains("--tls-key /nowhere", "go together"));
    ck_assert(complains("--tls-certificate /nowhere --tls-key /nowhere",
                        "--tls-certificate /nowhere cannot be read"));
    snprintf(other, sizeof other, "%s/other.pem", daemon_.directory);
    tls_make(certificate, key, 10);
    tls_make(other, key, 10);
    snprintf(flags, sizeof flags, "--tls-certificate '%s' --tls-key '%s'",
             certificate, key);
    ck_assert(complains(flags, "cannot be used"));
    daemon_forget(&daemon_);
}
END_TEST

static void add_served(Suite *suite)
{
    TCase *served = tcase_create("served");
    tcase_set_timeout(served, 180);
    tcase_add_checked_fixture(served, setup, teardown);
    tcase_add_test(served, a_chain_leads_to_its_root);
    tcase_add_test(served, large_bodies_go_both_ways);
    tcase_add_test(served, answers_tell_of_tls_where_that_is_asked_for);
    tcase_add_test(served, plain_http_gets_no_answer);
    tcase_add_test(served, old_versions_are_refused);
    tcase_add_test(served, nobody_shakes_hands_twice);
    tcase_add_test(served, a_handshake_that_never_ends_is_cut);
    tcase_add_test(served, handshakes_that_wait_take_no_processor);
    tcase_add_test(served, a_slow_request_is_cut_without_plain_bytes);
    tcase_add_test(served, an_address_has_its_share_of_handshakes);
    tcase_add_test(served, work_for_a_client_that_left_is_cancelled);
    tcase_add_test(served, noise_does_no_harm);
    tcase_add_test(served, hangup_reads_the_keys_again);
    tcase_add_test(served, changed_files_are_read_again);
    tcase_add_test(served, keys_change_under_load);
    tcase_add_test(served, a_certificate_that_ended_is_told_and_served);
    tcase_add_test(served, the_key_is_not_logged_nor_a_jobs);
    suite_add_tcase(suite, served);
}

int main(void)
{
    Suite *suite = suite_create("e2e/tls");
    add_served(suite);
    TCase *ended = tcase_create("ended");
    tcase_set_timeout(ended, 60);
    tcase_add_checked_fixture(ended, setup, NULL);
    tcase_add_test(ended, no_core_file_has_the_key);
    tcase_add_test(ended, half_a_configuration_does_not_start);
    suite_add_tcase(suite, ended);
    return run_suite(suite);
}
