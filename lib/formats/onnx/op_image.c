/* SPDX-License-Identifier: MIT
 *
 * Images made larger or smaller, and channels traded for positions. */
#include "formats/onnx/move.h"
#include "formats/onnx/operator.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* How Resize finds the place that a position comes from. */
struct resizing {
    double scale[LIP_MAX_RANK];
    size_t length[LIP_MAX_RANK];
    struct lip_span place, rounding; /* attributes */
};

static double place_of(const struct resizing *r, size_t axis, size_t t,
                       size_t length)
{
    double at = (double)t, scale = r->scale[axis];
    double out = (double)r->length[axis];
    if (lip_span_is(r->place, "asymmetric"))
        return at / scale;
    if (lip_span_is(r->place, "align_corners"))
        return out > 1 ? at * ((double)length - 1) / (out - 1) : 0;
    if (lip_span_is(r->place, "pytorch_half_pixel") && out <= 1)
        return 0;
    double half = lip_span_is(r->place, "tf_half_pixel_for_nn") ? 0 : 0.5;
    return (at + 0.5) / scale - half;
}

static double rounded(const struct resizing *r, double at)
{
    if (lip_span_is(r->rounding, "floor"))
        return floor(at);
    if (lip_span_is(r->rounding, "ceil"))
        return ceil(at);
    if (lip_span_is(r->rounding, "round_prefer_ceil"))
        return floor(at + 0.5);
    return ceil(at - 0.5);
}

static enum lip_status read_scales(struct resizing *r,
                                   struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x,
                                   const struct lip_onnx_constant *scales)
{
    if (scales->count != x->rank)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "it has %zu scales for %zu axes.", scales->count,
                               x->rank);
    for (size_t k = 0; k < x->rank; k++) {
        double s = lip_onnx_constant_at(scales, k);
        double length = floor((double)x->dim[k] * s);
        if (!(s > 0) || !(length >= 1) || length > (double)LIP_MAX_WIDTH)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "its scale %g of axis %zu makes that empty "
                                   "or too long.",
                                   s, k);
        r->scale[k] = s;
        r->length[k] = (size_t)length;
    }
    return LIP_OK;
}

static enum lip_status read_lengths(struct resizing *r,
                                    struct lip_onnx_reader *reader,
                                    const struct lip_onnx_value *x)
{
    int64_t length[LIP_MAX_RANK];
    size_t count = 0;
    enum lip_status status =
        lip_onnx_int_input(reader, 3, "sizes", length, &count, LIP_MAX_RANK);
    if (status == LIP_OK && count != x->rank)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "it has neither scales nor sizes for %zu axes.",
                               x->rank);
    for (size_t k = 0; k < count && status == LIP_OK; k++) {
        if (k == 0 && x->batch && length[k] == (int64_t)reader->declared_batch)
            length[k] = 1;
        if (length[k] < 1 || length[k] > (int64_t)LIP_MAX_WIDTH)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "its size of axis %zu is %" PRId64 ".", k,
                                   length[k]);
        r->length[k] = (size_t)length[k];
        r->scale[k] = (double)length[k] / (double)x->dim[k];
    }
    return status;
}

static enum lip_status read_factors(struct resizing *r,
                                    struct lip_onnx_reader *reader,
                                    const struct lip_onnx_value *x, bool old)
{
    const struct lip_onnx_constant *scales = NULL;
    enum lip_status status = LIP_OK;
    if (old && reader->model.opset < 9) {
        struct lip_onnx_constant *made = lip_onnx_add_constant(reader);
        bool found = false;
        if (made)
            status = lip_onnx_attribute_list(made, &found, true, reader->node,
                                             "scales", &reader->model);
        scales = found ? made : NULL;
    } else {
        size_t input = old || reader->model.opset < 11 ? 1 : 2;
        status = lip_onnx_optional(&scales, reader, input, "scales");
    }
    if (status != LIP_OK)
        return status;
    return scales && scales->count ? read_scales(r, reader, x, scales)
                                   : read_lengths(r, reader, x);
}

static enum lip_status read_modes(struct resizing *r,
                                  struct lip_onnx_reader *reader, bool old)
{
    static const char simple[] = "asymmetric", down[] = "floor";
    struct lip_span mode = {0};
    char text[LIP_SPAN_TEXT];
    const struct lip_onnx_node *node = reader->node;
    if (old || reader->model.opset < 11) {
        r->place =
            (struct lip_span){(const unsigned char *)simple, sizeof simple - 1};
        r->rounding =
            (struct lip_span){(const unsigned char *)down, sizeof down - 1};
    }
    enum lip_status status =
        lip_onnx_attribute_text(&mode, node, "mode", &reader->model);
    if (status == LIP_OK)
        status = lip_onnx_attribute_text(
            &r->place, node, "coordinate_transformation_mode", &reader->model);
    if (status == LIP_OK)
        status = lip_onnx_attribute_text(&r->rounding, node, "nearest_mode",
                                         &reader->model);
    if (status == LIP_OK && mode.size && !lip_span_is(mode, "nearest"))
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its mode is \"%.30s\": nearest is read.",
                               lip_span_text(text, mode));
    if (status == LIP_OK && (lip_span_is(r->place, "tf_crop_and_resize") ||
                             lip_span_is(r->place, "half_pixel_symmetric")))
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its coordinates are \"%.30s\", which is not "
                               "read.",
                               lip_span_text(text, r->place));
    return status;
}

static enum lip_status fill_axis(struct lip_onnx_map *map,
                                 const struct resizing *r,
                                 struct lip_onnx_reader *reader,
                                 const struct lip_onnx_value *x, size_t axis)
{
    size_t last = x->dim[axis] - 1;
    enum lip_status status =
        lip_onnx_map_axis(map, reader, x, axis, r->length[axis]);
    for (size_t t = 0; status == LIP_OK && t < r->length[axis]; t++) {
        double at = rounded(r, place_of(r, axis, t, x->dim[axis]));
        map->from[axis][t] = !(at > 0)           ? 0
                             : at > (double)last ? last
                                                 : (size_t)at;
    }
    return status;
}

/* Whether each position from the third axis on is repeated a whole number of
 * times, which has a layer of its own. */
static bool repeats(const struct lip_onnx_map *map,
                    const struct lip_onnx_value *x)
{
    if (x->rank < 3 || x->dim[0] != 1 || map->from[0] || map->from[1])
        return false;
    for (size_t k = 2; k < x->rank; k++) {
        size_t factor = map->dim[k] / x->dim[k];
        if (map->dim[k] % x->dim[k] != 0)
            return false;
        for (size_t t = 0; map->from[k] && t < map->dim[k]; t++)
            if (map->from[k][t] != t / factor)
                return false;
    }
    return true;
}

static enum lip_status append_upsample(struct lip_onnx_reader *reader,
                                       const struct lip_onnx_value *x,
                                       const struct lip_onnx_map *map)
{
    struct lip_layer *layer;
    size_t from;
    enum lip_status status = lip_onnx_enter_axes(&from, reader, x, 1);
    if (status == LIP_OK)
        status =
            lip_onnx_append(&layer, reader, &lip_layer_upsample, 1, &from, "");
    if (status != LIP_OK)
        return status;
    struct lip_setting *factor = lip_layer_set(layer, "factor");
    factor->count = x->rank - 2;
    for (size_t k = 2; k < x->rank; k++)
        factor->value[k - 2] = (long)(map->dim[k] / x->dim[k]);
    status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give_last(reader, true, x->batch);
    return status;
}

enum lip_status lip_onnx_resize(struct lip_onnx_reader *reader,
                                const void *detail)
{
    bool old = detail != NULL; /* Upsample */
    struct lip_onnx_value *x;
    struct resizing r = {.scale = {0}};
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = read_modes(&r, reader, old);
    if (status == LIP_OK)
        status = read_factors(&r, reader, x, old);
    if (status != LIP_OK)
        return status;
    struct lip_onnx_map map = lip_onnx_map_of(x);
    bool any = false;
    for (size_t k = 0; k < x->rank && status == LIP_OK; k++)
        if (r.length[k] != x->dim[k]) {
            status = fill_axis(&map, &r, reader, x, k);
            any = true;
        }
    if (status == LIP_OK)
        status = !any               ? lip_onnx_identity(reader, NULL)
                 : repeats(&map, x) ? append_upsample(reader, x, &map)
                                    : lip_onnx_map_apply(reader, x, &map);
    lip_onnx_map_clear(&map);
    return status;
}

/* --- channels and positions */

/* Numbers seen as `from` (with the batch in front), its axes moved, and seen
 * as `to`. */
static enum lip_status rearrange(struct lip_onnx_reader *reader,
                                 const struct lip_onnx_value *x,
                                 const size_t from[6], const size_t axes[6],
                                 const size_t to[4])
{
    struct lip_onnx_value seen = *x;
    seen.rank = 6;
    memcpy(seen.dim, from, 6 * sizeof *from);
    enum lip_status status = lip_onnx_move_axes(reader, &seen, axes, 6);
    struct lip_onnx_value *out = lip_onnx_output(reader, 0);
    if (status == LIP_OK && out)
        lip_onnx_give(reader, 0, out->operand, 4, to, x->batch);
    return status;
}

static enum lip_status read_block(struct lip_onnx_value **x, size_t *block,
                                  struct lip_onnx_reader *reader)
{
    int64_t b = 0;
    enum lip_status status = lip_onnx_numbers(x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "blocksize", &b);
    if (status == LIP_OK &&
        (b < 1 || b > 1 << 12 || (*x)->rank != 4 || (*x)->dim[0] != 1))
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its blocksize is %" PRId64
                               " and its input has %zu dimensions: a batch of "
                               "images is read.",
                               b, (*x)->rank);
    *block = (size_t)b;
    return status;
}

static enum lip_status uneven(struct lip_onnx_reader *reader)
{
    return lip_onnx_refuse(reader, LIP_INVALID,
                           "its blocksize does not divide its input.");
}

enum lip_status lip_onnx_depth_to_space(struct lip_onnx_reader *reader,
                                        const void *detail)
{
    static const size_t depth_first[] = {0, 3, 4, 1, 5, 2};
    static const size_t column_first[] = {0, 1, 4, 2, 5, 3};
    struct lip_onnx_value *x;
    struct lip_span mode = {0};
    size_t b;
    (void)detail;
    enum lip_status status = read_block(&x, &b, reader);
    if (status == LIP_OK)
        status = lip_onnx_attribute_text(&mode, reader->node, "mode",
                                         &reader->model);
    if (status != LIP_OK)
        return status;
    bool crd = lip_span_is(mode, "CRD");
    size_t c = x->dim[1] / (b * b), h = x->dim[2], w = x->dim[3];
    if (x->dim[1] % (b * b) != 0)
        return uneven(reader);
    const size_t dcr_shape[] = {1, b, b, c, h, w}, to[] = {1, c, h * b, w * b};
    const size_t crd_shape[] = {1, c, b, b, h, w};
    return rearrange(reader, x, crd ? crd_shape : dcr_shape,
                     crd ? column_first : depth_first, to);
}

enum lip_status lip_onnx_space_to_depth(struct lip_onnx_reader *reader,
                                        const void *detail)
{
    static const size_t axes[] = {0, 3, 5, 1, 2, 4};
    struct lip_onnx_value *x;
    size_t b;
    (void)detail;
    enum lip_status status = read_block(&x, &b, reader);
    if (status != LIP_OK)
        return status;
    size_t c = x->dim[1], h = x->dim[2] / b, w = x->dim[3] / b;
    if (x->dim[2] % b != 0 || x->dim[3] % b != 0)
        return uneven(reader);
    const size_t from[] = {1, c, h, b, w, b}, to[] = {1, c * b * b, h, w};
    return rearrange(reader, x, from, axes, to);
}
