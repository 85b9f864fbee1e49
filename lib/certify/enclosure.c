/* SPDX-License-Identifier: MIT
 *
 * One stage after the other. */
#include "certify/enclosure.h"

#include "linalg/rounding.h"

#include <limits.h>

struct pass {
    struct lip_fixed x;
    struct lip_sums sums;
    size_t limbs;
    double products; /* since the last look at the clock */
    struct lip_ctx *ctx;
};

static enum lip_status tick(struct pass *pass, double products)
{
    pass->products += products;
    if (pass->products < 1e6)
        return LIP_OK;
    pass->products = 0;
    return lip_tick(pass->ctx, "lower bound", 0, 0, NAN);
}

/* Entries lie below 2^result; where all are zero, their errors are of the order
 * of 2^result, or zero too. */
static long top_entry(const struct lip_fixed *x)
{
    long top = lip_fixed_top(x);
    return top == LONG_MIN ? x->exponent : top;
}

static enum lip_status linear(struct pass *pass, const struct lip_stage *stage)
{
    size_t n = stage->inputs, m = stage->outputs;
    long top = top_entry(&pass->x) + stage->top_weight;
    if (stage->bias && stage->top_bias > top)
        top = stage->top_bias;
    lip_sums_begin(&pass->sums, m, pass->limbs, top);
    for (size_t i = 0; i < m; i++) {
        const double *row = stage->weight + i * n;
        for (size_t k = 0; k < n; k++)
            lip_sums_product(&pass->sums, i, row[k], &pass->x, k);
        if (stage->bias)
            lip_sums_term(&pass->sums, i, stage->bias[i]);
        enum lip_status status = tick(pass, (double)n);
        if (status != LIP_OK)
            return status;
    }
    lip_fixed_take(&pass->x, m, &pass->sums, n + 1);
    return LIP_OK;
}

static double steepest(const struct lip_stage *stage, const double *parameter)
{
    struct lip_slopes s = stage->activation->slopes(parameter);
    return fmax(fabs(s.lo), fabs(s.hi));
}

static long top_of(double x)
{
    int e = 0;
    frexp(x, &e);
    return x == 0 ? -1080 : e;
}

/* The piece that holds entry k, its error left aside. */
static struct lip_piece piece_of(const struct lip_stage *stage,
                                 const struct lip_fixed *x, size_t k)
{
    double room[LIP_MAX_PARAMETERS];
    struct lip_piece piece[LIP_MAX_PIECES];
    size_t n =
        stage->activation->pieces(piece, lip_stage_parameter(stage, k, room));
    while (n > 1 && lip_fixed_compare(x, k, piece[n - 1].from) < 0)
        n--;
    return piece[n - 1];
}

/* phi is continuous: with the error r of the entry, phi(x) is off by at most
 * r times the steepest slope, wherever the kinks are. */
static void straight(struct pass *pass, const struct lip_stage *stage)
{
    const struct lip_fixed *x = &pass->x;
    long top_x = top_entry(x), top = x->exponent;
    for (size_t k = 0; k < stage->outputs; k++) {
        struct lip_piece piece = piece_of(stage, x, k);
        long of_slope = top_of(piece.slope) + top_x;
        top = of_slope > top ? of_slope : top;
        if (piece.offset != 0 && top_of(piece.offset) > top)
            top = top_of(piece.offset);
    }
    lip_sums_begin(&pass->sums, stage->outputs, pass->limbs, top);
    for (size_t k = 0; k < stage->outputs; k++) {
        double room[LIP_MAX_PARAMETERS];
        struct lip_piece piece = piece_of(stage, x, k);
        lip_sums_product(&pass->sums, k, piece.slope, x, k);
        if (piece.offset != 0)
            lip_sums_term(&pass->sums, k, piece.offset);
        lip_sums_widen(&pass->sums, k,
                       steepest(stage, lip_stage_parameter(stage, k, room)), x,
                       k);
    }
    lip_fixed_take(&pass->x, stage->outputs, &pass->sums, 4);
}

/* phi of one entry in doubles, and how far it may be off. */
static double value(const struct lip_stage *stage, const struct lip_fixed *x,
                    size_t k, double *error)
{
    double room[LIP_MAX_PARAMETERS];
    const double *parameter = lip_stage_parameter(stage, k, room);
    const struct lip_accuracy *accuracy = &stage->activation->accuracy;
    double at = lip_fixed_double(x, k, error);
    if (!isfinite(at))
        return NAN;
    double v = stage->activation->value(at, parameter);
    double own = lip_add_up(lip_mul_up(accuracy->relative, fabs(v)),
                            lip_mul_up(accuracy->argument, fabs(at)));
    *error = lip_add_up(lip_mul_up(*error, steepest(stage, parameter)),
                        lip_add_up(own, 0x1p-1000));
    return v;
}

static enum lip_status curved(struct pass *pass, const struct lip_stage *stage)
{
    long top = -1080;
    for (size_t k = 0; k < stage->outputs; k++) {
        double error, v = value(stage, &pass->x, k, &error);
        if (!isfinite(v) || !isfinite(error))
            return lip_fail(pass->ctx, LIP_UNPROVEN,
                            "A neuron's value is too large to be proven.");
        top = top_of(v) > top ? top_of(v) : top;
    }
    lip_sums_begin(&pass->sums, stage->outputs, pass->limbs, top);
    for (size_t k = 0; k < stage->outputs; k++) {
        double error, v = value(stage, &pass->x, k, &error);
        lip_sums_term(&pass->sums, k, v);
        lip_sums_error(&pass->sums, k, error);
    }
    lip_fixed_take(&pass->x, stage->outputs, &pass->sums, 2);
    return LIP_OK;
}

/* x = the point, exactly but for entries 2^-64 limbs below the largest. */
static void begin(struct pass *pass, const double *x, size_t n)
{
    long top = -1080;
    for (size_t k = 0; k < n; k++)
        top = top_of(x[k]) > top ? top_of(x[k]) : top;
    lip_sums_begin(&pass->sums, n, pass->limbs, top);
    for (size_t k = 0; k < n; k++)
        lip_sums_term(&pass->sums, k, x[k]);
    lip_fixed_take(&pass->x, n, &pass->sums, 1);
}

static enum lip_status run(struct pass *pass, const struct lip_stages *stages)
{
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < stages->count; i++) {
        const struct lip_stage *stage = &stages->stage[i];
        if (stage->weight)
            status = linear(pass, stage);
        else if (stage->activation->pieces)
            straight(pass, stage);
        else
            status = curved(pass, stage);
    }
    return status;
}

enum lip_status lip_enclose(struct lip_fixed *out,
                            const struct lip_stages *stages, const double *x,
                            size_t limbs, struct lip_ctx *ctx)
{
    struct pass pass = {.limbs = limbs, .ctx = ctx};
    *out = (struct lip_fixed){.count = 0};
    enum lip_status status = lip_fixed_new(&pass.x, stages->widest, limbs, ctx);
    if (status == LIP_OK)
        status = lip_sums_new(&pass.sums, stages->widest, limbs, ctx);
    if (status == LIP_OK) {
        begin(&pass, x, stages->inputs);
        status = run(&pass, stages);
    }
    lip_sums_clear(&pass.sums);
    if (status == LIP_OK)
        *out = pass.x;
    else
        lip_fixed_clear(&pass.x);
    return status;
}

double lip_enclose_bytes(size_t widest)
{
    return (double)widest * (8.0 * (2 * LIP_FIXED_LIMBS + 4) + 1);
}
