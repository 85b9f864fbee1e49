/* SPDX-License-Identifier: MIT
 *
 * Intervals of partial derivatives, layer by layer. Along a line x + t e_j
 * every number in the network is a Lipschitz function of t, whose derivative
 * exists almost everywhere and integrates to its change; where it exists, that
 * of a sorted number is one of its group's. So an interval that holds the
 * derivatives almost everywhere holds all quotients of differences. */
#include "network/partials.h"

#include "base/size.h"
#include "linalg/rounding.h"

#include <string.h>

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

/* Row k of W times the intervals. With `mag` the sum of |w| max(|lo|, |hi|),
 * the n products and sums are off by gamma_{n+1} mag and underflows. A row
 * that picks one interval is exact. */
static void take_row(double *lo, double *hi, double *mag, const double *w,
                     const struct lip_partials *from, size_t n)
{
    size_t inputs = from->inputs, used = 0;
    bool picks = true;
    memset(lo, 0, inputs * sizeof *lo);
    memset(hi, 0, inputs * sizeof *hi);
    memset(mag, 0, inputs * sizeof *mag);
    for (size_t i = 0; i < n; i++) {
        const double *a = from->lo + i * inputs, *b = from->hi + i * inputs;
        if (w[i] == 0)
            continue;
        picks = picks && ++used == 1 && fabs(w[i]) == 1;
        for (size_t j = 0; j < inputs; j++) {
            double x = w[i] * a[j], y = w[i] * b[j];
            lo[j] += fmin(x, y);
            hi[j] += fmax(x, y);
            if (a[j] != 0 || b[j] != 0)
                mag[j] += fmax(fabs(x), fabs(y)) + LIP_TINY;
        }
    }
    for (size_t j = 0; !picks && j < inputs; j++) {
        double off = lip_mul_up(lip_gamma(2 * n + 2), mag[j]) + LIP_TINY;
        if (mag[j] > 0) {
            lo[j] = nextafter(lo[j] - off, -INFINITY);
            hi[j] = nextafter(hi[j] + off, INFINITY);
        }
    }
}

static enum lip_status take_matrix(struct lip_partials *to,
                                   const struct lip_partials *from,
                                   const struct lip_layer *layer,
                                   struct lip_ctx *ctx)
{
    size_t n = layer->inputs, inputs = from->inputs;
    double *w = lip_alloc(ctx, n, sizeof *w);
    double *mag = w ? lip_alloc(ctx, inputs, sizeof *mag) : NULL;
    enum lip_status status = mag ? LIP_OK : memory(ctx);
    for (size_t k = 0; status == LIP_OK && k < layer->outputs; k++) {
        lip_tensor_widen_part(w, &layer->weight, k * n, n);
        take_row(to->lo + k * inputs, to->hi + k * inputs, mag, w, from, n);
        if (k % 16 == 0)
            status = lip_tick(ctx, "partials", (double)k,
                              (double)layer->outputs, NAN);
    }
    lip_free(mag);
    lip_free(w);
    return status;
}

/* The interval of products s d, s among the slopes, rounded outward unless
 * the slope is 0, 1 or -1. */
static void stretch(double *lo, double *hi, struct lip_slopes s)
{
    double p[4] = {s.lo * *lo, s.lo * *hi, s.hi * *lo, s.hi * *hi};
    bool exact =
        (s.lo == 0 || fabs(s.lo) == 1) && (s.hi == 0 || fabs(s.hi) == 1);
    *lo = fmin(fmin(p[0], p[1]), fmin(p[2], p[3]));
    *hi = fmax(fmax(p[0], p[1]), fmax(p[2], p[3]));
    if (!exact) {
        *lo = nextafter(*lo, -INFINITY);
        *hi = nextafter(*hi, INFINITY);
    }
}

static void take_slopes(struct lip_partials *to,
                        const struct lip_partials *from,
                        const struct lip_layer *layer)
{
    size_t inputs = from->inputs;
    for (size_t k = 0; k < layer->outputs; k++) {
        struct lip_slopes s = lip_layer_slopes(layer, k);
        for (size_t i = k * inputs; i < (k + 1) * inputs; i++) {
            to->lo[i] = from->lo[i];
            to->hi[i] = from->hi[i];
            stretch(&to->lo[i], &to->hi[i], s);
        }
    }
}

static void take_groups(struct lip_partials *to,
                        const struct lip_partials *from,
                        const struct lip_layer *layer)
{
    size_t inputs = from->inputs;
    size_t group = layer->group ? layer->group : layer->inputs;
    for (size_t k = 0; k < layer->outputs; k++)
        for (size_t j = 0; j < inputs; j++) {
            double lo = INFINITY, hi = -INFINITY;
            for (size_t i = k / group * group; i < (k / group + 1) * group;
                 i++) {
                lo = fmin(lo, from->lo[i * inputs + j]);
                hi = fmax(hi, from->hi[i * inputs + j]);
            }
            to->lo[k * inputs + j] = lo;
            to->hi[k * inputs + j] = hi;
        }
}

/* Whatever moves together: no number moves faster than `constant` times the
 * fastest of all. */
static void take_joint(struct lip_partials *to, const struct lip_partials *from,
                       const struct lip_layer *layer)
{
    size_t inputs = from->inputs;
    double constant = layer->kind->constant(layer, LIP_NORM_INF);
    for (size_t j = 0; j < inputs; j++) {
        double most = 0;
        for (size_t k = 0; k < layer->inputs; k++)
            most = fmax(most, fmax(fabs(from->lo[k * inputs + j]),
                                   fabs(from->hi[k * inputs + j])));
        most = lip_mul_up(constant, most);
        for (size_t k = 0; k < layer->outputs; k++) {
            to->lo[k * inputs + j] = -most;
            to->hi[k * inputs + j] = most;
        }
    }
}

static enum lip_status take(struct lip_partials *to,
                            const struct lip_partials *from,
                            const struct lip_layer *layer, struct lip_ctx *ctx)
{
    enum lip_layer_role role = layer->kind->role;
    size_t count = layer->outputs * from->inputs;
    enum lip_status status = LIP_OK;
    to->outputs = layer->outputs;
    if (role == LIP_ROLE_LINEAR) {
        status = take_matrix(to, from, layer, ctx);
    } else if (role == LIP_ROLE_ELEMENTWISE) {
        take_slopes(to, from, layer);
    } else if (layer->kind == &lip_layer_group_sort) {
        take_groups(to, from, layer);
    } else if (role == LIP_ROLE_RESHAPE) {
        memcpy(to->lo, from->lo, count * sizeof *to->lo);
        memcpy(to->hi, from->hi, count * sizeof *to->hi);
    } else {
        take_joint(to, from, layer);
    }
    for (size_t i = 0; status == LIP_OK && i < count; i++)
        if (!isfinite(to->lo[i]) || !isfinite(to->hi[i]))
            return lip_fail(ctx, LIP_UNPROVEN,
                            "The bounds of partial derivatives overflow.");
    return status;
}

/* Room for the widest of all layers, filled with those of x -> x. */
static enum lip_status begin(struct lip_partials *out,
                             const struct lip_network *network,
                             struct lip_ctx *ctx)
{
    size_t widest = network->inputs, count = 0;
    for (size_t i = 0; i < network->count; i++)
        if (network->layer[i].outputs > widest)
            widest = network->layer[i].outputs;
    *out = (struct lip_partials){network->inputs, network->inputs, NULL, NULL};
    if (!lip_size_mul(&count, widest, network->inputs))
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "Partial derivatives of %zu inputs through %zu numbers "
                        "do not fit the address space.",
                        network->inputs, widest);
    out->lo = lip_calloc(ctx, count, sizeof *out->lo);
    out->hi = lip_calloc(ctx, count, sizeof *out->hi);
    if (!out->lo || !out->hi)
        return memory(ctx);
    for (size_t i = 0; i < network->inputs; i++)
        out->lo[i * (network->inputs + 1)] =
            out->hi[i * (network->inputs + 1)] = 1;
    return LIP_OK;
}

enum lip_status lip_partials_new(struct lip_partials *out,
                                 const struct lip_network *network,
                                 struct lip_ctx *ctx)
{
    struct lip_partials from, to = {0};
    *out = (struct lip_partials){0};
    if (!lip_network_is_dense(network))
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "Partial derivatives are bounded of chains of dense "
                        "layers; this network has layers or connections of "
                        "another kind.");
    enum lip_status status = begin(&from, network, ctx);
    if (status == LIP_OK)
        status = begin(&to, network, ctx);
    for (size_t i = 0; status == LIP_OK && i < network->count; i++) {
        status = take(&to, &from, &network->layer[i], ctx);
        struct lip_partials held = from;
        from = to;
        to = held;
    }
    lip_partials_clear(&to);
    if (status != LIP_OK)
        lip_partials_clear(&from);
    *out = from;
    return status;
}

void lip_partials_clear(struct lip_partials *partials)
{
    lip_free(partials->lo);
    lip_free(partials->hi);
    *partials = (struct lip_partials){0};
}
