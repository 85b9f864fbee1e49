/* SPDX-License-Identifier: MIT
 *
 * A parameter that is not known is refused: a misspelt one would be ignored
 * without a word. */
#include "server/query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_among(const char *name, const char *known)
{
    size_t length = strlen(name);
    while (*known) {
        size_t word = strcspn(known, " ");
        if (word == length && !memcmp(known, name, length))
            return true;
        known += word;
        known += strspn(known, " ");
    }
    return false;
}

static bool refuse(struct api_problem *problem, const char *name,
                   const char *sentence, const char *more)
{
    api_problem_set_at(problem, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,
                       name, "The parameter \"%.60s\" %s%s.", name, sentence,
                       more);
    problem->in_query = true;
    return false;
}

bool lipd_query_only(const struct lipd_request *request, const char *known,
                     struct api_problem *problem)
{
    const struct api_query *query = &request->query;
    for (size_t i = 0; i < query->count; i++) {
        const char *name = query->item[i].name;
        if (!is_among(name, known))
            return refuse(problem, name,
                          "is not known here; known are: ", known);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(query->item[k].name, name))
                return refuse(problem, name, "is there twice", "");
    }
    return true;
}

const char *lipd_query_text(const struct lipd_request *request,
                            const char *name)
{
    const struct api_query *query = &request->query;
    for (size_t i = 0; i < query->count; i++)
        if (!strcmp(query->item[i].name, name))
            return query->item[i].value;
    return NULL;
}

static bool read_number(double *out, const struct lipd_request *request,
                        const char *name, double least, double most)
{
    const char *text = lipd_query_text(request, name);
    char *end;
    if (!text)
        return true;
    /* strtod takes spaces, signs, words and hexadecimal digits as well. */
    if (!*text || text[strspn(text, "0123456789.")])
        return false;
    *out = strtod(text, &end);
    return !*end && *out >= least && *out <= most;
}

static bool refuse_number(struct api_problem *problem, const char *name,
                          const char *what, double least, double most)
{
    api_problem_set_at(problem, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,
                       name, "The parameter \"%.60s\" is %s from %g to %g.",
                       name, what, least, most);
    problem->in_query = true;
    return false;
}

bool lipd_query_number(double *out, const struct lipd_request *request,
                       const char *name, double least, double most,
                       struct api_problem *problem)
{
    return read_number(out, request, name, least, most) ||
           refuse_number(problem, name, "a number", least, most);
}

bool lipd_query_whole(double *out, const struct lipd_request *request,
                      const char *name, double least, double most,
                      struct api_problem *problem)
{
    return (read_number(out, request, name, least, most) &&
            *out >= floor(*out) && *out <= floor(*out)) ||
           refuse_number(problem, name, "a whole number", least, most);
}
