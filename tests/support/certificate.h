/* SPDX-License-Identifier: MIT
 *
 * Certificates in tests: asked of a daemon, altered, and given to the checker.
 */
#ifndef LIP_TESTS_SUPPORT_CERTIFICATE_H
#define LIP_TESTS_SUPPORT_CERTIFICATE_H

#include "tests/support/daemon.h"
#include "tests/support/files.h"

#include <jansson.h>

/* The answer of POST /bound?methods=all&certificate=1&QUERY to this model, with
 * status 200. */
json_t *certificates_of(const struct daemon *daemon, const struct bytes *model,
                        const char *query);

/* The certificate of a method in an answer, without its place there; NULL where
 * the method was skipped. */
json_t *certificate_of(const json_t *answer, const char *method);

/* Writes the file NAME in the daemon's folder; returns its path. */
const char *write_file(const struct daemon *daemon, const char *name,
                       const void *data, size_t size);

/* Runs lipschitz-check on the file "model" in that folder and the certificate.
 * True where it says "proved", false where "not proved: " and a sentence, which
 * `said` holds then; a failure of the test where its exit status does not agree
 * with that, or there is no such line. */
bool checker_proves(const struct daemon *daemon, const json_t *certificate);
bool checker_proves_text(const struct daemon *daemon, const char *text,
                         size_t size);
extern char checker_said[400];

/* Gives an altered certificate the digest of its content. */
void reseal(json_t *certificate);

#endif
