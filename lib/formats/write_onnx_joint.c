/* SPDX-License-Identifier: MIT
 *
 * Kinds that ONNX has no operator for, spelled out: sorted groups, mirrored
 * pairs, splines. */
#include "formats/write_onnx.h"

/* Number k of each pair: [batch, pairs, 2] becomes [batch, pairs]. */
static struct lip_onnx_result half(struct lip_onnx_out *out,
                                   struct lip_onnx_result pairs, long k,
                                   size_t count)
{
    long stop = k + 1, axis = 2;
    struct lip_shape shape = lip_shape_vector(count);
    struct lip_onnx_result input[] = {pairs, lip_onnx_put_list(out, 1, &k),
                                      lip_onnx_put_list(out, 1, &stop),
                                      lip_onnx_put_list(out, 1, &axis)};
    return lip_onnx_put_reshape(
        out, lip_onnx_put_op(out, "Slice", 4, input, 0, NULL), &shape);
}

/* Both numbers of each pair side by side again. */
static struct lip_onnx_result join(struct lip_onnx_out *out,
                                   const struct lip_layer *layer,
                                   struct lip_onnx_result a,
                                   struct lip_onnx_result b)
{
    struct lip_shape one = {2, {layer->outputs / 2, 1}};
    struct lip_onnx_result both[] = {lip_onnx_put_reshape(out, a, &one),
                                     lip_onnx_put_reshape(out, b, &one)};
    struct lip_onnx_result z = lip_onnx_put_op(
        out, "Concat", 2, both, 1,
        &(struct lip_onnx_put_attribute){.name = "axis", .whole = 2});
    return lip_onnx_put_reshape(out, z, &layer->out);
}

static struct lip_onnx_result sort_pairs(struct lip_onnx_out *out,
                                         const struct lip_layer *layer,
                                         struct lip_onnx_result z)
{
    size_t pairs = layer->inputs / 2;
    struct lip_onnx_result a = half(out, z, 0, pairs),
                           b = half(out, z, 1, pairs);
    struct lip_onnx_result larger = lip_onnx_put_binary(out, "Max", a, b);
    return join(out, layer, larger, lip_onnx_put_binary(out, "Min", a, b));
}

struct lip_onnx_result
lip_onnx_write_group_sort(struct lip_onnx_out *out,
                          const struct lip_layer *layer,
                          const struct lip_onnx_result *x, size_t count)
{
    size_t group = layer->group ? layer->group : layer->inputs;
    struct lip_shape groups = {2, {layer->inputs / group, group}};
    long size = (long)group;
    (void)count;
    struct lip_onnx_result z = lip_onnx_put_reshape(out, *x, &groups);
    if (group == 2)
        return sort_pairs(out, layer, z);
    z = lip_onnx_put_top(out, z, lip_onnx_put_list(out, 1, &size));
    return lip_onnx_put_reshape(out, z, &layer->out);
}

/* With v = (s, -c) and d = min(v'z, 0): z - 2 d v. */
struct lip_onnx_result
lip_onnx_write_householder(struct lip_onnx_out *out,
                           const struct lip_layer *layer,
                           const struct lip_onnx_result *x, size_t count)
{
    size_t pairs = layer->inputs / 2;
    struct lip_shape shape = {2, {pairs, 2}};
    (void)count;
    struct lip_onnx_result angle = lip_onnx_put_binary(
        out, "Mul", lip_onnx_put_tensor(out, LIP_PART_WEIGHT, NULL),
        lip_onnx_put_number(out, 0.5));
    struct lip_onnx_result s = lip_onnx_put_unary(out, "Sin", angle);
    struct lip_onnx_result c = lip_onnx_put_unary(out, "Cos", angle);
    struct lip_onnx_result z = lip_onnx_put_reshape(out, *x, &shape);
    struct lip_onnx_result a = half(out, z, 0, pairs),
                           b = half(out, z, 1, pairs);
    struct lip_onnx_result d =
        lip_onnx_put_binary(out, "Sub", lip_onnx_put_binary(out, "Mul", s, a),
                            lip_onnx_put_binary(out, "Mul", c, b));
    d = lip_onnx_put_binary(out, "Min", d, lip_onnx_put_number(out, 0));
    d = lip_onnx_put_binary(out, "Add", d, d);
    a = lip_onnx_put_binary(out, "Sub", a,
                            lip_onnx_put_binary(out, "Mul", d, s));
    b = lip_onnx_put_binary(out, "Add", b,
                            lip_onnx_put_binary(out, "Mul", d, c));
    return join(out, layer, a, b);
}

/* Element k of the grid: its first knot, and the distance of two. */
static struct lip_onnx_result grid(struct lip_onnx_out *out, long k)
{
    return lip_onnx_put_binary(out, "Gather",
                               lip_onnx_put_tensor(out, LIP_PART_BIAS, NULL),
                               lip_onnx_put_list(out, 1, &k));
}

/* Where the values of each neuron begin in the list of all. */
static struct lip_onnx_result rows(struct lip_onnx_out *out, size_t neurons,
                                   size_t knots)
{
    struct lip_onnx_result range[] = {lip_onnx_put_whole(out, 0),
                                      lip_onnx_put_whole(out, (long)neurons),
                                      lip_onnx_put_whole(out, 1)};
    return lip_onnx_put_binary(out, "Mul",
                               lip_onnx_put_op(out, "Range", 3, range, 0, NULL),
                               lip_onnx_put_whole(out, (long)knots));
}

/* The knot k in front of x, and then, with t_k = first + k step,
 * low + (high - low) (x - t_k) / step. */
struct lip_onnx_result lip_onnx_write_spline(struct lip_onnx_out *out,
                                             const struct lip_layer *layer,
                                             const struct lip_onnx_result *x,
                                             size_t count)
{
    size_t neurons = layer->weight.dim[0], knots = layer->weight.dim[1];
    struct lip_shape all = lip_shape_vector(neurons * knots);
    (void)count;
    struct lip_onnx_result values =
        lip_onnx_put_tensor(out, LIP_PART_WEIGHT, &all);
    struct lip_onnx_result first = grid(out, 0), step = grid(out, 1);
    struct lip_onnx_result at = lip_onnx_put_flat(out, layer, *x);
    at = lip_onnx_put_binary(out, "Sub", at, first);
    struct lip_onnx_result bounds[] = {
        lip_onnx_put_unary(out, "Floor",
                           lip_onnx_put_binary(out, "Div", at, step)),
        lip_onnx_put_number(out, 0),
        lip_onnx_put_number(out, (double)(knots - 2))};
    struct lip_onnx_result k = lip_onnx_put_op(out, "Clip", 3, bounds, 0, NULL);
    struct lip_onnx_result place = lip_onnx_put_binary(
        out, "Add", lip_onnx_put_cast(out, k, LIP_ONNX_INT64),
        rows(out, neurons, knots));
    struct lip_onnx_result low =
        lip_onnx_put_binary(out, "Gather", values, place);
    place = lip_onnx_put_binary(out, "Add", place, lip_onnx_put_whole(out, 1));
    struct lip_onnx_result rise = lip_onnx_put_binary(
        out, "Sub", lip_onnx_put_binary(out, "Gather", values, place), low);
    at = lip_onnx_put_binary(out, "Sub", at,
                             lip_onnx_put_binary(out, "Mul", k, step));
    at = lip_onnx_put_binary(out, "Div", at, step);
    at = lip_onnx_put_binary(out, "Add", low,
                             lip_onnx_put_binary(out, "Mul", rise, at));
    return lip_onnx_put_unflat(out, layer, at);
}
