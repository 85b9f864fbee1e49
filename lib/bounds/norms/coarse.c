/* SPDX-License-Identifier: MIT
 *
 * Bounds of |A|_2 that cost little and are worse, to compare with. */
#include "bounds/norms/symbol.h"
#include "bounds/norms/ways.h"
#include "linalg/spectral.h"
#include "network/operator.h"

/* |A|_2^2 <= |A|_1 |A|_inf. */
static enum lip_status schur(struct lip_big *out, const struct lip_layer *layer,
                             enum lip_norm p, struct lip_ctx *ctx)
{
    struct lip_big columns, rows;
    (void)p;
    enum lip_status status = lip_norm_of_sums(&columns, layer, LIP_NORM_1, ctx);
    if (status == LIP_OK)
        status = lip_norm_of_sums(&rows, layer, LIP_NORM_INF, ctx);
    if (status == LIP_OK)
        *out = lip_big_sqrt(lip_big_mul(columns, rows));
    return status;
}

static bool schur_applies(const struct lip_layer *layer, enum lip_norm p,
                          double flops)
{
    return p == LIP_NORM_2 && (lip_filter_of(layer) ||
                               lip_norm_rows.applies(layer, LIP_NORM_1, flops));
}

const struct lip_norm_method lip_norm_schur = {
    .id = "schur",
    .title = "Rows and columns",
    .formula = "|A|_2 <= sqrt(|A|_1 |A|_inf)",
    .citation = "Schur, J. reine angew. Math. 140 (1911)",
    .applies = schur_applies,
    .run = schur,
};

/* Every output position has at most the whole kernel. */
static enum lip_status frobenius_of(struct lip_big *out,
                                    const struct lip_filter *f)
{
    const struct lip_window *w = &f->window;
    size_t n = lip_filter_count(f);
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += f->number[k] * f->number[k];
    sum = sum > 0 ? lip_inflate(sum, n + 2) : 0;
    double area = (double)w->out[0] * (double)w->out[1];
    double norm = lip_norm_widen(lip_sqrt_up(lip_mul_up(sum, area)), f->error);
    *out = lip_big_make(norm, f->exponent);
    return LIP_OK;
}

static enum lip_status frobenius(struct lip_big *out,
                                 const struct lip_layer *layer, enum lip_norm p,
                                 struct lip_ctx *ctx)
{
    (void)p;
    if (lip_filter_of(layer)) {
        struct lip_filter filter;
        enum lip_status status = lip_filter_new(&filter, layer, ctx);
        if (status == LIP_OK)
            status = frobenius_of(out, &filter);
        lip_filter_clear(&filter);
        return status;
    }
    struct lip_operator op;
    enum lip_status status = lip_operator_new(&op, layer, ctx);
    struct lip_big sum = {0, 0};
    for (size_t k = 0; k < layer->outputs && status == LIP_OK; k++)
        for (size_t j = 0, n = lip_operator_row(&op, k); j < n; j++) {
            struct lip_big x = lip_big_make(fabs(op.value[j]), 0);
            sum = lip_big_add(sum, lip_big_mul(x, x));
        }
    struct lip_big one = lip_big_make(lip_norm_widen(1, op.uncertainty), 0);
    lip_operator_clear(&op);
    *out = lip_big_mul(one, lip_big_sqrt(sum));
    return status;
}

const struct lip_norm_method lip_norm_frobenius = {
    .id = "frobenius",
    .title = "Frobenius norm of the matrix, as if no window left the image",
    .formula = "|A|_2 <= sqrt(positions) |K|_F",
    .citation = "Definition",
    .applies = schur_applies,
    .run = frobenius,
};

/* A reshape of the tap matrices: rows (i, p of the axes in `outer`), columns
 * (j, the other p). */
static enum lip_status reshaped(double *out, const struct lip_symbol *s,
                                size_t group, int outer, struct lip_ctx *ctx)
{
    size_t t0 = s->tap[0], t1 = s->tap[1], size = s->rows * s->cols;
    size_t tall = (outer & 1 ? t0 : 1) * (outer & 2 ? t1 : 1);
    struct lip_matrix a;
    enum lip_status status =
        lip_matrix_new(&a, s->rows * tall, s->cols * (t0 * t1 / tall), ctx);
    const double *from = s->number + group * t0 * t1 * size;
    for (size_t p = 0; p < t0 && status == LIP_OK; p++)
        for (size_t q = 0; q < t1; q++)
            for (size_t j = 0; j < s->cols; j++)
                for (size_t i = 0; i < s->rows; i++) {
                    size_t down = outer == 3   ? p * t1 + q
                                  : outer == 1 ? p
                                  : outer == 2 ? q
                                               : 0;
                    size_t over = outer == 0   ? p * t1 + q
                                  : outer == 1 ? q
                                  : outer == 2 ? p
                                               : 0;
                    a.data[(over * s->cols + j) * a.rows + down * s->rows + i] =
                        *from++;
                }
    if (status == LIP_OK)
        status = lip_spectral_upper(out, &a, ctx);
    lip_matrix_clear(&a);
    return status;
}

static enum lip_status four(struct lip_big *out, const struct lip_layer *layer,
                            enum lip_norm p, struct lip_ctx *ctx)
{
    struct lip_filter filter;
    struct lip_symbol s = {0};
    double most = 0;
    (void)p;
    enum lip_status status = lip_filter_new(&filter, layer, ctx);
    if (status == LIP_OK)
        status = lip_symbol_new(&s, &filter, ctx);
    double taps = (double)s.tap[0] * (double)s.tap[1];
    for (size_t g = 0; g < s.groups && status == LIP_OK; g++) {
        double least = INFINITY, norm;
        for (int outer = 0; outer < 4 && status == LIP_OK; outer++) {
            status = reshaped(&norm, &s, g, outer, ctx);
            if (status == LIP_OK)
                least = fmin(least, lip_mul_up(norm, lip_sqrt_up(taps)));
        }
        double error = lip_mul_up(s.error, s.spread[g]);
        most = fmax(most, lip_add_up(least, error));
        if (status == LIP_OK)
            status = lip_tick(ctx, "fantastic four", (double)g,
                              (double)s.groups, NAN);
    }
    lip_symbol_clear(&s);
    lip_filter_clear(&filter);
    if (status == LIP_OK)
        *out = lip_big_make(most, filter.exponent);
    return status;
}

static bool four_applies(const struct lip_layer *layer, enum lip_norm p,
                         double flops)
{
    flops = flops > 0 ? flops : LIP_NORM_FLOPS;
    if (p != LIP_NORM_2 || !lip_filter_of(layer))
        return false;
    struct lip_window w = lip_layer_window(layer);
    double in = (double)(w.channels[0] / w.groups);
    double out = (double)(w.channels[1] / w.groups);
    double taps = (double)w.kernel[0] * (double)w.kernel[1];
    return 6 * (double)w.groups * in * out * taps *
               fmin(in * (double)w.kernel[0], out * (double)w.kernel[0]) <=
           flops;
}

const struct lip_norm_method lip_norm_fantastic_four = {
    .id = "fantastic-four",
    .title = "Four reshapes of the kernel",
    .formula =
        "|A|_2 <= sqrt(k_h k_w) min(|R|, |S|, |T|, |U|) of the polyphase "
        "kernel's reshapes",
    .citation = "Singla and Feizi, ICLR 2021",
    .applies = four_applies,
    .run = four,
};
