/* SPDX-License-Identifier: MIT
 *
 * A log-det barrier for one layer; see layer_sdp.h for the formulas. */
#include "bounds/layer_sdp.h"

#include "linalg/blas.h"
#include "linalg/definite.h"
#include "linalg/eigen.h"

#include <string.h>

/* Sectors narrower than this part of their slope count as so wide; see rule.c.
 */
static const double NARROW = 0x1p-10;
/* Relative distance of c from the optimum: asked for, and enough where rounding
 * ends the path; steps of nu; Newton's decrement near enough to the centre. */
static const double GAP = 1e-8, ENOUGH = 1e-7, RAISE = 10, NEAR = 0.3;

enum { SQUARES = 13, MOST_CENTRING = 200 };

struct layer {
    size_t n, next;
    struct lip_ctx *ctx;
    const struct lip_layer_problem *problem;
    bool rising, falling;     /* some p is positive, negative */
    bool low;                 /* some a is not zero */
    double *a, *b, *m, *q;    /* slopes; q_k = sqrt |p_k| */
    double *d;                /* scale: neuron k is divided by it */
    double *x, *move, *tried; /* lambda, then c; a relative step */
    double nu, log_det;
    struct lip_matrix s, z, k, v, f, g, ea, eb, ga, gb, aa, ab, bb;
    struct lip_matrix w, t, ta, tb, gram, newton;
    double *block;
};

/* --- set-up --------------------------------------------------------------- */

static double *carve(struct lip_matrix *out, size_t rows, size_t cols,
                     double *from)
{
    *out = (struct lip_matrix){rows, cols, from};
    return from + rows * cols;
}

static enum lip_status open(struct layer *y, struct lip_ctx *ctx)
{
    size_t n = y->n, next = y->next, least = n < next ? n : next;
    y->ctx = ctx;
    y->block = lip_alloc(ctx,
                         SQUARES * n * n + 4 * n * next + least * least +
                             (n + 1) * (n + 1) + 5 * n + 3 * (n + 1),
                         sizeof *y->block);
    if (!y->block)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    struct lip_matrix *const square[SQUARES] = {
        &y->s,  &y->z,  &y->k,  &y->v,  &y->f,  &y->g, &y->ea,
        &y->eb, &y->ga, &y->gb, &y->aa, &y->ab, &y->bb};
    struct lip_matrix *const wide[4] = {&y->w, &y->t, &y->ta, &y->tb};
    double *at = y->block;
    for (int i = 0; i < SQUARES; i++)
        at = carve(square[i], n, n, at);
    for (int i = 0; i < 4; i++)
        at = carve(wide[i], next, n, at);
    at = carve(&y->gram, least, least, at);
    at = carve(&y->newton, n + 1, n + 1, at);
    double **const vector[] = {&y->a, &y->b, &y->m, &y->q, &y->d};
    for (int i = 0; i < 5; i++, at += n)
        *vector[i] = at;
    y->x = at;
    y->move = y->x + n + 1;
    y->tried = y->move + n + 1;
    return LIP_OK;
}

/* Slopes of some width, the steepest of the layer 1; returns what they were
 * divided by. */
static double set_slopes(struct layer *y, const struct lip_sector *sector)
{
    double most = 0;
    for (size_t k = 0; k < y->n; k++)
        most = fmax(most, sector[k].hi);
    for (size_t k = 0; k < y->n; k++) {
        double hi = fmax(sector[k].hi / most, NARROW);
        double lo = fmin(sector[k].lo / most, hi * (1 - NARROW));
        y->a[k] = lo;
        y->b[k] = hi;
        y->m[k] = 0.5 * (lo + hi);
        y->q[k] = sqrt(fabs(lo) * hi);
        y->low = y->low || lo != 0;
        y->rising = y->rising || lo > 0;
        y->falling = y->falling || lo < 0;
    }
    return most;
}

/* S with ones on its diagonal, W' with F-norm 1 and the signs of neurons that
 * are turned. Neurons that nothing reaches
 * would take infinite multipliers: they get the mean on the diagonal. */
static void set_matrices(struct layer *y, const struct lip_layer_problem *p)
{
    size_t n = y->n;
    double mean = 0, norm = 0;
    for (size_t k = 0; k < n; k++)
        mean += p->s->data[k * (n + 1)] / (double)n;
    for (size_t k = 0; k < n; k++) {
        double own = p->s->data[k * (n + 1)];
        y->d[k] = sqrt(own > 1e-200 * mean ? own : mean);
    }
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i <= j; i++) {
            double x = p->s->data[i + j * n] / (y->d[i] * y->d[j]);
            y->s.data[i + j * n] = y->s.data[j + i * n] = i == j ? 1 : x;
        }
    for (size_t k = 0; k < n; k++)
        for (size_t j = 0; j < y->next; j++) {
            double x = p->next->data[k + j * n] * y->d[k];
            y->w.data[j + k * y->next] = p->sector[k].turned ? -x : x;
            norm += x * x;
        }
    cblas_dscal((int)(n * y->next), 1 / sqrt(norm), y->w.data, 1);
}

/* --- the barrier ---------------------------------------------------------- */

static void mirror(struct lip_matrix *a)
{
    for (size_t j = 0; j < a->cols; j++)
        for (size_t i = 0; i < j; i++)
            a->data[j + i * a->rows] = a->data[i + j * a->rows];
}

/* Z <- Z - sign V V^T, V = Z Q R^-1, R^T R = K = I + sign Q Z Q, where Q^2 =
 * |p| Lambda of the neurons whose p has this sign. */
static bool couple_sign(struct layer *y, const double *lambda, int sign,
                        double *log_det)
{
    size_t n = y->n;
    for (size_t j = 0; j < n; j++) {
        bool own = (y->a[j] < 0) == (sign < 0);
        double qj = own ? y->q[j] * sqrt(lambda[j]) : 0;
        for (size_t i = 0; i < n; i++) {
            own = (y->a[i] < 0) == (sign < 0);
            double qi = own ? y->q[i] * sqrt(lambda[i]) : 0;
            double x = y->z.data[i + j * n] * qj;
            y->v.data[i + j * n] = x;
            y->k.data[i + j * n] = (i == j) + sign * qi * x;
        }
    }
    if (!lip_definite_factor(&y->k, log_det))
        return false;
    lip_solve_right(&y->v, &y->k);
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasNoTrans, (int)n, (int)n, -sign,
                y->v.data, (int)n, 1, y->z.data, (int)n);
    mirror(&y->z);
    return true;
}

/* Z, one sign of p after the other. */
static bool couple(struct layer *y, const double *lambda, double *log_det)
{
    memcpy(y->z.data, y->s.data, y->n * y->n * sizeof(double));
    return (!y->rising || couple_sign(y, lambda, 1, log_det)) &&
           (!y->falling || couple_sign(y, lambda, -1, log_det));
}

/* Z and the factor of F at x, and log det N; false where N is not positive
 * definite. */
static bool place(struct layer *y, const double *x, double *log_det)
{
    size_t n = y->n;
    double c = x[n];
    *log_det = 0;
    for (size_t k = 0; k <= n; k++)
        if (!(x[k] > 0 && isfinite(x[k])))
            return false;
    if (!couple(y, x, log_det))
        return false;
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i <= j; i++)
            y->f.data[i + j * n] =
                (i == j ? x[i] : 0) -
                y->m[i] * x[i] * y->z.data[i + j * n] * x[j] * y->m[j];
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, (int)n, (int)y->next, -c,
                y->w.data, (int)y->next, 1, y->f.data, (int)n);
    return lip_definite_factor(&y->f, log_det);
}

/* E = I - m Lambda Z e for slopes e. */
static void edge(struct lip_matrix *out, const struct layer *y, const double *e)
{
    size_t n = y->n;
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++)
            out->data[i + j * n] =
                (i == j) - y->m[i] * y->x[i] * y->z.data[i + j * n] * e[j];
}

/* out = e Z g + L^T R for slopes e and g. */
static void meet(struct lip_matrix *out, const struct layer *y, const double *e,
                 const struct lip_matrix *left, const double *g,
                 const struct lip_matrix *right)
{
    size_t n = y->n;
    lip_gemm(out, left, true, right, false);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++)
            out->data[i + j * n] += e[i] * y->z.data[i + j * n] * g[j];
}

/* H_aa, H_ab, H_bb; after place(). */
static void curvatures(struct layer *y)
{
    size_t size = y->n * y->n * sizeof(double);
    memcpy(y->g.data, y->f.data, size);
    lip_definite_invert(&y->g);
    mirror(&y->g);
    edge(&y->eb, y, y->b);
    lip_gemm(&y->gb, &y->g, false, &y->eb, false);
    meet(&y->bb, y, y->b, &y->eb, y->b, &y->gb);
    if (!y->low) { /* a = 0: E_a = I */
        memcpy(y->ga.data, y->g.data, size);
        memcpy(y->aa.data, y->g.data, size);
        memcpy(y->ab.data, y->gb.data, size);
        return;
    }
    edge(&y->ea, y, y->a);
    lip_gemm(&y->ga, &y->g, false, &y->ea, false);
    meet(&y->aa, y, y->a, &y->ea, y->a, &y->ga);
    meet(&y->ab, y, y->a, &y->ea, y->b, &y->gb);
}

/* With T = W' R^-1: tr(F^-1 W'^T W') = |T|_F^2, and |T T^T|_F^2. */
static double traces(struct layer *y, double *second)
{
    memcpy(y->t.data, y->w.data, y->n * y->next * sizeof(double));
    lip_solve_right(&y->t, &y->f);
    double first = 0;
    for (size_t i = 0; i < y->n * y->next; i++)
        first += y->t.data[i] * y->t.data[i];
    if (y->n < y->next)
        lip_gram(&y->gram, &y->t);
    else
        lip_gram_outer(&y->gram, &y->t);
    mirror(&y->gram);
    *second = 0;
    for (size_t i = 0; i < y->gram.rows * y->gram.cols; i++)
        *second += y->gram.data[i] * y->gram.data[i];
    return first;
}

/* The Newton system in relative steps, into newton (upper triangle) and move;
 * returns Newton's decrement, after which move is the step. */
static double newton(struct layer *y)
{
    size_t n = y->n, rows = n + 1;
    double c = y->x[n], second, first = traces(y, &second);
    double *h = y->newton.data, *g = y->move;
    curvatures(y);
    lip_gemm(&y->ta, &y->w, false, &y->ga, false);
    lip_gemm(&y->tb, &y->w, false, &y->gb, false);
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i <= j; i++) {
            size_t at = i + j * n, ta = j + i * n;
            h[i + j * rows] = 0.5 * y->x[i] * y->x[j] *
                              (y->aa.data[at] * y->bb.data[at] +
                               y->ab.data[at] * y->ab.data[ta]);
        }
        g[j] = y->x[j] * y->ab.data[j * (n + 1)];
        h[j + n * rows] = -c * y->x[j] *
                          cblas_ddot((int)y->next, y->ta.data + j * y->next, 1,
                                     y->tb.data + j * y->next, 1);
    }
    h[n + n * rows] = c * c * second + y->nu;
    g[n] = y->nu - c * first;
    memcpy(y->tried, g, rows * sizeof *g);
    if (!lip_definite_solve(g, &y->newton))
        return NAN;
    return sqrt(cblas_ddot((int)rows, y->tried, 1, g, 1));
}

/* How much the barrier falls by `step` along move; -infinity outside. The
 * point is in `tried`, its log det in *log_det. */
static double fall(struct layer *y, double step, double *log_det)
{
    for (size_t k = 0; k <= y->n; k++)
        y->tried[k] = y->x[k] * (1 + step * y->move[k]);
    if (!place(y, y->tried, log_det))
        return -INFINITY;
    return y->nu * log1p(step * y->move[y->n]) + *log_det - y->log_det;
}

/* Goes along move: not further than 0.7 of what is known to lie inside, since
 * from close to the border it takes many steps back to the path. False where
 * nothing lowers the barrier. */
static bool advance(struct layer *y, double decrement)
{
    double log_det, step = 1;
    while (decrement > 0.7 && step > 1e-9 &&
           fall(y, step / 0.7, &log_det) == -INFINITY)
        step *= 0.7;
    for (; step > 1e-9; step *= 0.5) {
        if (!(fall(y, step, &log_det) >= 0.1 * step * decrement * decrement))
            continue;
        memcpy(y->x, y->tried, (y->n + 1) * sizeof *y->x);
        y->log_det = log_det;
        return true;
    }
    place(y, y->x, &y->log_det);
    return false;
}

/* --- the path ------------------------------------------------------------- */

/* Half of the way to the border along the scalar direction, and a small c;
 * *more turns false where that is no place to go on from. */
static enum lip_status begin(struct layer *y, bool *more)
{
    double sigma, second;
    size_t n = y->n;
    enum lip_status status = lip_eigen_estimate(&sigma, &y->s, y->ctx);
    if (status != LIP_OK)
        return status;
    for (size_t k = 0; k < n; k++) {
        double half = 0.5 * (y->b[k] - y->a[k]);
        y->x[k] = 0.5 / (half * half * sigma);
    }
    y->x[n] = 1e-300;
    *more = place(y, y->x, &y->log_det);
    if (!*more)
        return LIP_OK;
    y->x[n] = 0.5 / traces(y, &second);
    *more = place(y, y->x, &y->log_det);
    y->nu = y->x[n] * traces(y, &second);
    return LIP_OK;
}

/* Newton steps until near the centre for nu; *more turns false where none can
 * be had. */
static enum lip_status centre(struct layer *y, size_t *steps, size_t most,
                              bool *more)
{
    for (int k = 0; k < MOST_CENTRING; k++) {
        enum lip_status status =
            lip_tick(y->ctx, "layer optimisation", y->problem->done,
                     y->problem->total, NAN);
        if (status != LIP_OK)
            return status;
        if (*steps >= most)
            break;
        double decrement = newton(y);
        ++*steps;
        bool moved = isfinite(decrement) && advance(y, decrement);
        if (decrement < NEAR)
            return LIP_OK;
        if (!moved)
            break;
    }
    *more = false;
    return LIP_OK;
}

enum lip_status lip_layer_sdp(double *lambda, size_t *steps, bool *done,
                              const struct lip_layer_problem *problem,
                              size_t most, struct lip_ctx *ctx)
{
    struct layer y = {
        .n = problem->s->rows, .next = problem->next->cols, .problem = problem};
    *done = false;
    enum lip_status status = open(&y, ctx);
    if (status != LIP_OK)
        return status;
    double steepest = set_slopes(&y, problem->sector);
    set_matrices(&y, problem);
    bool more = true;
    status = begin(&y, &more);
    while (status == LIP_OK && more && !*done) {
        status = centre(&y, steps, most, &more);
        double gap = 2 * (double)y.n / y.nu;
        if (status == LIP_OK && more)
            *done = gap <= GAP;
        else /* rounding may end the path a little earlier */
            *done = status == LIP_OK && *steps < most && gap <= ENOUGH;
        y.nu = fmin(y.nu * RAISE, 2 * (double)y.n / GAP);
    }
    for (size_t k = 0; k < y.n; k++) {
        double scale = y.d[k] * steepest;
        lambda[k] = y.x[k] / (scale * scale);
    }
    lip_free(y.block);
    return status;
}
