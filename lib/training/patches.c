/* SPDX-License-Identifier: MIT
 *
 * Patches row by row of the kernel: where pixels lie side by side, what a
 * window sees of a row of the image is one piece of memory. */
#include "training/patches.h"

#include <string.h>

size_t lip_patches_width(const struct lip_patches *patches)
{
    const struct lip_window *w = patches->window;
    return (patches->bottom - patches->top) * w->kernel[1] * w->channels[0];
}

/* One row of the kernel at one place: pieces of `length` numbers, `pieces` of
 * them, at x + piece * step, for p + skip on; the rest is outside. */
struct strip {
    size_t skip, pieces, length, step;
    size_t from; /* in the image; pieces = 0: nowhere */
};

/* Columns of the kernel inside the image: q dilation + at >= 0 and < n. */
static void inside(size_t *first, size_t *end, long at,
                   const struct lip_window *w)
{
    long d = (long)w->dilation[1], n = (long)w->in[1], k = (long)w->kernel[1];
    long low = at < 0 ? (-at + d - 1) / d : 0;
    long high = at < n ? (n - 1 - at) / d + 1 : 0;
    high = high < k ? high : k;
    *first = (size_t)low;
    *end = (size_t)(high > low ? high : low);
}

static struct strip strip_at(const struct lip_window *w, long y, long x)
{
    size_t c = w->channels[0], first, end;
    struct strip s = {0, 0, 0, 0, 0};
    inside(&first, &end, x, w);
    if (y < 0 || y >= (long)w->in[0] || first == end)
        return s;
    bool whole = w->dilation[1] == 1;
    s.skip = first * c;
    s.length = whole ? (end - first) * c : c;
    s.pieces = whole ? 1 : end - first;
    s.step = w->dilation[1] * c;
    s.from =
        ((size_t)y * w->in[1] + (size_t)(x + (long)(first * w->dilation[1]))) *
        c;
    return s;
}

/* Short copies: no call of memcpy. */
static inline void copy(float *restrict to, const float *restrict from,
                        size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
}

static inline void add(float *restrict to, const float *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

/* Where patch `first` is, and on to the next. */
struct place {
    size_t image, y, x;
};

static struct place place_of(const struct lip_window *w, size_t t)
{
    size_t area = w->out[0] * w->out[1];
    return (struct place){t / area, t % area / w->out[1], t % w->out[1]};
}

static void next(struct place *at, const struct lip_window *w)
{
    if (++at->x < w->out[1])
        return;
    at->x = 0;
    if (++at->y < w->out[0])
        return;
    at->y = 0;
    at->image++;
}

/* Row and column of the image that kernel row p and its column 0 fall on. */
static long row_of(const struct lip_window *w, const struct place *at, size_t p)
{
    return (long)(at->y * w->stride[0] + p * w->dilation[0]) -
           (long)w->before[0];
}

static long column_of(const struct lip_window *w, const struct place *at)
{
    return (long)(at->x * w->stride[1]) - (long)w->before[1];
}

void lip_patches_take(float *p, const struct lip_patches *patches,
                      const float *x)
{
    const struct lip_window *w = patches->window;
    size_t size = w->in[0] * w->in[1] * w->channels[0];
    size_t line = w->kernel[1] * w->channels[0];
    struct place at = place_of(w, patches->first);
    for (size_t i = 0; i < patches->count; i++, next(&at, w)) {
        const float *image = x + at.image * size;
        for (size_t k = patches->top; k < patches->bottom; k++, p += line) {
            struct strip s = strip_at(w, row_of(w, &at, k), column_of(w, &at));
            if (s.pieces * s.length < line)
                memset(p, 0, line * sizeof *p);
            for (size_t j = 0; j < s.pieces; j++)
                copy(p + s.skip + j * s.length, image + s.from + j * s.step,
                     s.length);
        }
    }
}

void lip_patches_add(float *x, const struct lip_patches *patches,
                     const float *p)
{
    const struct lip_window *w = patches->window;
    size_t size = w->in[0] * w->in[1] * w->channels[0];
    size_t line = w->kernel[1] * w->channels[0];
    struct place at = place_of(w, patches->first);
    for (size_t i = 0; i < patches->count; i++, next(&at, w)) {
        float *image = x + at.image * size;
        for (size_t k = patches->top; k < patches->bottom; k++, p += line) {
            struct strip s = strip_at(w, row_of(w, &at, k), column_of(w, &at));
            for (size_t j = 0; j < s.pieces; j++)
                add(image + s.from + j * s.step, p + s.skip + j * s.length,
                    s.length);
        }
    }
}
