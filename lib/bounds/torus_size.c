/* SPDX-License-Identifier: MIT
 *
 * How large the tori of a torus network must be. Along an axis, a stage with
 * image n, taps q d, stride s and `out` positions looks at
 *
 *     -before .. (out - 1) s + (k - 1) d - before,
 *
 * of which nothing outside of [0, n) may be, around a torus of N, in [0, n):
 *
 *     N >= n + before  and  N >= (out - 1) s + (k - 1) d - before + 1,  N >= n.
 *
 * Sizes are the last one times the strides that follow; where all that follows
 * is one position they are 1. */
#include "bounds/torus.h"

/* Tori of more positions are not looked at. */
enum { LARGEST = 4096 };

static long least_size(const struct lip_torus_stage *s, int axis)
{
    long n = (long)s->image[axis], before = s->before[axis];
    long reach = (long)((s->tap[axis] - 1) * s->dilation[axis]);
    long end =
        ((long)s->window[axis] - 1) * (long)s->step[axis] + reach - before + 1;
    long least = n > end ? n : end;
    return n + before > least ? n + before : least;
}

/* The smallest size of the torus behind stage `last` with which all before it
 * are large enough, `factor` times as large. */
static long smallest(const struct lip_torus *torus, int axis, size_t stages,
                     long least)
{
    long factor = 1;
    for (size_t i = stages; i-- > 0;) {
        const struct lip_torus_stage *s = &torus->stage[i];
        factor *= (long)s->step[axis];
        if (factor > LARGEST)
            return LARGEST + 1;
        long need = (least_size(s, axis) + factor - 1) / factor;
        least = need > least ? need : least;
    }
    return least;
}

static bool set_axis(struct lip_torus *torus, int axis)
{
    size_t end = torus->count;
    while (end > 0 && torus->stage[end - 1].window[axis] == 1 &&
           (end == torus->count || least_size(&torus->stage[end], axis) == 1))
        end--;
    long size;
    if (end < torus->count)
        size = smallest(torus, axis, end, least_size(&torus->stage[end], axis));
    else
        size = smallest(torus, axis, end,
                        (long)torus->stage[end - 1].window[axis]);
    for (size_t i = end; i < torus->count; i++) {
        struct lip_torus_stage *s = &torus->stage[i];
        s->size[axis] = i == end ? (size_t)size : 1;
        s->stride[axis] = s->size[axis];
    }
    for (size_t i = end; i-- > 0;) {
        struct lip_torus_stage *s = &torus->stage[i];
        s->stride[axis] = s->step[axis];
        size *= (long)s->step[axis];
        if (size > LARGEST)
            return false;
        s->size[axis] = (size_t)size;
    }
    return size <= LARGEST;
}

/* Whether some position of the torus outside of the window sees the image. */
static bool spills(const struct lip_torus_stage *s, int axis)
{
    long n = (long)s->size[axis];
    for (size_t t = s->window[axis]; t < s->size[axis] / s->stride[axis]; t++)
        for (size_t q = 0; q < s->tap[axis]; q++) {
            long x = (long)(t * s->step[axis] + q * s->dilation[axis]) -
                     s->before[axis];
            if ((x % n + n) % n < (long)s->image[axis])
                return true;
        }
    return false;
}

static enum lip_status window_neurons(struct lip_torus_stage *s,
                                      struct lip_ctx *ctx)
{
    s->slopes = lip_alloc(ctx, s->out, sizeof *s->slopes);
    if (!s->slopes)
        return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                                  : LIP_NO_MEMORY;
    for (size_t c = 0; c < s->out; c++)
        s->slopes[c] = (struct lip_slopes){0, 1};
    s->gap = LIP_TORUS_SLOPES;
    return LIP_OK;
}

enum lip_status lip_torus_sizes(struct lip_torus *torus, struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    for (size_t first = 0; first < torus->count;) {
        struct lip_torus part = {1, torus->stage + first};
        while (part.stage[part.count - 1].gap != LIP_TORUS_METRIC &&
               first + part.count < torus->count)
            part.count++;
        if (!set_axis(&part, 0) || !set_axis(&part, 1))
            return lip_fail(ctx, LIP_TOO_LARGE,
                            "the images are too large for this method.");
        first += part.count;
    }
    for (size_t i = 0; i < torus->count && status == LIP_OK; i++) {
        struct lip_torus_stage *s = &torus->stage[i];
        if (s->gap == LIP_TORUS_LINEAR && (spills(s, 0) || spills(s, 1)))
            status = window_neurons(s, ctx);
    }
    return status;
}
