/* SPDX-License-Identifier: MIT
 *
 * Certificates for tests, made when they are needed, on the curve P-256. Every
 * failure fails the test. */
#ifndef LIP_TESTS_SUPPORT_TLS_H
#define LIP_TESTS_SUPPORT_TLS_H

/* Writes a certificate of localhost and 127.0.0.1 that is its own root, and its
 * key, for its owner only. It ends so many days from now. */
void tls_make(const char *certificate, const char *key, int days);

/* The same by way of an authority in between, which is behind it in the file,
 * of a root, which is written apart. */
void tls_make_chain(const char *certificate, const char *key, const char *root);

/* The key again with a password. */
void tls_lock_key(const char *key);

#endif
