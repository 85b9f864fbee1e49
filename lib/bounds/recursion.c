/* SPDX-License-Identifier: MIT
 *
 * One verified pass of the block recursion; see recursion.h for the theorem
 * and the error bounds that the comments here refer to. */
#include "bounds/recursion.h"

#include "bounds/factor.h"
#include "bounds/link_norm.h"
#include "bounds/multipliers.h"
#include "linalg/blas.h"
#include "linalg/cholesky.h"
#include "linalg/eigen.h"
#include "linalg/spectral.h"

#include <string.h>

/* Multipliers of one layer span at most 2^(2 * MAX_SPAN). */
enum { MAX_SPAN = 40 };

/* --- set-up ------------------------------------------------------------- */

static struct lip_sector sector_of(struct lip_slopes s)
{
    if (fabs(s.lo) > s.hi)
        return (struct lip_sector){-s.hi, -s.lo, true};
    return (struct lip_sector){s.lo, s.hi, false};
}

/* Largest hidden width, and largest product of neighbouring widths from the
 * first hidden layer on. */
static void extents(const struct lip_chain *chain, size_t *hidden,
                    size_t *behind)
{
    *hidden = *behind = 1;
    for (size_t i = 1; i < chain->count; i++) {
        size_t n = lip_chain_width(chain, i);
        size_t area = n * lip_chain_width(chain, i + 1);
        *hidden = n > *hidden ? n : *hidden;
        *behind = area > *behind ? area : *behind;
    }
}

double lip_recursion_bytes(const struct lip_chain *chain)
{
    size_t n, area;
    extents(chain, &n, &area);
    double first = (double)lip_chain_width(chain, chain->count > 1 ? 1 : 0);
    return 8.0 * (4.0 * (double)n * (double)n + first * first + (double)area) +
           lip_passing_bytes(chain) + lip_front_bytes(chain);
}

double lip_recursion_flops(const struct lip_chain *chain)
{
    double flops = 0;
    for (size_t i = 1; i < chain->count; i++) {
        double n = (double)lip_chain_width(chain, i);
        double next = (double)lip_chain_width(chain, i + 1);
        bool last = i + 1 == chain->count;
        double gram = last ? fmin(n, next) * fmax(n, next) * fmin(n, next)
                           : next * next * n;
        flops += i == 1 && lip_front_applies(chain)
                     ? lip_front_flops(chain)
                     : 2.0 / 3 * n * n * n + n * n * next + gram;
    }
    return flops;
}

static enum lip_status new_sectors(struct lip_recursion *rec)
{
    const struct lip_chain *chain = rec->chain;
    rec->sector = lip_calloc(rec->ctx, chain->count, sizeof *rec->sector);
    if (!rec->sector)
        return LIP_NO_MEMORY;
    for (size_t i = 0; i + 1 < chain->count; i++) {
        size_t n = lip_chain_width(chain, i + 1);
        rec->sector[i] = lip_alloc(rec->ctx, n, sizeof **rec->sector);
        if (!rec->sector[i])
            return LIP_NO_MEMORY;
        for (size_t k = 0; k < n; k++)
            rec->sector[i][k] = sector_of(chain->slopes[i][k]);
    }
    return LIP_OK;
}

/* S^_1 = W_1 W_1^T. */
static void first_gram(struct lip_recursion *rec)
{
    const struct lip_link *link = &rec->chain->link[0];
    lip_gram(&rec->first, &link->transposed);
    rec->first_sigma = lip_gram_error(lip_matrix_frobenius(&link->transposed),
                                      link->radius, link->transposed.rows);
}

/* Where numbers pass the last gap, the last Gram matrix is formed too. */
static size_t last_square(const struct lip_chain *chain, size_t hidden)
{
    size_t l = chain->count, out = lip_chain_width(chain, l);
    bool passed = l > 1 && chain->gap[l - 2].passes > 0;
    return passed && out > hidden ? out : hidden;
}

enum lip_status lip_recursion_new(struct lip_recursion *out,
                                  const struct lip_chain *chain,
                                  struct lip_ctx *ctx)
{
    size_t n, area, first = chain->count > 1 ? lip_chain_width(chain, 1) : 1;
    extents(chain, &n, &area);
    size_t square = last_square(chain, n);
    *out = (struct lip_recursion){.chain = chain, .ctx = ctx, .widest = n};
    enum lip_status status = new_sectors(out);
    if (status == LIP_OK)
        status = lip_matrix_new(&out->first, first, first, ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&out->s, square, square, ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&out->m, n, n, ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&out->r, n, n, ctx);
    if (status == LIP_OK)
        status = lip_passing_new(&out->passing, chain, ctx);
    if (status == LIP_OK)
        status = lip_front_new(&out->front, chain, ctx);
    if (status == LIP_OK) {
        /* The coupling of p != 0 needs an n x n right-hand side as well. */
        out->y.data =
            lip_alloc(ctx, area > n * n ? area : n * n, sizeof *out->y.data);
        out->scaled = lip_alloc(ctx, 2 * n, sizeof *out->scaled);
        out->power = lip_alloc(ctx, n, sizeof *out->power);
        if (!out->y.data || !out->scaled || !out->power)
            status = LIP_NO_MEMORY;
    }
    if (status != LIP_OK) {
        lip_recursion_clear(out);
        return ctx && ctx->error.status ? ctx->error.status : status;
    }
    out->weight = out->scaled + n;
    if (chain->count > 1) {
        first_gram(out);
        lip_recursion_start(out);
    }
    return LIP_OK;
}

void lip_recursion_clear(struct lip_recursion *rec)
{
    for (size_t i = 0; rec->sector && i + 1 < rec->chain->count; i++)
        lip_free(rec->sector[i]);
    lip_free(rec->sector);
    lip_matrix_clear(&rec->first);
    lip_matrix_clear(&rec->s);
    lip_matrix_clear(&rec->m);
    lip_matrix_clear(&rec->r);
    lip_matrix_clear(&rec->y);
    lip_passing_clear(&rec->passing);
    lip_front_clear(&rec->front);
    lip_free(rec->scaled);
    lip_free(rec->power);
    *rec = (struct lip_recursion){0};
}

static void resize(struct lip_matrix *m, size_t rows, size_t cols)
{
    m->rows = rows;
    m->cols = cols;
}

void lip_recursion_start(struct lip_recursion *rec)
{
    size_t n = rec->first.rows;
    rec->layer = 0;
    resize(&rec->s, n, n);
    memcpy(rec->s.data, rec->first.data, n * n * sizeof(double));
    rec->sigma = rec->first_sigma;
    rec->exponent = rec->chain->link[0].exponent;
}

size_t lip_recursion_neurons(const struct lip_recursion *rec)
{
    return rec->s.rows - rec->chain->gap[rec->layer].passes;
}

/* --- scaling: Lambda = D Lambda' D with D = 2^power ----------------------- */

/* Numbers that pass are scaled alike, to about 1. Returns the smallest power.
 */
static int scale_passing(struct lip_recursion *rec, size_t a, int lowest)
{
    size_t n = rec->s.rows;
    double most = rec->sigma;
    int e = 0;
    for (size_t k = a; k < n; k++)
        most = fmax(most, rec->s.data[k * (n + 1)]);
    frexp(most, &e);
    int power = most > 0 ? -e / 2 : lowest;
    power = power > lowest + MAX_SPAN ? lowest + MAX_SPAN : power;
    power = power < lowest - MAX_SPAN ? lowest - MAX_SPAN : power;
    for (size_t k = a; k < n; k++) {
        rec->power[k] = power;
        rec->scaled[k] = 1;
    }
    return a < n && power < lowest ? power : lowest;
}

/* Of the `a` neurons with multipliers, and of what passes beside them. Returns
 * the smallest power. */
static int scale_multipliers(struct lip_recursion *rec, const double *lambda,
                             size_t a)
{
    double least = INFINITY;
    for (size_t k = 0; k < a; k++)
        least = fmin(least, lambda[k]);
    double most = ldexp(least, 2 * MAX_SPAN);
    int lowest = 0;
    for (size_t k = 0; k < a; k++) {
        double x = fmin(lambda[k], most);
        int e = 0;
        frexp(x, &e);
        rec->power[k] = e >= 0 ? e / 2 : -((1 - e) / 2);
        rec->scaled[k] = ldexp(x, -2 * rec->power[k]);
        lowest = k == 0 || rec->power[k] < lowest ? rec->power[k] : lowest;
    }
    return scale_passing(rec, a, lowest);
}

/* S' = D (S^ + sigma I) D in place; exact but for the sum, rounded up. */
static void scale_gram(struct lip_recursion *rec, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rec->weight[i] = ldexp(1, rec->power[i]);
    for (size_t j = 0; j < n; j++) {
        double *column = rec->s.data + j * n, dj = rec->weight[j];
        column[j] = lip_add_up(column[j], rec->sigma);
        for (size_t i = 0; i <= j; i++)
            column[i] = column[i] * dj * rec->weight[i];
    }
}

/* --- Z = S (I + P Lambda S)^-1 = S -+ (Q S)^T (I +- Q S Q)^-1 (Q S) --------
 */

static double frobenius_upper(const struct lip_matrix *a)
{
    size_t n = a->rows;
    double sum = 0;
    for (size_t j = 0; j < n; j++) {
        double off = 0;
        for (size_t i = 0; i < j; i++)
            off += a->data[i + j * n] * a->data[i + j * n];
        sum += 2 * off + a->data[j * (n + 1)] * a->data[j * (n + 1)];
    }
    return lip_sqrt_up(lip_inflate(sum, n * n + 4));
}

/* q_k = sqrt(|p| Lambda') of the neurons whose p has this sign, rounded so that
 * I +- Q S Q errs to the safe side: Z falls as P grows; 0 of the others, and of
 * those that pass, from a on. False where there are none. */
static bool coupling(double *q, const struct lip_sector *sector,
                     const double *scaled, int sign, size_t a, size_t n)
{
    bool any = false;
    for (size_t k = 0; k < n; k++) {
        double p = fabs(sector[k].lo) * sector[k].hi;
        q[k] = 0;
        if (k >= a || sector[k].lo == 0 || sector[k].hi == 0 ||
            (sector[k].lo < 0) != (sign < 0))
            continue;
        any = true;
        q[k] = sign < 0 ? lip_sqrt_up(lip_mul_up(lip_up(p), scaled[k]))
                        : lip_sqrt_down(lip_mul_down(lip_down(p), scaled[k]));
    }
    return any;
}

/* K = I + sign Q S' Q of the first n neurons into rec->m, upper triangle;
 * returns a bound of the rounding in 2-norm. */
static double coupled_matrix(struct lip_recursion *rec, const double *q,
                             int sign, size_t n)
{
    resize(&rec->m, n, n);
    for (size_t j = 0; j < n; j++) {
        const double *from = rec->s.data + j * rec->s.rows;
        double *to = rec->m.data + j * n;
        for (size_t i = 0; i <= j; i++)
            to[i] = sign * (q[i] * (from[i] * q[j]));
        to[j] += 1;
    }
    double f = lip_add_up(frobenius_upper(&rec->m), 2 * sqrt((double)n));
    return lip_add_up(lip_mul_up(lip_gamma(4), f), LIP_TINY);
}

/* Y^T = S' Q, n x a; returns a bound of the rounding in F-norm. */
static double coupled_side(struct lip_recursion *rec, const double *q, size_t a,
                           size_t n)
{
    resize(&rec->y, n, a);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i <= j; i++) {
            double x = rec->s.data[i + j * n];
            if (j < a)
                rec->y.data[i + j * n] = q[j] * x;
            if (i < a)
                rec->y.data[j + i * n] = q[i] * x;
        }
    double f = lip_matrix_frobenius(&rec->y);
    return lip_mul_up(lip_gamma(2), f);
}

/* Replaces S' by an upper bound of Z' (Loewner), with the P of the neurons of
 * one sign; Z' grows with S', so that one sign may follow the other. False
 * where I - Q S' Q could not be proven positive definite. Uses m, r, y; q has
 * room for 2 n. */
static bool couple(struct lip_recursion *rec, int sign, size_t n, double *q)
{
    size_t a = lip_recursion_neurons(rec);
    if (!coupling(q, rec->sector[rec->layer], rec->scaled, sign, a, n))
        return true;
    double inverse = 1; /* K >= I where p > 0 */
    double slack = coupled_matrix(rec, q, sign, a);
    struct lip_matrix *k = sign > 0 ? &rec->m : &rec->r;
    if (sign > 0
            ? !lip_cholesky_above(k, slack)
            : !lip_factor_below(k, &rec->m, slack, &inverse, &rec->y, q + n))
        return false;
    double kf = frobenius_upper(k); /* counts R's entries twice: an excess */
    double b = coupled_side(rec, q, a, n);
    lip_solve_right(&rec->y, k);
    double vf = lip_matrix_frobenius(&rec->y);
    double e = lip_solve_error(inverse, kf, vf, b, a);
    double sf = frobenius_upper(&rec->s);
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasNoTrans, (int)n, (int)a, -sign,
                rec->y.data, (int)n, 1, rec->s.data, (int)n);
    double rounding = lip_mul_up(
        lip_gamma(n + 4), lip_add_up(lip_mul_up(2, lip_mul_up(vf, vf)), sf));
    double error = lip_add_up(lip_gram_error(vf, e, a), rounding);
    for (size_t i = 0; i < n; i++)
        rec->s.data[i * (n + 1)] += lip_mul_up(error, 1.0000001);
    return true;
}

/* --- the step ------------------------------------------------------------- */

/* Where a = -b for every neuron (abs): m = 0, so M = Lambda, and all that is
 * asked is I - Q S' Q >= 0, closed: scale Lambda until that is proven. */
static bool symmetric_sectors(const struct lip_sector *sector, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (sector[k].lo != -sector[k].hi)
            return false;
    return true;
}

static enum lip_status shrink_symmetric(struct lip_recursion *rec, size_t n,
                                        double *q)
{
    coupling(q, rec->sector[rec->layer], rec->scaled, -1, n, n);
    double slack = coupled_matrix(rec, q, 1, n), estimate, tau;
    for (size_t i = 0; i < n; i++)
        rec->m.data[i * (n + 1)] -= 1;
    enum lip_status status = lip_eigen_estimate(&estimate, &rec->m, rec->ctx);
    if (status == LIP_OK)
        status = lip_eigen_upper(&tau, &rec->m, estimate, rec->ctx);
    if (status != LIP_OK)
        return status;
    tau = lip_up(lip_add_up(tau, slack) + 4 * LIP_UNIT);
    for (size_t k = 0; k < n; k++)
        rec->scaled[k] = lip_div_down(rec->scaled[k], tau);
    memset(rec->s.data, 0, n * n * sizeof(double));
    return LIP_OK;
}

/* M' = Lambda' - t Z' t with t = m Lambda', of the first a neurons, into
 * rec->m; returns a bound of the rounding in 2-norm: at most 7 roundings an
 * entry. */
static double schur(struct lip_recursion *rec, size_t a)
{
    const struct lip_sector *sector = rec->sector[rec->layer];
    double *t = rec->weight, sum = 0;
    size_t n = rec->s.rows;
    for (size_t k = 0; k < a; k++) {
        double m = 0.5 * (sector[k].lo + sector[k].hi);
        t[k] = (sector[k].turned ? -m : m) * rec->scaled[k];
    }
    resize(&rec->m, a, a);
    for (size_t j = 0; j < a; j++) {
        const double *from = rec->s.data + j * n;
        double *to = rec->m.data + j * a, off = 0;
        for (size_t i = 0; i < j; i++) {
            to[i] = -t[i] * (from[i] * t[j]);
            off += to[i] * to[i];
        }
        double taken = t[j] * (from[j] * t[j]);
        sum += 2 * off + taken * taken + rec->scaled[j] * rec->scaled[j];
        to[j] = rec->scaled[j] - taken;
    }
    double f = lip_sqrt_up(lip_inflate(sum, a * a + 4));
    return lip_add_up(lip_mul_up(lip_gamma(8), f), LIP_TINY);
}

/* 1 / D', D' = 2^(power - lowest) >= 1, into scale[n]. */
static void inverse_scale(double *scale, const struct lip_recursion *rec,
                          size_t n, int lowest)
{
    for (size_t i = 0; i < n; i++)
        scale[i] = ldexp(1, lowest - rec->power[i]);
}

/* Adds W'_A D'^-1 to what is in rec->y. Returns a bound of the rounding. */
static double add_columns(struct lip_recursion *rec, size_t a,
                          const struct lip_matrix *transposed,
                          const double *scale)
{
    size_t n = transposed->rows, next = transposed->cols;
    for (size_t k = 0; k < a; k++)
        for (size_t j = 0; j < next; j++)
            rec->y.data[j + k * next] += transposed->data[k + j * n] * scale[k];
    return lip_mul_up(lip_gamma(2), lip_matrix_frobenius(&rec->y));
}

/* B^T: W' D'^-1 into rec->y, or what passing.h has in its place. Returns how
 * far it is from the exact one. */
static double next_rows(struct lip_recursion *rec, size_t a,
                        const double *scale)
{
    const struct lip_link *link = &rec->chain->link[rec->layer + 1];
    if (a < link->transposed.rows) {
        double off = add_columns(rec, a, &link->transposed, scale);
        return lip_add_up(lip_add_up(rec->passing.b_error, off), link->radius);
    }
    lip_matrix_transpose(&rec->y, &link->transposed);
    for (size_t i = 0; i < a; i++) {
        double *column = rec->y.data + i * rec->y.rows;
        for (size_t j = 0; scale[i] < 1 && j < rec->y.rows; j++)
            column[j] *= scale[i];
    }
    return link->radius;
}

/* Y^T = B^T R^-1 into rec->y. Returns e. */
static double solve_next(struct lip_recursion *rec, size_t a,
                         const double *scale, double inverse, double *norm)
{
    double off = next_rows(rec, a, scale);
    lip_solve_right(&rec->y, &rec->r);
    double trace = 0; /* |R|_F^2 = tr R^T R <= tr Lambda' */
    for (size_t k = 0; k < a; k++)
        trace += rec->scaled[k];
    double rf = lip_sqrt_up(lip_inflate(trace, a));
    *norm = lip_matrix_frobenius(&rec->y);
    return lip_solve_error(inverse, rf, *norm, off, a);
}

/* S^ of the next layer from Y, and what passed this one. */
static void form_gram(struct lip_recursion *rec, double norm, double e,
                      size_t a, bool passed)
{
    size_t next = rec->y.rows;
    resize(&rec->s, next, next);
    lip_gram_outer(&rec->s, &rec->y);
    rec->sigma = lip_gram_error(norm, e, a);
    if (!passed)
        return;
    for (size_t j = 0; j < next; j++)
        for (size_t i = 0; i <= j; i++)
            rec->s.data[i + j * next] += rec->passing.base.data[i + j * next];
    double sum = lip_add_up(lip_mul_up(norm, norm), rec->passing.base_norm);
    rec->sigma = lip_add_up(rec->sigma, lip_mul_up(lip_gamma(3), sum));
    rec->sigma = lip_add_up(rec->sigma, rec->passing.base_error);
}

/* Whether the Gram matrix of the layer to come is formed. */
static bool is_formed(const struct lip_recursion *rec)
{
    return rec->layer + 1 < rec->chain->count ||
           rec->chain->gap[rec->layer - 1].passes > 0;
}

/* From S' (or, of symmetric sectors, what stands for it) to the next S^. */
static bool advance(struct lip_recursion *rec, int lowest, double *vector)
{
    size_t n = rec->s.rows, a = lip_recursion_neurons(rec);
    double inverse = 0, slack = schur(rec, a), norm, *scale = vector + n;
    const struct lip_link *link = &rec->chain->link[rec->layer + 1];
    inverse_scale(scale, rec, n, lowest);
    if (a < n)
        lip_passing_fill(&rec->passing, &rec->y, &rec->s, n - a, rec->weight,
                         link, scale);
    if (!lip_factor_below(&rec->r, &rec->m, slack, &inverse, &rec->s, vector))
        return false;
    if (rec->used)
        lip_multipliers_keep_scaled(rec->used, rec);
    double e = solve_next(rec, a, scale, inverse, &norm);
    rec->layer++;
    rec->exponent += link->exponent - lowest;
    rec->sigma = e; /* of Y, until the Gram matrix is formed */
    if (is_formed(rec))
        form_gram(rec, norm, e, a, a < n);
    return true;
}

/* The first step by the inputs. */
static bool advance_front(struct lip_recursion *rec, const double *lambda)
{
    int power;
    if (rec->used)
        lip_multipliers_keep(rec->used, rec, lambda);
    if (!lip_front_step(&rec->s, &rec->sigma, &power, &rec->front, lambda))
        return false;
    size_t n = rec->used ? lip_chain_width(rec->chain, 1) : 0;
    for (size_t k = 0; k < n; k++)
        rec->used->lambda[0][k] = fmin(lambda[k], rec->front.most);
    rec->layer = 1;
    rec->exponent += rec->chain->link[1].exponent - power;
    return true;
}

enum lip_status lip_recursion_step(struct lip_recursion *rec,
                                   const double *lambda, bool *feasible)
{
    if (rec->layer == 0 && rec->front.used) {
        *feasible = advance_front(rec, lambda);
        return LIP_OK;
    }
    size_t n = rec->s.rows, a = lip_recursion_neurons(rec);
    double *vector = lip_alloc(rec->ctx, 2 * n, sizeof *vector);
    if (!vector)
        return rec->ctx ? rec->ctx->error.status : LIP_NO_MEMORY;
    enum lip_status status = LIP_OK;
    int lowest = scale_multipliers(rec, lambda, a);
    scale_gram(rec, n);
    *feasible = true;
    if (a == n && symmetric_sectors(rec->sector[rec->layer], n))
        status = shrink_symmetric(rec, n, vector);
    else
        *feasible = couple(rec, 1, n, vector) && couple(rec, -1, n, vector);
    if (status == LIP_OK && *feasible)
        *feasible = advance(rec, lowest, vector);
    lip_free(vector);
    return status;
}

enum lip_status lip_recursion_finish(struct lip_big *out,
                                     struct lip_recursion *rec)
{
    struct lip_norm_pair l2 = {LIP_NORM_2, LIP_NORM_2};
    if (rec->chain->count == 1) /* f is affine */
        return lip_link_norm(out, &rec->chain->link[0], l2, rec->ctx);
    double norm, estimate;
    if (is_formed(rec)) {
        enum lip_status status =
            lip_eigen_estimate(&estimate, &rec->s, rec->ctx);
        if (status == LIP_OK)
            status = lip_eigen_upper(&norm, &rec->s, estimate, rec->ctx);
        norm = lip_sqrt_up(lip_add_up(norm, rec->sigma));
        *out = lip_big_make(norm, rec->exponent);
        return status;
    }
    enum lip_status status = lip_spectral_upper(&norm, &rec->y, rec->ctx);
    if (status == LIP_OK)
        *out = lip_big_make(lip_add_up(norm, rec->sigma), rec->exponent);
    return status;
}
