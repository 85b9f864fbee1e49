/* SPDX-License-Identifier: MIT
 *
 * The target of a request: the part of a request line between method and
 * version. */
#ifndef LIPD_TARGET_H
#define LIPD_TARGET_H

#include <stddef.h>

/* Percent-decodes a path, or a name or value of a query, in place; its new
 * length. What is not well formed stays as it is, and so does %00, which would
 * cut the text short, and in a path %2F, which is no separator of segments
 * (RFC 3986, 2.2): /jobs/a%2Fevents is not /jobs/a/events. */
size_t lipd_target_decode(char *text);

/* The path where the target is a whole URL, which a server must take (RFC
 * 9112, 3.2.2); else the target. NULL where the authority of the URL is none
 * that a Host field may name. */
const char *lipd_target_path(const char *target);

#endif
