/* SPDX-License-Identifier: MIT
 *
 * The certificate and the key of the daemon, for GnuTLS: read from files, read
 * again while connections are open, shared out to connections. A connection
 * keeps the ones it began with. */
#ifndef LIPD_TLS_H
#define LIPD_TLS_H

#include <gnutls/abstract.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TLS 1.3 and 1.2 with forward secrecy and authenticated ciphers. Groups that
 * cost much are left out: a stranger could ask for them. */
#define LIPD_TLS_PRIORITIES                                                    \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:"         \
    "+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"     \
    "-MAC-ALL:+AEAD:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:"                \
    "+GROUP-SECP384R1:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1"

struct lipd_tls;
struct lipd_tls_link; /* what one connection has of it */

/* Reads a PEM chain, the daemon's certificate first, and the PEM key that goes
 * with it. The paths must outlive it. NULL with a sentence, which tells nothing
 * of what is in the files. */
struct lipd_tls *lipd_tls_open(const char *certificate, const char *key,
                               char *complaint, size_t complaint_size);

/* Reads both again, for connections to come. False with a sentence where they
 * cannot be used; then all stays as it is. */
bool lipd_tls_reload(struct lipd_tls *tls, char *complaint,
                     size_t complaint_size);

/* Are the files others than those that were read, or tried, last? */
bool lipd_tls_changed(const struct lipd_tls *tls);

/* May users that are neither the key's owner nor of its group read its file? */
bool lipd_tls_key_is_open(const struct lipd_tls *tls);

/* When the certificate ends, in seconds since 1970. */
int64_t lipd_tls_expiry(struct lipd_tls *tls);

/* No link may be left. NULL is allowed. */
void lipd_tls_close(struct lipd_tls *tls);

/* Prepares a session of a server, which has its socket, before its handshake:
 * the certificate, and tickets to resume it with. NULL without memory. The
 * session must not be used any more when the link is put back. */
struct lipd_tls_link *lipd_tls_take(struct lipd_tls *tls,
                                    gnutls_session_t session);

/* NULL is allowed. Counts a handshake that never ended. */
void lipd_tls_put(struct lipd_tls_link *link);

/* For a library that wants to ask for keys itself: there are none, and the
 * handshake of a session that lipd_tls_take has not prepared fails. */
gnutls_certificate_retrieve_function3 lipd_tls_no_keys;

#endif
