/* SPDX-License-Identifier: MIT
 *
 * Which web pages may ask from a browser (the CORS protocol of the Fetch
 * standard): --cors-origins. A browser asks on its own behalf and keeps the
 * answer from pages that it does not name. Nothing here is about credentials:
 * the daemon knows no cookies, and a token is a header field like any other. */
#ifndef LIPD_CORS_H
#define LIPD_CORS_H

#include <stdbool.h>
#include <stddef.h>

/* Is the list "" or "*", or origins (scheme://host or scheme://host:port, http
 * or https) with commas between? False with a sentence. */
bool lipd_cors_check(const char *list, char *complaint, size_t complaint_size);

/* The value of Access-Control-Allow-Origin for a page of this origin (NULL: no
 * page): "*", the origin, or NULL where it may not ask. */
const char *lipd_cors_allow(const char *list, const char *origin);

#endif
