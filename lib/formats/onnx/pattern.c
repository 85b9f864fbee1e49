/* SPDX-License-Identifier: MIT
 *
 * Functions of one number that exporters write as a product. Each is
 *
 *     (a x) (b g(...)) = result * f(s x) with a known activation f.
 *
 * Their constants come rounded to float32: 1 / sqrt 2 within 1e-5 counts as
 * such, for s f(x / s) has the slopes of f whatever s is; so do those of GELU
 * by tanh where what they make is no steeper. */
#include "formats/onnx/operator.h"

#include "network/activations/list.h"

#include <math.h>

static double factor(const struct lip_onnx_operand *o)
{
    return o->scale / o->divisor;
}

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-5 * fabs(b);
}

static bool is_plain(const struct lip_onnx_operand *o)
{
    return o->scale - 1 == 0 && o->divisor - 1 == 0 && o->shift == 0;
}

static bool is_multiple(const struct lip_onnx_operand *o, size_t layer)
{
    return o->layer == layer && o->shift == 0;
}

/* f(s x), where s may be left out, as `times` f(s x) / s. */
static enum lip_status activate(struct lip_onnx_operand *result,
                                struct lip_onnx_reader *reader,
                                const struct lip_activation *f, size_t x,
                                double s, double times, double divisor)
{
    struct lip_onnx_operand from = lip_onnx_plain(x);
    if (is_near(s, 1))
        s = 1;
    from.scale = s;
    enum lip_status status = lip_onnx_activate(reader, f, NULL, from);
    *result = lip_onnx_plain(lip_onnx_last(reader));
    result->scale = times;
    result->divisor = divisor * s;
    return status == LIP_OK ? lip_onnx_scale(result, 1, reader) : status;
}

/* k (x + c x^3) for a k close to sqrt(2 / pi) and a c close to 0.044715. But
 * for a scaling of x the function depends on c / k^2 alone, with which its
 * steepest slope rises. */
static bool is_tanh_cubic(double k, double c)
{
    const double usual_k = sqrt(2 / M_PI), usual_c = 0.044715;
    return is_near(k, usual_k) && is_near(c, usual_c) &&
           c * (usual_k * usual_k) <= usual_c * (k * k);
}

/* sqrt(2 / pi) (x + 0.044715 x^3), as a sum or as x (1 + 0.044715 x^2). */
static bool is_tanh_argument(const struct lip_onnx_reader *reader,
                             const struct lip_onnx_operand *o, size_t x)
{
    const struct lip_onnx_origin *origin = &reader->origin[o->layer];
    const struct lip_layer *layer = &reader->layer[o->layer];
    if (o->shift != 0)
        return false;
    if (origin->part == LIP_ONNX_PRODUCT) {
        bool first = origin->from[0].layer == x;
        const struct lip_onnx_operand *a = &origin->from[!first];
        const struct lip_onnx_operand *b = &origin->from[first];
        return a->layer == x && is_plain(a) &&
               is_tanh_cubic(factor(o), factor(b)) && b->shift - 1 == 0 &&
               reader->origin[b->layer].part == LIP_ONNX_SQUARE &&
               reader->origin[b->layer].from[0].layer == x;
    }
    if (layer->kind != &lip_layer_add || layer->sources != 2 ||
        layer->setting[0].value[0] < 0 || layer->setting[0].value[1] < 0)
        return false;
    bool first = layer->source[0] == x;
    size_t other = layer->source[first];
    const struct lip_onnx_operand *cube = &reader->origin[other].from[0];
    return layer->source[!first] == x &&
           reader->origin[other].part == LIP_ONNX_OTHER && cube->shift == 0 &&
           is_tanh_cubic(factor(o), factor(cube)) &&
           reader->origin[cube->layer].part == LIP_ONNX_CUBE &&
           reader->origin[cube->layer].from[0].layer == x;
}

static bool is_half_clip(const struct lip_layer *layer,
                         const struct lip_onnx_operand *from, double *six)
{
    bool relu6 = layer->activation == &lip_activation_relu6;
    bool clip = layer->activation == &lip_activation_hard_tanh &&
                layer->parameter[0] == 0;
    *six = 6;
    if (relu6 || (clip && layer->parameter[1] - 6 == 0))
        return is_near(factor(from), 1) && from->shift - 3 == 0;
    *six = 1;
    return clip && layer->parameter[1] - 1 == 0 &&
           is_near(factor(from), 1.0 / 6) && from->shift - 0.5 == 0;
}

/* One half of x + x g, which is x (1 + g): the shift is the factor. */
static bool is_one_plus(const struct lip_onnx_operand *o)
{
    return o->shift - factor(o) == 0;
}

enum lip_status lip_onnx_recognise(struct lip_onnx_reader *reader, bool *known,
                                   struct lip_onnx_operand *result,
                                   struct lip_onnx_operand a,
                                   struct lip_onnx_operand b)
{
    const struct lip_layer *g = &reader->layer[b.layer];
    const struct lip_activation *f = g->activation;
    struct lip_onnx_operand from = reader->origin[b.layer].from[0];
    double times = a.scale * b.scale, over = a.divisor * b.divisor, six;
    size_t x = a.layer;
    *known = false;
    if (!f || a.shift != 0)
        return LIP_OK;
    *known = true;
    bool multiple = is_multiple(&from, x);
    if (f == &lip_activation_sigmoid && multiple && b.shift == 0)
        return activate(result, reader, &lip_activation_silu, x, factor(&from),
                        times, over);
    if (f == &lip_activation_erf && multiple && is_one_plus(&b))
        return activate(result, reader, &lip_activation_gelu, x,
                        factor(&from) * M_SQRT2, 2 * times, over);
    if (f == &lip_activation_tanh && is_one_plus(&b) &&
        is_tanh_argument(reader, &from, x))
        return activate(result, reader, &lip_activation_gelu_tanh, x, 1,
                        2 * times, over);
    if (f == &lip_activation_tanh && b.shift == 0 && is_plain(&from) &&
        reader->layer[from.layer].activation == &lip_activation_softplus &&
        reader->layer[from.layer].parameter[0] - 1 == 0 &&
        reader->origin[from.layer].from[0].layer == x &&
        is_plain(&reader->origin[from.layer].from[0]))
        return activate(result, reader, &lip_activation_mish, x, 1, times,
                        over);
    if (b.shift == 0 && from.layer == x && is_half_clip(g, &from, &six))
        return activate(result, reader, &lip_activation_hard_swish, x, 1,
                        six * times, over);
    *known = false;
    return LIP_OK;
}
