/* SPDX-License-Identifier: MIT
 *
 * Where no column has two entries the rows are orthogonal and |A|_2 is the
 * longest of them; where no row has, the longest column. So are sums, joins,
 * scalings, slices, selections, pads, transposes, upsampling by copies, pools
 * that do not overlap. */
#include "bounds/norms/ways.h"
#include "network/operator.h"

struct lengths {
    double *column; /* squared */
    unsigned char *seen;
    double row;         /* the longest, squared */
    double entry;       /* the largest */
    bool rows, columns; /* are orthogonal */
};

static long order_of(struct lip_operator *op)
{
    double most = 0;
    for (size_t k = 0; k < op->layer->outputs; k++)
        for (size_t j = 0, n = lip_operator_row(op, k); j < n; j++)
            most = fmax(most, fabs(op->value[j]));
    return most > 0 ? ilogb(most) + 1 : 0;
}

static void measure(struct lengths *l, struct lip_operator *op, long exponent)
{
    l->rows = l->columns = true;
    for (size_t k = 0; k < op->layer->outputs && (l->rows || l->columns); k++) {
        size_t n = lip_operator_row(op, k), real = 0;
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            double x = ldexp(op->value[j], (int)-exponent);
            size_t at = op->column[j];
            if (op->value[j] == 0)
                continue;
            real++;
            l->entry = fmax(l->entry, fabs(x));
            sum += x * x;
            l->column[at] += x * x;
            if (l->seen[at])
                l->rows = false;
            l->seen[at] = 1;
        }
        l->row = fmax(l->row, sum);
        if (real > 1)
            l->columns = false;
    }
}

/* The longest of those that are orthogonal; where all are single entries, the
 * largest of them, exactly. */
static double longest(const struct lengths *l, const struct lip_layer *layer)
{
    if (l->rows && l->columns)
        return l->entry;
    if (l->rows)
        return lip_sqrt_up(lip_inflate(l->row, layer->inputs));
    double most = 0;
    for (size_t j = 0; j < layer->inputs; j++)
        most = fmax(most, l->column[j]);
    return lip_sqrt_up(lip_inflate(most, layer->outputs));
}

static enum lip_status run(struct lip_big *out, const struct lip_layer *layer,
                           enum lip_norm p, struct lip_ctx *ctx)
{
    struct lip_operator op;
    struct lengths l = {0};
    (void)p;
    enum lip_status status = lip_operator_new(&op, layer, ctx);
    if (status != LIP_OK)
        return status;
    l.column = lip_calloc(ctx, layer->inputs, sizeof *l.column);
    l.seen = lip_calloc(ctx, layer->inputs, 1);
    if (l.column && l.seen) {
        long exponent = order_of(&op);
        measure(&l, &op, exponent);
        double norm = longest(&l, layer);
        *out = lip_big_make(lip_norm_widen(norm, op.uncertainty), exponent);
        status = l.rows || l.columns ? LIP_OK : LIP_UNPROVEN;
    } else {
        status = lip_norm_memory(ctx);
    }
    lip_free(l.column);
    lip_free(l.seen);
    lip_operator_clear(&op);
    return status;
}

/* Windows that do not overlap. */
static bool apart(const struct lip_layer *layer)
{
    struct lip_window w = lip_layer_window(layer);
    return w.groups == w.channels[0] && w.groups == w.channels[1] &&
           w.stride[0] >= (w.kernel[0] - 1) * w.dilation[0] + 1 &&
           w.stride[1] >= (w.kernel[1] - 1) * w.dilation[1] + 1;
}

static bool applies(const struct lip_layer *layer, enum lip_norm p,
                    double flops)
{
    flops = flops > 0 ? flops : LIP_NORM_FLOPS;
    if (p != LIP_NORM_2 || !layer->kind->row ||
        2 * LIP_NORM_ENTRY_FLOPS * lip_norm_entries(layer) > flops)
        return false;
    return !lip_filter_of(layer) || apart(layer);
}

const struct lip_norm_method lip_norm_orthogonal = {
    .id = "orthogonal",
    .title = "The longest of rows or columns that do not meet",
    .formula = "max_i |a_i|_2 where no column has two entries, max_j |a^j|_2 "
               "where no row has",
    .citation = "Definition",
    .exact = true,
    .applies = applies,
    .run = run,
};
