/* SPDX-License-Identifier: MIT
 *
 * By GnuTLS. */
#include "tests/support/tls.h"

#include <arpa/inet.h>
#include <check.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define DO(call) ck_assert_msg((call) >= 0, "%s", #call)

struct pair {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
};

static void write_text(const char *path, const gnutls_datum_t *text, bool more)
{
    FILE *file = fopen(path, more ? "a" : "w");
    ck_assert_ptr_nonnull(file);
    fchmod(fileno(file), 0600);
    ck_assert_uint_eq(fwrite(text->data, 1, text->size, file), text->size);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_crt(const char *path, const struct pair *pair, bool more)
{
    gnutls_datum_t text;
    DO(gnutls_x509_crt_export2(pair->crt, GNUTLS_X509_FMT_PEM, &text));
    write_text(path, &text, more);
    gnutls_free(text.data);
}

static void write_key(const char *path, const struct pair *pair,
                      const char *password)
{
    gnutls_datum_t text;
    DO(gnutls_x509_privkey_export2_pkcs8(
        pair->key, GNUTLS_X509_FMT_PEM, password,
        password ? GNUTLS_PKCS_PBES2_AES_128 : GNUTLS_PKCS_PLAIN, &text));
    write_text(path, &text, false);
    gnutls_free(text.data);
}

static void add_names(struct pair *pair)
{
    struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};
    DO(gnutls_x509_crt_set_subject_alt_name(
        pair->crt, GNUTLS_SAN_DNSNAME, "localhost", 9, GNUTLS_FSAN_APPEND));
    DO(gnutls_x509_crt_set_subject_alt_name(pair->crt, GNUTLS_SAN_IPADDRESS,
                                            &loopback, sizeof loopback,
                                            GNUTLS_FSAN_APPEND));
}

/* Signed by itself where there is no issuer. */
static struct pair new_pair(const char *name, const struct pair *issuer,
                            bool authority, int days)
{
    static unsigned char serial;
    struct pair pair;
    time_t now = time(NULL);
    serial++;
    DO(gnutls_x509_privkey_init(&pair.key));
    DO(gnutls_x509_privkey_generate(
        pair.key, GNUTLS_PK_ECDSA,
        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    DO(gnutls_x509_crt_init(&pair.crt));
    DO(gnutls_x509_crt_set_version(pair.crt, 3));
    DO(gnutls_x509_crt_set_serial(pair.crt, &serial, 1));
    DO(gnutls_x509_crt_set_dn_by_oid(pair.crt, GNUTLS_OID_X520_COMMON_NAME, 0,
                                     name, (unsigned)strlen(name)));
    DO(gnutls_x509_crt_set_activation_time(pair.crt, now - 100 * 86400));
    DO(gnutls_x509_crt_set_expiration_time(pair.crt, now + days * 86400));
    DO(gnutls_x509_crt_set_key(pair.crt, pair.key));
    if (authority)
        DO(gnutls_x509_crt_set_basic_constraints(pair.crt, 1, -1));
    if (!authority || !issuer)
        add_names(&pair);
    DO(gnutls_x509_crt_sign2(pair.crt, issuer ? issuer->crt : pair.crt,
                             issuer ? issuer->key : pair.key, GNUTLS_DIG_SHA256,
                             0));
    return pair;
}

static void free_pair(struct pair *pair)
{
    gnutls_x509_crt_deinit(pair->crt);
    gnutls_x509_privkey_deinit(pair->key);
}

void tls_make(const char *certificate, const char *key, int days)
{
    struct pair pair = new_pair("localhost", NULL, true, days);
    write_crt(certificate, &pair, false);
    write_key(key, &pair, NULL);
    free_pair(&pair);
}

void tls_make_chain(const char *certificate, const char *key, const char *root)
{
    struct pair top = new_pair("root", NULL, true, 100);
    struct pair middle = new_pair("middle", &top, true, 100);
    struct pair pair = new_pair("localhost", &middle, false, 100);
    write_crt(root, &top, false);
    write_crt(certificate, &pair, false);
    write_crt(certificate, &middle, true);
    write_key(key, &pair, NULL);
    free_pair(&top);
    free_pair(&middle);
    free_pair(&pair);
}

void tls_lock_key(const char *key)
{
    gnutls_datum_t text;
    struct pair pair;
    DO(gnutls_load_file(key, &text));
    DO(gnutls_x509_privkey_init(&pair.key));
    DO(gnutls_x509_privkey_import(pair.key, &text, GNUTLS_X509_FMT_PEM));
    write_key(key, &pair, "secret");
    gnutls_x509_privkey_deinit(pair.key);
    gnutls_free(text.data);
}
