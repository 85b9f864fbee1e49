/* SPDX-License-Identifier: MIT
 *
 * The recursion at one frequency of a torus network, rounding errors included.
 * In front of stage i stands, for each frequency w of its torus,
 *
 *     S_true(w) <= S(w) + sigma I,
 *
 * S stored, sigma one number for all. With multipliers Lambda_k = 1 / g_k^2, by
 * definition of the stored g, and h_k = m_k / g_k,
 *
 *     M' = G M G = I - h Z h >= R^* R >= t I,
 *
 * by two factorisations (hermitian.h), with a slack of what h, Z and sigma are
 * off. V = (H G)^*, H the symbol of the stage, off by at most d in the
 * Frobenius norm; Y = R^-* V as computed solves with R off by gamma |R|, so
 * that
 *
 *     |Y - R^-* V|_F <= e = t^-1/2 (d + 2 gamma_{2n+4} |R|_F |Y|_F),
 *     S_next = Y^* Y summed over what meets + (2 |Y|_F e + e^2 + rounding) I
 *
 * (norms of complex matrices are those of their real forms over sqrt 2).
 *
 * Z is S where slopes begin at 0. For slopes [a, b] with a < 0, p = a b, in
 * coordinates divided by g: A = 1/|p|, Z' = A (A - S')^-1 A - A, which is
 * S' (I - |p| S')^-1. */
#include "bounds/torus_parts.h"

#include "linalg/blas.h"
#include "linalg/hermitian.h"
#include "linalg/rounding.h"

#include <math.h>
#include <string.h>

void lip_torus_clear_next(struct lip_torus_pass *p, size_t i)
{
    size_t n = p->torus->stage[i].out, kept = p->half[2 * i + 1].count;
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
    const struct lip_torus_half *from = &p->half[2 * i],
                                *to = &p->half[2 * i + 1];
    size_t w = from->kept[f], other = lip_torus_mirror(from, w);
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
void lip_torus_settle(struct lip_torus_pass *p, size_t i)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    size_t n = s->out, kept = p->half[2 * i + 1].count;
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

/* V times g, of rows n and columns m; what V is off by afterwards where it was
 * off by `error`. */
static double scale(struct lip_torus_pass *p, double *v, size_t n, size_t m,
                    double error)
{
    double most = 0;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, p->g[k]);
    for (size_t j = 0; j < m; j++)
        for (size_t k = 0; k < n; k++) {
            v[2 * (k + j * n)] *= p->g[k];
            v[2 * (k + j * n) + 1] *= p->g[k];
        }
    double rounding =
        lip_mul_up(2 * LIP_UNIT, lip_sqrt_up(lip_torus_squares(v, 2 * n * m)));
    return lip_add_up(lip_mul_up(most, error), rounding);
}

/* S = H G^2 H^*: X = G^-2 in front, or I, where there is no `metric`. */
void lip_torus_begin(struct lip_torus_pass *p, size_t i, size_t f, double *v,
                     bool metric)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    double d = lip_torus_symbol_error(s);
    if (metric)
        d = scale(p, v, s->in, s->out, d);
    double square = lip_torus_squares(v, 2 * s->in * s->out);
    gram_of(p, v, s->in, s->out);
    deposit(p, i, f, p->m, square, gram_error(square, d, s->in));
}

/* S_next = H S H^*, no neurons between. With F the Frobenius norms, products
 * off by gamma each, twice. */
void lip_torus_through(struct lip_torus_pass *p, size_t i, size_t f, double *v)
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
    double square = lip_torus_squares(v, 2 * n * m),
           d = lip_torus_symbol_error(s);
    double size = lip_sqrt_up(2 * lip_torus_squares(own, 2 * n * n));
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
    double size = lip_sqrt_up(2 * lip_torus_squares(p->m, 2 * n * n));
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
    double square = lip_torus_squares(y, 2 * n * n);
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

/* S' = S / (g g) or S, then M' in p->m and its factor. */
static bool neurons_step(struct lip_torus_pass *p, size_t n, size_t f,
                         const struct lip_torus_neurons *neurons, double *t)
{
    const double *own = p->s[0] + 2 * n * n * f;
    double sigma = p->sigma, least = INFINITY;
    double entries = lip_sqrt_up(2 * lip_torus_squares(own, 2 * n * n));
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
        entries = lip_sqrt_up(2 * lip_torus_squares(p->m, 2 * n * n));
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
bool lip_torus_step(struct lip_torus_pass *p, size_t i, size_t f, double *v,
                    const struct lip_torus_neurons *neurons)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    size_t n = s->in, m = s->out;
    double t;
    if (!neurons_step(p, n, f, neurons, &t))
        return false;
    double d = scale(p, v, n, m, lip_torus_symbol_error(s));
    solve(p->m, v, n, m);
    double square = lip_torus_squares(v, 2 * n * m);
    double e = solve_error(p->m, n, t, d, square);
    gram_of(p, v, n, m);
    deposit(p, i, f, p->m, square, gram_error(square, e, n));
    return true;
}
