/* SPDX-License-Identifier: MIT
 *
 * Places, refusals and plain values of training requests. */
#include "api/train_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LIST = 300 };

/* The escapes are those of RFC 6901. A name that does not fit is cut. */
struct train_place train_at(const struct train_place *parent, const char *name)
{
    struct train_place place = *parent;
    size_t n = strlen(place.pointer);
    if (n + 2 < sizeof place.pointer)
        place.pointer[n++] = '/';
    for (const char *p = name; *p && n + 3 < sizeof place.pointer; p++) {
        bool escaped = *p == '~' || *p == '/';
        if (escaped)
            place.pointer[n++] = '~';
        place.pointer[n++] = !escaped ? *p : *p == '~' ? '0' : '1';
    }
    place.pointer[n] = '\0';
    return place;
}

struct train_place train_at_index(const struct train_place *parent, size_t i)
{
    char index[24];
    snprintf(index, sizeof index, "%zu", i);
    return train_at(parent, index);
}

enum lip_status train_refuse(struct train_reader *r,
                             const struct train_place *at, const char *format,
                             ...)
{
    char sentence[480];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    api_problem_set_at(r->problem, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,
                       at->pointer, "%s", sentence);
    return LIP_INVALID;
}

enum lip_status train_failed(struct train_reader *r,
                             const struct train_place *at)
{
    enum lip_status status = r->ctx->error.status;
    if (status == LIP_INVALID)
        return train_refuse(r, at, "%s", r->ctx->error.detail);
    api_problem_from_error(r->problem, &r->ctx->error);
    r->problem->place = LIP_AT_POINTER;
    snprintf(r->problem->where, sizeof r->problem->where, "%s", at->pointer);
    return status;
}

/* Appends ", word". */
static void add(char list[LIST], const char *word)
{
    size_t n = strlen(list);
    snprintf(list + n, LIST - n, "%s%s", n ? ", " : "", word);
}

static bool is_among(const char *name, const char *const *known)
{
    while (*known && strcmp(*known, name) != 0)
        known++;
    return *known != NULL;
}

enum lip_status train_object(struct train_reader *r, const json_t *value,
                             const struct train_place *at,
                             const char *const *known)
{
    const char *name;
    json_t *member;
    if (!json_is_object(value))
        return train_refuse(r, at, "This is to be an object, { ... }.");
    json_object_foreach((json_t *)value, name, member)
    {
        if (!known || is_among(name, known))
            continue;
        char list[LIST] = "";
        for (size_t i = 0; known[i]; i++)
            add(list, known[i]);
        struct train_place place = train_at(at, name);
        return train_refuse(r, &place,
                            "There is no member \"%.60s\" here. Known are: "
                            "%s.",
                            name, list);
    }
    return LIP_OK;
}

enum lip_status train_members(struct train_reader *r, const json_t *value,
                              const struct train_place *at,
                              const struct train_member *member, size_t count)
{
    const char *known[TRAIN_NAMES] = {NULL};
    for (size_t i = 0; i < count && i + 1 < TRAIN_NAMES; i++)
        known[i] = member[i].name;
    enum lip_status status = train_object(r, value, at, known);
    for (size_t i = 0; status == LIP_OK && i < count; i++) {
        struct train_place place = train_at(at, member[i].name);
        status =
            member[i].read(r, json_object_get(value, member[i].name), &place);
    }
    return status;
}

enum lip_status train_number_value(struct train_reader *r, double *out,
                                   const json_t *value,
                                   const struct train_place *at,
                                   const char *name, struct train_range range)
{
    double x = json_number_value(value);
    if (json_is_number(value) && isfinite(x) && x >= range.least &&
        x <= range.most && !(range.above && x <= range.least) &&
        !(range.below && x >= range.most)) {
        *out = x;
        return LIP_OK;
    }
    return train_refuse(r, at, "\"%s\" is a number, %s %g and %s %g.", name,
                        range.above ? "above" : "at least", range.least,
                        range.below ? "below" : "at most", range.most);
}

enum lip_status train_count_value(struct train_reader *r, size_t *out,
                                  const json_t *value,
                                  const struct train_place *at,
                                  const char *name, size_t least, size_t most)
{
    double x = json_number_value(value);
    if (json_is_number(value) && x >= (double)least && x <= (double)most &&
        !(x > floor(x))) {
        *out = (size_t)x;
        return LIP_OK;
    }
    return train_refuse(r, at, "\"%s\" is a whole number from %zu to %zu.",
                        name, least, most);
}

enum lip_status train_number(struct train_reader *r, double *out,
                             const json_t *object,
                             const struct train_place *parent, const char *name,
                             struct train_range range)
{
    const json_t *value = json_object_get(object, name);
    struct train_place at = train_at(parent, name);
    return value ? train_number_value(r, out, value, &at, name, range) : LIP_OK;
}

enum lip_status train_count(struct train_reader *r, size_t *out,
                            const json_t *object,
                            const struct train_place *parent, const char *name,
                            size_t least, size_t most)
{
    const json_t *value = json_object_get(object, name);
    struct train_place at = train_at(parent, name);
    return value ? train_count_value(r, out, value, &at, name, least, most)
                 : LIP_OK;
}

enum lip_status train_flag(struct train_reader *r, bool *out,
                           const json_t *object,
                           const struct train_place *parent, const char *name)
{
    const json_t *value = json_object_get(object, name);
    struct train_place at = train_at(parent, name);
    if (!value)
        return LIP_OK;
    if (!json_is_boolean(value))
        return train_refuse(r, &at, "\"%s\" is true or false.", name);
    *out = json_is_true(value);
    return LIP_OK;
}

enum lip_status train_choose(struct train_reader *r, size_t *row,
                             const json_t *value, const struct train_place *at,
                             const char *what, const char *(*name)(size_t row))
{
    const char *text = json_string_value(value);
    for (*row = 0; text && name(*row); ++*row)
        if (strcmp(name(*row), text) == 0)
            return LIP_OK;
    char list[LIST] = "";
    for (size_t i = 0; name(i); i++)
        add(list, name(i));
    return train_refuse(r, at, "%s%.60s%s Known are: %s.",
                        text ? "There is no " : "Name the ", what,
                        text ? " of this name." : ".", list);
}

enum lip_status train_read_id(struct train_reader *r, char out[LIP_DIGEST_TEXT],
                              const json_t *value, const struct train_place *at,
                              const char *what)
{
    const char *text = json_string_value(value);
    if (!text || strlen(text) != LIP_DIGEST_TEXT - 1 ||
        strncmp(text, "sha256:", 7) != 0 ||
        strspn(text + 7, "0123456789abcdef") != 64)
        return train_refuse(r, at,
                            "The id of a %s is \"sha256:\" and 64 lower-case "
                            "hexadecimal digits.",
                            what);
    memcpy(out, text, LIP_DIGEST_TEXT);
    return LIP_OK;
}

enum lip_status train_parameters(struct train_reader *r, double *value,
                                 const struct lip_parameter *parameter,
                                 const json_t *object,
                                 const struct train_place *at)
{
    enum lip_status status = LIP_OK;
    for (size_t k = 0; status == LIP_OK && parameter[k].name; k++) {
        struct train_range range = {parameter[k].min, parameter[k].max, false,
                                    false};
        value[k] = parameter[k].fallback;
        status =
            train_number(r, &value[k], object, at, parameter[k].name, range);
    }
    return status;
}

void train_names(const char *out[TRAIN_NAMES], const char *const *base,
                 const struct lip_parameter *parameter)
{
    size_t n = 0;
    while (*base && n + 1 < TRAIN_NAMES)
        out[n++] = *base++;
    for (size_t k = 0; parameter[k].name && n + 1 < TRAIN_NAMES; k++)
        out[n++] = parameter[k].name;
    out[n] = NULL;
}
