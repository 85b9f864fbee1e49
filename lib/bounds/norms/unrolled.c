/* SPDX-License-Identifier: MIT
 *
 * |A|_2 of the matrix of a layer: dense where it is small, else by the band
 * that the Gram matrix of its shorter side has where outputs and inputs are in
 * order of position. With E the stored entries and G = fl(E^T E), sums of at
 * most m products,
 *
 *     |G - E^T E|_2 <= gamma_{m+2} | |E|^T |E| |_2
 *                   <= gamma_{m+2} |E|_1 |E|_inf,
 *     |A - E|_2 <= error |E|_1^{1/2} |E|_inf^{1/2},
 *
 * and tau I - G is proven positive definite within its band. */
#include "bounds/norms/entries.h"
#include "bounds/norms/ways.h"
#include "linalg/band.h"
#include "linalg/lanczos.h"
#include "linalg/spectral.h"

#include <string.h>

static const double DENSE_FLOPS = 3e9, MOST_ENTRIES = 8e6, MOST_BAND = 2e7;

static double dense_flops(double m, double n)
{
    double small = fmin(m, n), big = fmax(m, n);
    return small * small * (big + small / 3);
}

/* |E|_2 of few rows and columns. */
static enum lip_status dense(double *out, const struct lip_entries *e,
                             struct lip_ctx *ctx)
{
    struct lip_matrix at;
    enum lip_status status = lip_matrix_new(&at, e->cols, e->rows, ctx);
    if (status != LIP_OK)
        return status;
    memset(at.data, 0, e->rows * e->cols * sizeof *at.data);
    for (size_t i = 0; i < e->rows; i++)
        for (size_t k = e->start[i]; k < e->start[i + 1]; k++)
            at.data[i * e->cols + e->column[k]] = e->value[k];
    status = lip_spectral_upper(out, &at, ctx);
    lip_matrix_clear(&at);
    return status;
}

/* E E^T, e its rows and t its columns. */
static enum lip_status band_gram(struct lip_band *out,
                                 const struct lip_entries *e,
                                 const struct lip_entries *t,
                                 struct lip_ctx *ctx)
{
    size_t width = 0;
    for (size_t j = 0; j < t->rows; j++)
        if (t->start[j + 1] > t->start[j]) {
            size_t span =
                t->column[t->start[j + 1] - 1] - t->column[t->start[j]];
            width = span > width ? span : width;
        }
    enum lip_status status = lip_band_new(out, e->rows, width, ctx);
    for (size_t i = 0; i < e->rows && status == LIP_OK; i++) {
        for (size_t k = e->start[i]; k < e->start[i + 1]; k++) {
            size_t j = e->column[k];
            double value = e->value[k];
            for (size_t l = t->start[j]; t->column[l] < i; l++) {
                size_t other = t->column[l];
                out->data[other * width + i] += value * t->value[l];
            }
            out->data[i * (width + 1)] += value * value;
        }
        if (i % 64 == 0)
            status = lip_tick(ctx, "unrolled norm", (double)i,
                              2 * (double)e->rows, NAN);
    }
    return status;
}

struct product {
    const struct lip_entries *e, *t;
    double *between;
    struct lip_ctx *ctx;
};

static bool apply(double *to, const double *from, void *arg)
{
    struct product *p = arg;
    lip_entries_apply(p->between, p->t, from);
    lip_entries_apply(to, p->e, p->between);
    return lip_tick(p->ctx, "unrolled norm", 1, 2, NAN) == LIP_OK;
}

/* An estimate of lambda_max(E E^T). */
static enum lip_status estimate(double *out, const struct lip_entries *e,
                                const struct lip_entries *t,
                                struct lip_ctx *ctx)
{
    double *work = lip_alloc(ctx, 3 * e->rows + e->cols, sizeof *work);
    if (!work)
        return lip_norm_memory(ctx);
    struct product p = {e, t, work + 3 * e->rows, ctx};
    *out =
        lip_lanczos_largest(e->rows, apply, &p, LIP_LANCZOS_STEPS, 1e-8, work);
    lip_free(work);
    return lip_tick(ctx, "unrolled norm", 1, 2, NAN);
}

/* tau I >= G, from just above the estimate outward. */
static enum lip_status prove(double *tau, const struct lip_band *gram,
                             double guess, struct lip_ctx *ctx)
{
    struct lip_band work;
    enum lip_status status = lip_band_new(&work, gram->size, gram->width, ctx);
    bool proven = false;
    for (double over = 4e-6; over < 0.1 && status == LIP_OK; over *= 8) {
        *tau = guess * (1 + over);
        proven = lip_band_proves(&work, gram, *tau);
        if (proven)
            break;
        status = lip_tick(ctx, "unrolled norm", 3, 4, NAN);
    }
    lip_band_clear(&work);
    return status != LIP_OK || proven ? status : LIP_UNPROVEN;
}

/* |E|_2, e its rows and t its columns, in order; fewer rows than columns. */
static enum lip_status banded(double *out, const struct lip_entries *e,
                              const struct lip_entries *t, double schur,
                              struct lip_ctx *ctx)
{
    struct lip_band gram;
    double guess = 0, tau;
    size_t terms = e->cols;
    enum lip_status status = band_gram(&gram, e, t, ctx);
    if (status == LIP_OK)
        status = estimate(&guess, e, t, ctx);
    if (status == LIP_OK)
        status = prove(&tau, &gram, guess, ctx);
    lip_band_clear(&gram);
    if (status == LIP_OK)
        *out = lip_sqrt_up(
            lip_add_up(tau, lip_add_up(lip_mul_up(lip_gamma(terms + 2), schur),
                                       LIP_TINY)));
    return status;
}

/* The same on the side of the columns. */
static enum lip_status banded_across(double *out, const struct lip_entries *t,
                                     double schur, struct lip_ctx *ctx)
{
    struct lip_entries sorted;
    enum lip_status status = lip_entries_transpose(&sorted, t, ctx);
    if (status == LIP_OK)
        status = banded(out, t, &sorted, schur, ctx);
    lip_entries_clear(&sorted);
    return status;
}

static enum lip_status norm_of(struct lip_big *out, const struct lip_entries *e,
                               struct lip_ctx *ctx)
{
    struct lip_entries t;
    double norm = 0;
    enum lip_status status = lip_entries_transpose(&t, e, ctx);
    if (status != LIP_OK)
        return status;
    double schur = lip_mul_up(lip_entries_row_sum(e), lip_entries_row_sum(&t));
    if (schur > 0) {
        if (dense_flops((double)e->rows, (double)e->cols) <= DENSE_FLOPS)
            status = dense(&norm, e, ctx);
        else if (e->rows <= e->cols)
            status = banded(&norm, e, &t, schur, ctx);
        else
            status = banded_across(&norm, &t, schur, ctx);
        double error = lip_div_up(e->error, 1 - e->error);
        norm = fmin(norm, lip_sqrt_up(schur));
        if (error > 0)
            norm = lip_add_up(norm, lip_mul_up(error, lip_sqrt_up(schur)));
    }
    lip_entries_clear(&t);
    *out = lip_big_make(norm, e->exponent);
    return status;
}

enum lip_status lip_norm_of_unrolled(struct lip_big *out,
                                     const struct lip_filter *filter,
                                     struct lip_ctx *ctx)
{
    struct lip_entries e;
    enum lip_status status = lip_entries_of_filter(&e, filter, ctx);
    if (status == LIP_OK)
        status = norm_of(out, &e, ctx);
    lip_entries_clear(&e);
    return status;
}

/* Of one side of the band: the shorter axis times the reach along the longer
 * one, in positions. */
static double band_width(const struct lip_window *w, const size_t size[2],
                         bool outputs)
{
    int longer = size[0] >= size[1] ? 0 : 1;
    double channels = (double)(w->channels[outputs ? 1 : 0] / w->groups);
    double reach[2];
    for (int axis = 0; axis < 2; axis++) {
        reach[axis] = (double)(w->kernel[axis] - 1) * (double)w->dilation[axis];
        if (outputs)
            reach[axis] = floor(reach[axis] / (double)w->stride[axis]);
        reach[axis] = fmin(reach[axis], (double)size[axis] - 1);
    }
    return (reach[longer] * (double)size[1 - longer] + reach[1 - longer] + 1) *
           channels;
}

bool lip_norm_unrolls(const struct lip_window *w, double flops)
{
    double rows =
        (double)w->out[0] * (double)w->out[1] * (double)w->channels[1];
    double cols = (double)w->in[0] * (double)w->in[1] * (double)w->channels[0];
    double area = (double)w->kernel[0] * (double)w->kernel[1];
    double fan = (double)(w->channels[0] / w->groups) * area;
    double back = (double)(w->channels[1] / w->groups) * area;
    if (rows * fan > MOST_ENTRIES)
        return false;
    if (dense_flops(rows, cols) <= fmin(DENSE_FLOPS, flops))
        return true;
    bool outputs = rows <= cols;
    double n = fmin(rows, cols);
    double width = fmin(band_width(w, outputs ? w->out : w->in, outputs), n);
    double gram = rows * fan * (outputs ? back : fan) / 2;
    return n * width <= MOST_BAND && 3 * n * width * width + 4 * gram <= flops;
}

static bool is_dense(const struct lip_layer *layer)
{
    return layer->kind->row == NULL;
}

/* Channels of a pool do not meet and are all the same. */
static size_t copies_of(const struct lip_layer *layer)
{
    return lip_filter_of(layer) && !layer->weight.data ? layer->out.dim[0] : 1;
}

static bool applies(const struct lip_layer *layer, enum lip_norm p,
                    double flops)
{
    flops = flops > 0 ? flops : LIP_NORM_FLOPS;
    if (p != LIP_NORM_2)
        return false;
    if (is_dense(layer))
        return dense_flops((double)layer->inputs, (double)layer->outputs) <=
               flops;
    if (lip_filter_of(layer)) {
        struct lip_window w = lip_layer_window(layer);
        if (copies_of(layer) > 1)
            w.channels[0] = w.channels[1] = w.groups = 1;
        return lip_norm_unrolls(&w, flops);
    }
    return lip_norm_entries(layer) <= MOST_ENTRIES &&
           dense_flops((double)layer->inputs, (double)layer->outputs) <=
               fmin(flops, DENSE_FLOPS);
}

/* A dense layer, whole. */
static enum lip_status whole(struct lip_big *out, const struct lip_layer *layer,
                             struct lip_ctx *ctx)
{
    struct lip_matrix at;
    double norm = 0, most = 0;
    enum lip_status status =
        lip_matrix_new(&at, layer->inputs, layer->outputs, ctx);
    if (status != LIP_OK)
        return status;
    size_t count = layer->inputs * layer->outputs;
    lip_tensor_widen(at.data, &layer->weight);
    for (size_t k = 0; k < count; k++)
        most = fmax(most, fabs(at.data[k]));
    int exponent = most > 0 ? ilogb(most) + 1 : 0;
    for (size_t k = 0; k < count; k++)
        at.data[k] = ldexp(at.data[k], -exponent);
    if (most > 0)
        status = lip_spectral_upper(&norm, &at, ctx);
    *out = lip_big_make(norm, exponent);
    lip_matrix_clear(&at);
    return status;
}

static enum lip_status run(struct lip_big *out, const struct lip_layer *layer,
                           enum lip_norm p, struct lip_ctx *ctx)
{
    (void)p;
    if (is_dense(layer))
        return whole(out, layer, ctx);
    if (lip_filter_of(layer) && layer->weight.data) {
        struct lip_filter filter;
        enum lip_status status = lip_filter_new(&filter, layer, ctx);
        if (status == LIP_OK)
            status = lip_norm_of_unrolled(out, &filter, ctx);
        lip_filter_clear(&filter);
        return status;
    }
    struct lip_entries e;
    size_t copies = copies_of(layer);
    enum lip_status status = lip_entries_of_layer(
        &e, layer, layer->outputs / copies, layer->inputs / copies, ctx);
    if (status == LIP_OK)
        status = norm_of(out, &e, ctx);
    lip_entries_clear(&e);
    return status;
}

const struct lip_norm_method lip_norm_unrolled = {
    .id = "unrolled",
    .title = "The matrix of the layer",
    .formula = "sigma_max(A), by a Cholesky factorisation of tau I - A^T A",
    .citation = "Verified norms after Rump, BIT 46 (2006)",
    .exact = true,
    .applies = applies,
    .run = run,
};
