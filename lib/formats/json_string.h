/* SPDX-License-Identifier: MIT
 *
 * JSON strings as bytes: checking and resolving escapes. For the scanner. */
#ifndef LIP_FORMATS_JSON_STRING_H
#define LIP_FORMATS_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

/* Where a string that begins after its opening quote ends: its closing quote.
 * NULL where it is broken, with *fault the sentence and *where the byte. */
const unsigned char *lip_json_string_end(const unsigned char *at,
                                         const unsigned char *end,
                                         const char **fault,
                                         const unsigned char **where);

/* The next character of a checked string, escapes resolved, as 1 to 4 bytes of
 * UTF-8 in out; moves *at. Returns how many bytes. */
size_t lip_json_string_next(unsigned char out[4], const unsigned char **at);

/* Whether the n bytes are UTF-8 (shortest forms, no surrogates). */
bool lip_utf8_valid(const unsigned char *bytes, size_t n);

#endif
