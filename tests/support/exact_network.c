/* SPDX-License-Identifier: MIT
 *
 * Activations and networks in balls. */
#include "tests/support/exact_network.h"

#include <arb_hypgeom.h>
#include <check.h>
#include <string.h>

/* What a formula works with: x and two numbers of room. */
struct ball {
    arb_t x, a, b;
    slong prec;
};

static void clamp(arb_t out, const arb_t x, double lo, double hi, slong prec)
{
    arb_t bound;
    arb_init(bound);
    arb_set_d(bound, lo);
    arb_max(out, x, bound, prec);
    arb_set_d(bound, hi);
    arb_min(out, out, bound, prec);
    arb_clear(bound);
}

static void positive(arb_t out, const arb_t x, slong prec)
{
    arb_t zero;
    arb_init(zero);
    arb_max(out, x, zero, prec);
    arb_clear(zero);
}

static void negative(arb_t out, const arb_t x, slong prec)
{
    arb_t zero;
    arb_init(zero);
    arb_min(out, x, zero, prec);
    arb_clear(zero);
}

/* 1 / (1 + e^-x) */
static void logistic(arb_t out, const arb_t x, slong prec)
{
    arb_neg(out, x);
    arb_exp(out, out, prec);
    arb_add_ui(out, out, 1, prec);
    arb_inv(out, out, prec);
}

/* log(1 + e^x) */
static void softened(arb_t out, const arb_t x, slong prec)
{
    arb_exp(out, x, prec);
    arb_log1p(out, out, prec);
}

static void scale_d(arb_t x, double factor, slong prec)
{
    arb_t f;
    arb_init(f);
    arb_set_d(f, factor);
    arb_mul(x, x, f, prec);
    arb_clear(f);
}

static void relu(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    positive(out, t->x, t->prec);
}

static void leaky(arb_t out, struct ball *t, const double *p)
{
    negative(t->a, t->x, t->prec);
    scale_d(t->a, p[0], t->prec);
    positive(out, t->x, t->prec);
    arb_add(out, out, t->a, t->prec);
}

static void relu6(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    clamp(out, t->x, 0, 6, t->prec);
}

static void elu(arb_t out, struct ball *t, const double *p)
{
    negative(t->a, t->x, t->prec);
    arb_expm1(t->a, t->a, t->prec);
    scale_d(t->a, p[0], t->prec);
    positive(out, t->x, t->prec);
    arb_add(out, out, t->a, t->prec);
}

static void selu(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    negative(t->a, t->x, t->prec);
    arb_expm1(t->a, t->a, t->prec);
    arb_set_str(t->b, "1.6732632423543772848170429916717", t->prec);
    arb_mul(t->a, t->a, t->b, t->prec);
    positive(out, t->x, t->prec);
    arb_add(out, out, t->a, t->prec);
    arb_set_str(t->b, "1.0507009873554804934193349852946", t->prec);
    arb_mul(out, out, t->b, t->prec);
}

static void celu(arb_t out, struct ball *t, const double *p)
{
    negative(t->a, t->x, t->prec);
    arb_set_d(t->b, p[0]);
    arb_div(t->a, t->a, t->b, t->prec);
    arb_expm1(t->a, t->a, t->prec);
    arb_mul(t->a, t->a, t->b, t->prec);
    positive(out, t->x, t->prec);
    arb_add(out, out, t->a, t->prec);
}

static void softplus(arb_t out, struct ball *t, const double *p)
{
    arb_set_d(t->b, p[0]);
    arb_mul(t->a, t->x, t->b, t->prec);
    softened(out, t->a, t->prec);
    arb_div(out, out, t->b, t->prec);
}

static void hyperbolic(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_tanh(out, t->x, t->prec);
}

static void sigmoid(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    logistic(out, t->x, t->prec);
}

static void log_sigmoid(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_neg(t->a, t->x);
    softened(out, t->a, t->prec);
    arb_neg(out, out);
}

static void hard_tanh(arb_t out, struct ball *t, const double *p)
{
    clamp(out, t->x, p[0], p[1], t->prec);
}

static void hard_sigmoid(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_add_ui(t->a, t->x, 3, t->prec);
    arb_div_ui(t->a, t->a, 6, t->prec);
    clamp(out, t->a, 0, 1, t->prec);
}

static void hard_swish(arb_t out, struct ball *t, const double *p)
{
    hard_sigmoid(out, t, p);
    arb_mul(out, out, t->x, t->prec);
}

static void silu(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    logistic(out, t->x, t->prec);
    arb_mul(out, out, t->x, t->prec);
}

static void quick_gelu(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_set_str(t->a, "1.702", t->prec);
    arb_mul(t->a, t->a, t->x, t->prec);
    logistic(out, t->a, t->prec);
    arb_mul(out, out, t->x, t->prec);
}

static void gelu(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_sqrt_ui(t->a, 2, t->prec);
    arb_div(t->a, t->x, t->a, t->prec);
    arb_neg(t->a, t->a);
    arb_hypgeom_erfc(out, t->a, t->prec);
    arb_mul(out, out, t->x, t->prec);
    arb_div_ui(out, out, 2, t->prec);
}

/* x / (1 + e^(-2 z)) with z = sqrt(2 / pi) (x + 0.044715 x^3) */
static void gelu_tanh(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_set_str(t->b, "0.044715", t->prec);
    arb_pow_ui(t->a, t->x, 3, t->prec);
    arb_mul(t->a, t->a, t->b, t->prec);
    arb_add(t->a, t->a, t->x, t->prec);
    arb_const_pi(t->b, t->prec);
    arb_div_ui(t->b, t->b, 8, t->prec);
    arb_rsqrt(t->b, t->b, t->prec);
    arb_mul(t->a, t->a, t->b, t->prec);
    logistic(out, t->a, t->prec);
    arb_mul(out, out, t->x, t->prec);
}

static void mish(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    softened(t->a, t->x, t->prec);
    arb_tanh(out, t->a, t->prec);
    arb_mul(out, out, t->x, t->prec);
}

static void softsign(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_abs(t->a, t->x);
    arb_add_ui(t->a, t->a, 1, t->prec);
    arb_div(out, t->x, t->a, t->prec);
}

static void soft_shrink(arb_t out, struct ball *t, const double *p)
{
    clamp(t->a, t->x, -p[0], p[0], t->prec);
    arb_sub(out, t->x, t->a, t->prec);
}

static void tanh_shrink(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_tanh(t->a, t->x, t->prec);
    arb_sub(out, t->x, t->a, t->prec);
}

static void arctan(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_atan(out, t->x, t->prec);
}

static void error_function(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_hypgeom_erf(out, t->x, t->prec);
}

static void sine(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_sin(out, t->x, t->prec);
}

static void cosine(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_cos(out, t->x, t->prec);
}

static void absolute(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_abs(out, t->x);
}

static void identity(arb_t out, struct ball *t, const double *p)
{
    (void)p;
    arb_set(out, t->x);
}

static const struct {
    const char *name;
    void (*phi)(arb_t out, struct ball *t, const double *parameter);
} table[] = {
    {"relu", relu},
    {"leaky-relu", leaky},
    {"prelu", leaky},
    {"relu6", relu6},
    {"elu", elu},
    {"selu", selu},
    {"celu", celu},
    {"softplus", softplus},
    {"tanh", hyperbolic},
    {"sigmoid", sigmoid},
    {"log-sigmoid", log_sigmoid},
    {"hard-tanh", hard_tanh},
    {"hard-sigmoid", hard_sigmoid},
    {"hard-swish", hard_swish},
    {"silu", silu},
    {"quick-gelu", quick_gelu},
    {"gelu", gelu},
    {"gelu-tanh", gelu_tanh},
    {"mish", mish},
    {"softsign", softsign},
    {"soft-shrink", soft_shrink},
    {"tanh-shrink", tanh_shrink},
    {"arctan", arctan},
    {"erf", error_function},
    {"sin", sine},
    {"cos", cosine},
    {"abs", absolute},
    {"identity", identity},
};

void exact_activation(arb_t out, const char *name, const double *parameter,
                      const arb_t x, slong prec)
{
    struct ball t = {.prec = prec};
    size_t i = 0, count = sizeof table / sizeof *table;
    while (i < count && strcmp(table[i].name, name) != 0)
        i++;
    ck_assert_msg(i < count, "%s has no exact form here", name);
    arb_init(t.x);
    arb_init(t.a);
    arb_init(t.b);
    arb_set(t.x, x);
    table[i].phi(out, &t, parameter);
    arb_clear(t.x);
    arb_clear(t.a);
    arb_clear(t.b);
}

static void dense(arb_ptr y, const struct lip_layer *layer, arb_srcptr x,
                  slong prec)
{
    size_t m = layer->outputs, n = layer->inputs;
    double *w = lip_alloc(NULL, m * n, sizeof *w);
    arb_t factor;
    ck_assert_ptr_nonnull(w);
    lip_tensor_widen(w, &layer->weight);
    arb_init(factor);
    for (size_t i = 0; i < m; i++) {
        arb_zero(y + i);
        if (layer->bias.data)
            arb_set_d(y + i, lip_tensor_at(&layer->bias, i));
        for (size_t k = 0; k < n; k++) {
            arb_set_d(factor, w[i * n + k]);
            arb_addmul(y + i, factor, x + k, prec);
        }
    }
    arb_clear(factor);
    lip_free(w);
}

static void elementwise(arb_ptr y, const struct lip_layer *layer, arb_srcptr x,
                        slong prec)
{
    double parameter[LIP_MAX_PARAMETERS];
    memcpy(parameter, layer->parameter, sizeof parameter);
    for (size_t k = 0; k < layer->outputs; k++) {
        if (layer->weight.data)
            parameter[0] = lip_tensor_at(&layer->weight, k);
        exact_activation(y + k, layer->activation->name, parameter, x + k,
                         prec);
    }
}

void exact_evaluate(arb_ptr out, const struct lip_network *network,
                    const double *x, slong prec)
{
    slong n = (slong)network->inputs;
    arb_ptr value = _arb_vec_init(n);
    for (slong k = 0; k < n; k++)
        arb_set_d(value + k, x[k]);
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        slong m = (slong)layer->outputs;
        if (layer->kind->role == LIP_ROLE_RESHAPE)
            continue;
        arb_ptr next = _arb_vec_init(m);
        if (layer->kind->role == LIP_ROLE_LINEAR)
            dense(next, layer, value, prec);
        else
            elementwise(next, layer, value, prec);
        _arb_vec_clear(value, n);
        value = next;
        n = m;
    }
    _arb_vec_set(out, value, n);
    _arb_vec_clear(value, n);
}

static void vector_size(arb_t out, arb_ptr v, slong n, enum lip_norm norm,
                        slong prec)
{
    arb_zero(out);
    for (slong k = 0; k < n; k++) {
        arb_abs(v + k, v + k);
        if (norm == LIP_NORM_INF)
            arb_max(out, out, v + k, prec);
        else if (norm == LIP_NORM_1)
            arb_add(out, out, v + k, prec);
        else
            arb_addmul(out, v + k, v + k, prec);
    }
    if (norm == LIP_NORM_2)
        arb_sqrt(out, out, prec);
}

void exact_quotient(arb_t out, const struct lip_network *network,
                    const double *x, const double *y, struct lip_norm_pair norm,
                    slong prec)
{
    slong m = (slong)network->outputs, n = (slong)network->inputs;
    arb_ptr fx = _arb_vec_init(m), fy = _arb_vec_init(m);
    arb_ptr d = _arb_vec_init(n);
    arb_t y_k, below;
    arb_init(y_k);
    arb_init(below);
    exact_evaluate(fx, network, x, prec);
    exact_evaluate(fy, network, y, prec);
    _arb_vec_sub(fx, fx, fy, m, prec);
    for (slong k = 0; k < n; k++) {
        arb_set_d(d + k, x[k]);
        arb_set_d(y_k, y[k]);
        arb_sub(d + k, d + k, y_k, prec);
    }
    vector_size(out, fx, m, norm.output, prec);
    vector_size(below, d, n, norm.input, prec);
    arb_div(out, out, below, prec);
    _arb_vec_clear(fx, m);
    _arb_vec_clear(fy, m);
    _arb_vec_clear(d, n);
    arb_clear(y_k);
    arb_clear(below);
}
