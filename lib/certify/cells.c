/* SPDX-License-Identifier: MIT
 *
 * The sides of a cell, and the linear programme by the simplex method on its
 * dual,
 *
 *     minimise b^T y  subject to  sum y_i a_i = 0,  sum y_i = 1,  y >= 0
 *
 * (all |a_i| = 1), one column of which says t <= reach. Plain doubles, as in
 * all of the search: what comes out is tried, not believed. */
#include "certify/cells.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { MAX_NEURONS = 64, MAX_TABLE = 1 << 14, MAX_PIVOTS = 400 };

static const double tiny = 1e-11;

/* Rows and columns of the table: a row for each input and one for t, a last
 * one for the objective; a column for each side, one for the reach, the unit
 * matrix, and the right-hand side. */
static size_t table_rows(size_t inputs)
{
    return inputs + 2;
}

static size_t table_cols(size_t inputs, size_t sides)
{
    return sides + 1 + inputs + 1 + 1;
}

bool lip_cells_fit(const struct lip_stages *stages)
{
    double rows = (double)table_rows(stages->inputs);
    double cols = 2 * (double)stages->neurons + (double)stages->inputs + 3;
    return stages->straight && stages->neurons > 0 &&
           stages->neurons <= MAX_NEURONS && rows * cols <= MAX_TABLE;
}

double lip_cells_bytes(void)
{
    return 8 * 4.0 * MAX_TABLE;
}

enum lip_status lip_cells_new(struct lip_cells *out, struct lip_walk *walk,
                              struct lip_ctx *ctx)
{
    const struct lip_stages *stages = walk->stages;
    size_t n = stages->inputs, sides = 2 * stages->neurons;
    size_t block = stages->widest * (n + 1);
    size_t table = table_rows(n) * table_cols(n, sides);
    *out = (struct lip_cells){.walk = walk, .sides = sides};
    out->piece = lip_calloc(ctx, stages->neurons, 1);
    if (out->piece)
        out->affine = lip_alloc(ctx, 2 * block + sides * (n + 1) + table + n,
                                sizeof(double));
    if (!out->affine) {
        lip_cells_clear(out);
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    }
    out->next = out->affine + block;
    out->side = out->next + block;
    out->limit = out->side + sides * n;
    out->table = out->limit + sides;
    out->point = out->table + table;
    return LIP_OK;
}

void lip_cells_clear(struct lip_cells *cells)
{
    lip_free(cells->piece);
    lip_free(cells->affine);
    *cells = (struct lip_cells){.walk = NULL};
}

static size_t pieces_of(struct lip_piece *piece, const struct lip_stage *stage,
                        size_t k)
{
    double room[LIP_MAX_PARAMETERS];
    return stage->activation->pieces(piece,
                                     lip_stage_parameter(stage, k, room));
}

/* The stage that neuron *k belongs to, *k becoming its number there. */
static size_t stage_of(const struct lip_stages *stages, size_t *k)
{
    size_t i = 0;
    while (stages->stage[i].weight || *k >= stages->stage[i].outputs) {
        *k -= stages->stage[i].weight ? 0 : stages->stage[i].outputs;
        i++;
    }
    return i;
}

void lip_cells_here(struct lip_cells *cells)
{
    const struct lip_walk *walk = cells->walk;
    unsigned char *out = cells->piece;
    for (size_t i = 0; i < walk->stages->count; i++) {
        const struct lip_stage *stage = &walk->stages->stage[i];
        const double *z = walk->value + walk->from[i];
        for (size_t k = 0; !stage->weight && k < stage->outputs; k++) {
            struct lip_piece piece[LIP_MAX_PIECES];
            size_t n = pieces_of(piece, stage, k);
            while (n > 1 && z[k] < piece[n - 1].from)
                n--;
            *out++ = (unsigned char)(n - 1);
        }
    }
}

size_t lip_cells_pieces(const struct lip_cells *cells, size_t k)
{
    struct lip_piece piece[LIP_MAX_PIECES];
    size_t i = stage_of(cells->walk->stages, &k);
    return pieces_of(piece, &cells->walk->stages->stage[i], k);
}

double lip_cells_set_slope(struct lip_cells *cells, size_t k,
                           unsigned char number)
{
    struct lip_piece piece[LIP_MAX_PIECES];
    struct lip_walk *walk = cells->walk;
    size_t i = stage_of(walk->stages, &k);
    pieces_of(piece, &walk->stages->stage[i], k);
    double *slope = &walk->slope[walk->from[i] + k], before = *slope;
    *slope = piece[number].slope;
    return before;
}

/* --- sides */

/* Adds sign (g^T x + g_n - kink) <= 0. False where that can never hold. */
static bool add_side(struct lip_cells *cells, size_t *count, const double *g,
                     double kink, double sign)
{
    size_t n = cells->walk->stages->inputs;
    double size = lip_length(g, n), rest = sign * (kink - g[n]);
    if (!(size > 0))
        return rest >= 0;
    double *a = cells->side + *count * n;
    for (size_t k = 0; k < n; k++)
        a[k] = sign * g[k] / size;
    cells->limit[*count] = rest / size;
    ++*count;
    return isfinite(rest / size);
}

/* What goes into stage i is `affine`, rows of inputs + 1 numbers. */
static bool pass_neurons(struct lip_cells *cells, const struct lip_stage *stage,
                         const unsigned char *number, size_t *count)
{
    size_t n = cells->walk->stages->inputs;
    for (size_t k = 0; k < stage->outputs; k++) {
        struct lip_piece piece[LIP_MAX_PIECES];
        size_t pieces = pieces_of(piece, stage, k), j = number[k];
        double *g = cells->affine + k * (n + 1);
        if (j > 0 && !add_side(cells, count, g, piece[j].from, -1))
            return false;
        if (j + 1 < pieces && !add_side(cells, count, g, piece[j + 1].from, 1))
            return false;
        cblas_dscal((int)n + 1, piece[j].slope, g, 1);
        g[n] += piece[j].offset;
    }
    return true;
}

static void pass_linear(struct lip_cells *cells, const struct lip_stage *stage)
{
    size_t n = cells->walk->stages->inputs, m = stage->outputs;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n + 1,
                (int)stage->inputs, 1, stage->weight, (int)stage->inputs,
                cells->affine, (int)n + 1, 0, cells->next, (int)n + 1);
    for (size_t i = 0; stage->bias && i < m; i++)
        cells->next[i * (n + 1) + n] += stage->bias[i];
    double *swap = cells->affine;
    cells->affine = cells->next;
    cells->next = swap;
}

static bool find_sides(struct lip_cells *cells, size_t *count)
{
    const struct lip_stages *stages = cells->walk->stages;
    size_t n = stages->inputs;
    const unsigned char *number = cells->piece;
    double *first = cells->affine < cells->next ? cells->affine : cells->next;
    cells->next = cells->affine < cells->next ? cells->next : cells->affine;
    cells->affine = first; /* the block that is freed */
    memset(cells->affine, 0, n * (n + 1) * sizeof(double));
    for (size_t k = 0; k < n; k++)
        cells->affine[k * (n + 1) + k] = 1;
    bool possible = true;
    *count = 0;
    for (size_t i = 0; possible && i < stages->count; i++) {
        const struct lip_stage *stage = &stages->stage[i];
        if (stage->weight) {
            pass_linear(cells, stage);
            continue;
        }
        possible = pass_neurons(cells, stage, number, count);
        number += stage->outputs;
    }
    if (cells->affine != first) {
        cells->next = cells->affine;
        cells->affine = first;
    }
    cells->walk->spent += stages->products * (double)(n + 1);
    return possible;
}

/* --- the linear programme */

static void pivot(double *table, size_t rows, size_t cols, size_t r, size_t c)
{
    double *from = table + r * cols, scale = 1 / from[c];
    cblas_dscal((int)cols, scale, from, 1);
    for (size_t i = 0; i < rows; i++) {
        double *to = table + i * cols, factor = to[c];
        if (i != r && factor != 0)
            cblas_daxpy((int)cols, -factor, from, 1, to, 1);
    }
}

static void fill(struct lip_cells *cells, size_t count)
{
    size_t n = cells->walk->stages->inputs;
    size_t cols = table_cols(n, count), unit = count + 1;
    double *t = cells->table;
    memset(t, 0, table_rows(n) * cols * sizeof *t);
    for (size_t j = 0; j < count; j++) {
        for (size_t k = 0; k < n; k++)
            t[k * cols + j] = cells->side[j * n + k];
        t[n * cols + j] = 1;
        t[(n + 1) * cols + j] = cells->limit[j];
    }
    t[n * cols + count] = 1;
    t[(n + 1) * cols + count] = cells->reach;
    for (size_t k = 0; k <= n; k++)
        t[k * cols + unit + k] = 1;
    t[n * cols + cols - 1] = 1;
    /* The reach begins as the basic variable of the row of t. */
    cblas_daxpy((int)cols, -cells->reach, t + n * cols, 1, t + (n + 1) * cols,
                1);
}

/* Brings a side into the basis for each input. The right-hand sides of those
 * rows are zero, so that every pivot keeps the point feasible. Inputs that no
 * side speaks of keep an empty row. */
static void crash(double *t, size_t n, size_t count, size_t cols)
{
    for (size_t r = 0; r < n; r++) {
        size_t c = cblas_idamax((int)count, t + r * cols, 1);
        if (fabs(t[r * cols + c]) > tiny)
            pivot(t, n + 2, cols, r, c);
    }
}

/* The row that leaves for column c: the least ratio; n + 1: none. */
static size_t leaving(const double *t, size_t n, size_t cols, size_t c)
{
    size_t best = n + 1;
    double least = INFINITY, size = 0;
    for (size_t r = 0; r <= n; r++) {
        double a = t[r * cols + c], ratio = t[r * cols + cols - 1] / a;
        if (a > tiny && (ratio < least || (ratio <= least && a > size))) {
            least = ratio;
            size = a;
            best = r;
        }
    }
    return best;
}

/* The column that enters: of the least reduced cost, or, to get out of a
 * cycle, the first of a negative one; SIZE_MAX: none. */
static size_t entering(const double *objective, size_t count, bool first,
                       double scale)
{
    size_t best = SIZE_MAX;
    double least = -1e-12 * scale;
    for (size_t c = 0; c <= count; c++)
        if (objective[c] < least) {
            best = c;
            if (first)
                break;
            least = objective[c];
        }
    return best;
}

bool lip_cells_middle(struct lip_cells *cells)
{
    size_t n = cells->walk->stages->inputs, count;
    if (!find_sides(cells, &count) || count == 0)
        return false;
    size_t cols = table_cols(n, count);
    double *t = cells->table, *objective = t + (n + 1) * cols;
    fill(cells, count);
    crash(t, n, count, cols);
    int pivots = 0;
    for (; pivots < MAX_PIVOTS; pivots++) {
        size_t c =
            entering(objective, count, pivots > MAX_PIVOTS / 2, cells->reach);
        size_t r = c == SIZE_MAX ? n + 1 : leaving(t, n, cols, c);
        if (c == SIZE_MAX)
            break;
        if (r > n) /* no end: the sides contradict each other */
            return false;
        pivot(t, n + 2, cols, r, c);
        if (-objective[cols - 1] < tiny * cells->reach)
            break; /* t can only fall */
    }
    cells->walk->spent += (double)(pivots + (int)n) * (double)((n + 2) * cols);
    for (size_t k = 0; k < n; k++) {
        cells->point[k] = -objective[count + 1 + k];
        if (!isfinite(cells->point[k]))
            return false;
    }
    return -objective[count + 1 + n] > tiny * cells->reach;
}
