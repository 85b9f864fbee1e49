/* SPDX-License-Identifier: MIT
 *
 * Sums, differences, products and quotients: with one number they change the
 * operand, with a list they are an affine layer or a layer's bias, of two
 * values they are a sum of branches or a part of a pattern. */
#include "formats/onnx/arithmetic.h"
#include "formats/onnx/operator.h"

#include "formats/reader.h"
#include "network/activations/list.h"

#include <math.h>
#include <string.h>

static bool is_part(const struct lip_onnx_reader *reader,
                    const struct lip_onnx_operand *operand)
{
    return reader->origin[operand->layer].part != LIP_ONNX_LAYER;
}

/* Makes a layer of what the operand says besides its layer. */
static enum lip_status settle_down(struct lip_onnx_operand *operand,
                                   struct lip_onnx_reader *reader)
{
    size_t layer;
    enum lip_status status = lip_onnx_enter(&layer, reader, *operand);
    *operand = lip_onnx_plain(layer);
    return status;
}

static bool exact_product(double a, double b)
{
    double product = a * b;
    return isfinite(product) && fma(a, b, -product) == 0 &&
           (product != 0 || a == 0 || b == 0);
}

static bool exact_sum(double a, double b)
{
    double sum = a + b, part = sum - a;
    return isfinite(sum) && (a - (sum - part)) + (b - part) == 0;
}

static enum lip_status check_finite(double number,
                                    struct lip_onnx_reader *reader)
{
    return isfinite(number)
               ? LIP_OK
               : lip_onnx_refuse(reader, LIP_INVALID,
                                 "a constant of it is not finite.");
}

enum lip_status lip_onnx_scale(struct lip_onnx_operand *operand, double factor,
                               struct lip_onnx_reader *reader)
{
    enum lip_status status = check_finite(factor, reader);
    bool exact = exact_product(operand->scale, factor) &&
                 exact_product(operand->shift, factor);
    if (status == LIP_OK && !exact && !is_part(reader, operand))
        status = settle_down(operand, reader);
    operand->scale *= factor;
    operand->shift *= factor;
    double q = operand->scale / operand->divisor;
    if (operand->shift == 0 && exact_product(q, operand->divisor) &&
        q * operand->divisor - operand->scale == 0) {
        operand->scale = q;
        operand->divisor = 1;
    }
    return status;
}

enum lip_status lip_onnx_shift(struct lip_onnx_operand *operand, double term,
                               struct lip_onnx_reader *reader)
{
    enum lip_status status = check_finite(term, reader);
    if (status == LIP_OK && !exact_sum(operand->shift, term) &&
        !is_part(reader, operand))
        status = settle_down(operand, reader);
    operand->shift += term;
    return status;
}

enum lip_status lip_onnx_divide(struct lip_onnx_operand *operand,
                                double divisor, struct lip_onnx_reader *reader)
{
    double reciprocal = 1 / divisor;
    enum lip_status status = check_finite(divisor, reader);
    if (status == LIP_OK && divisor == 0)
        return lip_onnx_refuse(reader, LIP_INVALID, "it divides by 0.");
    if (status != LIP_OK)
        return status;
    if (isfinite(reciprocal) && exact_product(divisor, reciprocal) &&
        divisor * reciprocal - 1 == 0)
        return lip_onnx_scale(operand, reciprocal, reader);
    bool part = is_part(reader, operand);
    if (!part && (operand->shift != 0 || operand->divisor - 1 != 0))
        status = settle_down(operand, reader);
    operand->shift /= divisor; /* of a part only */
    operand->divisor *= divisor;
    return status == LIP_OK ? lip_onnx_scale(operand, 1, reader) : status;
}

/* --- constants of the same or a smaller shape */

enum lip_status lip_onnx_broadcast(size_t *rank, size_t *dim,
                                   struct lip_onnx_reader *reader,
                                   size_t rank_a, const size_t *a,
                                   size_t rank_b, const size_t *b)
{
    *rank = rank_a > rank_b ? rank_a : rank_b;
    for (size_t k = 0; k < *rank; k++) {
        size_t m = k < rank_a ? a[rank_a - 1 - k] : 1;
        size_t n = k < rank_b ? b[rank_b - 1 - k] : 1;
        if (m != n && m != 1 && n != 1)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "it joins shapes that do not fit: %zu and "
                                   "%zu along axis %zu.",
                                   m, n, *rank - 1 - k);
        dim[*rank - 1 - k] = m == 1 ? n : m;
    }
    return LIP_OK;
}

static bool same_shape(const struct lip_onnx_value *x, size_t rank,
                       const size_t *dim)
{
    return x->rank == rank && memcmp(x->dim, dim, rank * sizeof *dim) == 0;
}

enum lip_status lip_onnx_widen_to(size_t *layer, struct lip_onnx_reader *reader,
                                  const struct lip_onnx_value *x, size_t rank,
                                  const size_t *dim)
{
    struct lip_shape shape = {.rank = rank};
    struct lip_tensor index;
    double *at;
    memcpy(shape.dim, dim, rank * sizeof *dim);
    size_t count = lip_shape_count(&shape);
    if (x->batch && (rank != x->rank || dim[0] != 1))
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it repeats numbers across the batch.");
    if (!count)
        return lip_onnx_refuse(reader, LIP_TOO_LARGE,
                               "more than %zu numbers, or none, come out of "
                               "it.",
                               LIP_MAX_WIDTH);
    enum lip_status status = lip_onnx_enter(layer, reader, x->operand);
    if (status == LIP_OK)
        status = lip_onnx_tensor(&index, &at, 1, &count, reader);
    for (size_t k = 0; status == LIP_OK && k < count; k++) {
        size_t left = k, from = 0, stride = 1;
        for (size_t a = 0; a < x->rank; a++) {
            size_t own = x->dim[x->rank - 1 - a];
            size_t wide = dim[rank - 1 - a];
            from += own == 1 ? 0 : left % wide * stride;
            stride *= own;
            left /= wide;
        }
        at[k] = (double)from;
    }
    size_t lead = rank >= 2 && dim[0] == 1;
    if (status == LIP_OK)
        status = lip_onnx_take(reader, *layer, index, rank - lead, dim + lead);
    *layer = lip_onnx_last(reader);
    return status;
}

/* Whether the constant has one number for each position of axis `axis` of x
 * and is the same along the others. */
static bool along_axis(const struct lip_onnx_value *x, size_t axis,
                       const struct lip_onnx_constant *c)
{
    const struct lip_tensor *t = &c->real;
    if (c->count != x->dim[axis] || t->rank < x->rank - axis)
        return false;
    return t->dim[axis + t->rank - x->rank] == c->count;
}

/* The constant spread over x's shape. */
static enum lip_status spread(struct lip_tensor *out,
                              struct lip_onnx_reader *reader,
                              const struct lip_onnx_value *x, size_t lead,
                              const struct lip_onnx_constant *c)
{
    double *numbers;
    enum lip_status status =
        lip_onnx_tensor(out, &numbers, x->rank - lead, x->dim + lead, reader);
    size_t count = status == LIP_OK ? lip_tensor_count(out) : 0;
    for (size_t k = 0; k < count; k++) {
        size_t left = k, from = 0, stride = 1;
        for (size_t a = 0; a < c->real.rank && a < x->rank; a++) {
            size_t own = c->real.dim[c->real.rank - 1 - a];
            size_t wide = x->dim[x->rank - 1 - a];
            from += own == 1 ? 0 : left % wide * stride;
            stride *= own;
            left /= wide;
        }
        numbers[k] = lip_onnx_constant_at(c, from);
    }
    return status;
}

/* Weight or bias of an affine layer on x: a list, one a channel, in place where
 * it can be. */
static enum lip_status list_of(struct lip_tensor *out,
                               struct lip_onnx_reader *reader,
                               const struct lip_onnx_value *x,
                               const struct lip_onnx_constant *c)
{
    size_t lead = lip_onnx_lead(x);
    if (c->whole || !along_axis(x, lead, c))
        return spread(out, reader, x, lead, c);
    *out = lip_onnx_hold(c);
    out->rank = 1;
    out->dim[0] = c->count;
    return LIP_OK;
}

/* The layer that a product of rows ends with takes no bias, but the convolution
 * in front of its last transpose does. */
static size_t inner_layer(const struct lip_onnx_reader *reader, size_t layer)
{
    const struct lip_layer *last = &reader->layer[layer];
    if (last->kind != &lip_layer_transpose)
        return layer;
    size_t before = last->source[0];
    const struct lip_layer *conv = &reader->layer[before];
    return conv->kind == &lip_layer_conv &&
                   reader->origin[before].node == reader->origin[layer].node
               ? before
               : layer;
}

/* Where the value is what a layer gives and nobody else takes it, a list that
 * is added, or with which the result of a layer-norm is multiplied, belongs to
 * a layer, whose number this is; else SIZE_MAX. */
static size_t owner(const struct lip_onnx_reader *reader,
                    const struct lip_onnx_value *x, bool bias,
                    const struct lip_onnx_constant *c)
{
    const struct lip_onnx_operand *o = &x->operand;
    size_t inner = inner_layer(reader, o->layer);
    const struct lip_layer *layer = &reader->layer[inner];
    bool plain = o->scale - 1 == 0 && o->divisor - 1 == 0 && o->shift == 0;
    bool own = x->maker != SIZE_MAX && x->uses == 1 &&
               reader->origin[o->layer].node == &reader->model.node[x->maker];
    bool last = x->rank && along_axis(x, x->rank - 1, c), fits = false;
    if (!plain || !own || c->whole || layer->bias.data)
        return SIZE_MAX;
    if (inner != o->layer)
        fits = bias && last;
    else if (layer->kind == &lip_layer_dense ||
             layer->kind == &lip_layer_conv ||
             layer->kind == &lip_layer_conv_transpose)
        fits = bias && along_axis(x, lip_onnx_lead(x), c) &&
               layer->out.rank == x->rank - lip_onnx_lead(x);
    else if (layer->kind == &lip_layer_layer_norm)
        fits = last && (bias || !layer->weight.data) &&
               (size_t)layer->setting[0].value[0] + 1 == layer->out.rank;
    return fits ? inner : SIZE_MAX;
}

/* x times, or plus, a list. */
static enum lip_status apply_list(struct lip_onnx_reader *reader,
                                  const struct lip_onnx_value *x, bool bias,
                                  const struct lip_onnx_constant *c)
{
    struct lip_layer *layer;
    size_t from, own = owner(reader, x, bias, c);
    if (own != SIZE_MAX) {
        layer = &reader->layer[own];
        struct lip_tensor *to = bias ? &layer->bias : &layer->weight;
        *to = lip_onnx_hold(c);
        to->rank = 1;
        to->dim[0] = c->count;
        reader->origin[x->operand.layer].node = reader->node;
        reader->origin[own].node = reader->node;
        lip_onnx_give_like(reader, x->operand.layer, x);
        return LIP_OK;
    }
    enum lip_status status =
        lip_onnx_enter_axes(&from, reader, x, lip_onnx_lead(x));
    if (status == LIP_OK)
        status =
            lip_onnx_append(&layer, reader, &lip_layer_affine, 1, &from, "");
    if (status == LIP_OK)
        status = list_of(bias ? &layer->bias : &layer->weight, reader, x, c);
    if (status == LIP_OK)
        status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give_like(reader, lip_onnx_last(reader), x);
    return status;
}

/* x, repeated to the shape that it has together with c. */
static enum lip_status match(struct lip_onnx_value *out,
                             struct lip_onnx_reader *reader,
                             const struct lip_onnx_value *x,
                             const struct lip_onnx_constant *c)
{
    size_t rank, dim[LIP_MAX_RANK], layer;
    *out = *x;
    enum lip_status status = lip_onnx_broadcast(
        &rank, dim, reader, x->rank, x->dim, c->real.rank, c->real.dim);
    if (status != LIP_OK || same_shape(x, rank, dim))
        return status;
    status = lip_onnx_widen_to(&layer, reader, x, rank, dim);
    out->operand = lip_onnx_plain(layer);
    out->rank = rank;
    out->uses = 2;
    memcpy(out->dim, dim, rank * sizeof *dim);
    return status;
}

static enum lip_status give_operand(struct lip_onnx_reader *reader,
                                    const struct lip_onnx_value *x,
                                    struct lip_onnx_operand operand,
                                    enum lip_status status)
{
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, operand, x->rank, x->dim, x->batch);
    return status;
}

/* sign_x x + sign_c c */
static enum lip_status
add_constant(struct lip_onnx_reader *reader, const struct lip_onnx_value *x,
             double sign_x, const struct lip_onnx_constant *c, double sign_c)
{
    struct lip_onnx_value wide;
    enum lip_status status = match(&wide, reader, x, c);
    if (status == LIP_OK && sign_x < 0)
        status = lip_onnx_scale(&wide.operand, -1, reader);
    if (status != LIP_OK)
        return status;
    if (c->count == 1) {
        double term = sign_c * lip_onnx_constant_at(c, 0);
        status = lip_onnx_shift(&wide.operand, term, reader);
        return give_operand(reader, &wide, wide.operand, status);
    }
    if (sign_c > 0)
        return apply_list(reader, &wide, true, c);
    /* x - c = -(-x + c) */
    status = lip_onnx_scale(&wide.operand, -1, reader);
    if (status == LIP_OK)
        status = apply_list(reader, &wide, true, c);
    struct lip_onnx_value *out = lip_onnx_output(reader, 0);
    return status == LIP_OK && out ? lip_onnx_scale(&out->operand, -1, reader)
                                   : status;
}

/* --- sums of branches */

/* An operand as a source with a sign: what is not a sign becomes a layer, what
 * is added goes to *shift. */
static enum lip_status take_sign(struct lip_onnx_operand *o, long *sign,
                                 double *shift, struct lip_onnx_reader *reader)
{
    enum lip_status status = LIP_OK;
    bool unit = fabs(o->scale) - 1 == 0 && o->divisor - 1 == 0;
    if (!unit || !exact_sum(*shift, o->shift))
        status = settle_down(o, reader);
    *sign *= o->scale < 0 ? -1 : 1;
    *shift += o->shift;
    *o = lip_onnx_plain(o->layer);
    return status;
}

static enum lip_status enter_wide(size_t *layer, struct lip_onnx_reader *reader,
                                  const struct lip_onnx_value *x, size_t rank,
                                  const size_t *dim)
{
    if (!same_shape(x, rank, dim))
        return lip_onnx_widen_to(layer, reader, x, rank, dim);
    return lip_onnx_enter_axes(layer, reader, x, lip_onnx_lead(x));
}

enum lip_status lip_onnx_add_numbers(struct lip_onnx_reader *reader,
                                     const struct lip_onnx_value *a,
                                     const struct lip_onnx_value *b,
                                     long sign_b)
{
    struct lip_onnx_value in[2] = {*a, *b};
    size_t rank, dim[LIP_MAX_RANK], source[2];
    long sign[2] = {1, sign_b};
    double shift[2] = {0, 0};
    struct lip_layer *layer;
    enum lip_status status = lip_onnx_broadcast(&rank, dim, reader, a->rank,
                                                a->dim, b->rank, b->dim);
    for (int k = 0; k < 2 && status == LIP_OK; k++) {
        status = take_sign(&in[k].operand, &sign[k], &shift[k], reader);
        if (status == LIP_OK)
            status = enter_wide(&source[k], reader, &in[k], rank, dim);
    }
    if (status == LIP_OK)
        status = lip_onnx_append(&layer, reader, &lip_layer_add, 2, source, "");
    if (status != LIP_OK)
        return status;
    *lip_layer_set(layer, "sign") = (struct lip_setting){2, {sign[0], sign[1]}};
    status = lip_onnx_settle(reader);
    struct lip_onnx_operand sum = lip_onnx_plain(lip_onnx_last(reader));
    /* the shifts were not signed before: 1 x + c stays c */
    if (status == LIP_OK)
        status = lip_onnx_shift(&sum, shift[0], reader);
    if (status == LIP_OK)
        status = lip_onnx_shift(&sum, (double)sign_b * shift[1], reader);
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, sum, rank, dim, a->batch || b->batch);
    return status;
}

/* x less its mean along the last axis, the beginning of a layer-norm. */
static bool is_centred(const struct lip_onnx_reader *reader,
                       const struct lip_onnx_value *x,
                       const struct lip_onnx_value *mean)
{
    const struct lip_onnx_origin *o = &reader->origin[mean->operand.layer];
    return o->mean && o->from[0].layer == x->operand.layer &&
           o->from[0].shift == x->operand.shift &&
           o->from[0].scale - x->operand.scale == 0 &&
           mean->operand.scale - 1 == 0 && mean->operand.shift == 0 &&
           mean->rank == x->rank && mean->dim[x->rank - 1] == 1 &&
           x->dim[x->rank - 1] > 1;
}

enum lip_status lip_onnx_add(struct lip_onnx_reader *reader, const void *detail)
{
    bool minus = detail != NULL;
    struct lip_onnx_value *a = lip_onnx_input(reader, 0);
    struct lip_onnx_value *b = lip_onnx_input(reader, 1);
    const struct lip_onnx_constant *c;
    enum lip_status status;
    if (!a || a->state != LIP_ONNX_NUMBERS) {
        status = lip_onnx_constant(&c, reader, 0, "first term");
        if (status == LIP_OK)
            status = lip_onnx_numbers(&b, reader, 1, "second term");
        return status == LIP_OK ? add_constant(reader, b, minus ? -1 : 1, c, 1)
                                : status;
    }
    if (!b || b->state != LIP_ONNX_NUMBERS) {
        status = lip_onnx_constant(&c, reader, 1, "second term");
        return status == LIP_OK ? add_constant(reader, a, 1, c, minus ? -1 : 1)
                                : status;
    }
    if (!minus || !is_centred(reader, a, b))
        return lip_onnx_add_numbers(reader, a, b, minus ? -1 : 1);
    status = lip_onnx_append_part(
        reader, LIP_ONNX_CENTRED, a->operand, b->operand,
        "it subtracts a mean, which is read as the beginning of a layer "
        "normalisation only.");
    if (status == LIP_OK)
        lip_onnx_give_like(reader, lip_onnx_last(reader), a);
    return status;
}

/* Of any number of terms: one after the other; the mean is the sum over their
 * number. */
enum lip_status lip_onnx_sum(struct lip_onnx_reader *reader, const void *detail)
{
    struct lip_onnx_value *x, *out = lip_onnx_output(reader, 0), so_far;
    bool mean = detail != NULL;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "first term");
    if (status != LIP_OK || !out)
        return status;
    so_far = *x;
    lip_onnx_give(reader, 0, x->operand, x->rank, x->dim, x->batch);
    for (size_t k = 1; k < reader->node->inputs && status == LIP_OK; k++) {
        struct lip_onnx_value *next = lip_onnx_input(reader, k);
        const struct lip_onnx_constant *c;
        if (next && next->state == LIP_ONNX_NUMBERS) {
            status = lip_onnx_add_numbers(reader, &so_far, next, 1);
        } else {
            status = lip_onnx_constant(&c, reader, k, "term");
            if (status == LIP_OK)
                status = add_constant(reader, &so_far, 1, c, 1);
        }
        so_far = *out;
    }
    if (status == LIP_OK && mean)
        status = lip_onnx_divide(&out->operand, (double)reader->node->inputs,
                                 reader);
    return status;
}

enum lip_status lip_onnx_neg(struct lip_onnx_reader *reader, const void *detail)
{
    struct lip_onnx_value *x;
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status != LIP_OK)
        return status;
    struct lip_onnx_operand operand = x->operand;
    status = lip_onnx_scale(&operand, -1, reader);
    return give_operand(reader, x, operand, status);
}

/* --- products and quotients with constants */

enum lip_status lip_onnx_times_constant(struct lip_onnx_reader *reader,
                                        const struct lip_onnx_value *x,
                                        const struct lip_onnx_constant *c)
{
    struct lip_onnx_value wide;
    enum lip_status status = match(&wide, reader, x, c);
    if (status != LIP_OK)
        return status;
    if (c->count != 1)
        return apply_list(reader, &wide, false, c);
    struct lip_onnx_operand operand = wide.operand;
    status = lip_onnx_scale(&operand, lip_onnx_constant_at(c, 0), reader);
    return give_operand(reader, &wide, operand, status);
}

/* A list of divisors: a batch-norm of mean 0 whose variance is their square,
 * where each channel has one. */
static enum lip_status divide_list(struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x,
                                   const struct lip_onnx_constant *c)
{
    size_t lead = lip_onnx_lead(x), from;
    struct lip_layer *layer;
    double *weight = NULL, *variance = NULL;
    if (!along_axis(x, lead, c))
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it divides by an array: one number, or one a "
                               "channel, is read. Multiply by its reciprocal.");
    enum lip_status status = lip_onnx_enter_axes(&from, reader, x, lead);
    if (status == LIP_OK)
        status = lip_onnx_append(&layer, reader, &lip_layer_batch_norm, 1,
                                 &from, "");
    if (status != LIP_OK)
        return status;
    layer->parameter[0] = 0;
    status = lip_onnx_tensor(&layer->weight, &weight, 1, &c->count, reader);
    if (status == LIP_OK)
        status =
            lip_onnx_tensor(&layer->variance, &variance, 1, &c->count, reader);
    if (status == LIP_OK)
        status = lip_onnx_equal(&layer->mean, c->count, 0, reader);
    for (size_t k = 0; status == LIP_OK && k < c->count; k++) {
        double d = lip_onnx_constant_at(c, k);
        weight[k] = copysign(1, d);
        variance[k] = d * d;
        if (d == 0 || !exact_product(d, d))
            status = lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                     "it divides by %g, which is not done "
                                     "exactly.",
                                     d);
    }
    if (status == LIP_OK)
        status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give_like(reader, lip_onnx_last(reader), x);
    return status;
}

enum lip_status lip_onnx_over_constant(struct lip_onnx_reader *reader,
                                       const struct lip_onnx_value *x,
                                       const struct lip_onnx_constant *c)
{
    struct lip_onnx_value wide;
    enum lip_status status = match(&wide, reader, x, c);
    if (status != LIP_OK)
        return status;
    if (c->count != 1)
        return divide_list(reader, &wide, c);
    struct lip_onnx_operand operand = wide.operand;
    status = lip_onnx_divide(&operand, lip_onnx_constant_at(c, 0), reader);
    return give_operand(reader, &wide, operand, status);
}
