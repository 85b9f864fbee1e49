/* SPDX-License-Identifier: MIT
 *
 * Activations as ONNX operators, or as a few of them. Attributes are float32:
 * where that would change a number of a float64 network, the number stands in
 * an input instead. */
#include "formats/write_onnx.h"

#include "network/activations/list.h"

#include <math.h>

static struct lip_onnx_result times(struct lip_onnx_out *out,
                                    struct lip_onnx_result x, double factor)
{
    return lip_onnx_put_binary(out, "Mul", x, lip_onnx_put_number(out, factor));
}

/* An operator with one real attribute. */
static struct lip_onnx_result shaped(struct lip_onnx_out *out, const char *op,
                                     const char *name, double value,
                                     struct lip_onnx_result x)
{
    return lip_onnx_put_op(out, op, 1, &x, 1,
                           &(struct lip_onnx_put_attribute){
                               .name = name, .is_real = true, .real = value});
}

static struct lip_onnx_result
clip(struct lip_onnx_out *out, struct lip_onnx_result x, double lo, double hi)
{
    struct lip_onnx_result input[] = {x, lip_onnx_put_number(out, lo),
                                      lip_onnx_put_number(out, hi)};
    return lip_onnx_put_op(out, "Clip", 3, input, 0, NULL);
}

/* PRelu with one slope for all. */
static struct lip_onnx_result fold(struct lip_onnx_out *out,
                                   struct lip_onnx_result x, double slope)
{
    return lip_onnx_put_binary(out, "PRelu", x,
                               lip_onnx_put_filled(out, 1, slope));
}

static struct lip_onnx_result leaky_relu(struct lip_onnx_out *out,
                                         const struct lip_layer *layer,
                                         struct lip_onnx_result x)
{
    double slope = layer->parameter[0];
    return lip_onnx_says(out, slope)
               ? shaped(out, "LeakyRelu", "alpha", slope, x)
               : fold(out, x, slope);
}

static struct lip_onnx_result prelu(struct lip_onnx_out *out,
                                    const struct lip_layer *layer,
                                    struct lip_onnx_result x)
{
    if (!layer->weight.data)
        return fold(out, x, layer->parameter[0]);
    struct lip_shape shape = layer->out;
    if (lip_tensor_count(&layer->weight) != lip_shape_count(&shape)) {
        for (size_t k = 1; k < shape.rank; k++)
            shape.dim[k] = 1;
    }
    return lip_onnx_put_binary(
        out, "PRelu", x, lip_onnx_put_tensor(out, LIP_PART_WEIGHT, &shape));
}

static struct lip_onnx_result relu6(struct lip_onnx_out *out,
                                    const struct lip_layer *layer,
                                    struct lip_onnx_result x)
{
    (void)layer;
    return clip(out, x, 0, 6);
}

/* max(x, 0) + factor (e^min(x, 0) - 1), by Elu of slope 1, which float32 says
 * exactly. */
static struct lip_onnx_result bend(struct lip_onnx_out *out,
                                   struct lip_onnx_result x, double factor)
{
    struct lip_onnx_result zero = lip_onnx_put_number(out, 0);
    struct lip_onnx_result below = lip_onnx_put_binary(out, "Min", x, zero);
    struct lip_onnx_result bent = shaped(out, "Elu", "alpha", 1, below);
    return lip_onnx_put_binary(out, "Add", lip_onnx_put_unary(out, "Relu", x),
                               times(out, bent, factor));
}

static struct lip_onnx_result elu(struct lip_onnx_out *out,
                                  const struct lip_layer *layer,
                                  struct lip_onnx_result x)
{
    double alpha = layer->parameter[0];
    return lip_onnx_says(out, alpha) ? shaped(out, "Elu", "alpha", alpha, x)
                                     : bend(out, x, alpha);
}

static struct lip_onnx_result selu(struct lip_onnx_out *out,
                                   const struct lip_layer *layer,
                                   struct lip_onnx_result x)
{
    static const double scale = 1.0507009873554804934193349852946;
    static const double alpha = 1.6732632423543772848170429916717;
    (void)layer;
    return out->wide ? times(out, bend(out, x, alpha), scale)
                     : lip_onnx_put_unary(out, "Selu", x);
}

/* Celu is for float32 only. */
static struct lip_onnx_result celu(struct lip_onnx_out *out,
                                   const struct lip_layer *layer,
                                   struct lip_onnx_result x)
{
    double alpha = layer->parameter[0];
    if (!out->wide)
        return shaped(out, "Celu", "alpha", alpha, x);
    struct lip_onnx_result part =
        lip_onnx_put_binary(out, "Div", x, lip_onnx_put_number(out, alpha));
    return times(out, shaped(out, "Elu", "alpha", 1, part), alpha);
}

static struct lip_onnx_result softplus(struct lip_onnx_out *out,
                                       const struct lip_layer *layer,
                                       struct lip_onnx_result x)
{
    double beta = layer->parameter[0];
    if (!(beta < 1 || beta > 1))
        return lip_onnx_put_unary(out, "Softplus", x);
    x = lip_onnx_put_unary(out, "Softplus", times(out, x, beta));
    return lip_onnx_put_binary(out, "Div", x, lip_onnx_put_number(out, beta));
}

static struct lip_onnx_result log_sigmoid(struct lip_onnx_out *out,
                                          const struct lip_layer *layer,
                                          struct lip_onnx_result x)
{
    (void)layer;
    x = lip_onnx_put_unary(out, "Softplus", lip_onnx_put_unary(out, "Neg", x));
    return lip_onnx_put_unary(out, "Neg", x);
}

static struct lip_onnx_result hard_tanh(struct lip_onnx_out *out,
                                        const struct lip_layer *layer,
                                        struct lip_onnx_result x)
{
    return clip(out, x, layer->parameter[0], layer->parameter[1]);
}

static struct lip_onnx_result hard_sigmoid(struct lip_onnx_out *out,
                                           const struct lip_layer *layer,
                                           struct lip_onnx_result x)
{
    (void)layer;
    if (!out->wide)
        return shaped(out, "HardSigmoid", "alpha", 1.0 / 6, x);
    x = lip_onnx_put_binary(out, "Div", x, lip_onnx_put_number(out, 6));
    x = lip_onnx_put_binary(out, "Add", x, lip_onnx_put_number(out, 0.5));
    return clip(out, x, 0, 1);
}

static struct lip_onnx_result silu(struct lip_onnx_out *out,
                                   const struct lip_layer *layer,
                                   struct lip_onnx_result x)
{
    (void)layer;
    return lip_onnx_put_binary(out, "Mul", x,
                               lip_onnx_put_unary(out, "Sigmoid", x));
}

static struct lip_onnx_result quick_gelu(struct lip_onnx_out *out,
                                         const struct lip_layer *layer,
                                         struct lip_onnx_result x)
{
    (void)layer;
    return lip_onnx_put_binary(
        out, "Mul", x,
        lip_onnx_put_unary(out, "Sigmoid", times(out, x, 1.702)));
}

/* x (1 + gate) / 2 */
static struct lip_onnx_result gated(struct lip_onnx_out *out,
                                    struct lip_onnx_result x,
                                    struct lip_onnx_result gate)
{
    gate = lip_onnx_put_binary(out, "Add", gate, lip_onnx_put_number(out, 1));
    return lip_onnx_put_binary(out, "Mul", times(out, x, 0.5), gate);
}

static struct lip_onnx_result gelu(struct lip_onnx_out *out,
                                   const struct lip_layer *layer,
                                   struct lip_onnx_result x)
{
    (void)layer;
    return gated(out, x,
                 lip_onnx_put_unary(out, "Erf", times(out, x, M_SQRT1_2)));
}

static struct lip_onnx_result gelu_tanh(struct lip_onnx_out *out,
                                        const struct lip_layer *layer,
                                        struct lip_onnx_result x)
{
    (void)layer;
    struct lip_onnx_result square = lip_onnx_put_binary(out, "Mul", x, x);
    struct lip_onnx_result cube = lip_onnx_put_binary(out, "Mul", square, x);
    struct lip_onnx_result sum =
        lip_onnx_put_binary(out, "Add", x, times(out, cube, 0.044715));
    sum = times(out, sum, M_2_SQRTPI * M_SQRT1_2);
    return gated(out, x, lip_onnx_put_unary(out, "Tanh", sum));
}

static struct lip_onnx_result mish(struct lip_onnx_out *out,
                                   const struct lip_layer *layer,
                                   struct lip_onnx_result x)
{
    (void)layer;
    struct lip_onnx_result soft = lip_onnx_put_unary(out, "Softplus", x);
    return lip_onnx_put_binary(out, "Mul", x,
                               lip_onnx_put_unary(out, "Tanh", soft));
}

static struct lip_onnx_result soft_shrink(struct lip_onnx_out *out,
                                          const struct lip_layer *layer,
                                          struct lip_onnx_result x)
{
    double lambda = layer->parameter[0];
    return lip_onnx_put_binary(out, "Sub", x, clip(out, x, -lambda, lambda));
}

static struct lip_onnx_result tanh_shrink(struct lip_onnx_out *out,
                                          const struct lip_layer *layer,
                                          struct lip_onnx_result x)
{
    (void)layer;
    return lip_onnx_put_binary(out, "Sub", x,
                               lip_onnx_put_unary(out, "Tanh", x));
}

/* Those that are one operator without attributes have its name. */
static const struct {
    const struct lip_activation *activation;
    struct lip_onnx_result (*write)(struct lip_onnx_out *out,
                                    const struct lip_layer *layer,
                                    struct lip_onnx_result x);
    const char *op;
} table[] = {
    {&lip_activation_relu, NULL, "Relu"},
    {&lip_activation_leaky_relu, leaky_relu, NULL},
    {&lip_activation_prelu, prelu, NULL},
    {&lip_activation_relu6, relu6, NULL},
    {&lip_activation_elu, elu, NULL},
    {&lip_activation_selu, selu, NULL},
    {&lip_activation_celu, celu, NULL},
    {&lip_activation_softplus, softplus, NULL},
    {&lip_activation_tanh, NULL, "Tanh"},
    {&lip_activation_sigmoid, NULL, "Sigmoid"},
    {&lip_activation_log_sigmoid, log_sigmoid, NULL},
    {&lip_activation_hard_tanh, hard_tanh, NULL},
    {&lip_activation_hard_sigmoid, hard_sigmoid, NULL},
    {&lip_activation_hard_swish, NULL, "HardSwish"},
    {&lip_activation_silu, silu, NULL},
    {&lip_activation_quick_gelu, quick_gelu, NULL},
    {&lip_activation_gelu, gelu, NULL},
    {&lip_activation_gelu_tanh, gelu_tanh, NULL},
    {&lip_activation_mish, mish, NULL},
    {&lip_activation_softsign, NULL, "Softsign"},
    {&lip_activation_soft_shrink, soft_shrink, NULL},
    {&lip_activation_tanh_shrink, tanh_shrink, NULL},
    {&lip_activation_arctan, NULL, "Atan"},
    {&lip_activation_erf, NULL, "Erf"},
    {&lip_activation_sin, NULL, "Sin"},
    {&lip_activation_cos, NULL, "Cos"},
    {&lip_activation_abs, NULL, "Abs"},
    {&lip_activation_identity, NULL, "Identity"},
};

static size_t find(const struct lip_activation *activation)
{
    size_t k = 0, rows = sizeof table / sizeof *table;
    while (k < rows && table[k].activation != activation)
        k++;
    return k;
}

struct lip_onnx_result
lip_onnx_write_activation(struct lip_onnx_out *out,
                          const struct lip_layer *layer,
                          const struct lip_onnx_result *x, size_t count)
{
    size_t k = find(layer->activation);
    (void)count;
    return table[k].op ? lip_onnx_put_unary(out, table[k].op, *x)
                       : table[k].write(out, layer, *x);
}

bool lip_onnx_can_activation(const struct lip_layer *layer)
{
    return find(layer->activation) < sizeof table / sizeof *table;
}
