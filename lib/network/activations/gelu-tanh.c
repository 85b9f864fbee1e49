/* SPDX-License-Identifier: MIT
 *
 * gelu-tanh: the approximation of gelu by tanh, extreme at x = +-1.41850400...:
 * -0.1289930686587717654... and 1.1289930686587717654..., rounded outward. */
#include "network/activations/list.h"

#include <math.h>

static double inner(double x)
{
    return M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x);
}

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){-0.12899306865877178, 1.128993068658772};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return 0.5 * x * (1 + tanh(inner(x)));
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    /* Beyond 8 the quotient is 0 / 0 in doubles and 0 in truth. */
    if (fabs(x) > 8)
        return x > 0 ? 1 : 0;
    double c = cosh(inner(x));
    double slope = M_2_SQRTPI * M_SQRT1_2 * (1 + 3 * 0.044715 * x * x);
    return 0.5 * (1 + tanh(inner(x))) + 0.5 * x * slope / (c * c);
}

const struct lip_activation lip_activation_gelu_tanh = {
    .name = "gelu-tanh",
    .formula = "x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    /* 1 + tanh loses its leading digits on the left */
    .accuracy = {0x1p-51, 0x1p-45},
};
