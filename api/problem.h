/* SPDX-License-Identifier: MIT
 *
 * Every error that leaves the service is a problem document (RFC 9457) from
 * this one catalogue: stable code, HTTP status, title. */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include "api/text.h"

/* code, HTTP status, title. The type URI is
 * "urn:lipschitzd:problem:" and the code. */
#define API_PROBLEMS(X)                                                        \
    X(MALFORMED_BODY, "malformed-body", 400, "The body cannot be read")        \
    X(BAD_REQUEST, "bad-request", 400, "The request cannot be understood")     \
    X(UNAUTHORIZED, "unauthorized", 401, "This takes a token")                 \
    X(FORBIDDEN, "forbidden", 403, "The token does not allow this")            \
    X(NOT_FOUND, "not-found", 404, "There is nothing at this address")         \
    X(METHOD_NOT_ALLOWED, "method-not-allowed", 405,                           \
      "This address does not take that method")                                \
    X(REQUEST_TIMEOUT, "request-timeout", 408,                                 \
      "The request did not arrive in time")                                    \
    X(IDEMPOTENCY_CONFLICT, "idempotency-conflict", 409,                       \
      "This Idempotency-Key came with another request before")                 \
    X(LENGTH_REQUIRED, "length-required", 411, "The length must be given")     \
    X(BODY_TOO_LARGE, "body-too-large", 413, "The body is too large")          \
    X(MODEL_TOO_LARGE, "model-too-large", 413,                                 \
      "The model needs more memory or work than is allowed")                   \
    X(RANGE, "range-not-satisfiable", 416, "There is no such part")            \
    X(UNSUPPORTED_FORMAT, "unsupported-format", 415,                           \
      "The body is in a format that is not read")                              \
    X(INVALID_MODEL, "invalid-model", 422, "The model is not valid")           \
    X(UNSUPPORTED_MODEL, "unsupported-model", 422,                             \
      "The model uses something that is not supported")                        \
    X(INVALID_DATA, "invalid-data", 422, "The data set is not valid")          \
    X(INVALID_OPTION, "invalid-option", 422, "An option is not valid")         \
    X(TIME_LIMIT, "time-limit", 422, "The time limit passed")                  \
    X(UNPROVEN, "unproven", 422, "No finite bound could be proven")            \
    X(RATE_LIMITED, "rate-limited", 429, "Too many requests")                  \
    X(INTERNAL, "internal", 500, "The service failed")                         \
    X(OVERLOADED, "overloaded", 503, "The service is busy")                    \
    X(STORAGE_FULL, "storage-full", 507, "There is no room to store this")     \
    X(DRAINING, "draining", 503, "The service is shutting down")

enum api_problem_code {
#define X(name, code, status, title) API_PROBLEM_##name,
    API_PROBLEMS(X)
#undef X
        API_PROBLEM_COUNT
};

struct api_problem {
    enum api_problem_code code;
    char detail[768];
    enum lip_place place; /* LIP_NOWHERE: no errors[] member */
    char where[200];
    bool in_query;        /* `where` names a query parameter, whatever place */
    unsigned retry_after; /* seconds; 0: no Retry-After header */
};

int api_problem_status(enum api_problem_code code);
const char *api_problem_name(enum api_problem_code code);
const char *api_problem_title(enum api_problem_code code);

/* Fills a problem of this code with a sentence. Control characters in it
 * become '?'. */
void api_problem_set(struct api_problem *problem, enum api_problem_code code,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with the place in the input. */
void api_problem_set_at(struct api_problem *problem, enum api_problem_code code,
                        enum lip_place place, const char *where,
                        const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The problem that tells of a library failure while reading a body of a known
 * format or analysing a model. LIP_UNSUPPORTED is taken for a model that uses
 * what is not supported; that a format is not known at all
 * (API_PROBLEM_UNSUPPORTED_FORMAT), its caller has to say. */
void api_problem_from_error(struct api_problem *problem,
                            const struct lip_error *error);

/* Writes the document; `instance` is the request id, or NULL. */
void api_problem_write(struct api_text *text, const struct api_problem *problem,
                       const char *instance);

#endif
