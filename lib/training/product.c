/* SPDX-License-Identifier: MIT
 *
 * Products of matrices. All three are sums over k of a number of A times a row
 * of B, held in registers: 8 rows by 48 columns of the result at a time. */
#include "training/product.h"

#include <cblas.h>

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define OWN __attribute__((target("avx512f,prfchw")))
#define INLINE OWN __attribute__((always_inline)) static inline

enum {
    LANES = 16,
    TALL = 8,
    VECTORS = 3,
    PANEL = LANES * VECTORS,
    DEEP = 256,
    LINE = 64
};

/* A(m, k) = a[m * down + k * along], B(k, n) = b[k * step + n]; `last` says
 * which lanes of the last vector of a row there are. */
struct tile {
    const float *a, *b;
    float *c;
    size_t down, along, step, stride, depth;
    bool add; /* to what stands in c */
    __mmask16 last;
    const char *soon; /* fetched into the cache, a line a term */
};

INLINE __mmask16 lanes(const struct tile *t, int v, int vectors)
{
    return v + 1 < vectors ? (__mmask16)0xffff : t->last;
}

INLINE void multiply(const struct tile *t, const int rows, const int vectors)
{
    __m512 sum[TALL][VECTORS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            sum[i][v] = t->add ? _mm512_maskz_loadu_ps(
                                     lanes(t, v, vectors),
                                     t->c + (size_t)i * t->stride + v * LANES)
                               : _mm512_setzero_ps();
    const float *a = t->a, *b = t->b;
    const char *soon = t->soon;
    for (size_t k = t->depth; k > 0; k--, a += t->along, b += t->step) {
        __builtin_prefetch(soon, 1);
        soon += LINE;
        __m512 row[VECTORS];
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            row[v] = v + 1 < vectors
                         ? _mm512_loadu_ps(b + v * LANES)
                         : _mm512_maskz_loadu_ps(t->last, b + v * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            __m512 factor = _mm512_set1_ps(a[(size_t)i * t->down]);
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++)
                sum[i][v] = _mm512_fmadd_ps(factor, row[v], sum[i][v]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            _mm512_mask_storeu_ps(t->c + (size_t)i * t->stride + v * LANES,
                                  lanes(t, v, vectors), sum[i][v]);
}

INLINE void multiply_rows(const struct tile *t, size_t rows, const int vectors)
{
    struct tile at = *t;
    for (; rows >= 8; rows -= 8) {
        multiply(&at, 8, vectors);
        at.a += 8 * at.down;
        at.c += 8 * at.stride;
    }
    if (rows & 4) {
        multiply(&at, 4, vectors);
        at.a += 4 * at.down;
        at.c += 4 * at.stride;
    }
    if (rows & 2) {
        multiply(&at, 2, vectors);
        at.a += 2 * at.down;
        at.c += 2 * at.stride;
    }
    if (rows & 1)
        multiply(&at, 1, vectors);
}

/* Up to 48 columns of the result. */
OWN static void multiply_panel(struct tile t, size_t rows, size_t cols)
{
    size_t over = cols % LANES;
    t.last = (__mmask16)(over ? (1u << over) - 1 : 0xffff);
    if (cols > 2 * LANES)
        multiply_rows(&t, rows, 3);
    else if (cols > LANES)
        multiply_rows(&t, rows, 2);
    else
        multiply_rows(&t, rows, 1);
}

/* Panels of 48 columns; what is left over 32 at the end is shared by two. */
static size_t panel_of(size_t left)
{
    return left <= PANEL || left >= 2 * PANEL ? (left < PANEL ? left : PANEL)
           : left > PANEL + LANES             ? PANEL
                                              : 2 * LANES;
}

/* The pieces of memory that were announced, as many lines of one of them as
 * the terms of a panel can fetch. */
static _Thread_local struct {
    const char *at[LIP_PRODUCT_SOON];
    size_t count, lines, fetched;
} announced;

void lip_product_soon(const float *at, size_t count)
{
    if (announced.count == LIP_PRODUCT_SOON)
        return;
    announced.at[announced.count++] = (const char *)at;
    announced.lines = (count * sizeof *at + LINE - 1) / LINE;
}

/* The next `lines` lines, or, none left, memory that is there already. */
static const char *next_soon(size_t lines, const float *otherwise)
{
    size_t each = announced.lines;
    if (announced.count == 0)
        return (const char *)otherwise;
    const char *at =
        announced.at[announced.count - 1] + announced.fetched * LINE;
    announced.fetched += lines;
    if (announced.fetched >= each) {
        announced.fetched = 0;
        announced.count--;
    }
    return at;
}

static void multiply_all(struct tile t, size_t rows, size_t cols)
{
    for (size_t left = cols, width; left > 0; left -= width) {
        width = panel_of(left);
        t.soon = next_soon(t.depth, t.a);
        multiply_panel(t, rows, width);
        t.b += width;
        t.c += width;
    }
    announced.count = announced.fetched = 0;
}

/* to[16 x 16], rows `stride` apart, = from', rows `step` apart. */
OWN static void transpose_16(float *to, size_t stride, const float *from,
                             size_t step)
{
    __m512 x[16], y[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        x[i] = _mm512_loadu_ps(from + (size_t)i * step);
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        y[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        x[i] = _mm512_shuffle_ps(y[i], y[i + 2], 0x44);
        x[i + 1] = _mm512_shuffle_ps(y[i], y[i + 2], 0xee);
        x[i + 2] = _mm512_shuffle_ps(y[i + 1], y[i + 3], 0x44);
        x[i + 3] = _mm512_shuffle_ps(y[i + 1], y[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        y[i] = _mm512_shuffle_f32x4(x[i], x[i + 4], 0x88);
        y[i + 4] = _mm512_shuffle_f32x4(x[i], x[i + 4], 0xdd);
        y[i + 8] = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0x88);
        y[i + 12] = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0xdd);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        x[i] = _mm512_shuffle_f32x4(y[i], y[i + 8], 0x88);
        x[i + 8] = _mm512_shuffle_f32x4(y[i], y[i + 8], 0xdd);
        x[i + 4] = _mm512_shuffle_f32x4(y[i + 4], y[i + 12], 0x88);
        x[i + 12] = _mm512_shuffle_f32x4(y[i + 4], y[i + 12], 0xdd);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        _mm512_storeu_ps(to + (size_t)i * stride, x[i]);
}

/* to[depth x 48] = the `cols` rows of w from column 0 on, transposed. */
static void pack(float *to, const float *w, size_t in, size_t depth,
                 size_t cols)
{
    for (size_t j = 0; j < cols; j += LANES)
        for (size_t k = 0; k < depth; k += LANES) {
            if (j + LANES <= cols && k + LANES <= depth) {
                transpose_16(to + k * PANEL + j, PANEL, w + j * in + k, in);
                continue;
            }
            for (size_t c = j; c < cols && c < j + LANES; c++)
                for (size_t r = k; r < depth && r < k + LANES; r++)
                    to[r * PANEL + c] = w[c * in + r];
        }
}

static void own_forward(float *y, const float *x, const float *w, size_t rows,
                        size_t in, size_t out, size_t stride)
{
    float packed[DEEP * PANEL] __attribute__((aligned(64)));
    for (size_t n = 0, width; n < out; n += width) {
        width = panel_of(out - n);
        for (size_t k = 0; k < in; k += DEEP) {
            size_t depth = in - k < DEEP ? in - k : DEEP;
            pack(packed, w + n * in + k, in, depth, width);
            struct tile t = {.a = x + k,
                             .b = packed,
                             .c = y + n,
                             .down = in,
                             .along = 1,
                             .step = PANEL,
                             .stride = stride,
                             .depth = depth,
                             .add = k > 0,
                             .soon = (const char *)packed};
            multiply_panel(t, rows, width);
        }
    }
}

static void own_backward(float *dx, const float *dy, const float *w,
                         size_t rows, size_t in, size_t out)
{
    struct tile t = {.a = dy,
                     .b = w,
                     .c = dx,
                     .down = out,
                     .along = 1,
                     .step = in,
                     .stride = in,
                     .depth = out};
    multiply_all(t, rows, in);
}

static void own_gradient(float *g, const float *dy, const float *x,
                         size_t first, size_t count, size_t rows, size_t in,
                         size_t out)
{
    struct tile t = {.a = dy + first,
                     .b = x,
                     .c = g,
                     .down = 1,
                     .along = out,
                     .step = in,
                     .stride = in,
                     .depth = rows};
    multiply_all(t, count, in);
}

static void own_gather(float *g, size_t stride, const float *dy, const float *x,
                       size_t rows, size_t in, size_t out, bool add)
{
    struct tile t = {.a = dy,
                     .b = x,
                     .c = g,
                     .down = 1,
                     .along = out,
                     .step = in,
                     .stride = stride,
                     .depth = rows,
                     .add = add};
    multiply_all(t, out, in);
}

bool lip_product_is_own(void)
{
    return __builtin_cpu_supports("avx512f");
}
#else
bool lip_product_is_own(void)
{
    return false;
}
void lip_product_soon(const float *at, size_t count)
{
    (void)at;
    (void)count;
}
#define own_forward(...) (void)0
#define own_backward(...) (void)0
#define own_gradient(...) (void)0
#define own_gather(...) (void)0
#endif

void lip_product_forward(float *y, const float *x, const float *w, size_t rows,
                         size_t in, size_t out, size_t stride)
{
    if (lip_product_is_own())
        own_forward(y, x, w, rows, in, out, stride);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows,
                    (int)out, (int)in, 1, x, (int)in, w, (int)in, 0, y,
                    (int)stride);
}

void lip_product_backward(float *dx, const float *dy, const float *w,
                          size_t rows, size_t in, size_t out)
{
    if (lip_product_is_own())
        own_backward(dx, dy, w, rows, in, out);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows,
                    (int)in, (int)out, 1, dy, (int)out, w, (int)in, 0, dx,
                    (int)in);
}

void lip_product_gradient(float *g, const float *dy, const float *x,
                          size_t first, size_t count, size_t rows, size_t in,
                          size_t out)
{
    if (lip_product_is_own())
        own_gradient(g, dy, x, first, count, rows, in, out);
    else
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)count,
                    (int)in, (int)rows, 1, dy + first, (int)out, x, (int)in, 0,
                    g, (int)in);
}

void lip_product_gather(float *g, size_t stride, const float *dy,
                        const float *x, size_t rows, size_t in, size_t out,
                        bool add)
{
    if (lip_product_is_own())
        own_gather(g, stride, dy, x, rows, in, out, add);
    else
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)out, (int)in,
                    (int)rows, 1, dy, (int)out, x, (int)in, add ? 1 : 0, g,
                    (int)stride);
}
