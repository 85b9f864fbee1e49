/* SPDX-License-Identifier: MIT
 *
 * Exact 1- and inf-norms of convolutions. Row (o, t) of A holds the taps
 *
 *     q with 0 <= t stride + q dilation - before < in
 *
 * along each axis, column (c, x) those with x + before - q dilation =
 * t stride for a t of the output: both are arithmetic progressions, few
 * different ones along each axis, and |A|_inf (|A|_1) is the largest sum of
 * |kernel| over a channel out (in) and over a progression along each axis. */
#include "bounds/norms/filter.h"

#include "bounds/norms/ways.h"

/* Taps first, first + step, ..., last. */
struct taps {
    size_t first, last, step;
};

static bool same(struct taps a, struct taps b)
{
    return a.first == b.first && a.last == b.last && a.step == b.step;
}

/* All of those of `inner` are among those of `outer`. */
static bool within(struct taps inner, struct taps outer)
{
    return inner.first >= outer.first && inner.last <= outer.last &&
           inner.step == outer.step &&
           (inner.first - outer.first) % outer.step == 0;
}

/* What output position t sees. False: nothing. */
static bool row_taps(struct taps *out, const struct lip_window *w, int axis,
                     size_t t)
{
    size_t d = w->dilation[axis], at = t * w->stride[axis];
    size_t before = w->before[axis], end = w->in[axis] + before;
    size_t first = at >= before ? 0 : (before - at + d - 1) / d;
    if (at >= end)
        return false;
    size_t last = (end - 1 - at) / d;
    last = last < w->kernel[axis] - 1 ? last : w->kernel[axis] - 1;
    *out = (struct taps){first, last, 1};
    return first <= last;
}

/* What sees input position x. */
static bool column_taps(struct taps *out, const struct lip_window *w, int axis,
                        size_t x)
{
    size_t d = w->dilation[axis], s = w->stride[axis];
    size_t at = x + w->before[axis];
    bool found = false;
    for (size_t q = 0; q < w->kernel[axis] && q * d <= at; q++) {
        size_t from = at - q * d;
        if (from % s != 0 || from / s >= w->out[axis])
            continue;
        if (!found)
            *out = (struct taps){q, q, 1};
        else if (out->first == out->last)
            out->step = q - out->first;
        out->last = q;
        found = true;
    }
    return found;
}

/* Kernels as wide as a wide image have as many different ones as the image has
 * positions: where looking at them all would take long, the sum over all taps
 * has to do, which is never less. */
enum { MANY = 1024 };
static const double TOO_LONG = 1e8;

static size_t whole(struct taps *set, const struct lip_window *w, int axis)
{
    set[0] = (struct taps){0, w->kernel[axis] - 1, 1};
    return 1;
}

/* The different ones along an axis that lie in no other one, into set[]; how
 * many. */
static size_t collect(struct taps *set, const struct lip_window *w, int axis,
                      bool rows)
{
    size_t count = 0, n = rows ? w->out[axis] : w->in[axis];
    if ((double)n * (double)w->kernel[axis] > TOO_LONG)
        return whole(set, w, axis);
    for (size_t t = 0; t < n; t++) {
        if (count == MANY)
            return whole(set, w, axis);
        struct taps now;
        bool known = !(rows ? row_taps : column_taps)(&now, w, axis, t);
        for (size_t k = 0; k < count && !known; k++)
            known = same(now, set[k]) || within(now, set[k]);
        if (!known)
            set[count++] = now;
    }
    return count;
}

/* sum[channel][height][width]: |kernel| summed over the other channels. */
static void sums(double *sum, const struct lip_filter *f, bool rows)
{
    const struct lip_window *w = &f->window;
    size_t area = w->kernel[0] * w->kernel[1];
    size_t in = w->channels[0] / w->groups, out = w->channels[1] / w->groups;
    for (size_t o = 0; o < w->channels[1]; o++)
        for (size_t c = 0; c < in; c++) {
            const double *from = f->number + (o * in + c) * area;
            double *to = sum + (rows ? o : o / out * in + c) * area;
            for (size_t q = 0; q < area; q++)
                to[q] += fabs(from[q]);
        }
}

static double total(const double *sum, size_t width, struct taps a,
                    struct taps b)
{
    double result = 0;
    for (size_t p = a.first; p <= a.last; p += a.step)
        for (size_t q = b.first; q <= b.last; q += b.step)
            result += sum[p * width + q];
    return result;
}

static double largest(const double *sum, size_t channels,
                      const struct lip_window *w, struct taps *const set[2],
                      const size_t count[2])
{
    double most = 0;
    size_t area = w->kernel[0] * w->kernel[1];
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < count[0]; i++)
            for (size_t j = 0; j < count[1]; j++)
                most = fmax(most, total(sum + c * area, w->kernel[1], set[0][i],
                                        set[1][j]));
    return most;
}

enum lip_status lip_filter_norm(struct lip_big *out,
                                const struct lip_filter *filter,
                                enum lip_norm p, struct lip_ctx *ctx)
{
    const struct lip_window *w = &filter->window;
    bool rows = (p == LIP_NORM_INF) != filter->adjoint;
    size_t channels = w->channels[rows ? 1 : 0], count[2];
    size_t area = w->kernel[0] * w->kernel[1];
    double *sum = lip_calloc(ctx, channels * area, sizeof *sum);
    struct taps *set[2] = {0};
    enum lip_status status = sum ? LIP_OK : LIP_NO_MEMORY;
    for (int axis = 0; axis < 2 && status == LIP_OK; axis++) {
        set[axis] = lip_alloc(ctx, MANY, sizeof *set[axis]);
        if (!set[axis])
            status = LIP_NO_MEMORY;
        else
            count[axis] = collect(set[axis], w, axis, rows);
    }
    if (status == LIP_OK) {
        double sizes = (double)count[0] * (double)count[1] * (double)area;
        for (int axis = 0; axis < 2 && sizes * (double)channels > 1e9; axis++)
            count[axis] = whole(set[axis], w, axis);
        sums(sum, filter, rows);
        double most = largest(sum, channels, w, set, count);
        size_t terms = lip_filter_count(filter) / channels + area;
        if (most > 0)
            most = lip_norm_widen(lip_inflate(most, terms), filter->error);
        *out = lip_big_make(most, filter->exponent);
    }
    lip_free(sum);
    lip_free(set[0]);
    lip_free(set[1]);
    return status == LIP_OK || !ctx || ctx->error.status == LIP_OK
               ? status
               : ctx->error.status;
}
