/* SPDX-License-Identifier: MIT
 *
 * The body forms of POST /datasets: what the query says, which bytes are the
 * data, and in which format they are. */
#include "api/dataset.h"

#include "api/dataset_parts.h"
#include "api/multipart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first that claims the bytes reads them: csv takes any text. */
const struct api_dataset_format *const api_dataset_formats[] = {
    &api_dataset_npz,  &api_dataset_npy, &api_dataset_idx,
    &api_dataset_json, &api_dataset_csv, NULL};

bool api_task_read(enum api_task *out, const char *text)
{
    bool classify = !strcmp(text, "classification");
    *out = classify ? API_TASK_CLASSIFICATION : API_TASK_REGRESSION;
    return classify || !strcmp(text, "regression");
}

void api_dataset_problem(struct api_problem *problem,
                         const struct lip_error *error)
{
    api_problem_from_error(problem, error);
    if (problem->code == API_PROBLEM_INVALID_MODEL)
        problem->code = API_PROBLEM_INVALID_DATA;
    if (problem->code == API_PROBLEM_UNSUPPORTED_MODEL)
        problem->code = API_PROBLEM_UNSUPPORTED_FORMAT;
    if (problem->code == API_PROBLEM_MODEL_TOO_LARGE)
        problem->code = API_PROBLEM_BODY_TOO_LARGE;
    /* A line of a table is told in the sentence; it is no pointer. */
    if (problem->place == LIP_AT_POINTER && *problem->where &&
        *problem->where != '/')
        problem->place = LIP_NOWHERE;
}

static enum lip_status failed(struct api_problem *problem,
                              enum lip_status status, struct lip_ctx *ctx)
{
    ctx->error.status = status;
    api_dataset_problem(problem, &ctx->error);
    return status;
}

/* --- the query */

struct setter {
    struct api_dataset_options *options;
    const char *value;
    const char *wants; /* set on failure: what the value should be */
};

static bool set_task(struct setter *s)
{
    s->wants = "classification or regression";
    return api_task_read(&s->options->task, s->value);
}

static bool set_target(struct setter *s)
{
    s->wants = "the name of a column";
    s->options->target = s->value;
    return *s->value;
}

/* Names between commas; a backslash takes what follows it as it is. */
static bool set_ignore(struct setter *s)
{
    struct api_dataset_options *options = s->options;
    char *to = options->ignore_text;
    const char *from = s->value;
    s->wants = "up to 64 names of columns between commas, 2000 bytes in all";
    if (strlen(from) >= API_IGNORED_TEXT)
        return false;
    options->ignore[options->ignored++] = to;
    for (; *from; from++) {
        if (*from == '\\' && from[1]) {
            *to++ = *++from;
        } else if (*from == ',') {
            *to++ = '\0';
            if (options->ignored == API_MAX_IGNORED)
                return false;
            options->ignore[options->ignored++] = to;
        } else {
            *to++ = *from;
        }
    }
    return true;
}

static bool set_x(struct setter *s)
{
    s->wants = "the name of an array";
    s->options->x = s->value;
    return *s->value;
}

static bool set_y(struct setter *s)
{
    s->wants = "the name of an array";
    s->options->y = s->value;
    return *s->value;
}

static bool set_scale(struct setter *s)
{
    char *end;
    s->wants =
        "a number above 0 and at most 1e30, that features are divided by";
    s->options->scale = strtod(s->value, &end);
    return end != s->value && !*end &&
           strspn(s->value, "0123456789.eE+-") == strlen(s->value) &&
           s->options->scale >= 1e-30 && s->options->scale <= 1e30;
}

static bool set_classes(struct setter *s)
{
    char *end;
    s->wants = "a whole number from 1 to 65536";
    s->options->classes = strtoul(s->value, &end, 10);
    return *s->value >= '0' && *s->value <= '9' && !*end &&
           s->options->classes >= 1 && s->options->classes <= LIP_MAX_CLASSES;
}

static const struct {
    const char *name;
    bool (*set)(struct setter *setter);
} settings[] = {{"task", set_task},
                {"target", set_target},
                {"ignore", set_ignore},
                {"x", set_x},
                {"y", set_y},
                {"scale", set_scale},
                {"classes", set_classes}};

enum { SETTINGS = sizeof settings / sizeof *settings };

static enum lip_status bad_option(struct api_problem *problem, const char *name,
                                  const char *sentence)
{
    api_problem_set_at(problem, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,
                       name, "The query parameter \"%.40s\" %s.", name,
                       sentence);
    problem->in_query = true;
    return LIP_INVALID;
}

static enum lip_status read_option(struct api_dataset_options *options,
                                   unsigned *seen, const char *name,
                                   const char *value,
                                   struct api_problem *problem)
{
    char text[160];
    struct setter setter = {options, value, ""};
    size_t i = 0;
    while (i < SETTINGS && strcmp(settings[i].name, name) != 0)
        i++;
    if (i == SETTINGS)
        return bad_option(problem, name,
                          "is not known; known are task, target, ignore, x, "
                          "y, scale and classes");
    if (*seen & 1u << i)
        return bad_option(problem, name, "is given twice");
    *seen |= 1u << i;
    if (settings[i].set(&setter))
        return LIP_OK;
    snprintf(text, sizeof text, "must be %s", setter.wants);
    return bad_option(problem, name, text);
}

/* Whether the format takes what the query says. */
static enum lip_status check_options(const struct api_dataset_plan *plan,
                                     unsigned seen, struct api_problem *problem)
{
    char text[160], word[32];
    for (size_t i = 0; i < SETTINGS; i++) {
        snprintf(word, sizeof word, " %s ", settings[i].name);
        if (!(seen & 1u << i) || strstr(plan->format->options, word))
            continue;
        snprintf(text, sizeof text, "means nothing for data in the %s format",
                 plan->format->name);
        return bad_option(problem, settings[i].name, text);
    }
    if (plan->format == &api_dataset_csv && !plan->options.target)
        return bad_option(problem, "target",
                          "is needed: the column of the table to predict");
    return LIP_OK;
}

/* --- the bytes */

static enum lip_status refuse(struct api_problem *problem,
                              enum api_problem_code code, const char *sentence)
{
    api_problem_set(problem, code, "%s", sentence);
    return code == API_PROBLEM_UNSUPPORTED_FORMAT ? LIP_UNSUPPORTED
                                                  : LIP_MALFORMED;
}

#define READ                                                                   \
    "Data sets are read as npz with x and y, csv with a header line, an idx "  \
    "or npy pair as parts of a form, and JSON."

/* What is often sent instead. */
static enum lip_status unknown(const struct lip_bytes *part,
                               struct api_problem *problem)
{
    static const struct {
        const char *begin;
        size_t size;
        const char *sentence;
    } known[] = {
        {"\x93NUMPY", 6,
         "This is one npy array; a data set has two. Send an npz file with x "
         "and y, or a form with the parts x and y."},
        {"\0\0\x08", 3,
         "This is one idx file. Send a form with the two parts images and "
         "labels."},
        {"\x1f\x8b", 2,
         "This is one gzip file. Send csv and npz as they are, and an idx pair "
         "as a form with the two parts images and labels."},
        {"\x89HDF", 4, "HDF5 files are not read. " READ},
        {"PAR1", 4, "Parquet files are not read. " READ},
        {"ARROW1", 6, "Arrow files are not read. " READ},
        {"MATLAB", 6, "MATLAB files are not read. " READ},
        {"\x80\x02", 2, "Python pickles are not read. " READ},
        {"\x80\x03", 2, "Python pickles are not read. " READ},
        {"\x80\x04", 2, "Python pickles are not read. " READ},
        {"\x80\x05", 2, "Python pickles are not read. " READ},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (part->size >= known[i].size &&
            !memcmp(part->data, known[i].begin, known[i].size))
            return refuse(problem, API_PROBLEM_UNSUPPORTED_FORMAT,
                          known[i].sentence);
    return refuse(problem, API_PROBLEM_UNSUPPORTED_FORMAT,
                  "The bytes are in no known format. " READ);
}

static enum lip_status detect(struct api_dataset_plan *plan,
                              struct api_problem *problem)
{
    for (size_t i = 0; api_dataset_formats[i]; i++) {
        const struct api_dataset_format *format = api_dataset_formats[i];
        if (format->parts != plan->parts || !format->detect(&plan->part[0]) ||
            (plan->parts == 2 && !format->detect(&plan->part[1])))
            continue;
        plan->format = format;
        return LIP_OK;
    }
    if (plan->parts == 1)
        return unknown(&plan->part[0], problem);
    return refuse(problem, API_PROBLEM_UNSUPPORTED_FORMAT,
                  "The two parts are neither an idx pair, gzip or not, nor two "
                  "npy arrays.");
}

static enum lip_status no_parts(struct api_problem *problem)
{
    return refuse(problem, API_PROBLEM_MALFORMED_BODY,
                  "A form has one part \"file\", or the two parts \"images\" "
                  "and \"labels\" (or \"x\" and \"y\"), and no others.");
}

/* Sorts the parts of a form into the plan. */
static enum lip_status take_parts(struct api_dataset_plan *plan,
                                  const struct api_dataset_body *body,
                                  struct api_problem *problem,
                                  struct lip_ctx *ctx)
{
    static const char *const names[][2] = {
        {"file", ""}, {"images", "labels"}, {"x", "y"}};
    struct api_part part[API_MAX_PARTS];
    size_t count;
    enum lip_status status = api_multipart_parts(
        part, &count, body->bytes, body->size, body->content_type, ctx);
    if (status != LIP_OK) {
        failed(problem, status, ctx);
        if (status != LIP_NO_MEMORY)
            problem->code = API_PROBLEM_MALFORMED_BODY;
        return status;
    }
    if (count < 1 || count > 2)
        return no_parts(problem);
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < count; i++) {
            const struct api_part *first = &part[i], *other = &part[!i];
            if ((count == 2) != (k > 0) || strcmp(first->name, names[k][0]) ||
                (count == 2 && strcmp(other->name, names[k][1])))
                continue;
            plan->parts = count;
            plan->offset = first->offset;
            plan->part[0].data = body->bytes + first->offset;
            plan->part[0].size = first->size;
            if (count == 2) {
                plan->part[1].data = body->bytes + other->offset;
                plan->part[1].size = other->size;
            }
            return LIP_OK;
        }
    return no_parts(problem);
}

enum lip_status api_dataset_plan(struct api_dataset_plan *out,
                                 const struct api_dataset_body *body,
                                 struct api_problem *problem,
                                 struct lip_ctx *ctx)
{
    unsigned seen = 0;
    enum lip_status status = LIP_OK;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; status == LIP_OK && i < body->query->count; i++)
        status = read_option(&out->options, &seen, body->query->item[i].name,
                             body->query->item[i].value, problem);
    if (status != LIP_OK)
        return status;
    if (body->size == 0)
        return refuse(problem, API_PROBLEM_MALFORMED_BODY,
                      "The body is empty. " READ);
    out->parts = 1;
    out->part[0] = (struct lip_bytes){body->bytes, body->size};
    if (api_is_multipart(body->content_type))
        status = take_parts(out, body, problem, ctx);
    if (status == LIP_OK)
        status = detect(out, problem);
    if (status == LIP_OK)
        status = check_options(out, seen, problem);
    if (status != LIP_OK)
        return status;
    status = out->format->plan(out, ctx);
    return status == LIP_OK ? LIP_OK : failed(problem, status, ctx);
}

enum lip_status api_dataset_read(struct lip_data **out,
                                 const struct api_dataset_plan *plan,
                                 struct api_problem *problem,
                                 struct lip_ctx *ctx)
{
    enum lip_status status = plan->format->read(out, plan, ctx);
    if (status == LIP_OK)
        status = lip_data_check(*out, ctx);
    if (status == LIP_OK)
        return LIP_OK;
    lip_data_free(*out);
    *out = NULL;
    return failed(problem, status, ctx);
}
