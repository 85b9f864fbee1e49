/* SPDX-License-Identifier: MIT
 *
 * Frequencies one after the other: of two that are conjugate, one is enough. */
#include "training/symbol.h"

#include "training/kernel.h"
#include "training/phases.h"
#include "training/project.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

static const struct lip_norm_pair spectral = {LIP_NORM_2, LIP_NORM_2};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The kernel, its phases, the grid, and the rows and columns of M. */
struct symbol {
    const struct lip_window *window;
    struct lip_phases phases;
    size_t grid[2], rows, cols;
    float *matrix; /* [2 rows x 2 cols] */
};

static struct symbol symbol_of(const struct lip_window *window, float *work)
{
    struct symbol s = {.window = window, .phases = lip_phases_of(window)};
    for (int axis = 0; axis < 2; axis++) {
        size_t taps = s.phases.taps[axis];
        s.grid[axis] = taps > 1 ? 2 * taps + 2 : 1;
    }
    s.rows = window->channels[1];
    s.cols = lip_phases_cols(window);
    s.matrix = work;
    return s;
}

static size_t kernel_size(const struct lip_window *w)
{
    return w->channels[0] * w->channels[1] * w->kernel[0] * w->kernel[1];
}

size_t lip_symbol_room(const struct lip_window *window)
{
    struct symbol s = symbol_of(window, NULL);
    size_t room = lip_project_room(2 * s.rows, 2 * s.cols, spectral);
    size_t k = 2 * smaller(s.rows, s.cols);
    if (room < 3 * k * k)
        room = 3 * k * k;
    return 8 * s.rows * s.cols + kernel_size(window) + room + 8;
}

/* The turn of tap (y, x) at a frequency: exp(-i angle). */
struct turn {
    float re, im;
};

static struct turn turn_of(const struct symbol *s, const size_t f[2], size_t y,
                           size_t x)
{
    const double pi = 3.14159265358979323846;
    double part =
        (double)(f[0] * (y / s->phases.period[0])) / (double)s->grid[0] +
        (double)(f[1] * (x / s->phases.period[1])) / (double)s->grid[1];
    double angle = -2 * pi * part;
    return (struct turn){(float)cos(angle), (float)sin(angle)};
}

/* The column of M where tap (y, x) begins. */
static size_t column_of(const struct symbol *s, size_t y, size_t x)
{
    const struct lip_phases *at = &s->phases;
    size_t class = y % at->period[0] * at->classes[1] + x % at->period[1];
    return class * s->window->channels[0];
}

/* [Re -Im; Im Re] of M(f). */
static void find(const struct symbol *s, const float *kernel, const size_t f[2])
{
    const struct lip_window *w = s->window;
    size_t n = w->channels[0], m = s->rows, l = s->cols;
    memset(s->matrix, 0, 4 * m * l * sizeof *s->matrix);
    for (size_t y = 0; y < w->kernel[0]; y++)
        for (size_t x = 0; x < w->kernel[1]; x++) {
            struct turn t = turn_of(s, f, y, x);
            size_t column = column_of(s, y, x);
            for (size_t o = 0; o < m; o++) {
                const float *from =
                    kernel + ((o * w->kernel[0] + y) * w->kernel[1] + x) * n;
                float *re = s->matrix + 2 * l * o + column;
                lip_kernel_axpy(re, t.re, from, n);
                lip_kernel_axpy(re + 2 * l * m, t.im, from, n);
            }
        }
    for (size_t o = 0; o < m; o++)
        for (size_t j = 0; j < l; j++) {
            s->matrix[2 * l * o + l + j] = -s->matrix[2 * l * (m + o) + j];
            s->matrix[2 * l * (m + o) + l + j] = s->matrix[2 * l * o + j];
        }
}

/* kernel += weight Re(M exp(i angle)) at each tap. */
static void bring_back(const struct symbol *s, float *kernel, double weight,
                       const size_t f[2])
{
    const struct lip_window *w = s->window;
    size_t n = w->channels[0], m = s->rows, l = s->cols;
    for (size_t y = 0; y < w->kernel[0]; y++)
        for (size_t x = 0; x < w->kernel[1]; x++) {
            struct turn t = turn_of(s, f, y, x);
            size_t column = column_of(s, y, x);
            for (size_t o = 0; o < m; o++) {
                float *to =
                    kernel + ((o * w->kernel[0] + y) * w->kernel[1] + x) * n;
                const float *re = s->matrix + 2 * l * o + column;
                lip_kernel_axpy(to, (float)weight * t.re, re, n);
                lip_kernel_axpy(to, (float)weight * t.im, re + 2 * l * m, n);
            }
        }
}

/* Of f and its conjugate the one that comes first is done, for both; 0: the
 * other one. */
static double share_of(const struct symbol *s, const size_t f[2])
{
    size_t c[2];
    for (int axis = 0; axis < 2; axis++)
        c[axis] = (s->grid[axis] - f[axis]) % s->grid[axis];
    if (c[0] == f[0] && c[1] == f[1])
        return 1;
    return f[0] < c[0] || (f[0] == c[0] && f[1] < c[1]) ? 2 : 0;
}

static bool next(size_t f[2], const struct symbol *s)
{
    if (++f[1] < s->grid[1])
        return true;
    f[1] = 0;
    return ++f[0] < s->grid[0];
}

enum lip_status lip_symbol_clip(float *kernel, const struct lip_window *window,
                                double limit, float *work, struct lip_ctx *ctx)
{
    struct symbol s = symbol_of(window, work);
    size_t count = 4 * s.rows * s.cols, size = kernel_size(window);
    float *held = work + count, *change = held + count;
    float *room = change + (size + 7) / 8 * 8;
    double places = (double)(s.grid[0] * s.grid[1]);
    size_t f[2] = {0, 0};
    enum lip_status status = LIP_OK;
    memset(change, 0, size * sizeof *change);
    do {
        double share = share_of(&s, f);
        if (!(share > 0))
            continue;
        find(&s, kernel, f);
        memcpy(held, s.matrix, count * sizeof *held);
        status = lip_project(s.matrix, 2 * s.rows, 2 * s.cols, spectral, limit,
                             room, ctx);
        if (status != LIP_OK ||
            memcmp(held, s.matrix, count * sizeof *held) == 0)
            continue;
        lip_kernel_axpy(s.matrix, -1, held, count);
        bring_back(&s, change, share / places, f);
    } while (status == LIP_OK && next(f, &s));
    if (status == LIP_OK)
        lip_kernel_axpy(kernel, 1, change, size);
    return status;
}

/* |G|_F, and G divided by it. */
static double unit(float *g, size_t count)
{
    double size = sqrt(lip_kernel_dot(g, g, count));
    if (size > 0)
        lip_kernel_scale(g, (float)(1 / size), count);
    return size;
}

double lip_gram_norm(const float *w, size_t rows, size_t cols, int rounds,
                     float *work)
{
    size_t k = smaller(rows, cols);
    int order = (int)k, n = (int)cols, inner = (int)(rows + cols - k);
    float *g = work, *square = work + k * k;
    bool wide = rows <= cols;
    cblas_sgemm(CblasRowMajor, wide ? CblasNoTrans : CblasTrans,
                wide ? CblasTrans : CblasNoTrans, order, order, inner, 1, w, n,
                w, n, 0, g, order);
    double log_size = 0, power = 1;
    for (int i = 1;; i++) {
        double size = unit(g, k * k);
        power /= 2;
        if (!(size > 0))
            return 0;
        log_size += power * log(size);
        if (i == rounds)
            return exp(log_size);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, order, order,
                    order, 1, g, order, g, order, 0, square, order);
        float *swap = g;
        g = square;
        square = swap;
    }
}

double lip_symbol_gram(const float *kernel, const struct lip_window *window,
                       int rounds, float *work)
{
    struct symbol s = symbol_of(window, work);
    double most = 0;
    size_t f[2] = {0, 0};
    do {
        if (!(share_of(&s, f) > 0))
            continue;
        find(&s, kernel, f);
        most = fmax(most, lip_gram_norm(s.matrix, 2 * s.rows, 2 * s.cols,
                                        rounds, work + 4 * s.rows * s.cols));
    } while (next(f, &s));
    return most;
}
