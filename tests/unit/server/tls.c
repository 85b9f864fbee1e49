/* SPDX-License-Identifier: MIT
 *
 * Keys from files, read again while they are in use. */
#include "server/tls.h"

#include "base/context.h"
#include "server/metrics.h"
#include "tests/support/suite.h"
#include "tests/support/tls.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/lipschitzd-tls-XXXXXX";
static char certificate[64], key[64], complaint[512];

static void setup(void)
{
    memcpy(strrchr(folder, '-') + 1, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(certificate, sizeof certificate, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    tls_make(certificate, key, 30);
    complaint[0] = '\0';
}

static void teardown(void)
{
    unlink(certificate);
    unlink(key);
    rmdir(folder);
}

static struct lipd_tls *open_tls(void)
{
    return lipd_tls_open(certificate, key, complaint, sizeof complaint);
}

static bool reload(struct lipd_tls *tls)
{
    return lipd_tls_reload(tls, complaint, sizeof complaint);
}

/* --- a handshake over a pair of sockets */

struct talk {
    int fd[2];
    gnutls_session_t server, client;
    gnutls_certificate_credentials_t trust;
    struct lipd_tls_link *link;
};

static void talk_begin(struct talk *talk, struct lipd_tls *tls,
                       const char *priorities)
{
    ck_assert_int_eq(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, talk->fd), 0);
    gnutls_init(&talk->server, GNUTLS_SERVER | GNUTLS_NONBLOCK);
    ck_assert_int_eq(
        gnutls_priority_set_direct(talk->server, LIPD_TLS_PRIORITIES, NULL), 0);
    gnutls_transport_set_int(talk->server, talk->fd[0]);
    talk->link = lipd_tls_take(tls, talk->server);
    ck_assert_ptr_nonnull(talk->link);
    gnutls_init(&talk->client, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    ck_assert_int_eq(gnutls_priority_set_direct(talk->client, priorities, NULL),
                     0);
    gnutls_certificate_allocate_credentials(&talk->trust);
    gnutls_credentials_set(talk->client, GNUTLS_CRD_CERTIFICATE, talk->trust);
    gnutls_transport_set_int(talk->client, talk->fd[1]);
}

static bool fails(int error)
{
    return error < 0 && gnutls_error_is_fatal(error);
}

/* Both sides in turn: do they come to an end? */
static bool talk_shakes(struct talk *talk)
{
    int server = GNUTLS_E_AGAIN, client = GNUTLS_E_AGAIN;
    for (int i = 0; i < 100 && (server || client); i++) {
        if (client)
            client = gnutls_handshake(talk->client);
        if (server)
            server = gnutls_handshake(talk->server);
        if (fails(client) || fails(server))
            return false;
    }
    return !server && !client;
}

/* Did the server show what is in this file now? */
static bool talk_showed(const struct talk *talk)
{
    gnutls_datum_t text, bytes;
    gnutls_x509_crt_t crt;
    unsigned count;
    const gnutls_datum_t *shown =
        gnutls_certificate_get_peers(talk->client, &count);
    ck_assert_ptr_nonnull(shown);
    ck_assert_int_eq(gnutls_load_file(certificate, &text), 0);
    gnutls_x509_crt_init(&crt);
    gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM);
    gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &bytes);
    bool same = bytes.size == shown->size &&
                !memcmp(bytes.data, shown->data, bytes.size);
    gnutls_free(text.data);
    gnutls_free(bytes.data);
    gnutls_x509_crt_deinit(crt);
    return same;
}

static void talk_end(struct talk *talk)
{
    gnutls_deinit(talk->server);
    gnutls_deinit(talk->client);
    gnutls_certificate_free_credentials(talk->trust);
    lipd_tls_put(talk->link);
    close(talk->fd[0]);
    close(talk->fd[1]);
}

/* --- tests */

START_TEST(what_cannot_be_used_is_refused)
{
    static const char *const texts[] = {
        "", "no certificate\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    FILE *file = fopen(certificate, "w");
    ck_assert_ptr_nonnull(file);
    fputs(texts[_i], file);
    fclose(file);
    ck_assert_ptr_null(open_tls());
    ck_assert_ptr_nonnull(strstr(complaint, "."));
    ck_assert_ptr_null(strstr(complaint, "AAAA"));
}
END_TEST

START_TEST(files_that_are_none_are_refused)
{
    unlink(key);
    ck_assert_ptr_null(open_tls());
    ck_assert_ptr_nonnull(strstr(complaint, "--tls-key"));
    ck_assert_ptr_nonnull(strstr(complaint, "No such file"));
    ck_assert_int_eq(mkfifo(key, 0600), 0); /* nobody writes to it */
    ck_assert_ptr_null(open_tls());
    ck_assert_ptr_null(lipd_tls_open(folder, key, complaint, sizeof complaint));
    ck_assert_ptr_nonnull(strstr(complaint, "--tls-certificate"));
}
END_TEST

START_TEST(the_key_of_another_is_refused)
{
    char other[80];
    snprintf(other, sizeof other, "%s.other", certificate);
    tls_make(other, key, 30);
    ck_assert_ptr_null(open_tls());
    ck_assert_ptr_nonnull(strstr(complaint, "cannot be used"));
    unlink(other);
}
END_TEST

START_TEST(a_key_with_a_password_is_refused)
{
    tls_lock_key(key);
    ck_assert_ptr_null(open_tls());
    ck_assert_ptr_nonnull(strstr(complaint, "password"));
}
END_TEST

START_TEST(rights_and_dates_are_told)
{
    struct lipd_tls *tls = open_tls();
    ck_assert_msg(tls != NULL, "%s", complaint);
    ck_assert(!lipd_tls_key_is_open(tls));
    double days = ((double)lipd_tls_expiry(tls) - (double)time(NULL)) / 86400;
    ck_assert_msg(days > 29.9 && days <= 30, "%g", days);
    ck_assert_int_eq(lipd_metric_get(LIPD_TLS_EXPIRY, 0), lipd_tls_expiry(tls));
    chmod(key, 0644);
    ck_assert(lipd_tls_changed(tls));
    ck_assert(reload(tls));
    ck_assert(lipd_tls_key_is_open(tls));
    lipd_tls_close(tls);
    lipd_tls_close(NULL);
}
END_TEST

/* What fails is tried again when something has changed, not before. */
START_TEST(changes_are_noticed)
{
    struct lipd_tls *tls = open_tls();
    ck_assert_ptr_nonnull(tls);
    ck_assert(!lipd_tls_changed(tls));
    unlink(certificate);
    ck_assert(lipd_tls_changed(tls));
    ck_assert(!reload(tls));
    ck_assert(!lipd_tls_changed(tls));
    tls_make(certificate, key, 10);
    ck_assert(lipd_tls_changed(tls));
    ck_assert(reload(tls));
    ck_assert(!lipd_tls_changed(tls));
    lipd_tls_close(tls);
}
END_TEST

START_TEST(a_connection_keeps_what_it_began_with)
{
    struct talk before, after;
    struct lipd_tls *tls = open_tls();
    ck_assert_ptr_nonnull(tls);
    talk_begin(&before, tls, "NORMAL");
    int64_t expiry = lipd_tls_expiry(tls);
    tls_make(certificate, key, 10);
    ck_assert(reload(tls));
    ck_assert_int_lt(lipd_tls_expiry(tls), expiry);
    ck_assert(talk_shakes(&before));
    ck_assert(!talk_showed(&before));
    talk_begin(&after, tls, "NORMAL");
    ck_assert(talk_shakes(&after));
    ck_assert(talk_showed(&after));
    talk_end(&before);
    talk_end(&after);
    lipd_tls_close(tls);
}
END_TEST

START_TEST(a_bad_file_changes_nothing)
{
    struct talk talk;
    struct lipd_tls *tls = open_tls();
    ck_assert_ptr_nonnull(tls);
    int64_t expiry = lipd_tls_expiry(tls);
    tls_lock_key(key);
    ck_assert(!reload(tls));
    ck_assert_int_eq(lipd_tls_expiry(tls), expiry);
    talk_begin(&talk, tls, "NORMAL");
    ck_assert(talk_shakes(&talk));
    ck_assert(talk_showed(&talk));
    talk_end(&talk);
    lipd_tls_close(tls);
}
END_TEST

static const struct {
    const char *priorities;
    bool taken;
} offers[] = {
    {"NORMAL", true},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.3", true},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2", true},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0", false},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA:+DHE-RSA", false},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC", false},
    {"NORMAL:-GROUP-ALL:+GROUP-FFDHE8192", false},
    {"NORMAL:-SIGN-ALL:+SIGN-ECDSA-SHA1:+SIGN-RSA-SHA1", false},
};

START_TEST(only_what_is_sound_is_agreed_on)
{
    struct talk talk;
    struct lipd_tls *tls = open_tls();
    ck_assert_ptr_nonnull(tls);
    int64_t good = lipd_metric_get(LIPD_TLS_HANDSHAKES, 0);
    int64_t bad = lipd_metric_get(LIPD_TLS_FAILURES, 0);
    talk_begin(&talk, tls, offers[_i].priorities);
    ck_assert_msg(talk_shakes(&talk) == offers[_i].taken, "%s",
                  offers[_i].priorities);
    talk_end(&talk);
    ck_assert_int_eq(lipd_metric_get(LIPD_TLS_HANDSHAKES, 0) - good,
                     offers[_i].taken);
    ck_assert_int_eq(lipd_metric_get(LIPD_TLS_FAILURES, 0) - bad,
                     !offers[_i].taken);
    lipd_tls_close(tls);
}
END_TEST

/* Neither an answer nor a crash comes of bytes that are no handshake. */
START_TEST(noise_is_no_handshake)
{
    struct talk talk;
    struct lipd_tls *tls = open_tls();
    ck_assert_ptr_nonnull(tls);
    for (unsigned seed = 0; seed < 200; seed++) {
        unsigned char noise[600];
        int result = GNUTLS_E_AGAIN;
        srandom(seed);
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (unsigned char)random();
        if (seed % 2) /* the head of a record with a message of the client */
            memcpy(noise, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
        talk_begin(&talk, tls, "NORMAL");
        ck_assert_int_eq(write(talk.fd[1], noise, sizeof noise), sizeof noise);
        shutdown(talk.fd[1], SHUT_WR);
        for (int i = 0; i < 20 && result < 0 && !fails(result); i++)
            result = gnutls_handshake(talk.server);
        ck_assert_int_ne(result, 0);
        talk_end(&talk);
    }
    lipd_tls_close(tls);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/tls");
    TCase *tcase = tcase_create("keys");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, what_cannot_be_used_is_refused, 0, 3);
    tcase_add_test(tcase, files_that_are_none_are_refused);
    tcase_add_test(tcase, the_key_of_another_is_refused);
    tcase_add_test(tcase, a_key_with_a_password_is_refused);
    tcase_add_test(tcase, rights_and_dates_are_told);
    tcase_add_test(tcase, changes_are_noticed);
    tcase_add_test(tcase, a_connection_keeps_what_it_began_with);
    tcase_add_test(tcase, a_bad_file_changes_nothing);
    tcase_add_loop_test(tcase, only_what_is_sound_is_agreed_on, 0,
                        sizeof offers / sizeof offers[0]);
    tcase_add_test(tcase, noise_is_no_handshake);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
