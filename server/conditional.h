/* SPDX-License-Identifier: MIT
 *
 * Answers that a client has already, in whole or in part (RFC 9110, sections
 * 8.8, 13 and 14): ETag, If-None-Match, Range, If-Range. */
#ifndef LIPD_CONDITIONAL_H
#define LIPD_CONDITIONAL_H

#include "server/request.h"

/* A strong tag of these bytes, with its quotes: a digest of them, so that it is
 * the same on every machine and in every version that writes the same. */
void lipd_etag(char out[LIPD_ETAG], const void *bytes, size_t size);

/* Does a list of tags, or "*", name this one, strong or weak? NULL does not. */
bool lipd_etag_among(const char *list, const char *etag);
/* Is it "*", and no list? */
bool lipd_etag_any(const char *list);

enum lipd_range { LIPD_WHOLE, LIPD_PART, LIPD_NO_PART };

/* What a field Range asks for of `size` bytes: one part, or (several parts,
 * what is not understood, NULL) all; NO_PART where no byte of it is there. */
enum lipd_range lipd_range_read(size_t *first, size_t *count, const char *field,
                                size_t size);

/* Makes of a 200 what the request's conditions ask for: 304, or with `parts`
 * 206 or 416. Anything else stays as it is. */
void lipd_reply_conditional(struct lipd_request *request, bool parts);

#endif
