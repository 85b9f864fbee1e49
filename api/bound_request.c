/* SPDX-License-Identifier: MIT
 *
 * The body forms of POST /bound. A model is never copied on its way to its
 * reader: it is read where it lies in the body. */
#include "api/bound.h"

#include "api/model_member.h"
#include "api/multipart.h"
#include "api/options.h"
#include "formats/json.h"
#include "formats/json_scan.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    MAX_MEMBERS = 32,
    MAX_OPTION_BYTES = 64 * 1024 /* all options in JSON together */
};

struct reader {
    struct api_bound_request *out;
    struct api_options options;
    struct lip_buffer *body;
    const char *content_type; /* never NULL */
    struct api_problem *problem;
    struct lip_ctx *ctx;
};

/* The failure that the library recorded, as it stands. */
static enum lip_status failed(struct reader *r, enum lip_status status)
{
    r->ctx->error.status = status;
    api_problem_from_error(r->problem, &r->ctx->error);
    return status;
}

/* The same for a body whose outer form, not whose model, is at fault. */
static enum lip_status malformed(struct reader *r, enum lip_status status)
{
    failed(r, status);
    if (status == LIP_INVALID || status == LIP_TOO_LARGE)
        r->problem->code = API_PROBLEM_MALFORMED_BODY;
    return status;
}

static enum lip_status refuse(struct reader *r, enum api_problem_code code,
                              const char *pointer, const char *sentence)
{
    api_problem_set_at(r->problem, code, pointer ? LIP_AT_POINTER : LIP_NOWHERE,
                       pointer ? pointer : "", "%s", sentence);
    return code == API_PROBLEM_MALFORMED_BODY ? LIP_MALFORMED : LIP_INVALID;
}

static bool is_json_type(const struct reader *r)
{
    size_t n = strcspn(r->content_type, "; \t");
    return n == 16 && strncasecmp(r->content_type, "application/json", n) == 0;
}

static enum lip_status check_options_for_json(struct reader *r)
{
    if (!api_options_for_weights(&r->options) && !r->options.read.layers)
        return LIP_OK;
    return refuse(r, API_PROBLEM_INVALID_OPTION, NULL,
                  "A JSON model lists its layers itself: the options "
                  "activation and layout and the part \"layers\" are for files "
                  "that hold weights only. Leave them out.");
}

static const struct lip_format *detect(struct reader *r,
                                       const struct lip_buffer *file)
{
    return lip_format_detect(lip_buffer_bytes(file), lip_buffer_size(file),
                             r->ctx);
}

/* A model file of this format; NULL: none that is known. */
static enum lip_status read_file(struct reader *r, struct lip_buffer *file,
                                 const struct lip_format *format)
{
    enum lip_status s = api_options_finish(&r->options);
    if (s != LIP_OK)
        return s;
    if (!format) {
        failed(r, LIP_UNSUPPORTED);
        r->problem->code = API_PROBLEM_UNSUPPORTED_FORMAT;
        return LIP_UNSUPPORTED;
    }
    r->out->format = format;
    if (format == &lip_format_json)
        s = check_options_for_json(r);
    else if (r->options.read.layers && !format->weights_only)
        s = refuse(r, API_PROBLEM_INVALID_OPTION, NULL,
                   "The model file says itself which layers it has: leave out "
                   "the part \"layers\".");
    if (s != LIP_OK)
        return s;
    s = format->read(&r->out->network, file, &r->options.read, r->ctx);
    return s == LIP_OK ? LIP_OK : failed(r, s);
}

/* --- JSON */

/* What jansson still refuses where the syntax is known to be good: the rest is
 * a want of memory, which it reports in several ways. */
static bool is_refusal(const json_error_t *error)
{
    static const enum json_error_code refusal[] = {
        json_error_invalid_utf8,     json_error_null_character,
        json_error_duplicate_key,    json_error_numeric_overflow,
        json_error_null_byte_in_key, json_error_stack_overflow,
    };
    for (size_t i = 0; i < sizeof refusal / sizeof *refusal; i++)
        if (error->text[0] && json_error_code(error) == refusal[i])
            return true;
    return false;
}

/* One option, the value of a member of the object that `text` is. */
static enum lip_status read_member(struct reader *r, const char *text,
                                   const struct lip_json_member *member)
{
    json_error_t error;
    json_t *value = json_loadb(
        text + member->start, member->end - member->start,
        JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
        &error);
    if (!value && !is_refusal(&error))
        return api_out_of_memory(r->problem);
    if (!value) {
        char where[LIP_JSON_KEY + 1];
        snprintf(where, sizeof where, "/%s", member->key);
        api_problem_set_at(
            r->problem, API_PROBLEM_MALFORMED_BODY, LIP_AT_POINTER, where,
            "The value of \"%s\" cannot be read: %s.", member->key, error.text);
        return LIP_MALFORMED;
    }
    enum lip_status s = api_options_member(&r->options, member->key, value);
    json_decref(value);
    return s;
}

/* All options among the members of the object that `text` is; member number
 * `model` is none. */
static enum lip_status read_members(struct reader *r, const unsigned char *text,
                                    const struct lip_json_member *member,
                                    size_t count, size_t model)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += i == model ? 0 : member[i].end - member[i].start;
    if (size > MAX_OPTION_BYTES)
        return refuse(r, API_PROBLEM_MALFORMED_BODY, NULL,
                      "The options are longer than 65536 bytes.");
    for (size_t i = 0; i < count; i++) {
        enum lip_status s = LIP_OK;
        if (i != model)
            s = read_member(r, (const char *)text, &member[i]);
        if (s != LIP_OK)
            return s;
    }
    return LIP_OK;
}

static enum lip_status read_json_model(struct reader *r, size_t start,
                                       size_t end, const char *prefix)
{
    const unsigned char *text = lip_buffer_bytes(r->body) + start;
    enum lip_status s = check_options_for_json(r);
    r->out->format = &lip_format_json;
    if (s != LIP_OK)
        return s;
    s = lip_json_read_model(&r->out->network, text, end - start, start, prefix,
                            &r->options.read, r->ctx);
    return s == LIP_OK ? LIP_OK : failed(r, s);
}

static enum lip_status read_envelope(struct reader *r,
                                     const struct lip_json_member *member,
                                     size_t count, size_t model)
{
    bool found;
    const unsigned char *text = lip_buffer_bytes(r->body);
    enum lip_status s = read_members(r, text, member, count, model);
    if (s == LIP_OK)
        s = api_options_finish(&r->options);
    if (s != LIP_OK)
        return s;
    if (member[model].type != LIP_JSON_OBJECT)
        return refuse(r, API_PROBLEM_INVALID_MODEL, "/model",
                      "The model is an object: {\"layers\": [...]}, or "
                      "{\"id\": \"sha256:...\"} for a stored one.");
    s = api_reference_member(&found, r->out->model_id, text, &member[model],
                             "/model", r->ctx);
    if (s != LIP_OK)
        return failed(r, s);
    return found ? LIP_OK
                 : read_json_model(r, member[model].start, member[model].end,
                                   "/model");
}

static size_t find_member(const struct lip_json_member *member, size_t count,
                          const char *key)
{
    size_t i = 0;
    while (i < count && strcmp(member[i].key, key) != 0)
        i++;
    return i;
}

/* The members of the body, which may begin with a byte order mark. */
static enum lip_status list_members(struct reader *r, size_t *start,
                                    struct lip_json_member *member,
                                    size_t *count)
{
    struct lip_json json;
    const unsigned char *text = lip_buffer_bytes(r->body);
    size_t size = lip_buffer_size(r->body);
    *start = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    lip_json_init(&json, text + *start, size - *start, *start, "", r->ctx);
    enum lip_status s = lip_json_members(member, MAX_MEMBERS, count, &json);
    if (s != LIP_OK)
        return malformed(r, s);
    for (size_t i = 0; i < *count; i++) {
        member[i].start += *start;
        member[i].end += *start;
    }
    return LIP_OK;
}

/* An envelope has the member "model", a model file of JSON has "layers". */
static enum lip_status read_json(struct reader *r)
{
    struct lip_json_member member[MAX_MEMBERS];
    size_t start, count;
    enum lip_status s = list_members(r, &start, member, &count);
    if (s != LIP_OK)
        return s;
    size_t model = find_member(member, count, "model");
    if (model < count)
        return read_envelope(r, member, count, model);
    if (find_member(member, count, "layers") == count)
        return refuse(r, API_PROBLEM_INVALID_MODEL, "",
                      "There is no model: the body is {\"model\": {\"layers\": "
                      "[...]}, ...} or the model {\"layers\": [...]} itself.");
    s = api_options_finish(&r->options);
    if (s != LIP_OK)
        return s;
    return read_json_model(r, start, lip_buffer_size(r->body), "");
}

/* --- multipart */

static enum lip_status read_options_part(struct reader *r,
                                         const struct api_part *part)
{
    struct lip_json_member member[MAX_MEMBERS];
    struct lip_json json;
    size_t count;
    const unsigned char *text = lip_buffer_bytes(r->body) + part->offset;
    if (part->size > MAX_OPTION_BYTES)
        return refuse(r, API_PROBLEM_MALFORMED_BODY, NULL,
                      "The part \"options\" is longer than 65536 bytes.");
    lip_json_init(&json, text, part->size, part->offset, "", r->ctx);
    enum lip_status s = lip_json_members(member, MAX_MEMBERS, &count, &json);
    if (s != LIP_OK)
        return malformed(r, s);
    return read_members(r, text, member, count, count);
}

static enum lip_status read_model_part(struct reader *r,
                                       const struct api_part *part)
{
    struct lip_buffer *file =
        lip_buffer_view(r->body, part->offset, part->size, r->ctx);
    if (!file)
        return failed(r, LIP_NO_MEMORY);
    enum lip_status s = read_file(r, file, detect(r, file));
    lip_buffer_put(file);
    return s;
}

/* The layers that the tensors of the model file make. */
static enum lip_status take_layers_part(struct reader *r,
                                        const struct api_part *part)
{
    r->options.read.layers =
        lip_buffer_view(r->body, part->offset, part->size, r->ctx);
    return r->options.read.layers ? LIP_OK : failed(r, LIP_NO_MEMORY);
}

static enum lip_status read_multipart(struct reader *r)
{
    struct api_part part[API_MAX_PARTS];
    size_t count, model = API_MAX_PARTS;
    enum lip_status s =
        api_multipart_parts(part, &count, lip_buffer_bytes(r->body),
                            lip_buffer_size(r->body), r->content_type, r->ctx);
    if (s != LIP_OK)
        return malformed(r, s);
    for (size_t i = 0; i < count; i++) {
        s = LIP_OK;
        if (strcmp(part[i].name, "model") == 0)
            model = i;
        else if (strcmp(part[i].name, "options") == 0)
            s = read_options_part(r, &part[i]);
        else if (strcmp(part[i].name, "layers") == 0)
            s = take_layers_part(r, &part[i]);
        else
            s = refuse(r, API_PROBLEM_INVALID_OPTION, NULL,
                       "A part of the form has an unknown name. Known are "
                       "\"model\", the model file, \"options\", a JSON object, "
                       "and \"layers\", a JSON array of the layers that the "
                       "tensors of the file make.");
        if (s != LIP_OK)
            return s;
    }
    if (model == API_MAX_PARTS)
        return refuse(r, API_PROBLEM_INVALID_MODEL, NULL,
                      "The form has no part \"model\" with the model file.");
    return read_model_part(r, &part[model]);
}

/* --- the whole */

/* The bytes decide. Where they say nothing, a body that is called JSON is JSON
 * that is broken. */
static enum lip_status read_single(struct reader *r)
{
    const struct lip_format *format = detect(r, r->body);
    if (format != &lip_format_json && (format || !is_json_type(r)))
        return read_file(r, r->body, format);
    lip_error_clear(r->ctx);
    return read_json(r);
}

static enum lip_status read_body(struct reader *r)
{
    if (lip_buffer_size(r->body) == 0)
        return refuse(r, API_PROBLEM_MALFORMED_BODY, NULL,
                      "The body is empty. Send a model: JSON, a model file or "
                      "a multipart form.");
    if (api_is_multipart(r->content_type))
        return read_multipart(r);
    return read_single(r);
}

enum lip_status
api_bound_request_read(struct api_bound_request *out, struct lip_buffer *body,
                       const char *content_type, const struct api_query *query,
                       struct api_problem *problem, struct lip_ctx *ctx)
{
    struct reader r = {.out = out,
                       .body = body,
                       .content_type = content_type ? content_type : "",
                       .problem = problem,
                       .ctx = ctx};
    memset(out, 0, sizeof *out);
    api_options_init(&r.options, out, problem);
    enum lip_status s = api_options_query(&r.options, query);
    if (s == LIP_OK)
        s = read_body(&r);
    lip_buffer_put(r.options.read.layers);
    if (s != LIP_OK)
        api_bound_request_clear(out);
    return s;
}

void api_bound_request_clear(struct api_bound_request *request)
{
    lip_network_free(request->network);
    memset(request, 0, sizeof *request);
}
