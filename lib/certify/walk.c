/* SPDX-License-Identifier: MIT
 *
 * Forward and backward passes. */
#include "certify/walk.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { BUFFERS = 5 };

/* Numbers in one buffer: the inputs of every stage and the outputs. */
static size_t numbers(const struct lip_stages *stages)
{
    size_t sum = stages->outputs;
    for (size_t i = 0; i < stages->count; i++)
        sum += stages->stage[i].inputs;
    return sum;
}

enum lip_status lip_walk_new(struct lip_walk *out,
                             const struct lip_stages *stages,
                             struct lip_norm_pair norm, struct lip_ctx *ctx)
{
    size_t n = numbers(stages), ends = stages->inputs + stages->outputs;
    *out = (struct lip_walk){.stages = stages, .norm = norm};
    out->from = lip_alloc(ctx, stages->count + 1, sizeof *out->from);
    if (out->from)
        out->value = lip_calloc(ctx, BUFFERS * n + ends, sizeof(double));
    if (!out->value) {
        lip_walk_clear(out);
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    }
    out->slope = out->value + n;
    out->tangent = out->slope + n;
    out->adjoint = out->tangent + n;
    out->gradient = out->adjoint + n;
    out->v = out->gradient + n;
    out->u = out->v + stages->inputs;
    out->from[0] = 0;
    for (size_t i = 0; i < stages->count; i++)
        out->from[i + 1] = out->from[i] + stages->stage[i].inputs;
    return LIP_OK;
}

void lip_walk_clear(struct lip_walk *walk)
{
    lip_free(walk->from);
    lip_free(walk->value);
    *walk = (struct lip_walk){.stages = NULL};
}

double lip_walk_bytes(const struct lip_network *network)
{
    double n = (double)network->inputs + 2 * (double)network->outputs;
    double count = 1;
    for (size_t i = 0; i < network->count; i++) {
        double stages = (double)lip_stages_of_layer(&network->layer[i]);
        n += stages * (double)network->layer[i].inputs;
        count += stages;
    }
    return 8 * (BUFFERS * n + count);
}

double lip_length(const double *x, size_t n)
{
    double most = fabs(x[cblas_idamax((int)n, x, 1)]);
    if (most > 0x1p-400 && most < 0x1p400)
        return sqrt(cblas_ddot((int)n, x, 1, x, 1));
    if (most == 0 || !isfinite(most))
        return most;
    int e = 0;
    double sum = 0;
    frexp(most, &e);
    for (size_t k = 0; k < n; k++) {
        double part = ldexp(x[k], -e);
        sum += part * part;
    }
    return ldexp(sqrt(sum), e);
}

/* y = W x, or y = W^T x */
static void multiply(double *y, const struct lip_stage *stage, bool transpose,
                     const double *x)
{
    cblas_dgemv(CblasRowMajor, transpose ? CblasTrans : CblasNoTrans,
                (int)stage->outputs, (int)stage->inputs, 1, stage->weight,
                (int)stage->inputs, x, 1, 0, y, 1);
}

/* Half the width of the window of an elementwise stage. */
static double half_window(const struct lip_stage *stage, const double *z,
                          double window)
{
    double n = (double)stage->inputs;
    double size = lip_length(z, stage->inputs) / sqrt(n);
    return window * size;
}

static void find_slopes(double *slope, const struct lip_stage *stage,
                        const double *z, double window)
{
    const struct lip_activation *phi = stage->activation;
    double w = window > 0 ? half_window(stage, z, window) : 0;
    for (size_t k = 0; k < stage->inputs; k++) {
        double room[LIP_MAX_PARAMETERS];
        const double *p = lip_stage_parameter(stage, k, room);
        slope[k] = w > 0 ? (phi->value(z[k] + w, p) - phi->value(z[k] - w, p)) /
                               (2 * w)
                         : phi->derivative(z[k], p);
    }
}

static void go_through(struct lip_walk *walk, size_t i, double window)
{
    const struct lip_stage *stage = &walk->stages->stage[i];
    const double *z = walk->value + walk->from[i];
    double *y = walk->value + walk->from[i + 1];
    if (stage->weight) {
        multiply(y, stage, false, z);
        for (size_t k = 0; stage->bias && k < stage->outputs; k++)
            y[k] += stage->bias[k];
        return;
    }
    find_slopes(walk->slope + walk->from[i], stage, z, window);
    for (size_t k = 0; k < stage->outputs; k++) {
        double room[LIP_MAX_PARAMETERS];
        const double *p = lip_stage_parameter(stage, k, room);
        y[k] = stage->activation->value(z[k], p);
    }
}

static void spend(struct lip_walk *walk)
{
    walk->spent += walk->stages->products + 8 * (double)walk->stages->neurons +
                   100 * ((double)walk->stages->count + 1);
}

void lip_walk_to(struct lip_walk *walk, const double *x, double window)
{
    memcpy(walk->value, x, walk->stages->inputs * sizeof *x);
    for (size_t i = 0; i < walk->stages->count; i++)
        go_through(walk, i, window);
    spend(walk);
}

void lip_walk_tangent(struct lip_walk *walk, const double *direction)
{
    memcpy(walk->tangent, direction, walk->stages->inputs * sizeof *direction);
    for (size_t i = 0; i < walk->stages->count; i++) {
        const struct lip_stage *stage = &walk->stages->stage[i];
        const double *from = walk->tangent + walk->from[i];
        const double *slope = walk->slope + walk->from[i];
        double *to = walk->tangent + walk->from[i + 1];
        if (stage->weight)
            multiply(to, stage, false, from);
        else
            for (size_t k = 0; k < stage->outputs; k++)
                to[k] = slope[k] * from[k];
    }
    spend(walk);
}

/* One stage back: to = W^T from, or slope * from. */
static void go_back(double *to, const struct lip_walk *walk, size_t i,
                    const double *from)
{
    const struct lip_stage *stage = &walk->stages->stage[i];
    const double *slope = walk->slope + walk->from[i];
    if (stage->weight)
        multiply(to, stage, true, from);
    else
        for (size_t k = 0; k < stage->outputs; k++)
            to[k] = slope[k] * from[k];
}

void lip_walk_adjoint(struct lip_walk *walk)
{
    size_t count = walk->stages->count;
    memcpy(walk->adjoint + walk->from[count], walk->u,
           walk->stages->outputs * sizeof *walk->u);
    for (size_t i = count; i-- > 0;)
        go_back(walk->adjoint + walk->from[i], walk, i,
                walk->adjoint + walk->from[i + 1]);
    spend(walk);
}

void lip_walk_pull(struct lip_walk *walk, size_t i, size_t k)
{
    double *at = walk->adjoint + walk->from[i];
    memset(at, 0, walk->stages->stage[i].inputs * sizeof *at);
    at[k] = 1;
    while (i-- > 0)
        go_back(walk->adjoint + walk->from[i], walk, i,
                walk->adjoint + walk->from[i + 1]);
    spend(walk);
}

static double size_of(const double *x, size_t n, enum lip_norm norm)
{
    if (norm == LIP_NORM_2)
        return lip_length(x, n);
    return norm == LIP_NORM_1 ? cblas_dasum((int)n, x, 1)
                              : fabs(x[cblas_idamax((int)n, x, 1)]);
}

/* The x with |x|_norm = 1 and the largest x^T g: x = g / |g| for 2, one entry
 * for 1, all signs for inf. False where g is zero or not finite. */
static bool align(double *x, const double *g, size_t n, enum lip_norm norm)
{
    double size = size_of(g, n, norm);
    if (!(size > 0) || !isfinite(size))
        return false;
    if (norm == LIP_NORM_1) {
        size_t k = cblas_idamax((int)n, g, 1);
        memset(x, 0, n * sizeof *x);
        x[k] = g[k] < 0 ? -1 : 1;
        return true;
    }
    for (size_t k = 0; k < n; k++)
        x[k] = norm == LIP_NORM_2 ? g[k] / size : g[k] < 0 ? -1 : 1;
    return true;
}

double lip_walk_norm(struct lip_walk *walk, int steps, double tolerance)
{
    const struct lip_stages *stages = walk->stages;
    const double *y = walk->tangent + walk->from[stages->count];
    double best = 0;
    for (int i = 0; i < steps; i++) {
        lip_walk_tangent(walk, walk->v);
        double now = size_of(y, stages->outputs, walk->norm.output);
        if (!isfinite(now))
            return 0;
        bool last = now <= best * (1 + tolerance);
        best = fmax(best, now);
        if (!align(walk->u, y, stages->outputs,
                   lip_norm_dual(walk->norm.output)))
            return best;
        lip_walk_adjoint(walk);
        if (last || i + 1 == steps ||
            !align(walk->v, walk->adjoint, stages->inputs, walk->norm.input))
            return best;
    }
    return best;
}

/* phi'' over the window times adjoint and tangent, added to the gradient. */
static void add_curvature(struct lip_walk *walk, size_t i, double window)
{
    const struct lip_stage *stage = &walk->stages->stage[i];
    const struct lip_activation *phi = stage->activation;
    const double *z = walk->value + walk->from[i];
    const double *t = walk->tangent + walk->from[i];
    const double *p = walk->adjoint + walk->from[i + 1];
    double *g = walk->gradient + walk->from[i];
    double w = half_window(stage, z, window);
    for (size_t k = 0; w > 0 && k < stage->inputs; k++) {
        double room[LIP_MAX_PARAMETERS];
        const double *a = lip_stage_parameter(stage, k, room);
        double bend =
            phi->derivative(z[k] + w, a) - phi->derivative(z[k] - w, a);
        g[k] += p[k] * t[k] * bend / (2 * w);
    }
}

const double *lip_walk_gradient(struct lip_walk *walk, double window)
{
    size_t count = walk->stages->count;
    memset(walk->gradient + walk->from[count], 0,
           walk->stages->outputs * sizeof *walk->gradient);
    for (size_t i = count; i-- > 0;) {
        go_back(walk->gradient + walk->from[i], walk, i,
                walk->gradient + walk->from[i + 1]);
        if (!walk->stages->stage[i].weight)
            add_curvature(walk, i, window);
    }
    spend(walk);
    return walk->gradient;
}

/* How far to the next kink of one neuron. */
static double free_of(const struct lip_stage *stage, size_t k, double z,
                      double rate)
{
    double room[LIP_MAX_PARAMETERS], nearest = INFINITY;
    struct lip_piece piece[LIP_MAX_PIECES];
    size_t n =
        stage->activation->pieces(piece, lip_stage_parameter(stage, k, room));
    for (size_t i = 1; i < n; i++) {
        double t = (piece[i].from - z) / rate;
        if (t > 0)
            nearest = fmin(nearest, t);
    }
    return nearest;
}

double lip_walk_free(const struct lip_walk *walk, double forward)
{
    double nearest = INFINITY;
    for (size_t i = 0; i < walk->stages->count; i++) {
        const struct lip_stage *stage = &walk->stages->stage[i];
        const double *z = walk->value + walk->from[i];
        const double *t = walk->tangent + walk->from[i];
        if (stage->weight || !stage->activation->pieces)
            continue;
        for (size_t k = 0; k < stage->inputs; k++)
            if (t[k] != 0)
                nearest =
                    fmin(nearest, free_of(stage, k, z[k], forward * t[k]));
    }
    return nearest;
}
