/* SPDX-License-Identifier: MIT
 *
 * Products, quotients and powers of what depends on the input: none of them
 * has a Lipschitz constant by itself, but they are what exporters write known
 * functions with. */
#include "formats/onnx/arithmetic.h"
#include "formats/onnx/operator.h"

#include <math.h>
#include <string.h>

static const char product_reason[] =
    "the product of two values that both depend on the input has no Lipschitz "
    "constant over all inputs. x * sigmoid(x), GELU and their like are "
    "recognised.";
static const char power_reason[] =
    "a power other than 1 has no Lipschitz constant over all inputs.";

/* The part as output 0, with the factors in front of it. */
static enum lip_status give_part(struct lip_onnx_reader *reader,
                                 enum lip_onnx_part part,
                                 const struct lip_onnx_value *x,
                                 struct lip_onnx_operand a,
                                 struct lip_onnx_operand b, const char *reason)
{
    enum lip_status status = lip_onnx_append_part(reader, part, a, b, reason);
    if (status == LIP_OK)
        lip_onnx_give_like(reader, lip_onnx_last(reader), x);
    return status;
}

/* (r x)(s x) = r s x^2, and (r x)(s x^2) = r s x^3. */
static enum lip_onnx_part power_of(const struct lip_onnx_reader *reader,
                                   const struct lip_onnx_operand *a,
                                   const struct lip_onnx_operand *b)
{
    const struct lip_onnx_origin *o = &reader->origin[b->layer];
    if (a->shift != 0 || b->shift != 0)
        return LIP_ONNX_PRODUCT;
    if (a->layer == b->layer && !reader->origin[a->layer].part)
        return LIP_ONNX_SQUARE;
    if (a->layer == b->layer &&
        reader->origin[a->layer].part == LIP_ONNX_CENTRED)
        return LIP_ONNX_SQUARE;
    return o->part == LIP_ONNX_SQUARE && o->from[0].layer == a->layer
               ? LIP_ONNX_CUBE
               : LIP_ONNX_PRODUCT;
}

static enum lip_status give_power(struct lip_onnx_reader *reader,
                                  enum lip_onnx_part part,
                                  const struct lip_onnx_value *x,
                                  const struct lip_onnx_operand *a,
                                  const struct lip_onnx_operand *b)
{
    struct lip_onnx_operand base = lip_onnx_plain(a->layer);
    enum lip_status status =
        give_part(reader, part, x, base, base, product_reason);
    struct lip_onnx_value *out = lip_onnx_output(reader, 0);
    if (status != LIP_OK || !out)
        return status;
    out->operand.scale = a->scale * b->scale;
    out->operand.divisor = a->divisor * b->divisor;
    return LIP_OK;
}

enum lip_status lip_onnx_multiply(struct lip_onnx_reader *reader,
                                  const struct lip_onnx_value *a,
                                  const struct lip_onnx_value *b)
{
    struct lip_onnx_operand result;
    bool known = false,
         same = a->rank == b->rank &&
                memcmp(a->dim, b->dim, a->rank * sizeof *a->dim) == 0;
    const struct lip_onnx_operand *x = &a->operand, *y = &b->operand;
    enum lip_status status = LIP_OK;
    if (same)
        status = lip_onnx_recognise(reader, &known, &result, *x, *y);
    if (status == LIP_OK && same && !known)
        status = lip_onnx_recognise(reader, &known, &result, *y, *x);
    if (status != LIP_OK)
        return status;
    if (known) {
        lip_onnx_give(reader, 0, result, a->rank, a->dim, a->batch);
        return LIP_OK;
    }
    enum lip_onnx_part part = same ? power_of(reader, x, y) : LIP_ONNX_PRODUCT;
    if (part != LIP_ONNX_PRODUCT)
        return give_power(reader, part, a, x, y);
    part = same ? power_of(reader, y, x) : LIP_ONNX_PRODUCT;
    if (part != LIP_ONNX_PRODUCT)
        return give_power(reader, part, a, y, x);
    if (!same)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED, "%s", product_reason);
    return give_part(reader, LIP_ONNX_PRODUCT, a, *x, *y, product_reason);
}

enum lip_status lip_onnx_mul(struct lip_onnx_reader *reader, const void *detail)
{
    struct lip_onnx_value *x = lip_onnx_input(reader, 0);
    struct lip_onnx_value *y = lip_onnx_input(reader, 1);
    const struct lip_onnx_constant *c;
    bool first = x && x->state == LIP_ONNX_NUMBERS;
    bool second = y && y->state == LIP_ONNX_NUMBERS;
    (void)detail;
    if (first && second)
        return lip_onnx_multiply(reader, x, y);
    enum lip_status status = lip_onnx_constant(
        &c, reader, first, first ? "second factor" : "first factor");
    if (status == LIP_OK)
        status = lip_onnx_numbers(&x, reader, !first, "factor");
    return status == LIP_OK ? lip_onnx_times_constant(reader, x, c) : status;
}

/* (x - mean) / sqrt(variance + epsilon), along the last axis: as exporters
 * write a layer normalisation. */
static bool is_layer_norm(const struct lip_onnx_reader *reader,
                          const struct lip_onnx_operand *above,
                          const struct lip_onnx_operand *below, double *epsilon)
{
    const struct lip_onnx_origin *centred = &reader->origin[above->layer];
    const struct lip_onnx_origin *root = &reader->origin[below->layer];
    if (centred->part != LIP_ONNX_CENTRED || root->part != LIP_ONNX_ROOT ||
        above->shift != 0 || below->shift != 0 || below->scale - 1 != 0 ||
        below->divisor - 1 != 0)
        return false;
    const struct lip_onnx_operand *sum = &root->from[0];
    const struct lip_onnx_origin *mean = &reader->origin[sum->layer];
    if (!mean->mean || sum->scale - 1 != 0 || sum->divisor - 1 != 0 ||
        sum->shift < 0)
        return false;
    const struct lip_onnx_operand *square = &mean->from[0];
    const struct lip_onnx_origin *squared = &reader->origin[square->layer];
    *epsilon = sum->shift;
    return squared->part == LIP_ONNX_SQUARE && square->scale - 1 == 0 &&
           square->divisor - 1 == 0 && square->shift == 0 &&
           squared->from[0].layer == above->layer;
}

static enum lip_status give_layer_norm(struct lip_onnx_reader *reader,
                                       const struct lip_onnx_value *x,
                                       double epsilon)
{
    struct lip_onnx_value base = *x;
    struct lip_layer *layer;
    size_t from, lead = lip_onnx_lead(x);
    base.operand = reader->origin[x->operand.layer].from[0];
    enum lip_status status = lip_onnx_enter_axes(&from, reader, &base, lead);
    if (status == LIP_OK)
        status = lip_onnx_append(&layer, reader, &lip_layer_layer_norm, 1,
                                 &from, "");
    if (status != LIP_OK)
        return status;
    layer->parameter[0] = epsilon;
    *lip_layer_set(layer, "axis") =
        (struct lip_setting){1, {(long)(x->rank - lead - 1)}};
    status = lip_onnx_settle(reader);
    struct lip_onnx_operand result = x->operand;
    result.layer = lip_onnx_last(reader);
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, result, x->rank, x->dim, x->batch);
    return status;
}

enum lip_status lip_onnx_div(struct lip_onnx_reader *reader, const void *detail)
{
    struct lip_onnx_value *x = lip_onnx_input(reader, 0);
    struct lip_onnx_value *y = lip_onnx_input(reader, 1);
    const struct lip_onnx_constant *c;
    double epsilon;
    (void)detail;
    if (y && y->state == LIP_ONNX_NUMBERS) {
        if (x && x->state == LIP_ONNX_NUMBERS &&
            is_layer_norm(reader, &x->operand, &y->operand, &epsilon))
            return give_layer_norm(reader, x, epsilon);
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "a quotient by what depends on the input has no "
                               "Lipschitz constant over all inputs.");
    }
    enum lip_status status = lip_onnx_constant(&c, reader, 1, "divisor");
    if (status == LIP_OK)
        status = lip_onnx_numbers(&x, reader, 0, "dividend");
    return status == LIP_OK ? lip_onnx_over_constant(reader, x, c) : status;
}

static enum lip_status give_root(struct lip_onnx_reader *reader,
                                 const struct lip_onnx_value *x)
{
    return give_part(reader, LIP_ONNX_ROOT, x, x->operand, x->operand,
                     "the square root is infinitely steep at 0, so that it has "
                     "no Lipschitz constant.");
}

enum lip_status lip_onnx_sqrt(struct lip_onnx_reader *reader,
                              const void *detail)
{
    struct lip_onnx_value *x;
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    return status == LIP_OK ? give_root(reader, x) : status;
}

enum lip_status lip_onnx_pow(struct lip_onnx_reader *reader, const void *detail)
{
    struct lip_onnx_value *x;
    const struct lip_onnx_constant *c;
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "base");
    if (status == LIP_OK)
        status = lip_onnx_constant(&c, reader, 1, "exponent");
    if (status != LIP_OK)
        return status;
    double power = c->count == 1 ? lip_onnx_constant_at(c, 0) : NAN;
    const struct lip_onnx_operand *o = &x->operand;
    if (power - 1 == 0)
        return lip_onnx_identity(reader, NULL);
    if (power - 0.5 == 0)
        return give_root(reader, x);
    if (power - 2 == 0)
        return lip_onnx_multiply(reader, x, x);
    if (power - 3 != 0 || o->shift != 0)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED, "%s", power_reason);
    struct lip_onnx_operand base = lip_onnx_plain(o->layer);
    status = give_part(reader, LIP_ONNX_CUBE, x, base, base, power_reason);
    struct lip_onnx_value *out = lip_onnx_output(reader, 0);
    if (status == LIP_OK && out) {
        out->operand.scale = o->scale * o->scale * o->scale;
        out->operand.divisor = o->divisor * o->divisor * o->divisor;
    }
    return status;
}
