/* SPDX-License-Identifier: MIT
 *
 * The error catalogue as functions, and how a library failure becomes one of
 * its entries. */
#include "api/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *title;
    int status;
} catalogue[API_PROBLEM_COUNT] = {
#define X(name, code, status, title)                                           \
    [API_PROBLEM_##name] = {code, title, status},
    API_PROBLEMS(X)
#undef X
};

int api_problem_status(enum api_problem_code code)
{
    return catalogue[code].status;
}

const char *api_problem_name(enum api_problem_code code)
{
    return catalogue[code].name;
}

const char *api_problem_title(enum api_problem_code code)
{
    return catalogue[code].title;
}

/* What a sentence quotes from the input must not act on a terminal. */
static void make_printable(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            *p = '?';
}

static void set(struct api_problem *problem, enum api_problem_code code,
                const char *format, va_list args)
{
    memset(problem, 0, sizeof *problem);
    problem->code = code;
    vsnprintf(problem->detail, sizeof problem->detail, format, args);
    make_printable(problem->detail);
    if (api_problem_status(code) == 503)
        problem->retry_after = 1;
}

void api_problem_set(struct api_problem *problem, enum api_problem_code code,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(problem, code, format, args);
    va_end(args);
}

void api_problem_set_at(struct api_problem *problem, enum api_problem_code code,
                        enum lip_place place, const char *where,
                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(problem, code, format, args);
    va_end(args);
    problem->place = place;
    snprintf(problem->where, sizeof problem->where, "%s", where);
    make_printable(problem->where);
}

static enum api_problem_code code_of(enum lip_status status)
{
    static const enum api_problem_code code[] = {
        [LIP_OK] = API_PROBLEM_INTERNAL,
        [LIP_MALFORMED] = API_PROBLEM_MALFORMED_BODY,
        [LIP_UNSUPPORTED] = API_PROBLEM_UNSUPPORTED_MODEL,
        [LIP_INVALID] = API_PROBLEM_INVALID_MODEL,
        [LIP_TOO_LARGE] = API_PROBLEM_MODEL_TOO_LARGE,
        [LIP_NO_MEMORY] = API_PROBLEM_OVERLOADED,
        [LIP_CANCELLED] = API_PROBLEM_TIME_LIMIT,
        [LIP_TIMEOUT] = API_PROBLEM_TIME_LIMIT,
        [LIP_UNPROVEN] = API_PROBLEM_UNPROVEN,
    };
    size_t i = (size_t)status;
    return i < sizeof code / sizeof *code ? code[i] : API_PROBLEM_INTERNAL;
}

void api_problem_from_error(struct api_problem *problem,
                            const struct lip_error *error)
{
    /* An empty sentence is a failure that nobody recorded: our own fault. */
    if (!error->detail[0])
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The service failed (%s).",
                        lip_status_name(error->status));
    else
        api_problem_set_at(problem, code_of(error->status), error->place,
                           error->where, "%s", error->detail);
}

/* The member of errors[] that says where: its name tells what kind of place
 * it is. */
static const char *place_name(const struct api_problem *problem)
{
    static const char *const name[] = {
        [LIP_NOWHERE] = NULL,       [LIP_AT_POINTER] = "pointer",
        [LIP_AT_TENSOR] = "tensor", [LIP_AT_LAYER] = "layer",
        [LIP_AT_BYTE] = "byte",
    };
    size_t i = (size_t)problem->place;
    if (problem->in_query)
        return "parameter";
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

/* Layers and bytes are numbers, the other places names. */
static void put_place(struct api_text *text, const struct api_problem *problem)
{
    bool counted =
        problem->place == LIP_AT_LAYER || problem->place == LIP_AT_BYTE;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(problem->where, &end, 10);
    if (counted && !problem->in_query && end != problem->where && !*end &&
        errno == 0)
        api_put_count(text, place_name(problem), number);
    else
        api_put_string(text, place_name(problem), problem->where);
}

void api_problem_write(struct api_text *text, const struct api_problem *problem,
                       const char *instance)
{
    char type[64];
    snprintf(type, sizeof type, "urn:lipschitzd:problem:%s",
             api_problem_name(problem->code));
    api_object_open(text, NULL);
    api_put_string(text, "type", type);
    api_put_string(text, "title", api_problem_title(problem->code));
    api_put_count(text, "status", (uint64_t)api_problem_status(problem->code));
    api_put_string(text, "detail", problem->detail);
    if (instance)
        api_put_string(text, "instance", instance);
    if (place_name(problem)) {
        api_array_open(text, "errors");
        api_object_open(text, NULL);
        put_place(text, problem);
        api_put_string(text, "detail", problem->detail);
        api_object_close(text);
        api_array_close(text);
    }
    api_object_close(text);
}
