/* SPDX-License-Identifier: MIT
 *
 * |A|_inf is the largest sum of |entries| of a row, |A|_1 that of a column: by
 * looking at every row, or, for windows, at those that differ. */
#include "bounds/norms/ways.h"
#include "network/operator.h"

/* The largest entry's power of two: sums stay in range. */
static long order_of(struct lip_operator *op)
{
    double most = 0;
    for (size_t k = 0; k < op->layer->outputs; k++)
        for (size_t j = 0, n = lip_operator_row(op, k); j < n; j++)
            most = fmax(most, fabs(op->value[j]));
    return most > 0 ? ilogb(most) + 1 : 0;
}

static double row_sums(struct lip_operator *op, long exponent)
{
    double most = 0;
    for (size_t k = 0; k < op->layer->outputs; k++) {
        double sum = 0;
        for (size_t j = 0, n = lip_operator_row(op, k); j < n; j++)
            sum += ldexp(fabs(op->value[j]), (int)-exponent);
        most = fmax(most, sum);
    }
    return most > 0 ? lip_inflate(most, op->layer->inputs) : 0;
}

static double column_sums(struct lip_operator *op, long exponent, double *sum)
{
    double most = 0;
    for (size_t k = 0; k < op->layer->outputs; k++)
        for (size_t j = 0, n = lip_operator_row(op, k); j < n; j++)
            sum[op->column[j]] += ldexp(fabs(op->value[j]), (int)-exponent);
    for (size_t j = 0; j < op->layer->inputs; j++)
        most = fmax(most, sum[j]);
    return most > 0 ? lip_inflate(most, op->layer->outputs) : 0;
}

static enum lip_status run(struct lip_big *out, const struct lip_layer *layer,
                           enum lip_norm p, struct lip_ctx *ctx)
{
    struct lip_operator op;
    enum lip_status status = lip_operator_new(&op, layer, ctx);
    if (status != LIP_OK)
        return status;
    long exponent = order_of(&op);
    double norm = 0;
    if (p == LIP_NORM_INF) {
        norm = row_sums(&op, exponent);
    } else {
        double *sum = lip_calloc(ctx, layer->inputs, sizeof *sum);
        status = sum ? LIP_OK : lip_norm_memory(ctx);
        if (sum)
            norm = column_sums(&op, exponent, sum);
        lip_free(sum);
    }
    *out = lip_big_make(lip_norm_widen(norm, op.uncertainty), exponent);
    lip_operator_clear(&op);
    return status;
}

static bool applies(const struct lip_layer *layer, enum lip_norm p,
                    double flops)
{
    flops = flops > 0 ? flops : LIP_NORM_FLOPS;
    return p != LIP_NORM_2 &&
           2 * LIP_NORM_ENTRY_FLOPS * lip_norm_entries(layer) <= flops;
}

const struct lip_norm_method lip_norm_rows = {
    .id = "rows",
    .title = "Sums of rows or columns",
    .formula = "|A|_inf = max_i sum_j |a_ij|, |A|_1 = max_j sum_i |a_ij|",
    .citation = "Definition",
    .exact = true,
    .applies = applies,
    .run = run,
};

static enum lip_status window_run(struct lip_big *out,
                                  const struct lip_layer *layer,
                                  enum lip_norm p, struct lip_ctx *ctx)
{
    struct lip_filter filter;
    enum lip_status status = lip_filter_new(&filter, layer, ctx);
    if (status == LIP_OK)
        status = lip_filter_norm(out, &filter, p, ctx);
    lip_filter_clear(&filter);
    return status;
}

static bool is_window(const struct lip_layer *layer, enum lip_norm p,
                      double flops)
{
    /* Of pools only where rows are too many: it may not be exact there. */
    return p != LIP_NORM_2 && lip_filter_of(layer) &&
           (layer->weight.data || !applies(layer, p, flops));
}

const struct lip_norm_method lip_norm_window = {
    .id = "window",
    .title = "Sums over the taps that a position sees",
    .formula =
        "|A|_inf = max over o, t of sum |K[o, c, q]| over c and the taps "
        "q within the image; |A|_1 by columns",
    .citation = "Derived here",
    .exact = true,
    .applies = is_window,
    .run = window_run,
};

enum lip_status lip_norm_of_sums(struct lip_big *out,
                                 const struct lip_layer *layer, enum lip_norm p,
                                 struct lip_ctx *ctx)
{
    return lip_filter_of(layer) ? window_run(out, layer, p, ctx)
                                : run(out, layer, p, ctx);
}
