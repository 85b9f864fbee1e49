/* SPDX-License-Identifier: MIT
 *
 * Functions of one number: activations and what goes away without a trace. */
#include "formats/onnx/elementwise.h"
#include "formats/onnx/operator.h"

#include "formats/reader.h"
#include "network/activations/list.h"

#include <float.h>
#include <math.h>

/* The result is the last layer, in the shape of the input. */
static enum lip_status activate(struct lip_onnx_reader *reader,
                                const struct lip_onnx_value *x,
                                const struct lip_activation *activation,
                                const double *parameter)
{
    enum lip_status status =
        lip_onnx_activate(reader, activation, parameter, x->operand);
    if (status == LIP_OK)
        lip_onnx_give_like(reader, lip_onnx_last(reader), x);
    return status;
}

enum lip_status lip_onnx_activation(struct lip_onnx_reader *reader,
                                    const void *detail)
{
    const struct lip_onnx_elementwise *row = detail;
    struct lip_onnx_value *x;
    double parameter[LIP_MAX_PARAMETERS] = {row->fallback};
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK && row->attribute)
        status = lip_onnx_float(reader, row->attribute, &parameter[0]);
    return status == LIP_OK ? activate(reader, x, row->activation,
                                       row->attribute ? parameter : NULL)
                            : status;
}

/* One bound of Clip: an attribute before opset 11, then an input. */
static enum lip_status clip_bound(double *out, struct lip_onnx_reader *reader,
                                  const char *name, size_t k)
{
    const struct lip_onnx_constant *bound;
    if (reader->model.opset < 11)
        return lip_onnx_float(reader, name, out);
    enum lip_status status = lip_onnx_optional(&bound, reader, k, name);
    if (status == LIP_OK && bound && bound->count != 1)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its %s must be one number.", name);
    if (status == LIP_OK && bound)
        *out = lip_onnx_constant_at(bound, 0);
    return status;
}

enum lip_status lip_onnx_clip(struct lip_onnx_reader *reader,
                              const void *detail)
{
    struct lip_onnx_value *x;
    double bound[LIP_MAX_PARAMETERS] = {-FLT_MAX, FLT_MAX};
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = clip_bound(&bound[0], reader, "min", 1);
    if (status == LIP_OK)
        status = clip_bound(&bound[1], reader, "max", 2);
    if (status != LIP_OK)
        return status;
    if (isnan(bound[0]) || isnan(bound[1]))
        return lip_onnx_refuse(reader, LIP_INVALID, "a bound is NaN.");
    bool below = bound[0] > -FLT_MAX, above = bound[1] < FLT_MAX;
    bound[0] = fmax(bound[0], -DBL_MAX);
    bound[1] = fmin(bound[1], DBL_MAX);
    if (bound[0] == 0 && !above)
        return activate(reader, x, &lip_activation_relu, NULL);
    if (bound[0] == 0 && bound[1] - 6 == 0)
        return activate(reader, x, &lip_activation_relu6, NULL);
    if (below || above)
        return activate(reader, x, &lip_activation_hard_tanh, bound);
    lip_onnx_give(reader, 0, x->operand, x->rank, x->dim, x->batch);
    return LIP_OK;
}

/* The number of a slope list that number k of a shape takes, by broadcasting
 * from the last axis on. */
static size_t broadcast(size_t k, const struct lip_onnx_value *x,
                        const struct lip_tensor *list)
{
    size_t at = 0, stride = 1;
    for (size_t a = 0; a < list->rank; a++) {
        size_t axis = x->rank - 1 - a;
        size_t length = list->dim[list->rank - 1 - a];
        at += length == 1 ? 0 : k % x->dim[axis] * stride;
        stride *= length;
        k /= x->dim[axis];
    }
    return at;
}

static enum lip_status spread_slopes(struct lip_tensor *out,
                                     struct lip_onnx_reader *reader,
                                     const struct lip_onnx_value *x,
                                     const struct lip_onnx_constant *slope)
{
    size_t count = reader->layer[x->operand.layer].outputs;
    const struct lip_tensor *list = &slope->real;
    double *numbers;
    bool fits = !slope->whole && list->rank <= x->rank && slope->count;
    for (size_t a = 0; fits && a < list->rank; a++) {
        size_t length = list->dim[list->rank - 1 - a];
        fits = length == 1 || length == x->dim[x->rank - 1 - a];
    }
    if (!fits)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its slopes do not fit the shape of its "
                               "input.");
    enum lip_status status = lip_onnx_tensor(out, &numbers, 1, &count, reader);
    for (size_t k = 0; status == LIP_OK && k < count; k++)
        numbers[k] = lip_tensor_at(list, broadcast(k, x, list));
    return status;
}

enum lip_status lip_onnx_prelu(struct lip_onnx_reader *reader,
                               const void *detail)
{
    struct lip_onnx_value *x;
    const struct lip_onnx_constant *slope;
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_constant(&slope, reader, 1, "slope");
    if (status != LIP_OK)
        return status;
    if (slope->count == 1) {
        double one[LIP_MAX_PARAMETERS] = {lip_onnx_constant_at(slope, 0)};
        return activate(reader, x, &lip_activation_prelu, one);
    }
    struct lip_tensor slopes = {0};
    size_t from;
    struct lip_layer *layer;
    status = spread_slopes(&slopes, reader, x, slope);
    if (status == LIP_OK)
        status = lip_onnx_enter(&from, reader, x->operand);
    if (status == LIP_OK)
        status = lip_onnx_append(&layer, reader, &lip_layer_activation, 1,
                                 &from, "");
    if (status != LIP_OK) {
        lip_tensor_clear(&slopes);
        return status;
    }
    layer->activation = &lip_activation_prelu;
    layer->weight = slopes;
    status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give_like(reader, lip_onnx_last(reader), x);
    return status;
}

enum lip_status lip_onnx_selu(struct lip_onnx_reader *reader,
                              const void *detail)
{
    static const struct lip_onnx_elementwise row = {&lip_activation_selu, NULL,
                                                    0};
    double alpha = 1.67326319217681884765625;
    double gamma = 1.05070102214813232421875;
    (void)detail;
    enum lip_status status = lip_onnx_float(reader, "alpha", &alpha);
    if (status == LIP_OK)
        status = lip_onnx_float(reader, "gamma", &gamma);
    if (status != LIP_OK)
        return status;
    if (fabs(alpha - 1.6732632423543772) > 1e-6 ||
        fabs(gamma - 1.0507009873554805) > 1e-6)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its alpha is %g and its gamma %g: only the "
                               "usual ones (1.6733, 1.0507) are read.",
                               alpha, gamma);
    return lip_onnx_activation(reader, &row);
}

/* clip(alpha x + beta, 0, 1): exactly that. */
enum lip_status lip_onnx_hard_sigmoid(struct lip_onnx_reader *reader,
                                      const void *detail)
{
    struct lip_onnx_value *x;
    double alpha = 0.2f, beta = 0.5, bound[LIP_MAX_PARAMETERS] = {0, 1};
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_float(reader, "alpha", &alpha);
    if (status == LIP_OK)
        status = lip_onnx_float(reader, "beta", &beta);
    if (status != LIP_OK)
        return status;
    struct lip_onnx_operand operand = x->operand;
    status = lip_onnx_scale(&operand, alpha, reader);
    if (status == LIP_OK)
        status = lip_onnx_shift(&operand, beta, reader);
    if (status == LIP_OK)
        status = lip_onnx_activate(reader, &lip_activation_hard_tanh, bound,
                                   operand);
    if (status == LIP_OK)
        lip_onnx_give_like(reader, lip_onnx_last(reader), x);
    return status;
}

enum lip_status lip_onnx_gelu(struct lip_onnx_reader *reader,
                              const void *detail)
{
    struct lip_onnx_value *x;
    struct lip_span how = {0};
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_attribute_text(&how, reader->node, "approximate",
                                         &reader->model);
    if (status != LIP_OK)
        return status;
    return activate(reader, x,
                    lip_span_is(how, "tanh") ? &lip_activation_gelu_tanh
                                             : &lip_activation_gelu,
                    NULL);
}

/* x - bias beyond lambd, 0 within: continuous where both are the same. */
enum lip_status lip_onnx_shrink(struct lip_onnx_reader *reader,
                                const void *detail)
{
    struct lip_onnx_value *x;
    double bias = 0, lambda[LIP_MAX_PARAMETERS] = {0.5};
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_float(reader, "bias", &bias);
    if (status == LIP_OK)
        status = lip_onnx_float(reader, "lambd", &lambda[0]);
    if (status != LIP_OK)
        return status;
    if (bias - lambda[0] != 0)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its bias is %g and its lambd %g: where they "
                               "differ it jumps, so that it has no Lipschitz "
                               "constant.",
                               bias, lambda[0]);
    return activate(reader, x, &lip_activation_soft_shrink, lambda);
}

/* log(sigmoid(x)) is a known function; log alone is too steep. */
enum lip_status lip_onnx_log(struct lip_onnx_reader *reader, const void *detail)
{
    static const struct lip_onnx_operand none = {0, 1, 1, 0};
    struct lip_onnx_value *x;
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status != LIP_OK)
        return status;
    struct lip_onnx_operand o = x->operand;
    const struct lip_activation *of = reader->layer[o.layer].activation;
    if (of == &lip_activation_sigmoid && o.scale - 1 == 0 &&
        o.divisor - 1 == 0 && o.shift == 0)
        status = lip_onnx_activate(reader, &lip_activation_log_sigmoid, NULL,
                                   reader->origin[o.layer].from[0]);
    else
        status = lip_onnx_append_part(reader, LIP_ONNX_OTHER, o, none,
                                      "its slope grows without bound near 0, "
                                      "so that it has no Lipschitz constant.");
    if (status == LIP_OK)
        lip_onnx_give_like(reader, lip_onnx_last(reader), x);
    return status;
}

enum lip_status lip_onnx_identity(struct lip_onnx_reader *reader,
                                  const void *detail)
{
    struct lip_onnx_value *x = lip_onnx_input(reader, 0);
    const struct lip_onnx_constant *constant;
    (void)detail;
    if (x && x->state == LIP_ONNX_NUMBERS) {
        lip_onnx_give(reader, 0, x->operand, x->rank, x->dim, x->batch);
        return LIP_OK;
    }
    enum lip_status status = lip_onnx_constant(&constant, reader, 0, "input");
    if (status == LIP_OK)
        lip_onnx_give_constant(reader, 0, constant);
    return status;
}

/* A network in use drops nothing. */
enum lip_status lip_onnx_dropout(struct lip_onnx_reader *reader,
                                 const void *detail)
{
    int64_t training = 0;
    size_t count = 0;
    if (reader->model.opset >= 12) {
        enum lip_status status = lip_onnx_int_input(reader, 2, "training_mode",
                                                    &training, &count, 1);
        if (status != LIP_OK)
            return status;
    }
    if (training)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it is in training mode. Export the model in "
                               "evaluation mode (model.eval()).");
    return lip_onnx_identity(reader, detail);
}

/* Whether the second input of CastLike is of a real type. */
static enum lip_status like_type(int64_t *to, struct lip_onnx_reader *reader)
{
    const struct lip_onnx_value *like = lip_onnx_input(reader, 1);
    const struct lip_onnx_constant *constant;
    if (like && like->state == LIP_ONNX_NUMBERS)
        return LIP_OK;
    enum lip_status status = lip_onnx_constant(&constant, reader, 1, "type");
    if (status == LIP_OK && constant->whole)
        *to = 7;
    return status;
}

/* Between real types a cast only rounds. */
enum lip_status lip_onnx_cast(struct lip_onnx_reader *reader,
                              const void *detail)
{
    int64_t to = 1;
    bool like = detail != NULL;
    enum lip_status status =
        like ? like_type(&to, reader) : lip_onnx_int(reader, "to", &to);
    if (status != LIP_OK)
        return status;
    if (to != 1 && to != 10 && to != 11 && to != 16)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it rounds to whole numbers or truth values, "
                               "which jumps, so that it has no Lipschitz "
                               "constant.");
    return lip_onnx_identity(reader, NULL);
}
