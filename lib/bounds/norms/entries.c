/* SPDX-License-Identifier: MIT
 *
 * Rows put one after the other. */
#include "bounds/norms/entries.h"

#include "bounds/norms/ways.h"
#include "network/operator.h"

#include <string.h>

static enum lip_status room(struct lip_entries *e, size_t rows, size_t cols,
                            size_t count, struct lip_ctx *ctx)
{
    *e = (struct lip_entries){.rows = rows, .cols = cols};
    if (cols > UINT32_MAX || rows > UINT32_MAX)
        return lip_fail(ctx, LIP_TOO_LARGE, "a matrix of %zu columns.", cols);
    e->start = lip_alloc(ctx, rows + 1, sizeof *e->start);
    if (e->start)
        e->column = lip_alloc(ctx, count, sizeof *e->column);
    if (e->column)
        e->value = lip_alloc(ctx, count, sizeof *e->value);
    if (e->value)
        return LIP_OK;
    lip_entries_clear(e);
    return lip_norm_memory(ctx);
}

void lip_entries_clear(struct lip_entries *entries)
{
    lip_free(entries->start);
    lip_free(entries->column);
    lip_free(entries->value);
    *entries = (struct lip_entries){0};
}

enum lip_status lip_entries_of_layer(struct lip_entries *out,
                                     const struct lip_layer *layer, size_t rows,
                                     size_t cols, struct lip_ctx *ctx)
{
    struct lip_operator op;
    size_t count = 0;
    double most = 0;
    enum lip_status status = lip_operator_new(&op, layer, ctx);
    if (status != LIP_OK)
        return status;
    for (size_t k = 0; k < rows; k++)
        count += lip_operator_row(&op, k);
    status = room(out, rows, cols, count, ctx);
    for (size_t k = 0, at = 0; k < rows && status == LIP_OK; k++) {
        size_t n = lip_operator_row(&op, k);
        out->start[k] = at;
        for (size_t j = 0; j < n; j++, at++) {
            out->column[at] = (uint32_t)op.column[j];
            out->value[at] = op.value[j];
            most = fmax(most, fabs(op.value[j]));
        }
        out->start[k + 1] = at;
    }
    if (status == LIP_OK && most > 0) {
        out->exponent = ilogb(most) + 1;
        for (size_t k = 0; k < count; k++)
            out->value[k] = ldexp(out->value[k], (int)-out->exponent);
    }
    out->error = op.uncertainty;
    lip_operator_clear(&op);
    return status;
}

/* Where a position of an image stands in the order. */
static size_t rank_of(const size_t size[2], size_t y, size_t x)
{
    return size[0] >= size[1] ? y * size[1] + x : x * size[0] + y;
}

/* Row (o, y, x), in order, to entry number `at` on; one past its last. */
static size_t write_row(struct lip_entries *e, size_t at,
                        const struct lip_filter *f, size_t o, size_t y,
                        size_t x)
{
    const struct lip_window *w = &f->window;
    size_t in = w->channels[0] / w->groups, area = w->in[0] * w->in[1];
    size_t group = o / (w->channels[1] / w->groups);
    const double *number = f->number + o * in * w->kernel[0] * w->kernel[1];
    for (size_t c = 0; c < in; c++)
        for (size_t p = 0; p < w->kernel[0]; p++)
            for (size_t q = 0; q < w->kernel[1]; q++, number++) {
                size_t i = y * w->stride[0] + p * w->dilation[0] - w->before[0];
                size_t j = x * w->stride[1] + q * w->dilation[1] - w->before[1];
                if (i >= w->in[0] || j >= w->in[1])
                    continue; /* before the edge, too: sizes wrap around */
                size_t place = group * area + rank_of(w->in, i, j);
                e->column[at] = (uint32_t)(place * in + c);
                e->value[at++] = *number;
            }
    return at;
}

enum lip_status lip_entries_of_filter(struct lip_entries *out,
                                      const struct lip_filter *f,
                                      struct lip_ctx *ctx)
{
    const struct lip_window *w = &f->window;
    size_t area = w->out[0] * w->out[1], out_channels = w->channels[1];
    size_t rows = area * out_channels, each = out_channels / w->groups;
    size_t fan = lip_filter_count(f) / out_channels;
    enum lip_status status =
        room(out, rows, w->in[0] * w->in[1] * w->channels[0], rows * fan, ctx);
    if (status != LIP_OK)
        return status;
    size_t row = 0;
    out->start[0] = 0;
    bool tall = w->out[0] >= w->out[1];
    for (size_t g = 0; g < w->groups; g++)
        for (size_t t = 0; t < area; t++)
            for (size_t o = 0; o < each; o++, row++) {
                size_t y = tall ? t / w->out[1] : t % w->out[0];
                size_t x = tall ? t % w->out[1] : t / w->out[0];
                out->start[row + 1] =
                    write_row(out, out->start[row], f, g * each + o, y, x);
            }
    out->exponent = f->exponent;
    out->error = f->error;
    return LIP_OK;
}

enum lip_status lip_entries_transpose(struct lip_entries *to,
                                      const struct lip_entries *from,
                                      struct lip_ctx *ctx)
{
    size_t count = from->start[from->rows];
    enum lip_status status = room(to, from->cols, from->rows, count, ctx);
    if (status != LIP_OK)
        return status;
    memset(to->start, 0, (to->rows + 1) * sizeof *to->start);
    for (size_t k = 0; k < count; k++)
        to->start[from->column[k] + 1]++;
    for (size_t k = 0; k < to->rows; k++)
        to->start[k + 1] += to->start[k];
    for (size_t i = 0; i < from->rows; i++)
        for (size_t k = from->start[i]; k < from->start[i + 1]; k++) {
            size_t at = to->start[from->column[k]]++;
            to->column[at] = (uint32_t)i;
            to->value[at] = from->value[k];
        }
    memmove(to->start + 1, to->start, to->rows * sizeof *to->start);
    to->start[0] = 0;
    to->exponent = from->exponent;
    to->error = from->error;
    return LIP_OK;
}

double lip_entries_row_sum(const struct lip_entries *e)
{
    double most = 0;
    size_t terms = 1;
    for (size_t i = 0; i < e->rows; i++) {
        double sum = 0;
        for (size_t k = e->start[i]; k < e->start[i + 1]; k++)
            sum += fabs(e->value[k]);
        most = fmax(most, sum);
        if (e->start[i + 1] - e->start[i] > terms)
            terms = e->start[i + 1] - e->start[i];
    }
    return most > 0 ? lip_inflate(most, terms) : 0;
}

void lip_entries_apply(double *y, const struct lip_entries *e, const double *x)
{
    for (size_t i = 0; i < e->rows; i++) {
        double sum = 0;
        for (size_t k = e->start[i]; k < e->start[i + 1]; k++)
            sum += e->value[k] * x[e->column[k]];
        y[i] = sum;
    }
}
