/* SPDX-License-Identifier: MIT
 *
 * The pull scanner. The levels that are open are a bounded array, which is
 * also where the JSON pointer of an error comes from: naming the place costs
 * nothing until it is needed. */
#include "formats/json_scan.h"

#include "formats/json_string.h"
#include "formats/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Bytes between two looks at the clock: a few milliseconds of work. */
static const ptrdiff_t TICK_BYTES = 1 << 21;

static const char *const type_names[] = {
    "null", "true or false", "a number", "a string", "an array", "an object"};

void lip_json_init(struct lip_json *json, const unsigned char *text,
                   size_t size, size_t offset, const char *prefix,
                   struct lip_ctx *ctx)
{
    *json = (struct lip_json){.start = text,
                              .at = text,
                              .end = text + size,
                              .tick = text,
                              .offset = offset,
                              .prefix = prefix,
                              .ctx = ctx};
}

/* --- Errors ------------------------------------------------------------ */

/* Appends "/key", '~' and '/' escaped; false where it does not fit. */
static bool append_key(char *out, size_t *used, size_t capacity,
                       struct lip_json_span key)
{
    size_t n = *used;
    const unsigned char *at = key.data, *end = at ? at + key.size : NULL;
    if (n + 1 >= capacity)
        return false;
    out[n++] = '/';
    while (at < end) {
        unsigned char bytes[4];
        size_t k = lip_json_string_next(bytes, &at);
        bool escape = bytes[0] == '~' || bytes[0] == '/';
        if (n + k + escape >= capacity)
            return false;
        if (escape) {
            out[n++] = '~';
            bytes[0] = bytes[0] == '~' ? '0' : '1';
        }
        memcpy(out + n, bytes, k);
        n += k;
    }
    *used = n;
    return true;
}

/* The current value's pointer; where it does not fit, that of the innermost
 * value around it that does. */
static void pointer(const struct lip_json *json, char *out, size_t capacity)
{
    size_t used = (size_t)snprintf(out, capacity, "%s", json->prefix);
    if (used >= capacity)
        return;
    for (size_t i = 0; i < json->depth; i++) {
        const struct lip_json_level *level = &json->level[i];
        char number[24];
        struct lip_json_span part = level->key;
        if (!level->started)
            break;
        if (!level->object) {
            int n = snprintf(number, sizeof number, "%zu", level->index);
            part = (struct lip_json_span){(unsigned char *)number, (size_t)n};
        }
        if (!append_key(out, &used, capacity, part))
            break;
    }
    out[used] = '\0';
}

enum lip_status lip_json_fail(struct lip_json *json, enum lip_status status,
                              const char *format, ...)
{
    char where[sizeof((struct lip_error *)0)->where];
    char detail[sizeof((struct lip_error *)0)->detail];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    pointer(json, where, sizeof where);
    return lip_fail_at(json->ctx, status, LIP_AT_POINTER, where, "%s", detail);
}

static enum lip_status broken_at(struct lip_json *json, const unsigned char *at,
                                 const char *what)
{
    char where[24];
    size_t offset = json->offset + (size_t)(at - json->start);
    snprintf(where, sizeof where, "%zu", offset);
    return lip_fail_at(json->ctx, LIP_MALFORMED, LIP_AT_BYTE, where,
                       "The JSON is broken at byte %zu: %s.", offset, what);
}

static enum lip_status broken(struct lip_json *json, const char *what)
{
    if (json->at >= json->end)
        what = "the text ends too early";
    return broken_at(json, json->at, what);
}

/* --- Tokens ------------------------------------------------------------ */

static void skip_space(struct lip_json *json)
{
    const unsigned char *p = json->at, *end = json->end;
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    json->at = p;
}

static enum lip_status pulse(struct lip_json *json)
{
    if (json->at - json->tick < TICK_BYTES)
        return LIP_OK;
    json->tick = json->at;
    return lip_tick(json->ctx, "reading JSON", (double)(json->at - json->start),
                    (double)(json->end - json->start), NAN);
}

/* NaN and Infinity, which many programs write, get a sentence of their own. */
static enum lip_status no_value(struct lip_json *json)
{
    static const char *const words[] = {"NaN",  "nan", "Infinity", "infinity",
                                        "-Inf", "Inf", "-inf",     "inf",
                                        "-NaN", "-nan"};
    size_t left = (size_t)(json->end - json->at);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (left >= strlen(words[i]) &&
            memcmp(json->at, words[i], strlen(words[i])) == 0)
            return lip_json_fail(json, LIP_INVALID,
                                 "NaN and infinity are not numbers in JSON; "
                                 "every number must be finite.");
    if (left >= 3 && memcmp(json->at, "\xef\xbb\xbf", 3) == 0)
        return broken(json, "remove the byte order mark");
    return broken(json, "a value was expected here");
}

enum lip_status lip_json_peek(struct lip_json *json, enum lip_json_type *type)
{
    skip_space(json);
    unsigned char c = json->at < json->end ? *json->at : 0;
    if (c == '{')
        *type = LIP_JSON_OBJECT;
    else if (c == '[')
        *type = LIP_JSON_ARRAY;
    else if (c == '"')
        *type = LIP_JSON_STRING;
    else if ((c >= '0' && c <= '9') ||
             (c == '-' && json->end - json->at > 1 && json->at[1] >= '0' &&
              json->at[1] <= '9'))
        *type = LIP_JSON_NUMBER;
    else if (c == 't' || c == 'f')
        *type = LIP_JSON_BOOL;
    else if (c == 'n' && json->end - json->at > 1 && json->at[1] == 'u')
        *type = LIP_JSON_NULL;
    else
        return no_value(json);
    return LIP_OK;
}

static enum lip_status expect(struct lip_json *json, enum lip_json_type wanted)
{
    enum lip_json_type type;
    enum lip_status status = lip_json_peek(json, &type);
    if (status == LIP_OK && type != wanted)
        return lip_json_fail(json, LIP_INVALID, "This must be %s, not %s.",
                             type_names[wanted], type_names[type]);
    return status;
}

static enum lip_status take_word(struct lip_json *json, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(json->end - json->at) < n || memcmp(json->at, word, n) != 0)
        return broken(json, "a value was expected here");
    json->at += n;
    return LIP_OK;
}

/* The string at the cursor, which stands on its opening quote. */
static enum lip_status take_string(struct lip_json *json,
                                   struct lip_json_span *span)
{
    const char *fault;
    const unsigned char *where;
    const unsigned char *begin = json->at + 1;
    const unsigned char *close =
        lip_json_string_end(begin, json->end, &fault, &where);
    if (!close)
        return broken_at(json, where, fault);
    *span = (struct lip_json_span){begin, (size_t)(close - begin)};
    json->at = close + 1;
    return LIP_OK;
}

/* --- Structure --------------------------------------------------------- */

static enum lip_status open_level(struct lip_json *json, bool object)
{
    enum lip_status status =
        expect(json, object ? LIP_JSON_OBJECT : LIP_JSON_ARRAY);
    if (status != LIP_OK)
        return status;
    if (json->depth == LIP_JSON_DEPTH)
        return lip_json_fail(json, LIP_TOO_LARGE,
                             "The JSON is nested deeper than %d levels.",
                             LIP_JSON_DEPTH);
    json->at++;
    json->level[json->depth++] = (struct lip_json_level){.object = object};
    return LIP_OK;
}

enum lip_status lip_json_open_array(struct lip_json *json)
{
    return open_level(json, false);
}

enum lip_status lip_json_open_object(struct lip_json *json)
{
    return open_level(json, true);
}

/* Passes the ',' before a next item or the closing bracket. */
static enum lip_status next_item(struct lip_json *json, unsigned char close,
                                 const char *fault, bool *more)
{
    struct lip_json_level *level = &json->level[json->depth - 1];
    enum lip_status status = pulse(json);
    if (status != LIP_OK)
        return status;
    skip_space(json);
    *more = false;
    if (json->at < json->end && *json->at == close) {
        json->at++;
        json->depth--;
        return LIP_OK;
    }
    if (level->started) {
        if (json->at >= json->end || *json->at != ',')
            return broken(json, fault);
        json->at++;
        level->index++;
    }
    level->started = true;
    *more = true;
    return LIP_OK;
}

enum lip_status lip_json_next_element(struct lip_json *json, bool *more)
{
    return next_item(json, ']', "a ',' or ']' was expected here", more);
}

enum lip_status lip_json_next_member(struct lip_json *json, bool *more)
{
    struct lip_json_level *level = &json->level[json->depth - 1];
    enum lip_status status =
        next_item(json, '}', "a ',' or '}' was expected here", more);
    if (status != LIP_OK || !*more)
        return status;
    skip_space(json);
    if (json->at >= json->end || *json->at != '"')
        return broken(json, "a member's name in quotes was expected here");
    status = take_string(json, &level->key);
    if (status != LIP_OK)
        return status;
    skip_space(json);
    if (json->at >= json->end || *json->at != ':')
        return broken(json, "a ':' was expected here");
    json->at++;
    return LIP_OK;
}

static enum lip_status decode(struct lip_json *json, char *out, size_t capacity,
                              struct lip_json_span text)
{
    const unsigned char *at = text.data, *end = at + text.size;
    size_t n = 0;
    while (at < end) {
        unsigned char bytes[4];
        size_t k = lip_json_string_next(bytes, &at);
        if (bytes[0] == 0)
            return lip_json_fail(json, LIP_INVALID,
                                 "Text must not contain the character "
                                 "U+0000.");
        if (n + k >= capacity)
            return lip_json_fail(json, LIP_INVALID,
                                 "This text is longer than %zu bytes.",
                                 capacity - 1);
        memcpy(out + n, bytes, k);
        n += k;
    }
    out[n] = '\0';
    return LIP_OK;
}

bool lip_json_key_is(const struct lip_json *json, const char *text)
{
    struct lip_json_span key = json->level[json->depth - 1].key;
    const unsigned char *at = key.data, *end = at + key.size;
    while (at < end) {
        unsigned char bytes[4];
        size_t k = lip_json_string_next(bytes, &at);
        for (size_t i = 0; i < k; i++, text++)
            if (*text == '\0' || (unsigned char)*text != bytes[i])
                return false;
    }
    return *text == '\0';
}

enum lip_status lip_json_key(struct lip_json *json, char *out, size_t capacity)
{
    return decode(json, out, capacity, json->level[json->depth - 1].key);
}

/* --- Values ------------------------------------------------------------ */

static enum lip_status number_fault(struct lip_json *json)
{
    return lip_json_fail(json, LIP_INVALID,
                         "This number is beyond the largest double "
                         "(1.8e308), so it is not finite.");
}

enum lip_status lip_json_number(struct lip_json *json, double *out)
{
    enum lip_status status = expect(json, LIP_JSON_NUMBER);
    if (status != LIP_OK)
        return status;
    const unsigned char *past = lip_number_read(out, json->at, json->end);
    if (!past)
        return broken(json, "this is not a number as JSON writes them");
    if (!isfinite(*out))
        return number_fault(json);
    json->at = past;
    return LIP_OK;
}

enum lip_status lip_json_size(struct lip_json *json, size_t *out)
{
    enum lip_status status = expect(json, LIP_JSON_NUMBER);
    if (status != LIP_OK)
        return status;
    const unsigned char *past = lip_number_skip(json->at, json->end);
    if (!past)
        return broken(json, "this is not a number as JSON writes them");
    size_t value = 0;
    for (const unsigned char *p = json->at; p < past; p++) {
        if (*p < '0' || *p > '9')
            return lip_json_fail(json, LIP_INVALID,
                                 "This must be a whole number, not negative, "
                                 "written with digits only.");
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (size_t)(*p - '0'), &value))
            return lip_json_fail(json, LIP_INVALID,
                                 "This whole number is above 2^64.");
    }
    json->at = past;
    *out = value;
    return LIP_OK;
}

enum lip_status lip_json_bool(struct lip_json *json, bool *out)
{
    enum lip_status status = expect(json, LIP_JSON_BOOL);
    if (status != LIP_OK)
        return status;
    *out = *json->at == 't';
    return take_word(json, *out ? "true" : "false");
}

enum lip_status lip_json_string(struct lip_json *json, char *out,
                                size_t capacity)
{
    struct lip_json_span span;
    enum lip_status status = expect(json, LIP_JSON_STRING);
    if (status == LIP_OK)
        status = take_string(json, &span);
    return status == LIP_OK ? decode(json, out, capacity, span) : status;
}

enum lip_status lip_json_numbers(struct lip_json *json, double *out,
                                 size_t capacity, size_t *count)
{
    size_t n = 0;
    bool more;
    enum lip_status status = lip_json_open_array(json);
    while (status == LIP_OK &&
           (status = lip_json_next_element(json, &more)) == LIP_OK && more) {
        if (n == capacity)
            return lip_json_fail(json, LIP_TOO_LARGE,
                                 "There are more than %zu numbers here.",
                                 capacity);
        /* The usual case, "-1.25,", without the detour over the type. */
        skip_space(json);
        const unsigned char *past =
            lip_number_read(&out[n], json->at, json->end);
        if (past && isfinite(out[n]))
            json->at = past;
        else
            status = lip_json_number(json, &out[n]);
        n++;
    }
    *count = n;
    return status;
}

/* Commas among eight bytes. */
static size_t commas(uint64_t v)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7f;
    v ^= 0x2c2c2c2c2c2c2c2c;
    return (size_t)__builtin_popcountll(~(((v & low) + low) | v | low));
}

static size_t commas_between(const unsigned char *p, const unsigned char *end)
{
    size_t n = 0;
    for (; end - p >= 8; p += 8) {
        uint64_t v;
        memcpy(&v, p, sizeof v);
        n += commas(v);
    }
    for (; p < end; p++)
        n += *p == ',';
    return n;
}

/* Passes `bracket`s; how many. */
static size_t pass(struct lip_json *scan, unsigned char bracket, size_t most)
{
    size_t n = 0;
    skip_space(scan);
    while (n < most && scan->at < scan->end && *scan->at == bracket) {
        n++;
        scan->at++;
        skip_space(scan);
    }
    return n;
}

size_t lip_json_count_bound(const struct lip_json *json)
{
    struct lip_json scan = *json;
    skip_space(&scan);
    const unsigned char *begin = scan.at, *end = scan.end;
    size_t n = 0, open = 0;
    while (scan.at < end) {
        open += pass(&scan, '[', SIZE_MAX);
        const unsigned char *row = scan.at;
        const unsigned char *close = memchr(row, ']', (size_t)(end - row));
        scan.at = close ? close : end;
        n += commas_between(row, scan.at) + 1;
        open -= pass(&scan, ']', open);
        if (!close || !open || scan.at >= end || *scan.at != ',')
            break;
        scan.at++;
    }
    size_t most = (size_t)(scan.at - begin) / 2 + 1;
    return n < most ? n : most;
}

static bool begins_number(unsigned char c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

/* A number and, within an array, those that follow it: most of the bytes of a
 * model are these. */
static enum lip_status skip_numbers(struct lip_json *json)
{
    struct lip_json_level *level =
        json->depth ? &json->level[json->depth - 1] : NULL;
    enum lip_status status = LIP_OK;
    while (status == LIP_OK) {
        const unsigned char *past = lip_number_skip(json->at, json->end);
        if (!past)
            return broken(json, "this is not a number as JSON writes them");
        json->at = past;
        if (!level || level->object || json->end - past < 3 || *past != ',')
            break;
        past += past[1] == ' ' ? 2 : 1;
        if (!begins_number(*past))
            break;
        json->at = past;
        level->index++;
        status = pulse(json);
    }
    return status;
}

static enum lip_status skip_scalar(struct lip_json *json,
                                   enum lip_json_type type)
{
    struct lip_json_span span;
    switch (type) {
    case LIP_JSON_NUMBER:
        return skip_numbers(json);
    case LIP_JSON_STRING:
        return take_string(json, &span);
    case LIP_JSON_BOOL:
        return take_word(json, *json->at == 't' ? "true" : "false");
    default:
        return take_word(json, "null");
    }
}

/* Moves to the next value inside level `depth`, out of as many arrays and
 * objects as end here. */
static enum lip_status advance(struct lip_json *json, size_t depth)
{
    bool more = false;
    while (json->depth > depth && !more) {
        enum lip_status status = json->level[json->depth - 1].object
                                     ? lip_json_next_member(json, &more)
                                     : lip_json_next_element(json, &more);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}

enum lip_status lip_json_skip(struct lip_json *json, struct lip_json_span *span)
{
    size_t depth = json->depth;
    skip_space(json);
    const unsigned char *begin = json->at;
    do {
        enum lip_json_type type;
        enum lip_status status = lip_json_peek(json, &type);
        if (status == LIP_OK) {
            if (type == LIP_JSON_ARRAY || type == LIP_JSON_OBJECT)
                status = open_level(json, type == LIP_JSON_OBJECT);
            else
                status = skip_scalar(json, type);
        }
        if (status == LIP_OK)
            status = advance(json, depth);
        if (status != LIP_OK)
            return status;
    } while (json->depth > depth);
    if (span)
        *span = (struct lip_json_span){begin, (size_t)(json->at - begin)};
    return LIP_OK;
}

enum lip_status lip_json_end(struct lip_json *json)
{
    skip_space(json);
    if (json->at < json->end)
        return broken(json, "nothing may follow the document");
    return LIP_OK;
}
