/* SPDX-License-Identifier: MIT
 *
 * The norm of B = |W_l| A_{l-1} |W_{l-1}| ... A_1 |W_1|, A_i = diag of the
 * steepest slopes: every Jacobian the network can have is below B entry by
 * entry, and |J| <= B implies |J|_{p->q} <= |B|_{p->q} for all p and q
 * (Combettes and Pesquet 2020). Exact on networks with non-negative weights.
 *
 * Nothing is subtracted here, so a relative error bound of each product is an
 * error bound of all: each step is computed in doubles and the result
 * inflated. inf->q and p->1 need B or B^T times the vector of ones, 2->2 the
 * inequality of Collatz and Wielandt, |B|_2^2 <= max_i (B^T B v)_i / v_i for
 * any v > 0; the other pairs need B itself.
 *
 * Graphs of layers have inf->q and p->1 by one pass over their layers, too,
 * without matrices (absolute_layers.h); the smaller value counts. */
#include "bounds/absolute_layers.h"
#include "bounds/product.h"
#include "bounds/support.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SWEEPS = 300 };

/* |W_i| A_{i-1}, transposed like the links, with the radius added to every
 * entry and the power of two of the steepest slope taken out: an entrywise
 * upper bound of the exact |W| A, with entries of at most about 1. */
struct absolute {
    const struct lip_chain *chain;
    struct lip_matrix *b;
    long exponent; /* of the whole product */
    struct lip_ctx *ctx;
};

/* |slope| 2^-e, rounded up where it is subnormal. */
static double scaled_slope(struct lip_slopes s, int e)
{
    double slope = fmax(fabs(s.lo), fabs(s.hi)), x = ldexp(slope, -e);
    return ldexp(x, e) < slope ? lip_up(x) : x;
}

static enum lip_status prepare(struct absolute *a)
{
    const struct lip_chain *chain = a->chain;
    a->b = lip_calloc(a->ctx, chain->count, sizeof *a->b);
    if (!a->b)
        return a->ctx ? a->ctx->error.status : LIP_NO_MEMORY;
    for (size_t i = 0; i < chain->count; i++) {
        const struct lip_link *link = &chain->link[i];
        const struct lip_matrix *w = &link->transposed;
        struct lip_matrix *b = &a->b[i];
        enum lip_status status = lip_matrix_new(b, w->rows, w->cols, a->ctx);
        if (status != LIP_OK)
            return status;
        int e = 0;
        if (i > 0)
            frexp(lip_chain_steepest(chain, i - 1), &e);
        for (size_t j = 0; j < w->cols; j++)
            for (size_t k = 0; k < w->rows; k++) {
                double slope =
                    i > 0 ? scaled_slope(chain->slopes[i - 1][k], e) : 1;
                double x = fabs(w->data[k + j * w->rows]);
                x = link->radius > 0 ? lip_add_up(x, link->radius) : x;
                b->data[k + j * w->rows] = lip_mul_up(x, slope);
            }
        a->exponent += link->exponent + e;
    }
    return LIP_OK;
}

static void finish(struct absolute *a)
{
    for (size_t i = 0; a->b && i < a->chain->count; i++)
        lip_matrix_clear(&a->b[i]);
    lip_free(a->b);
}

/* Scales x[n], sums of `terms` products, by a power of two to a largest entry
 * near 1 and returns the power; adds what underflow may have lost, in the
 * products before they are scaled and in the scaling. An overflow (a radius
 * can be that large) makes all of x infinite: 0 times infinity must not hide
 * it. */
static long moderate(double *x, size_t n, size_t terms)
{
    double lost = (double)terms * 0x1p-1074, most = 0;
    for (size_t k = 0; k < n; k++)
        most = isfinite(x[k]) ? fmax(most, x[k]) : INFINITY;
    int e = 0;
    bool finite = isfinite(most);
    if (finite)
        frexp(most, &e);
    for (size_t k = 0; k < n; k++)
        x[k] = finite ? ldexp(x[k] + lost, -e) + LIP_TINY : INFINITY;
    return e;
}

/* to = B_i from, or B_i^T from; relative error gamma of the inner width, plus
 * moderate()'s. Returns the exponent taken out. */
static long apply(double *to, const struct lip_matrix *bt, bool transpose,
                  const double *from)
{
    cblas_dgemv(CblasColMajor, transpose ? CblasNoTrans : CblasTrans,
                (int)bt->rows, (int)bt->cols, 1, bt->data, (int)bt->rows, from,
                1, 0, to, 1);
    return transpose ? moderate(to, bt->rows, bt->cols)
                     : moderate(to, bt->cols, bt->rows);
}

/* x <- B x or B^T x, ping-pong between x and y, both as wide as the widest
 * layer. Returns the exponent; the result is in x. */
static long through(const struct absolute *a, bool transpose, double *x,
                    double *y)
{
    long e = 0;
    size_t l = a->chain->count;
    for (size_t i = 0; i < l; i++) {
        const struct lip_matrix *b = &a->b[transpose ? l - 1 - i : i];
        e += apply(y, b, transpose, x);
        memcpy(x, y, (transpose ? b->rows : b->cols) * sizeof *x);
    }
    return e;
}

/* Relative roundings of one pass in either direction: inner dimensions and
 * the two operations of moderate(). */
static size_t roundings(const struct absolute *a)
{
    size_t sum = 8;
    for (size_t i = 0; i < a->chain->count; i++)
        sum += a->b[i].rows + a->b[i].cols + 8;
    return sum;
}

/* |B|_{inf->q} = |B 1|_q or |B|_{p->1} = |B^T 1|_{p*}. */
static struct lip_big of_ones(const struct absolute *a, bool transpose,
                              enum lip_norm norm, double *x, double *y)
{
    size_t from = transpose ? a->chain->outputs : a->chain->inputs;
    size_t to = transpose ? a->chain->inputs : a->chain->outputs;
    for (size_t k = 0; k < from; k++)
        x[k] = 1;
    long e = through(a, transpose, x, y);
    double sum = 0;
    for (size_t k = 0; k < to; k++)
        sum = norm == LIP_NORM_INF ? fmax(sum, x[k])
              : norm == LIP_NORM_1 ? sum + x[k]
                                   : sum + x[k] * x[k];
    if (norm == LIP_NORM_2)
        sum = sqrt(sum);
    return lip_big_make(lip_inflate(sum, roundings(a) + to), e + a->exponent);
}

/* max_i (B^T B v)_i / v_i, and v <- B^T B v scaled to at most 1, entries kept
 * above a floor that the inequality allows. *spread: how far apart the ratios
 * are. `v` has the input's width. */
static struct lip_big quotient(const struct absolute *a, double *v, double *x,
                               double *y, double *spread)
{
    size_t n = a->chain->inputs;
    memcpy(x, v, n * sizeof *x);
    long e = through(a, false, x, y);
    e += through(a, true, x, y);
    double most = 0, top = 0, least = INFINITY;
    for (size_t k = 0; k < n; k++) {
        double ratio = lip_div_up(x[k], v[k]);
        most = fmax(most, ratio);
        top = fmax(top, x[k]);
        if (v[k] > 0x1p-20)
            least = fmin(least, ratio);
    }
    for (size_t k = 0; k < n; k++)
        v[k] = fmax(x[k] / top, 0x1p-30);
    *spread = most / least - 1;
    return lip_big_make(lip_inflate(most, 2 * roundings(a)), e);
}

/* `witness`, where not NULL, gets the best v. */
static enum lip_status spectral(struct lip_big *out, const struct absolute *a,
                                struct lip_big *witness, double *x, double *y)
{
    size_t n = a->chain->inputs;
    double *v = lip_alloc(a->ctx, n, 2 * sizeof *v), spread = 1;
    if (!v)
        return a->ctx ? a->ctx->error.status : LIP_NO_MEMORY;
    for (size_t k = 0; k < n; k++)
        v[k] = 1;
    enum lip_status status = LIP_OK;
    struct lip_big best = {0, 0};
    for (int i = 0; status == LIP_OK && i < MAX_SWEEPS && spread > 1e-13; i++) {
        memcpy(v + n, v, n * sizeof *v);
        struct lip_big now = quotient(a, v, x, y, &spread);
        bool better = i == 0 || lip_big_less(now, best);
        for (size_t k = 0; better && witness && k < n; k++)
            witness[k] = lip_big_make(v[n + k], 0);
        best = better ? now : best;
        status = lip_tick(a->ctx, "absolute weights", i, MAX_SWEEPS, NAN);
    }
    lip_free(v);
    *out = lip_big_sqrt(best);
    out->e += a->exponent;
    return status;
}

/* All of B, transposed (inputs x outputs), for 1->2, 1->inf and 2->inf: the
 * chain is multiplied from the narrower end. */
static enum lip_status whole(struct lip_matrix *out, long *exponent,
                             const struct absolute *a)
{
    size_t n = a->chain->inputs;
    enum lip_status status = lip_matrix_new(out, n, a->chain->widest, a->ctx);
    struct lip_matrix next = {0, 0, NULL};
    if (status == LIP_OK)
        status = lip_matrix_new(&next, n, a->chain->widest, a->ctx);
    if (status == LIP_OK) {
        out->cols = a->b[0].cols;
        memcpy(out->data, a->b[0].data, n * out->cols * sizeof(double));
        *exponent = moderate(out->data, n * out->cols, 0);
    }
    for (size_t i = 1; status == LIP_OK && i < a->chain->count; i++) {
        const struct lip_matrix *b = &a->b[i];
        next.cols = b->cols;
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, (int)n,
                    (int)b->cols, (int)b->rows, 1, out->data, (int)n, b->data,
                    (int)b->rows, 0, next.data, (int)n);
        *exponent += moderate(next.data, n * next.cols, b->rows);
        struct lip_matrix swap = *out;
        *out = next;
        next = swap;
        status = lip_tick(a->ctx, "absolute weights", (double)i,
                          (double)a->chain->count, NAN);
    }
    lip_matrix_clear(&next);
    return status;
}

static enum lip_status entrywise(struct lip_big *out, const struct absolute *a,
                                 struct lip_norm_pair pair)
{
    struct lip_matrix b = {0, 0, NULL};
    long exponent = 0;
    double norm = 0;
    enum lip_status status = whole(&b, &exponent, a);
    if (status == LIP_OK)
        status = lip_norm_upper(&norm, &b, pair, a->ctx);
    if (status == LIP_OK)
        *out = lip_big_make(lip_inflate(norm, roundings(a)),
                            exponent + a->exponent);
    lip_matrix_clear(&b);
    return status;
}

static enum lip_status evaluate(struct lip_big *out, const struct absolute *a,
                                struct lip_norm_pair pair,
                                struct lip_big *witness)
{
    if (pair.input == LIP_NORM_1
            ? pair.output != LIP_NORM_1
            : pair.input == LIP_NORM_2 && pair.output == LIP_NORM_INF)
        return entrywise(out, a, pair);
    double *x = lip_alloc(a->ctx, 2 * a->chain->widest, sizeof *x);
    if (!x)
        return a->ctx ? a->ctx->error.status : LIP_NO_MEMORY;
    double *y = x + a->chain->widest;
    enum lip_status status = LIP_OK;
    if (pair.input == LIP_NORM_INF)
        *out = of_ones(a, false, pair.output, x, y);
    else if (pair.output == LIP_NORM_1)
        *out = of_ones(a, true, lip_norm_dual(pair.input), x, y);
    else
        status = spectral(out, a, witness, x, y);
    lip_free(x);
    return status;
}

/* Room for v, which only 2->2 needs. */
static enum lip_status new_evidence(struct lip_bound *bound,
                                    const struct lip_chain *chain,
                                    struct lip_norm_pair pair,
                                    struct lip_ctx *ctx)
{
    bool l2 = pair.input == LIP_NORM_2 && pair.output == LIP_NORM_2;
    enum lip_status status =
        lip_evidence_new(&bound->evidence, &lip_theorem_absolute, 1, 0, ctx);
    return status == LIP_OK ? lip_evidence_row_new(bound->evidence, 0,
                                                   l2 ? chain->inputs : 0, ctx)
                            : status;
}

/* Whether a pass over the layers says something. */
static bool by_layers(const struct lip_chain *chain, struct lip_norm_pair pair)
{
    return lip_product_layered(chain) && lip_absolute_layers_knows(pair);
}

static enum lip_status by_matrices(struct lip_bound *bound,
                                   const struct lip_chain *chain,
                                   const struct lip_bound_options *options,
                                   struct lip_ctx *ctx)
{
    struct absolute a = {.chain = chain, .ctx = ctx};
    struct lip_big value;
    enum lip_status status = prepare(&a);
    if (status == LIP_OK && options->evidence)
        status = new_evidence(bound, chain, options->norm, ctx);
    if (status == LIP_OK)
        status =
            evaluate(&value, &a, options->norm,
                     bound->evidence ? bound->evidence->row[0].value : NULL);
    finish(&a);
    if (status == LIP_OK)
        lip_bound_set(bound, value);
    return status;
}

/* By layers first, and keeps that where it is less, or all that came out. */
static enum lip_status run(struct lip_bound *bound,
                           const struct lip_chain *chain,
                           const struct lip_bound_options *options,
                           struct lip_ctx *ctx)
{
    double value = INFINITY;
    enum lip_status status = LIP_OK;
    if (!by_layers(chain, options->norm))
        return by_matrices(bound, chain, options, ctx);
    status = lip_absolute_layers(&value, chain->network, options->norm, ctx);
    if (status != LIP_OK)
        return status;
    if (chain->unrolled)
        status = by_matrices(bound, chain, options, ctx);
    if (status == LIP_NO_MEMORY || status == LIP_CANCELLED)
        return status;
    if (status != LIP_OK && ctx)
        lip_error_clear(ctx);
    bool better = chain->unrolled && status == LIP_OK && !bound->skipped;
    bound->skipped = false;
    bound->upper_bound = better ? fmin(bound->upper_bound, value) : value;
    return LIP_OK;
}

static bool applies(const struct lip_chain *chain,
                    const struct lip_bound_options *options, char *reason,
                    size_t reason_size)
{
    if (chain->unrolled || by_layers(chain, options->norm))
        return true;
    snprintf(reason, reason_size,
             "Without matrices, of which this network has none, this method "
             "bounds inf to any norm and any norm to 1 only. %s",
             chain->obstacle);
    return false;
}

static double area(double inputs, double outputs)
{
    return inputs * outputs;
}

static struct lip_cost cost(const struct lip_chain *chain,
                            const struct lip_bound_options *options)
{
    double numbers = lip_sum_links(chain, area);
    struct lip_norm_pair pair = options->norm;
    bool l2 = pair.input == LIP_NORM_2 && pair.output == LIP_NORM_2;
    bool vectors = pair.input == LIP_NORM_INF || pair.output == LIP_NORM_1;
    double n0 = (double)chain->inputs, widest = (double)chain->widest;
    double flops = l2        ? 200 * numbers
                   : vectors ? 4 * numbers
                             : 2 * n0 * numbers;
    double bytes =
        8 * numbers + 32 * widest + (l2 || vectors ? 0 : 16 * n0 * widest);
    if (by_layers(chain, pair)) {
        flops += lip_absolute_layers_flops(chain->network);
        bytes += lip_absolute_layers_bytes(chain->network);
    }
    return (struct lip_cost){flops, bytes};
}

const struct lip_method lip_method_absolute = {
    .id = "absolute",
    .title = "Norm of the product of absolute weights",
    .formula = "L <= | |W_l| A_{l-1} |W_{l-1}| ... A_1 |W_1| |_{p->q}",
    .norms = "every pair of 1, 2 and inf",
    .supports = "any network whose layers are linear, slope-bounded "
                "activations or pools; for inf->q and p->1 of any size",
    .cost_text = "O(sum n_i n_{i-1}) a sweep: 1 sweep for inf->q and p->1, "
                 "tens for 2->2; O(n_0 sum n_i n_{i-1}) for the other pairs",
    .citation = "Combettes and Pesquet, Lipschitz certificates for layered "
                "network structures driven by averaged activation operators, "
                "SIAM J. Math. Data Sci. 2(2), 2020",
    .layered = true,
    .applies = applies,
    .cost = cost,
    .run = run,
};
