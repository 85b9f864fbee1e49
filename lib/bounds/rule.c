/* SPDX-License-Identifier: MIT
 *
 * The closed-form rules, and a pass that applies one of them to every layer.
 */
#include "bounds/rule.h"

#include "linalg/eigen.h"

#include <string.h>

/* --- the rules, on T ------------------------------------------------------ */

static enum lip_status scalar(double *lambda, struct lip_rule_view *view,
                              double c)
{
    double sigma;
    enum lip_status status = lip_eigen_estimate(&sigma, view->t, view->ctx);
    for (size_t k = 0; status == LIP_OK && k < view->t->rows; k++)
        lambda[k] = 2 * c / sigma;
    return status;
}

static enum lip_status gershgorin(double *lambda, struct lip_rule_view *view,
                                  double c)
{
    size_t n = view->t->rows;
    double *sum = view->vector;
    memset(sum, 0, n * sizeof *sum);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i <= j; i++) {
            double x = fabs(view->t->data[i + j * n]);
            sum[i] += x;
            sum[j] += i < j ? x : 0;
        }
    for (size_t k = 0; k < n; k++)
        lambda[k] = 2 * c / sum[k];
    return LIP_OK;
}

static enum lip_status shift(double *lambda, struct lip_rule_view *view,
                             double c)
{
    size_t n = view->t->rows;
    double sigma;
    for (size_t k = 0; k < n; k++) {
        view->vector[k] = view->t->data[k * (n + 1)];
        view->t->data[k * (n + 1)] = 0;
    }
    enum lip_status status = lip_eigen_estimate(&sigma, view->t, view->ctx);
    for (size_t k = 0; status == LIP_OK && k < n; k++)
        lambda[k] = 4 / (view->vector[k] + c * fmax(sigma, 0));
    return status;
}

/* E, with dead neurons lifted off zero by a trace of the mean. */
static void balance(double *e, const struct lip_rule_view *view)
{
    size_t n = view->t->rows;
    double own = 0, next = 0;
    for (size_t k = 0; k < n; k++) {
        own += view->t->data[k * (n + 1)] / (double)n;
        next += view->next[k] / (double)n;
    }
    for (size_t k = 0; k < n; k++)
        e[k] = sqrt((view->next[k] + 1e-12 * next) /
                    (view->t->data[k * (n + 1)] + 1e-12 * own));
}

static enum lip_status balanced(double *lambda, struct lip_rule_view *view,
                                double c)
{
    size_t n = view->t->rows;
    double *e = view->vector, sigma;
    balance(e, view);
    for (size_t k = 0; k < n; k++)
        lambda[k] = sqrt(e[k]);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i <= j; i++)
            view->t->data[i + j * n] *= lambda[i] * lambda[j];
    enum lip_status status = lip_eigen_estimate(&sigma, view->t, view->ctx);
    for (size_t k = 0; status == LIP_OK && k < n; k++)
        lambda[k] = 2 * c * e[k] / sigma;
    return status;
}

const struct lip_rule lip_rule_scalar = {
    "scalar", {1, 1.2, 1.4, 1.6, 1.8}, 0.1, false, scalar};
static const struct lip_rule rule_gershgorin = {
    "gershgorin", {1, 1.5, 1.7, 1.99}, 0, false, gershgorin};
static const struct lip_rule rule_shift = {
    "shift", {1.15, 1.3, 1.5, 1.7}, 0, false, shift};
static const struct lip_rule rule_balanced = {
    "balanced", {1, 1.2, 1.4, 1.6, 1.8}, 0.1, true, balanced};

const struct lip_rule *const lip_rules[] = {
    &lip_rule_scalar, &rule_balanced, &rule_gershgorin, &rule_shift, NULL};

/* --- a pass --------------------------------------------------------------- */

/* One pass at work. */
struct pass {
    struct lip_recursion *rec;
    const struct lip_gauge *gauge;
    struct lip_matrix *t; /* the room of M, which is made after the choice */
    double *lambda, *next, *vector;
};

/* d_k of hidden layer i, 1 without a gauge. */
static double gauge_at(const struct pass *p, size_t i, size_t k)
{
    return p->gauge ? p->gauge->d[i][k] : 1;
}

/* T = G S G of the neurons that have multipliers. */
static void view_layer(struct pass *p, size_t n)
{
    const struct lip_recursion *rec = p->rec;
    size_t all = rec->s.rows;
    for (size_t k = 0; k < n; k++)
        p->vector[k] = sqrt(gauge_at(p, rec->layer, k));
    p->t->rows = p->t->cols = n;
    for (size_t j = 0; j < n; j++)
        for (size_t k = 0; k <= j; k++)
            p->t->data[k + j * n] =
                rec->s.data[k + j * all] * (p->vector[k] * p->vector[j]);
}

/* The squared column norms of G' W' G^-1. */
static void view_next(struct pass *p, size_t n)
{
    const struct lip_recursion *rec = p->rec;
    size_t i = rec->layer;
    const struct lip_matrix *w = &rec->chain->link[i + 1].transposed;
    bool inner = i + 2 < rec->chain->count;
    memset(p->next, 0, n * sizeof *p->next);
    for (size_t j = 0; j < w->cols; j++) {
        double d = inner ? gauge_at(p, i + 1, j) : 1;
        for (size_t k = 0; k < n; k++) {
            double x = w->data[k + j * w->rows];
            p->next[k] += d * x * x;
        }
    }
    for (size_t k = 0; k < n; k++)
        p->next[k] /= gauge_at(p, i, k);
}

/* Sectors narrower than this part of their slope count as so wide, or the
 * multipliers of neurons that are all but linear grow until rounding hides
 * what they leave of M. Costs half of it in the bound, a layer. */
static const double NARROW = 0x1p-10;

/* From the rule's Lambda for [0, 1] to one for the neuron's own sector. */
static double for_sector(double lambda, struct lip_sector s, double c,
                         bool passed)
{
    if (!(lambda > 0))
        lambda = 1;
    if (s.hi == 0) /* a neuron that always gives the same number */
        return lambda;
    /* What c = 1 becomes, in [0, 2]. Numbers that pass beside |.| leave no more
     * room than beside other neurons. */
    double fast = passed && s.lo < 0 ? 1 : 1 - s.lo / s.hi;
    double own = c >= 1 ? fast + (c - 1) * (2 - fast) : c * fast;
    double width = fmax(s.hi - s.lo, NARROW * s.hi);
    double border = s.lo == -s.hi && !passed ? 2 : 2 - 1e-6;
    return lambda / c * fmin(fmax(own, NARROW), border) / (width * width);
}

static enum lip_status layer(struct pass *p, const struct lip_rule *rule,
                             double c, bool *feasible)
{
    struct lip_recursion *rec = p->rec;
    size_t n = lip_recursion_neurons(rec), i = rec->layer;
    bool passed = n < rec->s.rows;
    view_layer(p, n);
    if (rule->balanced)
        view_next(p, n);
    struct lip_rule_view view = {p->t, p->next, p->vector, rec->ctx};
    enum lip_status status = rule->choose(p->lambda, &view, c);
    if (status != LIP_OK)
        return status;
    double most = 0;
    for (size_t k = 0; k < n; k++)
        if (isfinite(p->lambda[k]))
            most = fmax(most, p->lambda[k]);
    for (size_t k = 0; k < n; k++) {
        double x = fmin(p->lambda[k], fmax(most, 0x1p-300));
        x = for_sector(x, rec->sector[i][k], c, passed) * gauge_at(p, i, k);
        p->lambda[k] = fmin(fmax(x, 0x1p-400), 0x1p400);
    }
    return lip_recursion_step(rec, p->lambda, feasible);
}

enum lip_status lip_rule_pass(struct lip_big *out, bool *feasible,
                              struct lip_recursion *rec,
                              const struct lip_rule *rule, double c,
                              const struct lip_gauge *gauge)
{
    if (rec->chain->count > 1)
        lip_recursion_start(rec);
    size_t n = rec->widest;
    struct pass p = {.rec = rec, .gauge = gauge, .t = &rec->m};
    enum lip_status status = LIP_OK;
    p.lambda = lip_alloc(rec->ctx, 3 * n, sizeof *p.lambda);
    if (!p.lambda)
        status = rec->ctx ? rec->ctx->error.status : LIP_NO_MEMORY;
    p.next = p.lambda ? p.lambda + n : NULL;
    p.vector = p.lambda ? p.next + n : NULL;
    *feasible = true;
    size_t last = rec->chain->count - 1;
    while (status == LIP_OK && *feasible && rec->layer < last) {
        status = lip_tick(rec->ctx, "block recursion", (double)rec->layer,
                          (double)last, NAN);
        if (status == LIP_OK)
            status = layer(&p, rule, c, feasible);
    }
    if (status == LIP_OK && *feasible)
        status = lip_recursion_finish(out, rec);
    lip_free(p.lambda);
    return status;
}
