/* SPDX-License-Identifier: MIT
 *
 * Activations that are not made of straight pieces, from their formulas, as
 * GET /methods and the documents give them. The argument is exact. */
#include "server/check/check.h"

#include <arb_hypgeom.h>
#include <string.h>

/* 1 / (1 + e^-x) */
static void logistic(arb_t y, const arb_t x, slong bits)
{
    arb_neg(y, x);
    arb_exp(y, y, bits);
    arb_add_ui(y, y, 1, bits);
    arb_inv(y, y, bits);
}

/* log(1 + e^x) */
static void log_plus(arb_t y, const arb_t x, slong bits)
{
    arb_exp(y, x, bits);
    arb_log1p(y, y, bits);
}

/* (1 + g) x / 2 */
static void half(arb_t y, const arb_t x, const arb_t g, slong bits)
{
    arb_add_ui(y, g, 1, bits);
    arb_mul(y, y, x, bits);
    arb_mul_2exp_si(y, y, -1);
}

/* The decimal number s times x. */
static void times(arb_t y, const arb_t x, const char *s, slong bits)
{
    arb_t number;
    arb_init(number);
    arb_set_str(number, s, bits);
    arb_mul(y, x, number, bits);
    arb_clear(number);
}

static void hyperbolic_tangent(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    arb_tanh(y, x, bits);
}

static void tangent_shrink(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    arb_tanh(y, x, bits);
    arb_sub(y, x, y, bits);
}

static void arctangent(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    arb_atan(y, x, bits);
}

static void sine(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    arb_sin(y, x, bits);
}

static void cosine(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    arb_cos(y, x, bits);
}

static void error_function(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    arb_hypgeom_erf(y, x, bits);
}

static void sigmoid(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    logistic(y, x, bits);
}

/* -log(1 + e^-x) */
static void log_sigmoid(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    arb_neg(y, x);
    log_plus(y, y, bits);
    arb_neg(y, y);
}

/* log(1 + e^(beta x)) / beta */
static void softplus(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    arb_mul(y, x, p, bits);
    log_plus(y, y, bits);
    arb_div(y, y, p, bits);
}

/* x / (1 + |x|) */
static void softsign(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    arb_abs(y, x);
    arb_add_ui(y, y, 1, bits);
    arb_div(y, x, y, bits);
}

static void silu(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    logistic(y, x, bits);
    arb_mul(y, y, x, bits);
}

static void quick_gelu(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    times(y, x, "1.702", bits);
    logistic(y, y, bits);
    arb_mul(y, y, x, bits);
}

/* x tanh(log(1 + e^x)) */
static void mish(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    log_plus(y, x, bits);
    arb_tanh(y, y, bits);
    arb_mul(y, y, x, bits);
}

/* x (1 + erf(x / sqrt 2)) / 2 */
static void gelu(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    arb_t g;
    (void)p;
    arb_init(g);
    arb_sqrt_ui(g, 2, bits);
    arb_div(g, x, g, bits);
    arb_hypgeom_erf(g, g, bits);
    half(y, x, g, bits);
    arb_clear(g);
}

/* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
static void gelu_tanh(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    arb_t g, root;
    (void)p;
    arb_init(g);
    arb_init(root);
    arb_pow_ui(g, x, 3, bits);
    times(g, g, "0.044715", bits);
    arb_add(g, g, x, bits);
    arb_const_pi(root, bits);
    arb_mul_2exp_si(root, root, -1);
    arb_sqrt(root, root, bits);
    arb_div(g, g, root, bits);
    arb_tanh(g, g, bits);
    half(y, x, g, bits);
    arb_clear(g);
    arb_clear(root);
}

/* min(max(x / 6 + 1/2, 0), 1) */
static void hard_sigmoid(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    arb_add_ui(y, x, 3, bits);
    arb_div_ui(y, y, 6, bits);
    if (arf_cmp_si(arb_midref(x), -3) <= 0)
        arb_zero(y);
    else if (arf_cmp_si(arb_midref(x), 3) >= 0)
        arb_one(y);
}

static void hard_swish(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    hard_sigmoid(y, x, p, bits);
    arb_mul(y, y, x, bits);
}

/* alpha (e^(x / scale) - 1) for x <= 0 */
static void below(arb_t y, const arb_t x, arb_srcptr alpha, arb_srcptr scale,
                  slong bits)
{
    arb_set(y, x);
    if (arf_sgn(arb_midref(x)) > 0)
        return;
    if (scale)
        arb_div(y, y, scale, bits);
    arb_expm1(y, y, bits);
    if (alpha)
        arb_mul(y, y, alpha, bits);
}

static void elu(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    below(y, x, p, NULL, bits);
}

static void celu(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    below(y, x, p, p, bits);
}

static void selu(arb_t y, const arb_t x, arb_srcptr p, slong bits)
{
    (void)p;
    below(y, x, NULL, NULL, bits);
    if (arf_sgn(arb_midref(x)) <= 0)
        times(y, y, "1.6732632423543772848170429916717", bits);
    times(y, y, "1.0507009873554804934193349852946", bits);
}

static const struct curve {
    const char *name;
    void (*value)(arb_t y, const arb_t x, arb_srcptr parameter, slong bits);
} curves[] = {
    {"arctan", arctangent},
    {"celu", celu},
    {"cos", cosine},
    {"elu", elu},
    {"erf", error_function},
    {"gelu", gelu},
    {"gelu-tanh", gelu_tanh},
    {"hard-sigmoid", hard_sigmoid},
    {"hard-swish", hard_swish},
    {"log-sigmoid", log_sigmoid},
    {"mish", mish},
    {"quick-gelu", quick_gelu},
    {"selu", selu},
    {"sigmoid", sigmoid},
    {"silu", silu},
    {"sin", sine},
    {"softplus", softplus},
    {"softsign", softsign},
    {"tanh", hyperbolic_tangent},
    {"tanh-shrink", tangent_shrink},
};

bool curve_at(arb_t y, const arb_t x, const char *name, const double *parameter,
              slong bits)
{
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        if (!strcmp(curves[i].name, name)) {
            arb_t p;
            arb_init(p);
            arb_set_d(p, parameter[0]);
            curves[i].value(y, x, p, bits);
            arb_clear(p);
            return true;
        }
    return false;
}
