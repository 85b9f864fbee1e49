/* SPDX-License-Identifier: MIT
 *
 * JSON text under construction: one growing, bounded buffer and a writer that
 * puts the commas. jansson cannot print a number that is rounded to a chosen
 * side, which every bound we send must be. */
#ifndef API_TEXT_H
#define API_TEXT_H

#include "base/context.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Failure is remembered: writes after it do nothing, and api_text_take tells.
 */
struct api_text {
    struct lip_ctx *ctx;
    char *data;
    size_t size, capacity, limit;
    unsigned depth;
    bool comma, failed;
};

void api_text_init(struct api_text *text, size_t limit, struct lip_ctx *ctx);
void api_text_clear(struct api_text *text);

/* The finished text (lip_alloc memory, the caller's; NUL-terminated) or NULL
 * where anything failed. */
char *api_text_take(struct api_text *text, size_t *size);

void api_object_open(struct api_text *text, const char *key);
void api_object_close(struct api_text *text);
void api_array_open(struct api_text *text, const char *key);
void api_array_close(struct api_text *text);

/* key is NULL inside arrays and at the root. Strings are escaped; bytes that
 * are not UTF-8 become U+FFFD. */
void api_put_string(struct api_text *text, const char *key, const char *value);
void api_put_bool(struct api_text *text, const char *key, bool value);
void api_put_count(struct api_text *text, const char *key, uint64_t value);
/* Shortest decimal that reads back as exactly this double. */
void api_put_number(struct api_text *text, const char *key, double value);
/* A decimal that is >= (upper) or <= (lower) the double as a real number, and
 * that still reads back as exactly this double. */
void api_put_upper(struct api_text *text, const char *key, double value);
void api_put_lower(struct api_text *text, const char *key, double value);
/* A value that is JSON text already, as it stands; the whole fails where it is
 * not exactly one well-formed value. */
void api_put_raw(struct api_text *text, const char *key, const char *json);

#endif
