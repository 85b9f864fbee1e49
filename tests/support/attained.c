/* SPDX-License-Identifier: MIT
 *
 * Lower bounds by enumeration and by search. */
#include "tests/support/attained.h"

#include "tests/support/methods.h"
#include "tests/support/plain.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double largest_singular(const double *a, size_t rows, size_t cols)
{
    size_t least = rows < cols ? rows : cols;
    double *copy = malloc((rows * cols + 2 * least) * sizeof *copy);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, a, rows * cols * sizeof *copy);
    double *s = copy + rows * cols;
    lapack_int m = (lapack_int)cols, n = (lapack_int)rows;
    ck_assert_int_eq(LAPACKE_dgesvd(LAPACK_COL_MAJOR, 'N', 'N', m, n, copy, m,
                                    s, NULL, 1, NULL, 1, s + least),
                     0);
    double top = s[0];
    free(copy);
    return top;
}

/* max over sign vectors x of |A x|_q, A with strides. */
static double over_signs(const double *a, size_t m, size_t n, size_t by_row,
                         size_t by_col, enum lip_norm norm)
{
    double most = 0, y[256];
    ck_assert(n <= 16 && m <= 256);
    for (unsigned long signs = 0; signs < 1ul << (n - 1); signs++) {
        for (size_t i = 0; i < m; i++) {
            y[i] = 0;
            for (size_t j = 0; j < n; j++)
                y[i] += (signs >> j & 1 ? -1 : 1) * a[i * by_row + j * by_col];
        }
        most = fmax(most, vector_norm(y, m, norm));
    }
    return most;
}

double plain_norm(const double *a, size_t rows, size_t cols,
                  struct lip_norm_pair pair)
{
    double most = 0, line[256];
    if (pair.output == LIP_NORM_INF) {
        for (size_t i = 0; i < rows; i++)
            most = fmax(most, vector_norm(a + i * cols, cols,
                                          lip_norm_dual(pair.input)));
        return most;
    }
    if (pair.input == LIP_NORM_1) {
        ck_assert_uint_le(rows, 256);
        for (size_t j = 0; j < cols; j++) {
            for (size_t i = 0; i < rows; i++)
                line[i] = a[i * cols + j];
            most = fmax(most, vector_norm(line, rows, pair.output));
        }
        return most;
    }
    if (pair.output == LIP_NORM_2 && pair.input == LIP_NORM_2)
        return largest_singular(a, rows, cols);
    if (pair.input == LIP_NORM_INF)
        return over_signs(a, rows, cols, cols, 1, pair.output);
    return over_signs(a, cols, rows, 1, cols, LIP_NORM_2);
}

/* to = W diag(d) from, all by rows; d NULL: ones. Returns W's outputs. */
static size_t apply(double *to, const struct lip_link *link, const double *d,
                    const double *from, size_t cols)
{
    const struct lip_matrix *t = &link->transposed;
    for (size_t i = 0; i < t->cols; i++)
        for (size_t j = 0; j < cols; j++) {
            double sum = 0;
            for (size_t k = 0; k < t->rows; k++)
                sum += t->data[k + i * t->rows] * (d ? d[k] : 1) *
                       (from ? from[k * cols + j] : k == j);
            to[i * cols + j] = ldexp(sum, (int)link->exponent);
        }
    return t->cols;
}

/* The Jacobian for given slopes, slope[i] of layer i. */
static void jacobian(double *out, const struct lip_chain *chain,
                     const double *slope)
{
    size_t n = chain->inputs, room = n * chain->widest;
    double *a = malloc(2 * room * sizeof *a), *b = a + room;
    ck_assert_ptr_nonnull(a);
    size_t rows = apply(a, &chain->link[0], NULL, NULL, n);
    for (size_t i = 1; i < chain->count; i++) {
        size_t next = apply(b, &chain->link[i], slope, a, n);
        slope += rows;
        rows = next;
        memcpy(a, b, rows * n * sizeof *a);
    }
    memcpy(out, a, rows * n * sizeof *a);
    free(a);
}

static void raise(double out[9], const double *j, const struct lip_chain *chain)
{
    for (int p = 0; p < 9; p++) {
        struct lip_norm_pair pair = nth_pair(p);
        bool many = !lip_norm_pair_easy(pair) &&
                    (chain->inputs > 12 || chain->outputs > 12);
        if (!many)
            out[p] = fmax(out[p],
                          plain_norm(j, chain->outputs, chain->inputs, pair));
    }
}

/* The slopes of all neurons at one end, and where those are that have two. */
static size_t begin_slopes(double *slope, double *other, size_t *free,
                           const struct lip_chain *chain)
{
    size_t at = 0, count = 0;
    for (size_t i = 1; i < chain->count; i++)
        for (size_t k = 0; k < lip_chain_width(chain, i); k++, at++) {
            struct lip_slopes s = chain->slopes[i - 1][k];
            ck_assert_uint_lt(at, 512);
            slope[at] = s.lo;
            other[at] = s.hi;
            if (s.lo == s.hi)
                continue;
            ck_assert_uint_lt(count, 14);
            free[count++] = at;
        }
    return count;
}

void attained_by_slopes(double out[9], const struct lip_chain *chain)
{
    double slope[512], other[512], j[256];
    size_t free[14], count = begin_slopes(slope, other, free, chain);
    ck_assert_uint_le(chain->inputs * chain->outputs, 256);
    memset(out, 0, 9 * sizeof *out);
    for (unsigned long ends = 0; ends < 1ul << count; ends++) {
        jacobian(j, chain, slope);
        raise(out, j, chain);
        for (size_t k = 0; k < count; k++) { /* count on, in Gray's order */
            if (~(ends + 1) >> k & 1)
                continue;
            double held = slope[free[k]];
            slope[free[k]] = other[free[k]];
            other[free[k]] = held;
            break;
        }
    }
}

/* Slopes of the activations of a network at x, in the order of the chain. The
 * network alternates dense layers and activations. */
static void slopes_at(double *slope, const struct lip_network *network,
                      const double *x)
{
    double in[256], out[256];
    memcpy(in, x, network->inputs * sizeof *in);
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        ck_assert(layer->outputs <= 256);
        layer->kind->eval(out, layer, in);
        if (layer->kind->role == LIP_ROLE_ELEMENTWISE)
            for (size_t k = 0; k < layer->outputs; k++) {
                double p[LIP_MAX_PARAMETERS];
                memcpy(p, layer->parameter, sizeof p);
                if (layer->weight.data)
                    p[0] = lip_tensor_at(&layer->weight, k);
                *slope++ = layer->activation->derivative(in[k], p);
            }
        memcpy(in, out, layer->outputs * sizeof *in);
    }
}

/* |f(x) - f(y)| / |x - y| in every pair. */
static void raise_by_difference(double out[9], const double *x, const double *y,
                                const struct lip_network *network,
                                struct lip_ctx *ctx)
{
    double fx[256], fy[256], dx[256];
    lip_network_eval(fx, network, x, ctx);
    lip_network_eval(fy, network, y, ctx);
    for (size_t k = 0; k < network->inputs; k++)
        dx[k] = x[k] - y[k];
    for (size_t k = 0; k < network->outputs; k++)
        fx[k] -= fy[k];
    for (int p = 0; p < 9; p++)
        out[p] = fmax(out[p],
                      vector_norm(fx, network->outputs, nth_pair(p).output) /
                          vector_norm(dx, network->inputs, nth_pair(p).input));
}

void attained_by_search(double out[9], const struct lip_network *network,
                        const struct lip_chain *chain, int points, double size,
                        uint64_t seed)
{
    struct lip_ctx ctx = {0};
    double x[256], y[256], slope[4096];
    double *j = malloc(chain->inputs * chain->outputs * sizeof *j);
    ck_assert_ptr_nonnull(j);
    memset(out, 0, 9 * sizeof *out);
    for (int point = 0; point < points; point++) {
        for (size_t k = 0; k < network->inputs; k++) {
            x[k] = size * plain_normal(&seed);
            y[k] = x[k] + 0.01 * size * plain_normal(&seed);
        }
        slopes_at(slope, network, x);
        jacobian(j, chain, slope);
        raise(out, j, chain);
        raise_by_difference(out, x, y, network, &ctx);
    }
    free(j);
}
