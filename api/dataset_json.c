/* SPDX-License-Identifier: MIT
 *
 * Data inside JSON. The scanner hands the numbers over a row at a time, so
 * that a document of any size takes no more memory than its set. */
#include "api/dataset_parts.h"

#include "formats/json_scan.h"

#include <math.h>
#include <string.h>

enum { MAX_MEMBERS = 3 };

/* The three members of the document; text is NULL where one is missing. */
struct document {
    const unsigned char *text;
    size_t offset;
    const char *prefix;
    struct lip_json_member x, y, task;
    bool has_x, has_y, has_task;
    struct lip_ctx *ctx;
};

static enum lip_status sort_member(struct document *document,
                                   const struct lip_json_member *member)
{
    struct {
        const char *key;
        struct lip_json_member *member;
        bool *has;
    } known[] = {{"x", &document->x, &document->has_x},
                 {"y", &document->y, &document->has_y},
                 {"task", &document->task, &document->has_task}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(member->key, known[i].key)) {
            *known[i].member = *member;
            *known[i].has = true;
            return LIP_OK;
        }
    return lip_fail_at(document->ctx, LIP_INVALID, LIP_AT_POINTER,
                       document->prefix,
                       "A data set in JSON has the members x, y and task; "
                       "\"%.60s\" is not one of them.",
                       member->key);
}

static enum lip_status split(struct document *document, size_t size)
{
    struct lip_json json;
    struct lip_json_member member[MAX_MEMBERS];
    size_t count;
    lip_json_init(&json, document->text, size, document->offset,
                  document->prefix, document->ctx);
    enum lip_status status =
        lip_json_members(member, MAX_MEMBERS, &count, &json);
    for (size_t i = 0; status == LIP_OK && i < count; i++)
        status = sort_member(document, &member[i]);
    if (status == LIP_OK && !(document->has_x && document->has_y))
        status = lip_fail_at(document->ctx, LIP_INVALID, LIP_AT_POINTER,
                             document->prefix,
                             "A data set in JSON needs \"x\", an array of rows "
                             "of numbers, and \"y\", one number (or row of "
                             "numbers) for each.");
    return status;
}

/* The place of a member, for messages. */
struct place {
    char prefix[160];
};

static void open_member(struct lip_json *json, struct place *place,
                        const struct document *document,
                        const struct lip_json_member *member)
{
    size_t used = strlen(document->prefix);
    memset(place, 0, sizeof *place);
    if (used + strlen(member->key) + 2 < sizeof place->prefix) {
        memcpy(place->prefix, document->prefix, used);
        place->prefix[used] = '/';
        memcpy(place->prefix + used + 1, member->key, strlen(member->key));
    }
    lip_json_init(json, document->text + member->start,
                  member->end - member->start, document->offset + member->start,
                  place->prefix, document->ctx);
}

static enum lip_status read_task(enum api_task *out,
                                 const struct document *document)
{
    struct lip_json json;
    struct place place;
    char text[32];
    enum api_task task;
    open_member(&json, &place, document, &document->task);
    enum lip_status status = lip_json_string(&json, text, sizeof text);
    if (status != LIP_OK)
        return status;
    if (!api_task_read(&task, text))
        return lip_fail_at(document->ctx, LIP_INVALID, LIP_AT_POINTER,
                           place.prefix,
                           "The task is \"classification\" or \"regression\".");
    if (*out != API_TASK_TOLD && *out != task)
        return lip_fail_at(document->ctx, LIP_INVALID, LIP_AT_POINTER,
                           place.prefix,
                           "The query asks for another task than the "
                           "document.");
    *out = task;
    return LIP_OK;
}

/* --- y */

static enum lip_status take_y_row(struct api_y *y, size_t room, bool nested,
                                  struct lip_json *json)
{
    size_t used = y->rows * y->columns, count = 1;
    enum lip_status status;
    if (used == room)
        return lip_json_fail(json, LIP_INVALID, "This row is not of numbers.");
    if (nested)
        status = lip_json_numbers(json, y->value + used, room - used, &count);
    else
        status = lip_json_number(json, y->value + used);
    if (status != LIP_OK)
        return status;
    if (y->rows == 0)
        y->columns = count;
    if (count != y->columns || count == 0)
        return lip_json_fail(json, LIP_INVALID,
                             "Row %zu of y has %zu numbers; every row has the "
                             "same number of them, at least one.",
                             y->rows, count);
    y->rows++;
    return LIP_OK;
}

static bool whole(const struct api_y *y)
{
    for (size_t i = 0; i < y->rows * y->columns; i++)
        if (rint(y->value[i]) < y->value[i] || rint(y->value[i]) > y->value[i])
            return false;
    return y->columns == 1;
}

/* Is the first element of the array an array? */
static enum lip_status look_inside(bool *nested, struct lip_json json)
{
    enum lip_json_type type = LIP_JSON_NULL;
    bool more;
    enum lip_status status = lip_json_open_array(&json);
    if (status == LIP_OK)
        status = lip_json_next_element(&json, &more);
    if (status == LIP_OK && more)
        status = lip_json_peek(&json, &type);
    *nested = type == LIP_JSON_ARRAY;
    return status;
}

static enum lip_status read_y(struct api_y *y, const struct document *document)
{
    struct lip_json json;
    struct place place;
    bool nested, more;
    *y = (struct api_y){0};
    open_member(&json, &place, document, &document->y);
    enum lip_status status = look_inside(&nested, json);
    if (status != LIP_OK)
        return status;
    size_t room = lip_json_count_bound(&json);
    y->value = lip_alloc(document->ctx, room, sizeof *y->value);
    if (!y->value)
        return api_no_memory(document->ctx);
    status = lip_json_open_array(&json);
    while (status == LIP_OK &&
           (status = lip_json_next_element(&json, &more)) == LIP_OK && more)
        status = take_y_row(y, room, nested, &json);
    y->classes = status == LIP_OK && !nested && whole(y);
    return status;
}

/* --- x */

/* How many numbers the first row has at most. */
static enum lip_status first_row(size_t *out, struct lip_json json)
{
    bool more;
    *out = 0;
    enum lip_status status = lip_json_open_array(&json);
    if (status == LIP_OK)
        status = lip_json_next_element(&json, &more);
    enum lip_json_type type = LIP_JSON_ARRAY;
    if (status == LIP_OK && more)
        status = lip_json_peek(&json, &type);
    if (status != LIP_OK || !more)
        return status;
    if (type != LIP_JSON_ARRAY)
        return lip_json_fail(&json, LIP_INVALID,
                             "x is an array of rows, each an array of "
                             "numbers.");
    *out = lip_json_count_bound(&json);
    return LIP_OK;
}

static enum lip_status take_x_row(struct lip_data *data, size_t row,
                                  double *strip, struct lip_json *json)
{
    size_t count = 0;
    if (row == data->rows)
        return lip_json_fail(json, LIP_INVALID,
                             "x has more rows than y, which has %zu.",
                             data->rows);
    enum lip_status status =
        lip_json_numbers(json, strip, data->features, &count);
    if (status == LIP_TOO_LARGE ||
        (status == LIP_OK && count < data->features)) {
        lip_error_clear(json->ctx);
        return lip_json_fail(json, LIP_INVALID,
                             "Row %zu of x has %s numbers than the row before "
                             "it, which has %zu.",
                             row, status == LIP_OK ? "fewer" : "more",
                             data->features);
    }
    for (size_t j = 0; status == LIP_OK && j < count; j++)
        data->x[row * data->features + j] = (float)strip[j];
    return status;
}

static enum lip_status count_first(size_t *features, double *strip, size_t room,
                                   struct lip_json json)
{
    bool more;
    enum lip_status status = lip_json_open_array(&json);
    *features = 0;
    if (status == LIP_OK)
        status = lip_json_next_element(&json, &more);
    if (status == LIP_OK && more)
        status = lip_json_numbers(&json, strip, room, features);
    return status;
}

static enum lip_status read_rows(struct lip_data *data, double *strip,
                                 struct lip_json *json)
{
    bool more;
    size_t row = 0;
    enum lip_status status = lip_json_open_array(json);
    while (status == LIP_OK &&
           (status = lip_json_next_element(json, &more)) == LIP_OK && more)
        status = take_x_row(data, row++, strip, json);
    if (status == LIP_OK && row < data->rows)
        status =
            lip_fail_at(json->ctx, LIP_INVALID, LIP_AT_POINTER, json->prefix,
                        "x has %zu rows where y has %zu.", row, data->rows);
    return status;
}

static enum lip_status read_x(struct lip_data **out, const struct api_y *y,
                              const struct api_dataset_options *options,
                              const struct document *document)
{
    struct lip_json json;
    struct place place;
    size_t room, features = 0;
    open_member(&json, &place, document, &document->x);
    enum lip_status status = first_row(&room, json);
    if (status != LIP_OK)
        return status;
    double *strip = lip_alloc(document->ctx, room, sizeof *strip);
    if (!strip)
        return api_no_memory(document->ctx);
    status = count_first(&features, strip, room, json);
    if (status == LIP_OK)
        status = api_dataset_new(out, y, features, options, document->ctx);
    if (status == LIP_OK)
        status = read_rows(*out, strip, &json);
    lip_free(strip);
    return status;
}

static enum lip_status read_document(struct lip_data **out,
                                     struct document *document, size_t size,
                                     const struct api_dataset_options *given)
{
    struct api_dataset_options options = *given;
    struct api_y y = {0};
    *out = NULL;
    enum lip_status status = split(document, size);
    if (status == LIP_OK && document->has_task)
        status = read_task(&options.task, document);
    if (status == LIP_OK)
        status = read_y(&y, document);
    if (status == LIP_OK)
        status = read_x(out, &y, &options, document);
    lip_free(y.value);
    if (status != LIP_OK) {
        lip_data_free(*out);
        *out = NULL;
    }
    return status;
}

enum lip_status api_dataset_read_json(struct lip_data **out, const char *text,
                                      size_t size, size_t offset,
                                      const char *prefix, enum api_task task,
                                      struct lip_ctx *ctx)
{
    struct api_dataset_options options = {.task = task};
    struct document document = {.text = (const unsigned char *)text,
                                .offset = offset,
                                .prefix = prefix,
                                .ctx = ctx};
    enum lip_status status = read_document(out, &document, size, &options);
    if (status == LIP_OK)
        status = lip_data_check(*out, ctx);
    if (status != LIP_OK) {
        lip_data_free(*out);
        *out = NULL;
    }
    return status;
}

/* --- as a body */

static bool is_json(const struct lip_bytes *part)
{
    for (size_t i = 0; i < part->size; i++)
        if (!part->data[i] || !strchr(" \t\r\n", part->data[i]))
            return part->data[i] == '{' || part->data[i] == '[';
    return false;
}

/* A number takes a comma; at worst all are in y, or in one row of x. */
static enum lip_status plan(struct api_dataset_plan *plan, struct lip_ctx *ctx)
{
    size_t numbers = 2;
    (void)ctx;
    for (size_t i = 0; i < plan->part[0].size; i++)
        numbers += plan->part[0].data[i] == ',';
    plan->memory = api_product(numbers, 2 * sizeof(float) + 2 * sizeof(double));
    return LIP_OK;
}

static enum lip_status read(struct lip_data **out,
                            const struct api_dataset_plan *plan,
                            struct lip_ctx *ctx)
{
    struct document document = {.text = plan->part[0].data,
                                .offset = plan->offset,
                                .prefix = "",
                                .ctx = ctx};
    return read_document(out, &document, plan->part[0].size, &plan->options);
}

const struct api_dataset_format api_dataset_json = {
    .name = "json",
    .title = "{\"x\": [[...], ...], \"y\": [...]}",
    .media_type = "application/json",
    .parts = 1,
    .options = " task classes ",
    .detect = is_json,
    .plan = plan,
    .read = read,
};
