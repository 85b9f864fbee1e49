/* SPDX-License-Identifier: MIT
 *
 * The request of POST /certify. Inputs are many numbers: they are read where
 * they lie in the body, straight into one array. */
#include "api/certify.h"

#include "api/model_member.h"
#include "api/options.h"
#include "base/size.h"

#include <stdio.h>
#include <string.h>

enum { MAX_MEMBERS = 16, MAX_OPTION_BYTES = 4096 };

struct reader {
    struct api_certify_request *out;
    const unsigned char *text; /* the body */
    struct api_problem *problem;
    struct lip_ctx *ctx;
};

/* The failure that the library recorded, of the model. */
static enum lip_status failed_model(struct reader *r, enum lip_status status)
{
    r->ctx->error.status = status;
    api_problem_from_error(r->problem, &r->ctx->error);
    return status;
}

/* The same of another member. */
static enum lip_status failed(struct reader *r, enum lip_status status)
{
    failed_model(r, status);
    if (status == LIP_INVALID)
        r->problem->code = API_PROBLEM_INVALID_OPTION;
    return status;
}

static enum lip_status refuse(struct reader *r, const char *pointer,
                              const char *sentence)
{
    bool model = strcmp(pointer, "/model") == 0;
    api_problem_set_at(r->problem,
                       model ? API_PROBLEM_INVALID_MODEL
                             : API_PROBLEM_INVALID_OPTION,
                       LIP_AT_POINTER, pointer, "%s", sentence);
    return LIP_INVALID;
}

static void scan(struct reader *r, struct lip_json *json,
                 const struct lip_json_member *member, const char *pointer)
{
    lip_json_init(json, r->text + member->start, member->end - member->start,
                  member->start, pointer, r->ctx);
}

/* --- inputs */

/* One row of the rest of x, which has room for `room` numbers. */
static enum lip_status read_row(struct reader *r, struct lip_json *json,
                                size_t room)
{
    struct api_certify_request *out = r->out;
    size_t got, i = out->count;
    double *row = out->x + i * out->columns;
    enum lip_status s = lip_json_numbers(json, row, room, &got);
    if (s != LIP_OK)
        return failed(r, s);
    if (i == 0)
        out->columns = got;
    if (got != out->columns || got == 0) {
        char where[40];
        snprintf(where, sizeof where, "/inputs/%zu", i);
        api_problem_set_at(r->problem, API_PROBLEM_INVALID_OPTION,
                           LIP_AT_POINTER, where,
                           "Row %zu has %zu numbers, row 0 has %zu: each is "
                           "one input of the model.",
                           i, got, out->columns);
        return LIP_INVALID;
    }
    out->count++;
    return LIP_OK;
}

static enum lip_status read_inputs(struct reader *r,
                                   const struct lip_json_member *member)
{
    struct lip_json json;
    bool more = true;
    scan(r, &json, member, "/inputs");
    size_t room = lip_json_count_bound(&json);
    r->out->x = lip_alloc(r->ctx, room ? room : 1, sizeof *r->out->x);
    if (!r->out->x)
        return failed(r, r->ctx->error.status);
    enum lip_status s = lip_json_open_array(&json);
    if (s == LIP_OK)
        s = lip_json_next_element(&json, &more);
    while (s == LIP_OK && more) {
        s = read_row(r, &json, room - r->out->count * r->out->columns);
        if (s != LIP_OK)
            return s;
        s = lip_json_next_element(&json, &more);
    }
    if (s != LIP_OK)
        return failed(r, s);
    if (r->out->count == 0)
        return refuse(r, "/inputs", "Give at least one input.");
    return LIP_OK;
}

static enum lip_status read_labels(struct reader *r,
                                   const struct lip_json_member *member)
{
    struct api_certify_request *out = r->out;
    struct lip_json json;
    bool more = true;
    size_t value;
    scan(r, &json, member, "/labels");
    size_t room = lip_json_count_bound(&json);
    out->label = lip_alloc(r->ctx, room ? room : 1, sizeof *out->label);
    if (!out->label)
        return failed(r, r->ctx->error.status);
    enum lip_status s = lip_json_open_array(&json);
    if (s == LIP_OK)
        s = lip_json_next_element(&json, &more);
    while (s == LIP_OK && more && out->labels < room) {
        s = lip_json_size(&json, &value);
        if (s == LIP_OK && value > UINT32_MAX)
            s = lip_json_fail(&json, LIP_INVALID,
                              "A label is a class: 0, 1, "
                              "2 and so on.");
        if (s == LIP_OK)
            out->label[out->labels++] = (uint32_t)value;
        if (s == LIP_OK)
            s = lip_json_next_element(&json, &more);
    }
    if (s != LIP_OK)
        return failed(r, s);
    if (out->labels == 0)
        return refuse(r, "/labels", "Give one label for each input.");
    return LIP_OK;
}

static enum lip_status read_radii(struct reader *r,
                                  const struct lip_json_member *member)
{
    struct lip_json json;
    scan(r, &json, member, "/radii");
    enum lip_status s = lip_json_numbers(&json, r->out->radius,
                                         API_CERTIFY_RADII, &r->out->radii);
    if (s == LIP_TOO_LARGE)
        return refuse(r, "/radii", "Give at most 32 radii.");
    if (s != LIP_OK)
        return failed(r, s);
    for (size_t i = 0; i < r->out->radii; i++) {
        char where[40];
        snprintf(where, sizeof where, "/radii/%zu", i);
        if (r->out->radius[i] < 0)
            return refuse(r, where, "A radius is not negative.");
    }
    return LIP_OK;
}

static enum lip_status read_logits(struct reader *r,
                                   const struct lip_json_member *member)
{
    struct lip_json json;
    scan(r, &json, member, "/logits");
    enum lip_status s = lip_json_bool(&json, &r->out->logits);
    return s == LIP_OK ? LIP_OK : failed(r, s);
}

static enum lip_status read_dataset(struct reader *r,
                                    const struct lip_json_member *member)
{
    bool found = false;
    enum lip_status s = LIP_OK;
    if (member->type == LIP_JSON_OBJECT)
        s = api_reference_member(&found, r->out->dataset_id, r->text, member,
                                 "/dataset", r->ctx);
    if (s != LIP_OK)
        return failed(r, s);
    if (!found)
        return refuse(r, "/dataset",
                      "A stored data set is {\"id\": \"sha256:...\"}; other "
                      "inputs go to \"inputs\".");
    return LIP_OK;
}

static enum lip_status read_model(struct reader *r,
                                  const struct lip_json_member *member)
{
    struct lip_read_options options = {0};
    enum lip_status s = api_model_member(&r->out->network, r->out->model_id,
                                         r->text, member, &options, r->ctx);
    return s == LIP_OK ? LIP_OK : failed_model(r, s);
}

/* norm and time_limit, read as /bound reads them. */
static enum lip_status read_option(struct reader *r,
                                   const struct lip_json_member *member)
{
    struct api_bound_request bound = {0};
    struct api_options options;
    json_error_t error;
    if (member->end - member->start > MAX_OPTION_BYTES)
        return refuse(r, "", "An option is longer than 4096 bytes.");
    json_t *value = json_loadb(
        (const char *)r->text + member->start, member->end - member->start,
        JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
        &error);
    if (!value && json_error_code(&error) == json_error_out_of_memory)
        return api_out_of_memory(r->problem);
    if (!value) {
        char where[LIP_JSON_KEY + 1];
        snprintf(where, sizeof where, "/%.*s", LIP_JSON_KEY - 1, member->key);
        return refuse(r, where, "The value cannot be read.");
    }
    api_options_init(&options, &bound, r->problem);
    enum lip_status s = api_options_member(&options, member->key, value);
    json_decref(value);
    if (strcmp(member->key, "norm") == 0)
        r->out->norm = bound.options.norm;
    else
        r->out->seconds = bound.options.time_limit;
    return s;
}

/* --- the whole */

static const struct {
    const char *name;
    enum lip_status (*read)(struct reader *r,
                            const struct lip_json_member *member);
} known[] = {
    {"model", read_model},   {"inputs", read_inputs},
    {"labels", read_labels}, {"radii", read_radii},
    {"logits", read_logits}, {"dataset", read_dataset},
    {"norm", read_option},   {"time_limit", read_option},
};

static enum lip_status read_member(struct reader *r,
                                   const struct lip_json_member *member)
{
    char where[LIP_JSON_KEY + 1];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, member->key) == 0)
            return known[i].read(r, member);
    snprintf(where, sizeof where, "/%.*s", LIP_JSON_KEY - 1, member->key);
    return refuse(r, where,
                  "There is no such member. Known are: model, inputs, "
                  "dataset, labels, radii, norm, time_limit, logits.");
}

static bool is_there(const struct lip_json_member *member, size_t count,
                     const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(member[i].key, key) == 0)
            return true;
    return false;
}

/* What must be there, and what must not be there together. */
static enum lip_status check(struct reader *r,
                             const struct lip_json_member *member, size_t count)
{
    bool inputs = is_there(member, count, "inputs");
    bool labels = is_there(member, count, "labels");
    bool dataset = is_there(member, count, "dataset");
    if (!is_there(member, count, "model"))
        return refuse(r, "/model",
                      "Say which model: {\"id\": \"sha256:...\"} or "
                      "{\"layers\": [...]}.");
    if (inputs == dataset)
        return refuse(r, "/inputs",
                      "Give either \"inputs\", an array of rows, or "
                      "\"dataset\", {\"id\": \"sha256:...\"}.");
    if (labels && dataset)
        return refuse(r, "/labels",
                      "The data set has its labels: leave these out.");
    if (is_there(member, count, "radii") && !labels && !dataset)
        return refuse(r, "/radii",
                      "Certified accuracy at radii needs \"labels\".");
    return LIP_OK;
}

static enum lip_status read_members(struct reader *r, size_t size)
{
    struct lip_json_member member[MAX_MEMBERS];
    struct lip_json json;
    size_t count;
    lip_json_init(&json, r->text, size, 0, "", r->ctx);
    enum lip_status s = lip_json_members(member, MAX_MEMBERS, &count, &json);
    if (s != LIP_OK) {
        failed(r, s);
        r->problem->code = API_PROBLEM_MALFORMED_BODY;
        return s;
    }
    s = check(r, member, count);
    for (size_t i = 0; s == LIP_OK && i < count; i++)
        s = read_member(r, &member[i]);
    if (s == LIP_OK && r->out->labels && r->out->labels != r->out->count) {
        api_problem_set_at(r->problem, API_PROBLEM_INVALID_OPTION,
                           LIP_AT_POINTER, "/labels",
                           "There are %zu labels for %zu inputs.",
                           r->out->labels, r->out->count);
        s = LIP_INVALID;
    }
    return s;
}

enum lip_status api_certify_read(struct api_certify_request *out,
                                 const unsigned char *body, size_t size,
                                 struct api_problem *problem,
                                 struct lip_ctx *ctx)
{
    struct reader r = {out, body, problem, ctx};
    *out = (struct api_certify_request){.norm = {LIP_NORM_2, LIP_NORM_2},
                                        .logits = true};
    enum lip_status s = read_members(&r, size);
    if (s != LIP_OK)
        api_certify_clear(out);
    return s;
}

void api_certify_clear(struct api_certify_request *request)
{
    lip_network_free(request->network);
    lip_free(request->x);
    lip_free(request->label);
    memset(request, 0, sizeof *request);
}

enum lip_status api_certify_take_data(struct api_certify_request *request,
                                      const struct lip_data *data,
                                      struct api_problem *problem,
                                      struct lip_ctx *ctx)
{
    size_t count = 0;
    if (data->classes == 0) {
        api_problem_set_at(problem, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,
                           "/dataset",
                           "The data set has numbers to predict, not classes.");
        return LIP_INVALID;
    }
    if (lip_size_mul(&count, data->rows, data->features))
        request->x = lip_alloc(ctx, count, sizeof *request->x);
    if (request->x)
        request->label = lip_alloc(ctx, data->rows, sizeof *request->label);
    if (!request->label) {
        api_problem_from_error(problem, &ctx->error);
        return ctx->error.status;
    }
    for (size_t i = 0; i < count; i++)
        request->x[i] = data->x[i];
    memcpy(request->label, data->label, data->rows * sizeof *data->label);
    request->count = request->labels = data->rows;
    request->columns = data->features;
    return LIP_OK;
}
