/* SPDX-License-Identifier: MIT
 *
 * Certificates: a bound with all that is needed to check it again without this
 * service, as one JSON object. `lipschitz-check` reads them.
 *
 * Its member `digest` is the SHA-256 of everything else, so that a certificate
 * that was altered is told from one that is wrong. It is taken over the values,
 * not the text, which may be laid out anew: a byte for what it is ('{', '}',
 * '[', ']', 's', 'd', 't', 'f' as 64-bit numbers, little-endian), strings and
 * keys as length and bytes, numbers as doubles, members in the order of their
 * keys' bytes. */
#ifndef API_CERTIFICATE_H
#define API_CERTIFICATE_H

#include "api/text.h"
#include "bounds/method.h"
#include "certify/lower_bound.h"

enum { API_CERTIFICATE_VERSION = 1 };

/* Writes the certificate of a bound that is not skipped, as member `key`; of
 * one without evidence a member `<key>_missing` with a sentence. */
void api_certificate_write(struct api_text *text, const char *key,
                           const struct lip_network *network,
                           const struct lip_chain *chain,
                           struct lip_norm_pair norm,
                           const struct lip_bound *bound);

/* The same for a lower bound of the constant, whose witness is a pair of
 * points. There is none for the value 0. */
void api_certificate_write_lower(struct api_text *text, const char *key,
                                 const struct lip_network *network,
                                 struct lip_norm_pair norm,
                                 const struct lip_lower_bound *lower);

#endif
