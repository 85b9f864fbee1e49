/* SPDX-License-Identifier: MIT
 *
 * Pairs put in order or mirrored. */
#include "certify/mirrors.h"

#include "linalg/rounding.h"

size_t lip_mirrors_count(const struct lip_layer *layer)
{
    size_t steps = lip_layer_steps(layer), count = 0;
    for (size_t k = 0; steps != LIP_NO_STEPS && k < steps; k++)
        count += layer->kind->mirrors(layer, k, NULL);
    return count;
}

enum lip_status lip_mirrors_new(struct lip_mirrors *out,
                                const struct lip_layer *layer,
                                struct lip_ctx *ctx)
{
    size_t count = lip_mirrors_count(layer);
    *out = (struct lip_mirrors){.count = count};
    out->pair = lip_alloc(ctx, count + 1, sizeof *out->pair);
    out->flipped = lip_calloc(ctx, count, sizeof *out->flipped);
    if (!out->pair || !out->flipped) {
        lip_mirrors_clear(out);
        return ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
    }
    for (size_t step = 0, used = 0; used < count; step++)
        used += layer->kind->mirrors(layer, step, out->pair + used);
    return LIP_OK;
}

void lip_mirrors_clear(struct lip_mirrors *mirrors)
{
    lip_free(mirrors->pair);
    lip_free(mirrors->flipped);
    *mirrors = (struct lip_mirrors){.count = 0};
}

static bool is_exchange(const struct lip_mirror *m)
{
    return m->scale == 2;
}

/* The mirror image of a pair; an exchange is exact. */
static void flip(double *x, const struct lip_mirror *m)
{
    double a = x[m->a], b = x[m->b];
    double twice = 2 * (m->sine * a - m->cosine * b);
    bool exchange = is_exchange(m);
    x[m->a] = exchange ? b : a - twice * m->sine;
    x[m->b] = exchange ? a : b + twice * m->cosine;
}

static double error_of(const struct lip_mirror *m, double a, double b,
                       double worst)
{
    static const double root_two = 0x1.6a09e667f3bcdp+0; /* rounded up */
    if (is_exchange(m))
        return worst;
    double size = fmax(fabs(a), fabs(b));
    return lip_add_up(lip_mul_up(root_two, worst),
                      lip_add_up(lip_mul_up(0x1p-44, size), LIP_TINY));
}

void lip_mirrors_to(struct lip_mirrors *mirrors, double *x, double *error)
{
    for (size_t k = 0; k < mirrors->count; k++) {
        const struct lip_mirror *m = &mirrors->pair[k];
        double a = x[m->a], b = x[m->b];
        mirrors->flipped[k] =
            is_exchange(m) ? a < b : m->sine * a - m->cosine * b < 0;
        if (mirrors->flipped[k])
            flip(x, m);
        if (error)
            error[m->a] = error[m->b] =
                error_of(m, a, b, fmax(error[m->a], error[m->b]));
    }
}

void lip_mirrors_push(double *x, const struct lip_mirrors *mirrors)
{
    for (size_t k = 0; k < mirrors->count; k++)
        if (mirrors->flipped[k])
            flip(x, &mirrors->pair[k]);
}

void lip_mirrors_pull(double *x, const struct lip_mirrors *mirrors)
{
    for (size_t k = mirrors->count; k-- > 0;)
        if (mirrors->flipped[k])
            flip(x, &mirrors->pair[k]);
}
