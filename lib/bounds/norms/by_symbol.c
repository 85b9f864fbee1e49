/* SPDX-License-Identifier: MIT
 *
 * The norm of a convolution on the infinite plane, by its symbol; and that of a
 * kernel put together from several layers. */
#include "bounds/norms/symbol.h"
#include "bounds/norms/ways.h"

static bool is_zero(const struct lip_filter *filter)
{
    for (size_t k = 0, n = lip_filter_count(filter); k < n; k++)
        if (filter->number[k] != 0)
            return false;
    return true;
}

enum lip_status lip_norm_of_symbol(struct lip_big *out,
                                   const struct lip_filter *filter,
                                   double flops, struct lip_ctx *ctx)
{
    struct lip_symbol symbol;
    double norm = 0;
    *out = (struct lip_big){0, 0};
    if (is_zero(filter))
        return LIP_OK;
    enum lip_status status = lip_symbol_new(&symbol, filter, ctx);
    if (status == LIP_OK)
        status = lip_symbol_bound(&norm, &symbol, flops, ctx);
    lip_symbol_clear(&symbol);
    if (status == LIP_OK)
        *out = lip_big_make(norm, filter->exponent);
    return status;
}

/* At least a look at the coarsest grid must be within the limit. */
static bool affordable(const struct lip_window *w, double flops)
{
    double cells = 1;
    for (int axis = 0; axis < 2; axis++)
        cells *= fmax(4.0 * ((double)w->kernel[axis] - 1), 1);
    return cells / 4 * (double)w->groups * lip_symbol_flops(w) <= flops;
}

static bool applies(const struct lip_layer *layer, enum lip_norm p,
                    double flops)
{
    if (p != LIP_NORM_2 || !lip_filter_of(layer))
        return false;
    struct lip_window w = lip_layer_window(layer);
    return affordable(&w, 4 * (flops > 0 ? flops : LIP_NORM_FLOPS));
}

static enum lip_status run(struct lip_big *out, const struct lip_layer *layer,
                           enum lip_norm p, struct lip_ctx *ctx)
{
    struct lip_filter filter;
    (void)p;
    enum lip_status status = lip_filter_new(&filter, layer, ctx);
    if (status == LIP_OK)
        status = lip_norm_of_symbol(out, &filter, LIP_NORM_FLOPS, ctx);
    lip_filter_clear(&filter);
    return status;
}

const struct lip_norm_method lip_norm_symbol = {
    .id = "symbol",
    .title = "The symbol, on cells that cover all frequencies",
    .formula = "|A|_2 <= sup over w of sigma_max(H(w)); sigma_max(H(c)) <= L "
               "cos(reach) at all centres c gives sup <= L",
    .citation = "Sedghi, Gupta and Long, ICLR 2019 (symbol); Duffin and "
                "Schaeffer, Bull. AMS 44 (1938); cells: derived here",
    .applies = applies,
    .run = run,
};

static enum lip_status of_filter(struct lip_big *out,
                                 const struct lip_filter *filter,
                                 struct lip_ctx *ctx)
{
    enum lip_status status;
    if (lip_norm_unrolls(&filter->window, LIP_NORM_FLOPS)) {
        status = lip_norm_of_unrolled(out, filter, ctx);
        if (status != LIP_UNPROVEN && status != LIP_TOO_LARGE)
            return status;
        lip_error_clear(ctx);
    }
    if (affordable(&filter->window, 4 * LIP_NORM_FLOPS))
        return lip_norm_of_symbol(out, filter, LIP_NORM_FLOPS, ctx);
    struct lip_big other;
    status = lip_filter_norm(out, filter, LIP_NORM_1, ctx);
    if (status == LIP_OK)
        status = lip_filter_norm(&other, filter, LIP_NORM_INF, ctx);
    if (status == LIP_OK)
        *out = lip_big_sqrt(lip_big_mul(*out, other));
    return status;
}

enum lip_status lip_kernel_norm(struct lip_big *out, const double *kernel,
                                double error, const struct lip_window *window,
                                enum lip_norm p, struct lip_ctx *ctx)
{
    struct lip_filter filter;
    enum lip_status status =
        lip_filter_copy(&filter, kernel, error, window, ctx);
    if (status == LIP_OK)
        status = p == LIP_NORM_2 ? of_filter(out, &filter, ctx)
                                 : lip_filter_norm(out, &filter, p, ctx);
    lip_filter_clear(&filter);
    return status;
}
