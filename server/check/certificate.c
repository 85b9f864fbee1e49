/* SPDX-License-Identifier: MIT
 *
 * The document: its form and digest, the claim and the evidence. What the
 * digest is taken over is said in api/certificate.h. */
#include "server/check/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 16, MOST_MEMBERS = 32, LARGEST_EXPONENT = 1000000 };

static void add_text(struct sha256_ctx *hash, const char *text)
{
    lip_digest_u64(hash, strlen(text));
    sha256_update(hash, strlen(text), (const uint8_t *)text);
}

/* The next key in the order of bytes, NULL at the end. */
static const char *key_after(const json_t *object, const char *last)
{
    const char *key, *next = NULL;
    json_t *value;
    json_object_foreach((json_t *)object, key,
                        value) if (strcmp(key, last) > 0 &&
                                   (!next || strcmp(key, next) < 0)) next = key;
    return next;
}

/* False where the value is too deep or of a kind that certificates lack. */
static bool add(struct sha256_ctx *hash, const json_t *value, int depth)
{
    static const char tag[] = {
        [JSON_OBJECT] = '{', [JSON_ARRAY] = '[', [JSON_STRING] = 's',
        [JSON_REAL] = 'd',   [JSON_TRUE] = 't',  [JSON_FALSE] = 'f',
        [JSON_NULL] = '\0'};
    bool good = depth < DEEPEST && json_object_size(value) <= MOST_MEMBERS;
    lip_digest_u64(hash, (unsigned char)tag[json_typeof(value)]);
    if (json_is_string(value))
        add_text(hash, json_string_value(value));
    if (json_is_real(value))
        lip_digest_double(hash, json_real_value(value));
    for (const char *key = ""; good && (key = key_after(value, key));) {
        if (depth == 0 && !strcmp(key, "digest"))
            continue;
        add_text(hash, key);
        good = add(hash, json_object_get(value, key), depth + 1);
    }
    for (size_t i = 0; good && i < json_array_size(value); i++)
        good = add(hash, json_array_get(value, i), depth + 1);
    if (json_is_object(value) || json_is_array(value))
        lip_digest_u64(hash, json_is_object(value) ? '}' : ']');
    return good && !json_is_null(value);
}

const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

enum verdict certificate_read(struct check *c, const char *text, size_t size)
{
    struct sha256_ctx hash;
    char digest[LIP_DIGEST_TEXT];
    json_error_t error;
    c->root = json_loadb(
        text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    if (!c->root)
        return refuse(c, "The certificate is no JSON: %.150s.", error.text);
    if (strcmp(text_at(c->root, "format"), "lipschitz-certificate") ||
        json_number_value(json_object_get(c->root, "version")) != 1)
        return refuse(c, "This is no certificate of version 1.");
    sha256_init(&hash);
    bool good = add(&hash, c->root, 0);
    lip_digest_text(digest, &hash);
    if (good && !strcmp(text_at(c->root, "digest"), digest))
        return PROVED;
    return refuse(c, "The certificate was altered: its digest is not that of "
                     "its content.");
}

static enum norm norm_named(const json_t *name)
{
    double x = json_number_value(name);
    if (json_is_string(name) && !strcmp(json_string_value(name), "inf"))
        return INF;
    return x == 1 ? ONE : x == 2 ? TWO : NO_NORM;
}

enum verdict certificate_claim(struct check *c)
{
    const json_t *claim = json_object_get(c->root, "claim");
    const json_t *norm = json_object_get(claim, "norm");
    const json_t *evidence = json_object_get(c->root, "evidence");
    const json_t *upper = json_object_get(claim, "upper_bound");
    const json_t *lower = json_object_get(claim, "lower_bound");
    double value = json_real_value(upper ? upper : lower);
    double hex = strtod(
        text_at(claim, upper ? "upper_bound_hex" : "lower_bound_hex"), NULL);
    c->lower = !upper;
    c->from = norm_named(json_object_get(norm, "input"));
    c->to = norm_named(json_object_get(norm, "output"));
    c->rows = json_object_get(evidence, "numbers");
    c->path = json_object_get(evidence, "path");
    arb_set_d(c->claim, value);
    if (!(value >= 0) || memcmp(&hex, &value, sizeof hex) != 0)
        return refuse(c, "The bound, once in decimal and once in hexadecimal, "
                         "is not one number.");
    if (c->from == NO_NORM || c->to == NO_NORM)
        return refuse(c, "The norms of the claim are not named.");
    return PROVED;
}

arb_ptr evidence_row(struct check *c, slong i, slong n)
{
    const json_t *row = json_array_get(c->rows, (size_t)i);
    arb_ptr out = vector(c, n);
    bool good = json_is_array(row) && json_array_size(row) == (size_t)n;
    for (slong k = 0; k < n && good; k++) {
        const json_t *x = json_array_get(row, (size_t)k);
        double e = json_number_value(json_object_get(x, "exponent"));
        double m = json_number_value(json_object_get(x, "mantissa"));
        good = (json_is_number(x) || m != 0) && fabs(e) <= LARGEST_EXPONENT;
        arb_set_d(out + k, json_is_number(x) ? json_number_value(x) : m);
        arb_mul_2exp_si(out + k, out + k, good ? (slong)e : 0);
    }
    if (good)
        return out;
    refuse(c, "Row %ld of the evidence does not have %ld numbers.", i + 1, n);
    return NULL;
}

enum norm path_at(const struct check *c, slong i)
{
    return norm_named(json_array_get(c->path, (size_t)i));
}
