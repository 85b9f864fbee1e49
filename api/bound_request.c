/* SPDX-License-Identifier: MIT
 *
 * The body forms of POST /bound. A model is never copied on its way to its
 * reader: it is read where it lies in the body. */
#include "api/bound.h"

#include "api/multipart.h"
#include "api/options.h"
#include "formats/json.h"
#include "formats/json_scan.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    MAX_MEMBERS = 32,
    MAX_OPTION_BYTES = 64 * 1024, /* all options in JSON together */
    MAX_REFERENCE_BYTES = 1024    /* {"id": "sha256:..."} */
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

static bool is_json_type(const char *content_type)
{
    size_t n = strcspn(content_type, "; \t");
    return n == 16 && strncasecmp(content_type, "application/json", n) == 0;
}

/* A model file of whatever format. */
static enum lip_status read_file(struct reader *r, struct lip_buffer *file)
{
    const unsigned char *bytes = lip_buffer_bytes(file);
    size_t size = lip_buffer_size(file);
    const struct lip_format *format = lip_format_detect(bytes, size, r->ctx);
    if (!format) {
        failed(r, LIP_UNSUPPORTED);
        r->problem->code = API_PROBLEM_UNSUPPORTED_FORMAT;
        return LIP_UNSUPPORTED;
    }
    if (format == &lip_format_json && api_options_for_weights(&r->options))
        return refuse(r, API_PROBLEM_INVALID_OPTION, NULL,
                      "A JSON model lists its layers itself: the options "
                      "activation and layout are for files that hold weights "
                      "only. Leave them out.");
    enum lip_status s =
        format->read(&r->out->network, file, &r->options.read, r->ctx);
    return s == LIP_OK ? LIP_OK : failed(r, s);
}

/* --- JSON */

/* One member of the envelope other than the model. Its syntax is known to be
 * good, so that what jansson refuses has a meaning. */
static enum lip_status read_member(struct reader *r,
                                   const struct lip_json_member *member)
{
    const char *text = (const char *)lip_buffer_bytes(r->body);
    json_error_t error;
    json_t *value = json_loadb(
        text + member->start, member->end - member->start,
        JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
        &error);
    if (!value && json_error_code(&error) == json_error_out_of_memory)
        return api_out_of_memory(r->problem);
    if (!value) {
        api_problem_set(r->problem, API_PROBLEM_MALFORMED_BODY,
                        "The value of \"%s\" cannot be read: %s.", member->key,
                        error.text);
        r->problem->place = LIP_AT_POINTER;
        snprintf(r->problem->where, sizeof r->problem->where, "/%s",
                 member->key);
        return LIP_MALFORMED;
    }
    enum lip_status s = api_options_member(&r->options, member->key, value);
    json_decref(value);
    return s;
}

/* "sha256:" and 64 hexadecimal digits in lower case. */
static bool is_digest(const char *text)
{
    return strlen(text) == LIP_DIGEST_TEXT - 1 &&
           strncmp(text, "sha256:", 7) == 0 &&
           strspn(text + 7, "0123456789abcdef") == 64;
}

/* Reads {"id": "sha256:..."}; *found tells whether the value is one. */
static enum lip_status read_reference(struct reader *r, bool *found,
                                      const unsigned char *text, size_t size,
                                      size_t offset)
{
    struct lip_json json;
    bool more = false;
    *found = false;
    if (size > MAX_REFERENCE_BYTES)
        return LIP_OK;
    lip_json_init(&json, text, size, offset, "/model", r->ctx);
    enum lip_status s = lip_json_open_object(&json);
    if (s == LIP_OK)
        s = lip_json_next_member(&json, &more);
    if (s != LIP_OK || !more || !lip_json_key_is(&json, "id"))
        return s;
    *found = true;
    s = lip_json_string(&json, r->out->model_id, sizeof r->out->model_id);
    if (s == LIP_OK)
        s = lip_json_next_member(&json, &more);
    if (s == LIP_OK && (more || !is_digest(r->out->model_id)))
        s = lip_fail_at(r->ctx, LIP_INVALID, LIP_AT_POINTER, "/model/id",
                        "A stored model is named by \"id\" alone: \"sha256:\" "
                        "and 64 hexadecimal digits in lower case.");
    return s;
}

static enum lip_status read_json_model(struct reader *r, size_t start,
                                       size_t end, const char *prefix)
{
    const unsigned char *text = lip_buffer_bytes(r->body) + start;
    if (api_options_for_weights(&r->options))
        return refuse(r, API_PROBLEM_INVALID_OPTION, NULL,
                      "A JSON model lists its layers itself: the options "
                      "activation and layout are for files that hold weights "
                      "only. Leave them out.");
    enum lip_status s =
        lip_json_read_model(&r->out->network, text, end - start, start, prefix,
                            &r->options.read, r->ctx);
    return s == LIP_OK ? LIP_OK : failed(r, s);
}

static enum lip_status read_envelope(struct reader *r,
                                     const struct lip_json_member *member,
                                     size_t count, size_t model)
{
    size_t rest = 0;
    bool found;
    for (size_t i = 0; i < count; i++)
        rest += i == model ? 0 : member[i].end - member[i].start;
    if (rest > MAX_OPTION_BYTES)
        return refuse(r, API_PROBLEM_MALFORMED_BODY, NULL,
                      "The options are longer than 65536 bytes.");
    for (size_t i = 0; i < count; i++) {
        enum lip_status s = i == model ? LIP_OK : read_member(r, &member[i]);
        if (s != LIP_OK)
            return s;
    }
    enum lip_status s = api_options_finish(&r->options);
    if (s != LIP_OK)
        return s;
    size_t start = member[model].start, end = member[model].end;
    if (member[model].type != LIP_JSON_OBJECT)
        return refuse(r, API_PROBLEM_INVALID_MODEL, "/model",
                      "The model is an object: {\"layers\": [...]}, or "
                      "{\"id\": \"sha256:...\"} for a stored one.");
    s = read_reference(r, &found, lip_buffer_bytes(r->body) + start,
                       end - start, start);
    if (s != LIP_OK)
        return failed(r, s);
    return found ? LIP_OK : read_json_model(r, start, end, "/model");
}

static size_t find_member(const struct lip_json_member *member, size_t count,
                          const char *key)
{
    size_t i = 0;
    while (i < count && strcmp(member[i].key, key) != 0)
        i++;
    return i;
}

/* An envelope has the member "model", a model file of JSON has "layers". */
static enum lip_status read_json(struct reader *r)
{
    struct lip_json_member member[MAX_MEMBERS];
    struct lip_json json;
    size_t count, size = lip_buffer_size(r->body);
    lip_json_init(&json, lip_buffer_bytes(r->body), size, 0, "", r->ctx);
    enum lip_status s = lip_json_members(member, MAX_MEMBERS, &count, &json);
    if (s != LIP_OK)
        return malformed(r, s);
    size_t model = find_member(member, count, "model");
    if (model < count)
        return read_envelope(r, member, count, model);
    if (find_member(member, count, "layers") == count)
        return refuse(r, API_PROBLEM_INVALID_MODEL, "",
                      "There is no model: the body is {\"model\": {\"layers\": "
                      "[...]}, ...} or the model {\"layers\": [...]} itself.");
    s = api_options_finish(&r->options);
    return s == LIP_OK ? read_json_model(r, 0, size, "") : s;
}

/* --- multipart */

static enum lip_status read_options_part(struct reader *r,
                                         const struct api_part *part)
{
    json_error_t error;
    if (part->size > MAX_OPTION_BYTES)
        return refuse(r, API_PROBLEM_MALFORMED_BODY, NULL,
                      "The part \"options\" is longer than 65536 bytes.");
    const char *text = (const char *)lip_buffer_bytes(r->body) + part->offset;
    json_t *object =
        json_loadb(text, part->size,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    if (!object && json_error_code(&error) == json_error_out_of_memory)
        return api_out_of_memory(r->problem);
    enum lip_status s = LIP_MALFORMED;
    if (!object)
        api_problem_set(r->problem, API_PROBLEM_MALFORMED_BODY,
                        "The part \"options\" is not JSON: line %d, column "
                        "%d: %s.",
                        error.line, error.column, error.text);
    else if (!json_is_object(object))
        s = refuse(r, API_PROBLEM_MALFORMED_BODY, NULL,
                   "The part \"options\" is not a JSON object.");
    else
        s = api_options_object(&r->options, object);
    json_decref(object);
    return s;
}

static enum lip_status read_model_part(struct reader *r,
                                       const struct api_part *part)
{
    struct lip_buffer *file =
        lip_buffer_view(r->body, part->offset, part->size, r->ctx);
    if (!file)
        return failed(r, LIP_NO_MEMORY);
    enum lip_status s = read_file(r, file);
    lip_buffer_put(file);
    return s;
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
        else
            s = refuse(r, API_PROBLEM_INVALID_OPTION, NULL,
                       "A part of the form has an unknown name. Known are "
                       "\"model\", the model file, and \"options\", a JSON "
                       "object.");
        if (s != LIP_OK)
            return s;
    }
    if (model == API_MAX_PARTS)
        return refuse(r, API_PROBLEM_INVALID_MODEL, NULL,
                      "The form has no part \"model\" with the model file.");
    s = api_options_finish(&r->options);
    return s == LIP_OK ? read_model_part(r, &part[model]) : s;
}

/* --- the whole */

static bool is_json(const struct reader *r)
{
    const unsigned char *p = lip_buffer_bytes(r->body);
    size_t size = lip_buffer_size(r->body), i = 0;
    while (i < size && memchr(" \t\r\n", p[i], 4))
        i++;
    return is_json_type(r->content_type) || (i < size && p[i] == '{');
}

static enum lip_status read_raw(struct reader *r)
{
    enum lip_status s = api_options_finish(&r->options);
    return s == LIP_OK ? read_file(r, r->body) : s;
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
    if (s != LIP_OK)
        ; /* told */
    else if (lip_buffer_size(body) == 0)
        s = refuse(&r, API_PROBLEM_MALFORMED_BODY, NULL,
                   "The body is empty. Send a model: JSON, a model file or a "
                   "multipart form.");
    else if (api_is_multipart(content_type))
        s = read_multipart(&r);
    else
        s = is_json(&r) ? read_json(&r) : read_raw(&r);
    if (s != LIP_OK)
        api_bound_request_clear(out);
    return s;
}

void api_bound_request_clear(struct api_bound_request *request)
{
    lip_network_free(request->network);
    memset(request, 0, sizeof *request);
}
