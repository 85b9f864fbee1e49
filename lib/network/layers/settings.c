/* SPDX-License-Identifier: MIT
 *
 * What layer kinds share that care for shapes. */
#include "network/layers/settings.h"

#include <stdio.h>
#include <string.h>

static const struct lip_setting_kind *find(const struct lip_layer *layer,
                                           const char *name)
{
    const struct lip_setting_kind *kind = layer->kind->setting;
    while (strcmp(kind->name, name) != 0)
        kind++;
    return kind;
}

enum lip_status lip_layer_fill(struct lip_layer *layer, const char *name,
                               size_t count, long fallback, struct lip_ctx *ctx)
{
    const struct lip_setting_kind *kind = find(layer, name);
    struct lip_setting *setting = &layer->setting[kind - layer->kind->setting];
    if (setting->count > 1 && setting->count != count)
        return lip_fail(ctx, LIP_INVALID,
                        "%s has %zu numbers: give %zu, or one for all.", name,
                        setting->count, count);
    if (setting->count < count) {
        long all = setting->count ? setting->value[0] : fallback;
        for (size_t k = 0; k < count; k++)
            setting->value[k] = all;
    }
    setting->count = count;
    for (size_t k = 0; k < count; k++)
        if (setting->value[k] < kind->min || setting->value[k] > kind->max)
            return lip_fail(
                ctx, LIP_INVALID,
                "%s is %ld: it must be at least %ld and at most %ld.", name,
                setting->value[k], kind->min, kind->max);
    return LIP_OK;
}

enum lip_status lip_layer_check_out(const struct lip_layer *layer,
                                    struct lip_ctx *ctx)
{
    char text[LIP_SHAPE_TEXT];
    const struct lip_shape *out = &layer->out;
    for (size_t k = 0; k < out->rank; k++)
        if (out->dim[k] == 0)
            return lip_fail(ctx, LIP_INVALID,
                            "nothing comes out of it: its shape would be %s.",
                            lip_shape_text(text, sizeof text, out));
    if (lip_shape_count(out) == 0)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "its output, %s, would be more than %zu numbers.",
                        lip_shape_text(text, sizeof text, out), LIP_MAX_WIDTH);
    return LIP_OK;
}

void lip_shape_split(size_t *index, const struct lip_shape *shape, size_t k)
{
    for (size_t a = shape->rank; a-- > 0;) {
        index[a] = k % shape->dim[a];
        k /= shape->dim[a];
    }
}

size_t lip_shape_join(const struct lip_shape *shape, const size_t *index)
{
    size_t k = 0;
    for (size_t a = 0; a < shape->rank; a++)
        k = k * shape->dim[a] + index[a];
    return k;
}

enum lip_status lip_layer_list(struct lip_tensor *list, const char *name,
                               size_t count, const char *of,
                               struct lip_ctx *ctx)
{
    size_t long_sides = 0;
    if (!list->data)
        return LIP_OK;
    for (size_t k = 0; k < list->rank; k++)
        long_sides += list->dim[k] != 1;
    if (long_sides > 1)
        return lip_fail(ctx, LIP_INVALID,
                        "the %s has %zu dimensions: give a list of %zu "
                        "numbers, one a %s.",
                        name, list->rank, count, of);
    if (lip_tensor_count(list) != count)
        return lip_fail(ctx, LIP_INVALID,
                        "the %s has %zu numbers: it needs %zu, one a %s.", name,
                        lip_tensor_count(list), count, of);
    list->rank = 1;
    list->dim[0] = count;
    list->column_major = false;
    return LIP_OK;
}

double lip_tensor_number(const struct lip_tensor *tensor, size_t k)
{
    double value;
    lip_tensor_widen_part(&value, tensor, k, 1);
    return value;
}

size_t lip_move_row(size_t *column, double *value, size_t source)
{
    *column = source;
    *value = 1;
    return source != LIP_NO_SOURCE;
}

void lip_move_eval(double *y, const struct lip_layer *layer, const double *x,
                   lip_source_fn *source, double fill)
{
    for (size_t k = 0; k < layer->outputs; k++) {
        size_t from = source(layer, k);
        y[k] = from == LIP_NO_SOURCE ? fill : x[from];
    }
}
