/* SPDX-License-Identifier: MIT
 *
 * At each point the norm of J is climbed by u <- the functional that J v
 * attains its norm with, v <- the direction that J^T u does (Boyd 1974); v and
 * |J v| rise to a local maximum. Points come in three sorts: random ones of
 * several sizes; x <- |x| v, in which a network of straight pieces is led
 * towards the pieces that its steepest direction points to; and steps away
 * from the best, ever shorter. */
#include "certify/field_lower.h"

#include "certify/field.h"
#include "linalg/random.h"
#include "linalg/rounding.h"

#include <string.h>

enum { MOST_STEPS = 12, LED = 4 };

struct hunt {
    struct lip_lower_bound *out;
    struct lip_field field;
    struct lip_norm_pair norm;
    size_t inputs, outputs;
    double *x, *v, *u;     /* here */
    double *best, *best_v; /* the point of the largest |J v| yet */
    double *left, *right;  /* a pair, and room */
    double *value, *error; /* f at one end of it */
    double top, enough;
    double effort, spent, deadline;
    uint64_t seed;
    struct lip_ctx *ctx;
};

double lip_field_lower_bytes(const struct lip_network *network)
{
    return lip_field_bytes(network) +
           8 * (9 * (double)network->inputs + 4 * (double)network->outputs);
}

double lip_field_lower_effort(const struct lip_network *network)
{
    double products = lip_field_products(network);
    return 1e6 + fmin(300 * products, 1e9 + 20 * products);
}

static double uniform(struct hunt *h)
{
    return (double)(lip_random_next(&h->seed) >> 11) * 0x1p-53;
}

static void random_direction(struct hunt *h, double *x, size_t n)
{
    for (size_t k = 0; k < n; k++)
        x[k] = 2 * uniform(h) - 1;
}

/* --- vectors */

static double size_of(const double *x, size_t n, enum lip_norm norm)
{
    double most = 0, sum = 0;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, fabs(x[k]));
    for (size_t k = 0; k < n && most > 0; k++) {
        double t = fabs(x[k]) / most;
        sum += norm == LIP_NORM_1 ? t : t * t;
    }
    return norm == LIP_NORM_INF ? most
           : norm == LIP_NORM_1 ? most * sum
                                : most * sqrt(sum);
}

/* to[n]: the unit vector of l_norm on which the functional w is largest; w
 * itself may be it. */
static void attain(double *to, const double *w, size_t n, enum lip_norm norm)
{
    double size = size_of(w, n, LIP_NORM_2);
    size_t top = 0;
    for (size_t k = 1; k < n; k++)
        top = fabs(w[k]) > fabs(w[top]) ? k : top;
    double sign = w[top] < 0 ? -1 : 1;
    for (size_t k = 0; k < n; k++)
        to[k] = norm == LIP_NORM_2     ? size > 0 ? w[k] / size : 0
                : norm == LIP_NORM_INF ? w[k] < 0 ? -1 : 1
                                       : 0;
    if (norm == LIP_NORM_1)
        to[top] = sign;
}

/* A random direction of length 1. */
static void forget(struct hunt *h)
{
    random_direction(h, h->v, h->inputs);
    attain(h->v, h->v, h->inputs, h->norm.input);
}

/* --- the search */

static bool more(const struct hunt *h)
{
    if (h->spent >= h->effort || (h->enough > 0 && h->top >= h->enough))
        return false;
    return h->deadline <= 0 || lip_now() < h->deadline;
}

/* |J v|_q and the functional that attains it, in h->u. */
static double push(struct hunt *h)
{
    const double *jv = lip_field_tangent(&h->field, h->v);
    h->spent += h->field.products;
    double size = size_of(jv, h->outputs, h->norm.output);
    attain(h->u, jv, h->outputs, lip_norm_dual(h->norm.output));
    return size;
}

/* The norm of J at h->x, from the direction h->v on. */
static double climb(struct hunt *h)
{
    lip_field_to(&h->field, h->x, false);
    h->spent += h->field.products;
    double value = push(h);
    for (int i = 0; i < MOST_STEPS && more(h); i++) {
        attain(h->v, lip_field_adjoint(&h->field, h->u), h->inputs,
               h->norm.input);
        h->spent += h->field.products;
        double next = push(h);
        bool settled = next <= value * (1 + 1e-4);
        value = fmax(value, next);
        if (settled)
            break;
    }
    return isfinite(value) ? value : 0;
}

/* Takes h->x if it is the best yet. */
static bool offer(struct hunt *h, double value)
{
    if (!(value > h->top))
        return false;
    h->top = value;
    memcpy(h->best, h->x, h->inputs * sizeof *h->x);
    memcpy(h->best_v, h->v, h->inputs * sizeof *h->x);
    return true;
}

/* From a random point of this size, and from where its direction leads. */
static void explore(struct hunt *h, double size)
{
    random_direction(h, h->x, h->inputs);
    for (size_t k = 0; k < h->inputs; k++)
        h->x[k] *= size;
    forget(h);
    offer(h, climb(h));
    for (int i = 0; i < LED && more(h); i++) {
        double far = size_of(h->x, h->inputs, LIP_NORM_2);
        double unit = size_of(h->v, h->inputs, LIP_NORM_2);
        for (size_t k = 0; k < h->inputs && unit > 0; k++)
            h->x[k] = far * h->v[k] / unit;
        if (!offer(h, climb(h)) && i > 0)
            break;
    }
}

/* Steps from the best point, half of them along its own direction. */
static void refine(struct hunt *h)
{
    double size = size_of(h->best, h->inputs, LIP_NORM_2);
    double root = sqrt((double)h->inputs), step = fmax(size, 1);
    int failures = 0;
    while (more(h) && step > 1e-6 * fmax(size, 1)) {
        random_direction(h, h->left, h->inputs);
        double along = (2 * uniform(h) - 1) * step;
        bool mixed = uniform(h) < 0.5;
        for (size_t k = 0; k < h->inputs; k++)
            h->x[k] = h->best[k] + along * h->best_v[k] +
                      (mixed ? step / root * h->left[k] : 0);
        if (uniform(h) < 0.75)
            memcpy(h->v, h->best_v, h->inputs * sizeof *h->v);
        else
            forget(h);
        failures = offer(h, climb(h)) ? 0 : failures + 1;
        if (failures >= 6) {
            step /= 3;
            failures = 0;
        }
    }
}

static void search(struct hunt *h)
{
    static const double sizes[] = {1, 0.1, 10, 0.01, 100, 1e4};
    double whole = h->effort;
    /* Half of the effort looks far and wide. */
    h->effort = whole / 2;
    for (size_t i = 0; more(h); i++, h->out->restarts++)
        explore(h, sizes[i % (sizeof sizes / sizeof *sizes)]);
    h->effort = whole;
    if (h->top > 0)
        refine(h);
}

/* --- the proof */

static double add_down(double a, double b)
{
    return b == 0 ? a : lip_down(a + b);
}

/* |f(x) - f(y)|_q from below, f(x) in h->value and its errors in h->error, the
 * field at y. */
static double apart_below(const struct hunt *h)
{
    const double *value = lip_field_value(&h->field);
    const double *error = lip_field_error(&h->field);
    double sum = 0;
    for (size_t k = 0; k < h->outputs; k++) {
        double d = lip_down(fabs(h->value[k] - value[k]));
        double off = lip_add_up(h->error[k], error[k]);
        double t = d > off ? lip_down(d - off) : 0; /* NaN: 0 */
        if (!isfinite(t))
            return 0;
        sum = h->norm.output == LIP_NORM_INF ? fmax(sum, t)
              : h->norm.output == LIP_NORM_1
                  ? add_down(sum, t)
                  : add_down(sum, lip_mul_down(t, t));
    }
    return h->norm.output == LIP_NORM_2 ? lip_sqrt_down(sum) : sum;
}

/* |left - right|_p from above. */
static double distance_above(const struct hunt *h)
{
    double sum = 0;
    for (size_t k = 0; k < h->inputs; k++) {
        double t = lip_up(fabs(h->left[k] - h->right[k]));
        sum = h->norm.input == LIP_NORM_INF ? fmax(sum, t)
              : h->norm.input == LIP_NORM_1 ? lip_add_up(sum, t)
                                            : lip_add_up(sum, lip_up(t * t));
    }
    return h->norm.input == LIP_NORM_2 ? lip_sqrt_up(sum) : sum;
}

/* Proves the pair left, right and keeps it where it is the best. */
static void prove(struct hunt *h)
{
    lip_field_to(&h->field, h->left, true);
    memcpy(h->value, lip_field_value(&h->field), h->outputs * sizeof(double));
    memcpy(h->error, lip_field_error(&h->field), h->outputs * sizeof(double));
    lip_field_to(&h->field, h->right, true);
    double above = distance_above(h), below = apart_below(h);
    double quotient = above > 0 && isfinite(above) && isfinite(below)
                          ? lip_div_down(below, above)
                          : 0;
    if (!(quotient > h->out->value) || !isfinite(quotient))
        return;
    h->out->value = quotient;
    memcpy(h->out->x, h->left, h->inputs * sizeof(double));
    memcpy(h->out->y, h->right, h->inputs * sizeof(double));
}

/* Pairs around the best point: what a wide one misses beyond a kink, a narrow
 * one loses to rounding; in between first. */
static enum lip_status prove_best(struct hunt *h)
{
    static const int halves[] = {12, 16, 8, 20, 14, 10, 18, 5, 23, 26, 2};
    double size = fmax(size_of(h->best, h->inputs, LIP_NORM_INF), 1);
    enum lip_status status = LIP_OK;
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        double half = ldexp(size, -halves[i]);
        for (size_t k = 0; k < h->inputs; k++) {
            h->left[k] = h->best[k] - half * h->best_v[k];
            h->right[k] = h->best[k] + half * h->best_v[k];
        }
        prove(h);
        status = lip_tick(h->ctx, "lower bound", (double)i,
                          sizeof halves / sizeof *halves, NAN);
        if (status != LIP_OK || h->out->value >= h->top * (1 - 1e-9))
            break;
    }
    return status;
}

/* --- the whole */

static enum lip_status allocate(struct hunt *h)
{
    size_t n = h->inputs, m = h->outputs;
    h->x = lip_calloc(h->ctx, n, 6 * sizeof(double));
    h->u = lip_calloc(h->ctx, m, 3 * sizeof(double));
    h->out->x = lip_calloc(h->ctx, n, 2 * sizeof(double));
    if (!h->x || !h->u || !h->out->x)
        return h->ctx ? h->ctx->error.status : LIP_NO_MEMORY;
    h->v = h->x + n;
    h->best = h->v + n;
    h->best_v = h->best + n;
    h->left = h->best_v + n;
    h->right = h->left + n;
    h->value = h->u + m;
    h->error = h->value + m;
    h->out->y = h->out->x + n;
    return LIP_OK;
}

static void set_limits(struct hunt *h, const struct lip_lower_options *o)
{
    double now = lip_now(), outer = h->ctx ? h->ctx->deadline : 0;
    h->effort =
        o->effort > 0 ? o->effort : lip_field_lower_effort(h->field.network);
    h->enough = o->enough;
    h->seed = o->seed;
    h->deadline = o->time_limit > 0 ? now + o->time_limit : 0;
    /* A third of what is left is for the proof. */
    double inner = outer - (outer - now) / 3;
    if (outer > 0 && (h->deadline <= 0 || inner < h->deadline))
        h->deadline = inner;
}

enum lip_status lip_field_lower(struct lip_lower_bound *out,
                                const struct lip_network *network,
                                struct lip_norm_pair norm,
                                const struct lip_lower_options *options,
                                struct lip_ctx *ctx)
{
    struct hunt h = {.out = out,
                     .norm = norm,
                     .inputs = network->inputs,
                     .outputs = network->outputs,
                     .ctx = ctx};
    enum lip_status status = lip_field_new(&h.field, network, ctx);
    if (status != LIP_OK)
        return status;
    status = allocate(&h);
    if (status == LIP_OK) {
        set_limits(&h, options);
        search(&h);
        out->cut = h.deadline > 0 && lip_now() > h.deadline;
        status = prove_best(&h);
        out->effort = h.spent;
    }
    lip_free(h.x);
    lip_free(h.u);
    lip_field_clear(&h.field);
    return status;
}
