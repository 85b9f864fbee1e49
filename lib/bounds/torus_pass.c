/* SPDX-License-Identifier: MIT
 *
 * The recursion at all frequencies of a torus network, rounding errors
 * included. In front of stage i stands, for each frequency w of its torus,
 *
 *     S_true(w) <= S(w) + sigma I,
 *
 * S stored, sigma one number for all. With multipliers Lambda_k = 1 / g_k^2, by
 * definition of the stored g, and h_k = m_k / g_k,
 *
 *     M' = G M G = I - h Z h >= R^* R + t I,   R^* R by a Cholesky
 * factorisation
 *
 * (hermitian.h), with a slack of what h, Z and sigma are off. V = (H G)^*, H
 * the symbol of the stage, off by at most d in the Frobenius norm; Y = R^-* V
 * as computed solves with R off by gamma |R|, so that
 *
 *     |Y - R^-* V|_F <= e = t^-1/2 (d + 2 gamma_{2n+4} |R|_F |Y|_F),
 *     S_next = Y^* Y summed over what meets + (2 |Y|_F e + e^2 + rounding) I
 *
 * (norms of complex matrices are those of their real forms over sqrt 2).
 *
 * Z is S where slopes begin at 0. For slopes [a, b] with a < 0, p = a b, in
 * coordinates divided by g: A = 1/|p|, Z' = A (A - S')^-1 A - A, which is
 * S' (I - |p| S')^-1. */
#include "bounds/torus.h"

#include "base/size.h"
#include "linalg/blas.h"
#include "linalg/hermitian.h"
#include "linalg/rounding.h"

#include <math.h>
#include <string.h>

enum { BATCH = 8 };

/* Frequencies of a torus, one of each pair that are mirror images: index k is
 * (k / size[1], k % size[1]); place[k] of those that are kept. */
struct half {
    size_t size[2], count;
    size_t *kept;  /* [count] indices */
    size_t *place; /* [size[0] size[1]], SIZE_MAX: its mirror image is kept */
};

struct lip_torus_pass {
    const struct lip_torus *torus;
    struct lip_ctx *ctx;
    struct half *half; /* [count + 1] */
    size_t widest;
    double *s[2];      /* S in front of the stage and behind it */
    double *error;     /* [frequencies] what S behind it may miss */
    double *gather;    /* sums of |Y|_F^2 */
    double *v;         /* BATCH matrices in x out */
    double *planes;    /* their real and imaginary parts */
    double *turn;      /* cos and sin of taps for a batch */
    double *m, *other; /* widest square */
    double *work;
    double *g, *h, *slack_weight;
    double sigma;
};

static size_t mirror(const struct half *half, size_t k)
{
    size_t a = k / half->size[1], b = k % half->size[1];
    a = a ? half->size[0] - a : 0;
    b = b ? half->size[1] - b : 0;
    return a * half->size[1] + b;
}

static enum lip_status half_new(struct half *out, const size_t size[2],
                                struct lip_ctx *ctx)
{
    size_t all = size[0] * size[1];
    *out = (struct half){.size = {size[0], size[1]}};
    out->kept = lip_alloc(ctx, all, sizeof *out->kept);
    out->place = lip_alloc(ctx, all, sizeof *out->place);
    if (!out->kept || !out->place)
        return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                                  : LIP_NO_MEMORY;
    for (size_t k = 0; k < all; k++) {
        out->place[k] = SIZE_MAX;
        if (k > mirror(out, k))
            continue;
        out->place[k] = out->count;
        out->kept[out->count++] = k;
    }
    return LIP_OK;
}

static size_t count_of(const struct lip_torus *torus, size_t level,
                       size_t size[2])
{
    for (int axis = 0; axis < 2; axis++)
        size[axis] = level < torus->count
                         ? torus->stage[level].size[axis]
                         : torus->stage[level - 1].size[axis] /
                               torus->stage[level - 1].stride[axis];
    return size[0] * size[1];
}

static double *numbers(struct lip_torus_pass *p, double count)
{
    if (count > 0x1p40) {
        lip_fail(p->ctx, LIP_TOO_LARGE,
                 "the frequencies take more memory than there is.");
        return NULL;
    }
    return lip_alloc(p->ctx, (size_t)count, sizeof(double));
}

/* Largest sizes of all stages. */
struct sizes {
    double s, matrix, taps, frequencies;
};

static struct sizes sizes_of(struct lip_torus_pass *p)
{
    const struct lip_torus *torus = p->torus;
    struct sizes z = {0};
    p->widest = 1;
    for (size_t i = 0; i < torus->count; i++) {
        const struct lip_torus_stage *s = &torus->stage[i];
        double n = (double)s->out, kept = (double)p->half[i + 1].count;
        z.s = fmax(z.s, 2 * n * n * kept);
        z.matrix = fmax(z.matrix, (double)s->in * n);
        z.taps = fmax(z.taps, (double)s->tap[0] * (double)s->tap[1]);
        z.frequencies = fmax(z.frequencies, kept);
        p->widest = s->out > p->widest ? s->out : p->widest;
        p->widest = i > 0 && s->in > p->widest ? s->in : p->widest;
    }
    return z;
}

enum lip_status lip_torus_pass_new(struct lip_torus_pass **out,
                                   const struct lip_torus *torus,
                                   struct lip_ctx *ctx)
{
    struct lip_torus_pass *p = lip_calloc(ctx, 1, sizeof *p);
    enum lip_status status = p ? LIP_OK : LIP_NO_MEMORY;
    if (p) {
        p->torus = torus;
        p->ctx = ctx;
        p->half = lip_calloc(ctx, torus->count + 1, sizeof *p->half);
        status = p->half ? LIP_OK : LIP_NO_MEMORY;
    }
    for (size_t i = 0; status == LIP_OK && i <= torus->count; i++) {
        size_t size[2];
        count_of(torus, i, size);
        status = half_new(&p->half[i], size, ctx);
    }
    if (status == LIP_OK) {
        struct sizes z = sizes_of(p);
        double n = (double)p->widest;
        p->s[0] = numbers(p, z.s);
        p->s[1] = numbers(p, z.s);
        p->error = numbers(p, z.frequencies);
        p->gather = numbers(p, z.frequencies);
        p->v = numbers(p, 2 * BATCH * z.matrix);
        p->planes = numbers(p, 2 * fmax(BATCH * z.matrix, n * n));
        p->turn = numbers(p, 2 * BATCH * z.taps);
        p->m = numbers(p, 2 * fmax(n * n, z.matrix));
        p->other = numbers(p, 2 * n * n);
        p->work = numbers(p, 6 * n);
        p->g = numbers(p, n);
        p->h = numbers(p, n);
        if (!p->s[0] || !p->s[1] || !p->error || !p->gather || !p->v ||
            !p->planes || !p->turn || !p->m || !p->other || !p->work || !p->g ||
            !p->h)
            status = LIP_NO_MEMORY;
    }
    if (status != LIP_OK) {
        lip_torus_pass_free(p);
        p = NULL;
    }
    *out = p;
    return status == LIP_OK || !ctx || ctx->error.status == LIP_OK
               ? status
               : ctx->error.status;
}

void lip_torus_pass_free(struct lip_torus_pass *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->half && i <= p->torus->count; i++) {
        lip_free(p->half[i].kept);
        lip_free(p->half[i].place);
    }
    double *all[] = {p->s[0], p->s[1], p->error, p->gather, p->v, p->planes,
                     p->turn, p->m,    p->other, p->work,   p->g, p->h};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        lip_free(all[k]);
    lip_free(p->half);
    lip_free(p);
}

/* --- symbols */

/* H(w)^* of `count` frequencies from number `first` on into p->v: in x out,
 * element (k, j) of a frequency is conj(H_jk). Phases are (a x / n) of a turn
 * with whole a x mod n: off by less than 4 u of a turn, 26 u in the angle, and
 * 4 u in cosine and sine: together below 40 u. */
static void symbols(struct lip_torus_pass *p, size_t i, size_t first,
                    size_t count)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    const struct half *half = &p->half[i];
    size_t taps = s->tap[0] * s->tap[1], size = s->in * s->out;
    for (size_t f = 0; f < count; f++) {
        size_t w = half->kept[first + f];
        size_t w0 = w / s->size[1], w1 = w % s->size[1];
        double *turn = p->turn + 2 * f * taps;
        for (size_t q0 = 0; q0 < s->tap[0]; q0++)
            for (size_t q1 = 0; q1 < s->tap[1]; q1++) {
                size_t x0 = q0 * s->dilation[0] % s->size[0] * w0;
                size_t x1 = q1 * s->dilation[1] % s->size[1] * w1;
                double part = (double)(x0 % s->size[0]) / (double)s->size[0] +
                              (double)(x1 % s->size[1]) / (double)s->size[1];
                double angle = 2 * M_PI * (part - rint(part));
                turn[q0 * s->tap[1] + q1] = cos(angle);
                turn[taps + q0 * s->tap[1] + q1] = sin(angle);
            }
    }
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, (int)size,
                (int)(2 * count), (int)taps, 1, s->number, (int)size, p->turn,
                (int)taps, 0, p->planes, (int)size);
    for (size_t f = 0; f < count; f++)
        for (size_t k = 0; k < size; k++) {
            p->v[2 * (f * size + k)] = p->planes[2 * f * size + k];
            p->v[2 * (f * size + k) + 1] = p->planes[(2 * f + 1) * size + k];
        }
}

/* |H - H~|_F at most. */
static double symbol_error(const struct lip_torus_stage *s)
{
    double each =
        1.5 * lip_add_up(lip_gamma(s->tap[0] * s->tap[1] + 3), 40 * LIP_UNIT);
    each = lip_add_up(each, lip_div_up(s->error, 1 - s->error));
    return lip_mul_up(each, s->spread);
}

static double squares(const double *x, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += x[k] * x[k];
    return lip_inflate(sum, n + 2);
}

/* --- what a stage leaves behind */

static void clear_next(struct lip_torus_pass *p, size_t i)
{
    size_t n = p->torus->stage[i].out, kept = p->half[i + 1].count;
    memset(p->s[1], 0, 2 * n * n * kept * sizeof(double));
    memset(p->error, 0, kept * sizeof(double));
    memset(p->gather, 0, kept * sizeof(double));
}

/* Adds t (lower triangle) or its conjugate to S behind stage i at `place`. */
static void add_to(struct lip_torus_pass *p, size_t n, size_t place,
                   const double *t, bool conjugate)
{
    double *s = p->s[1] + 2 * n * n * place, sign = conjugate ? -1 : 1;
    for (size_t j = 0; j < n; j++)
        for (size_t k = j; k < n; k++) {
            s[2 * (k + j * n)] += t[2 * (k + j * n)];
            s[2 * (k + j * n) + 1] += sign * t[2 * (k + j * n) + 1];
        }
}

/* T(w) of kept frequency number f, at most `error` I below the truth and of
 * trace `square`, to where w goes; and T(-w), its conjugate. */
static void deposit(struct lip_torus_pass *p, size_t i, size_t f,
                    const double *t, double square, double error)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    const struct half *from = &p->half[i], *to = &p->half[i + 1];
    size_t w = from->kept[f], other = mirror(from, w);
    for (int turn = 0; turn < (other == w ? 1 : 2); turn++) {
        size_t at = turn ? other : w;
        size_t a = at / s->size[1] % to->size[0];
        size_t b = at % s->size[1] % to->size[1];
        size_t place = to->place[a * to->size[1] + b];
        if (place == SIZE_MAX)
            continue;
        add_to(p, s->out, place, t, turn == 1);
        p->error[place] = lip_add_up(p->error[place], error);
        p->gather[place] = lip_add_up(p->gather[place], square);
    }
}

/* Divides by what met, and finds sigma. */
static void settle(struct lip_torus_pass *p, size_t i)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    size_t n = s->out, kept = p->half[i + 1].count;
    size_t met = s->stride[0] * s->stride[1];
    double part = 1 / (double)met, *spare = p->s[0];
    p->sigma = 0;
    for (size_t k = 0; k < 2 * n * n * kept && met > 1; k++)
        p->s[1][k] *= part;
    for (size_t k = 0; k < kept; k++) {
        double lost = lip_mul_up(2 * lip_gamma(met + 4), p->gather[k]);
        double all = lip_up(lip_add_up(p->error[k], lost) * lip_up(part));
        p->sigma = fmax(p->sigma, lip_up(all));
    }
    p->s[0] = p->s[1];
    p->s[1] = spare;
}

/* T = V^* V in p->m; V is n x m. */
static void gram_of(struct lip_torus_pass *p, const double *v, size_t n,
                    size_t m)
{
    static const double zero = 0;
    cblas_zherk(CblasColMajor, CblasLower, CblasConjTrans, (int)m, (int)n, 1, v,
                (int)n, zero, p->m, (int)m);
}

/* What V^* V can miss where V, n rows, is off by e; `square` is |V|_F^2. */
static double gram_error(double square, double e, size_t n)
{
    double cross = lip_mul_up(2 * lip_sqrt_up(square), e);
    double rounding = lip_mul_up(2 * lip_gamma(2 * n + 2), square);
    return lip_add_up(lip_add_up(cross, lip_mul_up(e, e)),
                      lip_add_up(rounding, LIP_TINY));
}

/* Stage 0: S = H H^*. */
static void begin(struct lip_torus_pass *p, size_t f, double *v)
{
    const struct lip_torus_stage *s = &p->torus->stage[0];
    double square = squares(v, 2 * s->in * s->out);
    gram_of(p, v, s->in, s->out);
    deposit(p, 0, f, p->m, square, gram_error(square, symbol_error(s), s->in));
}

/* S_next = H S H^*, no neurons between. With F the Frobenius norms, products
 * off by gamma each, twice. */
static void through(struct lip_torus_pass *p, size_t i, size_t f, double *v)
{
    static const double one[2] = {1, 0}, zero[2] = {0, 0};
    const struct lip_torus_stage *s = &p->torus->stage[i];
    size_t n = s->in, m = s->out;
    double *own = p->s[0] + 2 * n * n * f, *u = p->planes;
    cblas_zhemm(CblasColMajor, CblasLeft, CblasLower, (int)n, (int)m, one, own,
                (int)n, v, (int)n, zero, u, (int)n);
    cblas_zgemm(CblasColMajor, CblasConjTrans, CblasNoTrans, (int)m, (int)m,
                (int)n, one, v, (int)n, u, (int)n, zero, p->m, (int)m);
    for (size_t k = 0; k < m; k++)
        p->m[2 * k * (m + 1) + 1] = 0;
    double square = squares(v, 2 * n * m), d = symbol_error(s);
    double size = lip_sqrt_up(2 * squares(own, 2 * n * n));
    double product = lip_mul_up(size, square);
    double off =
        lip_add_up(lip_mul_up(2 * lip_sqrt_up(square), d), lip_mul_up(d, d));
    double error =
        lip_add_up(lip_mul_up(8 * lip_gamma(2 * n + 3), product),
                   lip_add_up(lip_mul_up(off, lip_add_up(size, p->sigma)),
                              lip_mul_up(p->sigma, square)));
    deposit(p, i, f, p->m, product, lip_add_up(error, LIP_TINY));
}

/* --- a gap with neurons */

/* Y = L^-1 V in place, n x m. */
static void solve(const double *l, double *v, size_t n, size_t m)
{
    static const double one[2] = {1, 0};
    cblas_ztrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans,
                CblasNonUnit, (int)n, (int)m, one, l, (int)n, v, (int)n);
}

/* |L|_F^2 of a lower triangle. */
static double lower_squares(const double *l, size_t n)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        for (size_t k = 2 * (j + j * n); k < 2 * (n + j * n); k++)
            sum += l[k] * l[k];
    return lip_inflate(sum, 2 * n * n + 2);
}

/* Factors A (lower triangle, in p->m, n x n) less `slack`, and finds t with
 * L L^* >= t I proven by another factorisation; false where it is not
 * definite. */
static bool factor(struct lip_torus_pass *p, size_t n, double slack, double *t)
{
    /* A - slack - t I >= 0 proves A - slack >= t I, and L L^* is less than
     * that by its own rounding only, far less than t / 2. */
    for (*t = 0.25; *t > 1e-6; *t /= 8) {
        memcpy(p->other, p->m, 2 * n * n * sizeof(double));
        if (lip_hermitian_proves(p->other, n, -lip_up(slack + *t)))
            break;
    }
    if (!(*t > 1e-6))
        return false;
    *t /= 2;
    return lip_hermitian_proves(p->m, n, -slack);
}

/* How far Y = L^-1 V can be from the truth, where V is off by d. */
static double solve_error(const double *l, size_t n, double t, double d,
                          double square)
{
    double size = lip_sqrt_up(lip_mul_up(lower_squares(l, n), square));
    double off = lip_add_up(d, lip_mul_up(2 * lip_gamma(2 * n + 4), size));
    return lip_div_up(off, lip_sqrt_down(t));
}

/* Z' (in p->m) of S' (there) for products of slopes pole = |p| of the whole
 * layer; *sigma what it can miss. A = I / pole. Then h_k = m_k. */
static bool bend(struct lip_torus_pass *p, size_t n, double pole, double *sigma)
{
    double a = 1 / pole, t, *y = p->planes;
    double size = lip_sqrt_up(2 * squares(p->m, 2 * n * n));
    for (size_t j = 0; j < n; j++)
        for (size_t k = j; k < n; k++) {
            double *x = &p->m[2 * (k + j * n)];
            x[0] = ((j == k) - pole * x[0]);
            x[1] = -pole * x[1];
        }
    /* I - |p| S' = |p| (A - S'). */
    double slack = lip_mul_up(
        pole,
        lip_add_up(*sigma, lip_mul_up(8 * LIP_UNIT, lip_add_up(size, a))));
    if (!factor(p, n, slack, &t))
        return false;
    memset(y, 0, 2 * n * n * sizeof *y);
    for (size_t k = 0; k < n; k++)
        y[2 * k * (n + 1)] = 1;
    solve(p->m, y, n, n);
    double square = squares(y, 2 * n * n);
    double e = solve_error(p->m, n, t, 0, square);
    *sigma = gram_error(square, e, n);
    /* Z' = A ((I - |p| S')^-1 - I). */
    gram_of(p, y, n, n);
    for (size_t j = 0; j < n; j++)
        for (size_t k = j; k < n; k++) {
            p->m[2 * (k + j * n)] = a * (p->m[2 * (k + j * n)] - (j == k));
            p->m[2 * (k + j * n) + 1] *= a;
        }
    *sigma = lip_mul_up(
        lip_up(a * (1 + 4 * LIP_UNIT)),
        lip_add_up(*sigma, lip_mul_up(8 * LIP_UNIT, lip_add_up(square, 1))));
    return true;
}

/* What the neurons in front of stage i are like. */
struct neurons {
    const struct lip_slopes *slopes;
    double pole; /* largest |a b| with a < 0 */
    double most; /* largest h */
};

/* S' = S / (g g) or S, then M' in p->m and its factor. */
static bool neurons_step(struct lip_torus_pass *p, size_t n, size_t f,
                         const struct neurons *neurons, double *t)
{
    const double *own = p->s[0] + 2 * n * n * f;
    double sigma = p->sigma, least = INFINITY;
    double entries = lip_sqrt_up(2 * squares(own, 2 * n * n));
    bool bent = neurons->pole > 0;
    for (size_t j = 0; j < n; j++) {
        for (size_t k = j; k < n; k++) {
            double scale = bent ? (1 / p->g[j]) * (1 / p->g[k]) : 1;
            p->m[2 * (k + j * n)] = scale * own[2 * (k + j * n)];
            p->m[2 * (k + j * n) + 1] = scale * own[2 * (k + j * n) + 1];
        }
        least = fmin(least, p->g[j]);
    }
    if (bent) {
        double over = lip_up(lip_up(1 / least) * lip_up(1 / least));
        sigma = lip_mul_up(
            over, lip_add_up(sigma, lip_mul_up(8 * LIP_UNIT, entries)));
        if (!bend(p, n, neurons->pole, &sigma))
            return false;
        entries = lip_sqrt_up(2 * squares(p->m, 2 * n * n));
    }
    for (size_t j = 0; j < n; j++)
        for (size_t k = j; k < n; k++) {
            double *x = &p->m[2 * (k + j * n)];
            double scale = p->h[j] * p->h[k];
            x[0] = (j == k) - scale * x[0];
            x[1] = -scale * x[1];
        }
    double square = lip_mul_up(neurons->most, neurons->most);
    double slack =
        lip_mul_up(lip_up(square * (1 + 8 * LIP_UNIT)),
                   lip_add_up(sigma, lip_mul_up(12 * LIP_UNIT, entries)));
    return factor(p, n, lip_add_up(slack, 4 * LIP_UNIT), t);
}

/* One frequency of a stage behind neurons. */
static bool step(struct lip_torus_pass *p, size_t i, size_t f, double *v,
                 const struct neurons *neurons, double largest_g)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    size_t n = s->in, m = s->out;
    double t;
    if (!neurons_step(p, n, f, neurons, &t))
        return false;
    for (size_t j = 0; j < m; j++)
        for (size_t k = 0; k < n; k++) {
            v[2 * (k + j * n)] *= p->g[k];
            v[2 * (k + j * n) + 1] *= p->g[k];
        }
    double d = lip_mul_up(largest_g, symbol_error(s));
    d = lip_add_up(
        d, lip_mul_up(2 * LIP_UNIT, lip_sqrt_up(squares(v, 2 * n * m))));
    solve(p->m, v, n, m);
    double square = squares(v, 2 * n * m);
    double e = solve_error(p->m, n, t, d, square);
    gram_of(p, v, n, m);
    deposit(p, i, f, p->m, square, gram_error(square, e, n));
    return true;
}

/* --- multipliers */

/* sigma(r S r) over all frequencies, an estimate; r in p->h. */
static double largest_scaled(struct lip_torus_pass *p, size_t n, size_t kept)
{
    double most = 0;
    for (size_t f = 0; f < kept; f++) {
        const double *own = p->s[0] + 2 * n * n * f;
        for (size_t j = 0; j < n; j++)
            for (size_t k = j; k < n; k++) {
                double scale = -p->h[j] * p->h[k];
                p->m[2 * (k + j * n)] = scale * own[2 * (k + j * n)];
                p->m[2 * (k + j * n) + 1] = scale * own[2 * (k + j * n) + 1];
            }
        most = fmax(most, lip_hermitian_estimate(p->m, n, p->work));
    }
    return most;
}

/* E_k^1/2 into p->h. */
static void directions(struct lip_torus_pass *p, size_t i, double power,
                       const double *tilt)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    size_t n = s->in, kept = p->half[i].count;
    size_t taps = s->tap[0] * s->tap[1];
    for (size_t k = 0; k < n; k++) {
        double own = 0, next = 0;
        for (size_t f = 0; f < kept; f++)
            own += p->s[0][2 * (n * n * f + k * (n + 1))];
        for (size_t t = 0; t < taps * s->out; t++)
            next += s->number[t * n + k] * s->number[t * n + k];
        double ratio = next * (double)kept / own;
        ratio = ratio > 0x1p-60 && ratio < 0x1p60 ? ratio : 1;
        p->h[k] = sqrt(pow(ratio, power) * (tilt ? tilt[k] : 1));
    }
}

/* Chooses g and h for the neurons in front of stage i. With w = (b - a) / 2,
 * (w / g)^2 = c / 2 E / sigma. */
static void choose(struct lip_torus_pass *p, size_t i, struct neurons *neurons,
                   const struct lip_torus_rule *rule, const double *tilt)
{
    size_t n = p->torus->stage[i].in;
    neurons->slopes = p->torus->stage[i - 1].slopes;
    neurons->pole = neurons->most = 0;
    directions(p, i, rule->power, tilt);
    double sigma = largest_scaled(p, n, p->half[i].count);
    double scale = sigma > 0 ? sqrt(0.5 * rule->c / sigma) : 1;
    for (size_t k = 0; k < n; k++) {
        const struct lip_slopes *own = &neurons->slopes[k];
        neurons->pole = fmax(neurons->pole, lip_mul_up(-own->lo, own->hi));
    }
    for (size_t k = 0; k < n; k++) {
        const struct lip_slopes *own = &neurons->slopes[k];
        double half = fmax((own->hi - own->lo) / 2, 0x1p-60);
        p->g[k] = half / (p->h[k] * scale);
        /* Z' has the 1 / g in it already. */
        p->h[k] = (own->lo + own->hi) / 2 / (neurons->pole > 0 ? 1 : p->g[k]);
        neurons->most = fmax(neurons->most, lip_up(fabs(p->h[k])));
    }
}

/* --- the pass */

static enum lip_status stage(struct lip_torus_pass *p, size_t i,
                             const struct lip_torus_rule *rule,
                             const double *tilt, bool *feasible)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    struct neurons neurons = {0};
    bool slopes = i > 0 && s[-1].gap == LIP_TORUS_SLOPES;
    size_t size = 2 * s->in * s->out, kept = p->half[i].count;
    double largest = 0;
    if (slopes)
        choose(p, i, &neurons, rule, tilt);
    for (size_t k = 0; k < s->in && slopes; k++)
        largest = fmax(largest, p->g[k]);
    clear_next(p, i);
    for (size_t f = 0; f < kept && *feasible; f += BATCH) {
        size_t count = kept - f < BATCH ? kept - f : BATCH;
        symbols(p, i, f, count);
        for (size_t k = 0; k < count && *feasible; k++) {
            double *v = p->v + k * size;
            if (i == 0)
                begin(p, f + k, v);
            else if (slopes)
                *feasible = step(p, i, f + k, v, &neurons, largest);
            else
                through(p, i, f + k, v);
        }
        enum lip_status status = lip_tick(p->ctx, "frequencies",
                                          (double)i + (double)f / (double)kept,
                                          (double)p->torus->count, NAN);
        if (status != LIP_OK)
            return status;
    }
    settle(p, i);
    return LIP_OK;
}

/* sqrt of the largest eigenvalue of all S, proven. */
static double finish(struct lip_torus_pass *p)
{
    size_t n = p->torus->stage[p->torus->count - 1].out;
    size_t kept = p->half[p->torus->count].count, size = 2 * n * n;
    double guess = 0, over = 1e-11;
    for (size_t f = 0; f < kept; f++) {
        for (size_t k = 0; k < size; k++)
            p->m[k] = -p->s[0][size * f + k];
        guess = fmax(guess, lip_hermitian_estimate(p->m, n, p->work));
    }
    double tau = guess * (1 + over) + LIP_TINY;
    for (size_t f = 0; f < kept; f++)
        for (;;) {
            for (size_t k = 0; k < size; k++)
                p->m[k] = -p->s[0][size * f + k];
            if (n == 1 ? -p->m[0] <= tau : lip_hermitian_proves(p->m, n, tau))
                break;
            over *= 4;
            if (over > 1e3)
                return INFINITY;
            tau = guess * (1 + over) + LIP_TINY;
        }
    return lip_sqrt_up(lip_add_up(tau, p->sigma));
}

enum lip_status lip_torus_pass_run(struct lip_big *out, bool *feasible,
                                   struct lip_torus_pass *p,
                                   const struct lip_torus_rule *rule)
{
    const double *tilt = rule->tilt;
    long exponent = 0;
    enum lip_status status = LIP_OK;
    *feasible = true;
    for (size_t i = 0; i < p->torus->count && status == LIP_OK && *feasible;
         i++) {
        const struct lip_torus_stage *s = &p->torus->stage[i];
        exponent += s->exponent;
        status = stage(p, i, rule, tilt, feasible);
        if (tilt && i > 0 && s[-1].gap == LIP_TORUS_SLOPES)
            tilt += s->in;
    }
    if (status != LIP_OK || !*feasible)
        return status;
    double norm = finish(p);
    *feasible = isfinite(norm);
    *out = lip_big_make(*feasible ? norm : 0, exponent);
    return LIP_OK;
}

double lip_torus_flops(const struct lip_torus *torus)
{
    double sum = 0;
    for (size_t i = 0; i < torus->count; i++) {
        const struct lip_torus_stage *s = &torus->stage[i];
        double n = (double)s->in, m = (double)s->out;
        double taps = (double)s->tap[0] * (double)s->tap[1];
        double all = (double)s->size[0] * (double)s->size[1] / 2 + 1;
        double own = i > 0 ? 4 * n * n * n + 4 * n * n * m : 0;
        sum += all * (own + 4 * n * m * m + 4 * taps * n * m);
    }
    return sum;
}
