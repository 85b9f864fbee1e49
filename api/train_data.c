/* SPDX-License-Identifier: MIT
 *
 * "dataset" of a training request: a stored one, one that is generated, or
 * numbers in the request itself. */
#include "api/train_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SAMPLES = 1000000, MAX_TARGETS = 65536 };

/* The largest whole number up to which doubles, and so JSON, miss none. */
static const size_t max_seed = (size_t)1 << 53;

/* --- {"id": "sha256:..."} */

static enum lip_status read_stored(struct train_reader *r, const json_t *value,
                                   const struct train_place *at)
{
    static const char *const known[] = {"id", NULL};
    struct train_place place = train_at(at, "id");
    enum lip_status status = train_object(r, value, at, known);
    if (status == LIP_OK)
        status =
            train_read_id(r, r->out->dataset_id, json_object_get(value, "id"),
                          &place, "data set");
    r->out->source = API_DATA_STORED;
    return status;
}

/* --- {"generate": "two-moons", ...} */

TRAIN_TABLE(generator_name, lip_generators)

static enum lip_status read_generated(struct train_reader *r,
                                      const json_t *value,
                                      const struct train_place *at)
{
    static const char *const known[] = {"generate", "samples", "noise", "seed",
                                        NULL};
    struct api_train_request *out = r->out;
    struct train_place place = train_at(at, "generate");
    size_t row = 0, seed = 1;
    out->source = API_DATA_GENERATED;
    out->samples = 1000;
    out->noise = 0.1;
    enum lip_status status = train_object(r, value, at, known);
    if (status == LIP_OK)
        status = train_choose(r, &row, json_object_get(value, "generate"),
                              &place, "generator", generator_name);
    if (status == LIP_OK)
        status =
            train_count(r, &out->samples, value, at, "samples", 2, MAX_SAMPLES);
    if (status == LIP_OK)
        status = train_number(r, &out->noise, value, at, "noise",
                              (struct train_range){0, 1e6, false, false});
    if (status == LIP_OK)
        status = train_count(r, &seed, value, at, "seed", 0, max_seed);
    if (status != LIP_OK)
        return status;
    out->generator = lip_generators[row];
    out->data_seed = seed;
    bool regression = out->generator->classes == 0;
    if (r->task_given && out->regression != regression)
        return train_refuse(r, &place,
                            "The generator %s is for %s: choose another one, "
                            "or another task.",
                            out->generator->name,
                            regression ? "regression" : "classification");
    out->regression = regression;
    r->task_given = true;
    return LIP_OK;
}

/* --- {"inline": {"x": [[...], ...], "y": [...]}} */

static enum lip_status read_float(struct train_reader *r, float *out,
                                  const json_t *value,
                                  const struct train_place *row, size_t column)
{
    struct train_place at = train_at_index(row, column);
    double x = json_number_value(value);
    *out = (float)x;
    if (json_is_number(value) && isfinite(*out))
        return LIP_OK;
    return train_refuse(r, &at,
                        "Each value is a number that float32 can hold (at "
                        "most 3.4e38).");
}

static enum lip_status read_row(struct train_reader *r, float *out, size_t n,
                                const json_t *row, const struct train_place *at)
{
    enum lip_status status = LIP_OK;
    if (json_array_size(row) != n || n == 0)
        return train_refuse(r, at,
                            "Each row is an array of as many numbers as the "
                            "first row, at least 1; here are %zu, not %zu.",
                            json_array_size(row), n);
    for (size_t j = 0; status == LIP_OK && j < n; j++)
        status = read_float(r, &out[j], json_array_get(row, j), at, j);
    return status;
}

static enum lip_status read_rows(struct train_reader *r, float *out, size_t n,
                                 const json_t *rows,
                                 const struct train_place *at)
{
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < json_array_size(rows); i++) {
        struct train_place place = train_at_index(at, i);
        status = read_row(r, out + i * n, n, json_array_get(rows, i), &place);
    }
    return status;
}

/* One more than the largest label. */
static enum lip_status count_classes(struct train_reader *r, size_t *classes,
                                     const json_t *y,
                                     const struct train_place *at)
{
    *classes = 0;
    for (size_t i = 0; i < json_array_size(y); i++) {
        size_t label;
        struct train_place place = train_at_index(at, i);
        enum lip_status status =
            train_count_value(r, &label, json_array_get(y, i), &place,
                              "a label", 0, LIP_MAX_CLASSES - 1);
        if (status != LIP_OK)
            return status;
        if (label >= *classes)
            *classes = label + 1;
    }
    return LIP_OK;
}

/* Targets are numbers, or arrays of them where a row has several. */
static enum lip_status read_targets(struct train_reader *r,
                                    const struct lip_data *data,
                                    const json_t *y,
                                    const struct train_place *at)
{
    enum lip_status status = LIP_OK;
    if (json_is_array(json_array_get(y, 0)))
        return read_rows(r, data->y, data->targets, y, at);
    for (size_t i = 0; status == LIP_OK && i < data->rows; i++)
        status = read_float(r, &data->y[i], json_array_get(y, i), at, i);
    return status;
}

static enum lip_status fill(struct train_reader *r, const struct lip_data *data,
                            const json_t *x, const json_t *y,
                            const struct train_place *at)
{
    struct train_place x_at = train_at(at, "x"), y_at = train_at(at, "y");
    enum lip_status status = read_rows(r, data->x, data->features, x, &x_at);
    if (status == LIP_OK && data->y)
        status = read_targets(r, data, y, &y_at);
    for (size_t i = 0; data->label && i < data->rows; i++)
        data->label[i] = (uint32_t)json_number_value(json_array_get(y, i));
    return status;
}

static enum lip_status read_inline(struct train_reader *r, const json_t *value,
                                   const struct train_place *at)
{
    static const char *const known[] = {"x", "y", NULL};
    const json_t *x = json_object_get(value, "x");
    const json_t *y = json_object_get(value, "y");
    struct train_place y_at = train_at(at, "y");
    enum lip_status status = train_object(r, value, at, known);
    if (status != LIP_OK)
        return status;
    size_t rows = json_array_size(x), classes = 0, targets = 0;
    if (rows == 0 || json_array_size(y) != rows)
        return train_refuse(r, at,
                            "\"x\" is an array of rows and \"y\" an array of "
                            "as many labels or targets; here are %zu and %zu.",
                            rows, json_array_size(y));
    if (r->out->regression) {
        const json_t *first = json_array_get(y, 0);
        targets = json_is_array(first) ? json_array_size(first) : 1;
        if (targets == 0 || targets > MAX_TARGETS)
            return train_refuse(r, &y_at, "A row has 1 to %d targets.",
                                MAX_TARGETS);
    } else {
        status = count_classes(r, &classes, y, &y_at);
    }
    if (status != LIP_OK)
        return status;
    r->out->source = API_DATA_INLINE;
    if (lip_data_new(&r->out->inline_data, rows,
                     json_array_size(json_array_get(x, 0)), classes, targets,
                     r->ctx) != LIP_OK)
        return train_failed(r, at);
    return fill(r, r->out->inline_data, x, y, at);
}

/* --- which of the three */

enum lip_status train_read_data(struct train_reader *r, const json_t *value,
                                const struct train_place *at)
{
    static const char *const only_inline[] = {"inline", NULL};
    if (!value)
        return train_refuse(r, at,
                            "Say what to train on: {\"id\": \"sha256:...\"}, "
                            "{\"generate\": \"two-moons\"} or {\"inline\": "
                            "{\"x\": [[...]], \"y\": [...]}}.");
    if (json_object_get(value, "generate"))
        return read_generated(r, value, at);
    if (!json_object_get(value, "inline"))
        return read_stored(r, value, at);
    struct train_place place = train_at(at, "inline");
    enum lip_status status = train_object(r, value, at, only_inline);
    if (status == LIP_OK)
        status = read_inline(r, json_object_get(value, "inline"), &place);
    return status;
}
