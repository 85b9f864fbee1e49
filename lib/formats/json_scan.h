/* SPDX-License-Identifier: MIT
 *
 * A pull scanner for JSON (RFC 8259, strict) over bytes in memory. It builds
 * nothing: the caller walks the document and takes numbers straight into its
 * own arrays. Nesting is bounded and never recurses; time is O(bytes) whatever
 * the input; no memory is allocated.
 *
 * Failures: LIP_MALFORMED with the byte offset where the text is not JSON;
 * LIP_INVALID with the JSON pointer where a value is not what was asked for;
 * LIP_TOO_LARGE past LIP_JSON_DEPTH. After a failure the scanner must not be
 * used again.
 *
 *     lip_json_open_object(&json)
 *     while (lip_json_next_member(&json, &more) == LIP_OK && more)
 *         if (lip_json_key_is(&json, "norm"))
 *             lip_json_number(&json, &norm)
 *         else
 *             lip_json_skip(&json, &span)
 */
#ifndef LIP_FORMATS_JSON_SCAN_H
#define LIP_FORMATS_JSON_SCAN_H

#include "base/context.h"

#include <stdbool.h>
#include <stddef.h>

enum { LIP_JSON_DEPTH = 64, LIP_JSON_KEY = 64 };

enum lip_json_type {
    LIP_JSON_NULL,
    LIP_JSON_BOOL,
    LIP_JSON_NUMBER,
    LIP_JSON_STRING,
    LIP_JSON_ARRAY,
    LIP_JSON_OBJECT
};

/* Bytes [data, data + size) of the scanned text. */
struct lip_json_span {
    const unsigned char *data;
    size_t size;
};

/* An array or object that is open. */
struct lip_json_level {
    bool object, started;
    size_t index;             /* array: number of the current element */
    struct lip_json_span key; /* object: current key, as written */
};

struct lip_json {
    const unsigned char *start, *at, *end, *tick;
    size_t offset;
    const char *prefix;
    struct lip_ctx *ctx;
    size_t depth;
    struct lip_json_level level[LIP_JSON_DEPTH];
};

/* Begins at text[0]. Errors speak of byte `offset` + i and of the pointer
 * `prefix` + "/...": both tell where this text stands in a larger one ("" and
 * 0 where it is all). text and prefix must outlive the scanner. */
void lip_json_init(struct lip_json *json, const unsigned char *text,
                   size_t size, size_t offset, const char *prefix,
                   struct lip_ctx *ctx);

/* The type of the value that comes next. */
enum lip_status lip_json_peek(struct lip_json *json, enum lip_json_type *type);

/* Steps into an array or object. */
enum lip_status lip_json_open_array(struct lip_json *json);
enum lip_status lip_json_open_object(struct lip_json *json);

/* Moves to the next element or member, whose value the caller must take or
 * skip, or, where there is none, out of the array or object (*more false).
 * Keys that occur twice are not noticed here: whoever gives the keys a meaning
 * refuses them. */
enum lip_status lip_json_next_element(struct lip_json *json, bool *more);
enum lip_status lip_json_next_member(struct lip_json *json, bool *more);

/* Whether the current member's key, escapes resolved, is `text`. */
bool lip_json_key_is(const struct lip_json *json, const char *text);

/* The current member's key with escapes resolved. LIP_INVALID where it does
 * not fit `capacity` bytes with its NUL or contains U+0000. */
enum lip_status lip_json_key(struct lip_json *json, char *out, size_t capacity);

/* Take a value of this type. A number is rounded to the nearest double;
 * LIP_INVALID where that is not finite. A size is a number written as digits
 * only. A string that does not fit with its NUL is LIP_INVALID. */
enum lip_status lip_json_number(struct lip_json *json, double *out);
enum lip_status lip_json_size(struct lip_json *json, size_t *out);
enum lip_status lip_json_bool(struct lip_json *json, bool *out);
enum lip_status lip_json_string(struct lip_json *json, char *out,
                                size_t capacity);

/* Takes an array of numbers: *count of them to out[]; LIP_TOO_LARGE where
 * there are more than `capacity`. */
enum lip_status lip_json_numbers(struct lip_json *json, double *out,
                                 size_t capacity, size_t *count);

/* At an array of numbers, or of such arrays, however deep: at least as many as
 * it holds, and
 * at most half its bytes, without reading the numbers. */
size_t lip_json_count_bound(const struct lip_json *json);

/* Passes over a value of any type, checking its syntax; span (may be NULL)
 * gets its bytes. */
enum lip_status lip_json_skip(struct lip_json *json,
                              struct lip_json_span *span);

/* Nothing but white space may follow. */
enum lip_status lip_json_end(struct lip_json *json);

/* Records a failure at the current value's pointer; returns `status`. */
enum lip_status lip_json_fail(struct lip_json *json, enum lip_status status,
                              const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One member of an object: the decoded key and where the value's bytes are. */
struct lip_json_member {
    char key[LIP_JSON_KEY];
    enum lip_json_type type;
    size_t start, end; /* text[start .. end) */
};

/* Lists the members of the object that `text` is, in their order, at most
 * `capacity` of them. The values' syntax is checked, nothing is built: this is
 * how a request is split into the model and the small rest. LIP_MALFORMED (not
 * JSON), LIP_INVALID (not an object, a key twice, a key of LIP_JSON_KEY bytes
 * or more), LIP_TOO_LARGE (more members). `json` has just been initialised on
 * the text, and is used up. */
enum lip_status lip_json_members(struct lip_json_member *member,
                                 size_t capacity, size_t *count,
                                 struct lip_json *json);

#endif
