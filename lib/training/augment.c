/* SPDX-License-Identifier: MIT
 *
 * Moving images. A pixel of the result is looked up at a place of the image: a
 * linear map of its own place, held within the image. */
#include "training/augment.h"

#include "training/random.h"

#include <math.h>
#include <string.h>

bool lip_augment_acts(const struct lip_augment *augment)
{
    return augment->height > 0 &&
           (augment->shift > 0 || augment->turn > 0 || augment->stretch > 0);
}

enum lip_status lip_augment_check(const struct lip_augment *augment,
                                  size_t features, struct lip_ctx *ctx)
{
    size_t height = augment->height, width = augment->width;
    if (height == 0 && width == 0 && augment->shift == 0)
        return LIP_OK; /* what it says of turning is not read */
    if (height == 0 || width == 0 || height > features / width ||
        features % (height * width) != 0)
        return lip_fail(ctx, LIP_INVALID,
                        "Rows of %zu features are no images of %zu x %zu "
                        "pixels.",
                        features, height, width);
    if (augment->shift >= height || augment->shift >= width)
        return lip_fail(ctx, LIP_INVALID,
                        "Images of %zu x %zu pixels cannot be shifted by %zu.",
                        height, width, augment->shift);
    if (!(augment->turn >= 0 && augment->turn <= 180))
        return lip_fail(ctx, LIP_INVALID,
                        "Images are to be turned by up to %g degrees: choose 0 "
                        "to 180.",
                        augment->turn);
    if (!(augment->stretch >= 0 && augment->stretch <= 0.5))
        return lip_fail(ctx, LIP_INVALID,
                        "Images are to be stretched by up to %g: choose 0 to "
                        "0.5.",
                        augment->stretch);
    return LIP_OK;
}

/* Where pixel (i, j) of the result comes from: rows i * rr + j * rc + r0,
 * columns i * cr + j * cc + c0. */
struct way {
    double rr, rc, r0, cr, cc, c0;
    ptrdiff_t down, right;
};

struct draws {
    uint64_t seed, stream, at;
};

/* Uniform in [-1, 1). */
static double draw(struct draws *draws)
{
    return 2 * lip_draw_uniform(draws->seed, draws->stream, draws->at++) - 1;
}

static ptrdiff_t draw_shift(struct draws *draws, size_t shift)
{
    double span = 2 * (double)shift + 1;
    return (ptrdiff_t)floor((draw(draws) + 1) / 2 * span) - (ptrdiff_t)shift;
}

static struct way draw_way(const struct lip_augment *augment,
                           struct draws *draws)
{
    struct way way = {.rr = 1, .cc = 1};
    way.down = draw_shift(draws, augment->shift);
    way.right = draw_shift(draws, augment->shift);
    double angle = draw(draws) * augment->turn * 0.017453292519943295;
    double tall = 1 + draw(draws) * augment->stretch;
    double wide = 1 + draw(draws) * augment->stretch;
    double middle_r = ((double)augment->height - 1) / 2;
    double middle_c = ((double)augment->width - 1) / 2;
    way.rr = cos(angle) / tall;
    way.rc = -sin(angle) / tall;
    way.cr = sin(angle) / wide;
    way.cc = cos(angle) / wide;
    way.r0 = middle_r - way.rr * middle_r - way.rc * middle_c;
    way.c0 = middle_c - way.cr * middle_r - way.cc * middle_c;
    return way;
}

static size_t within(ptrdiff_t i, size_t count)
{
    return i < 0 ? 0 : (size_t)i < count ? (size_t)i : count - 1;
}

/* A plane of the image before it is moved, in raw units or scaled ones. */
struct plane {
    const float *x;
    const float *centre, *scale; /* of its pixels; NULL: none */
    size_t height, width;
};

/* Pixel k in raw units. */
static float raw(const struct plane *plane, size_t k)
{
    if (!plane->scale)
        return plane->x[k];
    return plane->x[k] / plane->scale[k] + plane->centre[k];
}

static float between(const struct plane *plane, double r, double c)
{
    double low_r = floor(r), low_c = floor(c);
    float down = (float)(r - low_r), right = (float)(c - low_c);
    size_t top = within((ptrdiff_t)low_r, plane->height) * plane->width;
    size_t low = within((ptrdiff_t)low_r + 1, plane->height) * plane->width;
    size_t left = within((ptrdiff_t)low_c, plane->width);
    size_t other = within((ptrdiff_t)low_c + 1, plane->width);
    float above =
        (1 - right) * raw(plane, top + left) + right * raw(plane, top + other);
    float below =
        (1 - right) * raw(plane, low + left) + right * raw(plane, low + other);
    return (1 - down) * above + down * below;
}

static void move_plane(float *out, const struct plane *plane,
                       const struct way *way, bool whole)
{
    size_t height = plane->height, width = plane->width;
    for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < width; j++, out++) {
            size_t from_r = within((ptrdiff_t)i - way->down, height);
            size_t from_c = within((ptrdiff_t)j - way->right, width);
            double r = (double)from_r, c = (double)from_c;
            size_t k = i * width + j;
            float value =
                whole ? raw(plane, from_r * width + from_c)
                      : between(plane, r * way->rr + c * way->rc + way->r0,
                                r * way->cr + c * way->cc + way->c0);
            *out = plane->scale ? (value - plane->centre[k]) * plane->scale[k]
                                : value;
        }
}

void lip_augment_row(float *out, const float *x, size_t features,
                     const struct lip_augment *augment,
                     const struct lip_scaling *scaling, uint64_t seed,
                     uint64_t stream, size_t row)
{
    struct draws draws = {seed, stream, 8 * (uint64_t)row};
    struct way way = draw_way(augment, &draws);
    size_t pixels = augment->height * augment->width;
    bool whole = !(augment->turn > 0) && !(augment->stretch > 0);
    bool scaled = scaling && scaling->scale;
    for (size_t at = 0; at < features; at += pixels) {
        struct plane plane = {x + at, scaled ? scaling->centre + at : NULL,
                              scaled ? scaling->scale + at : NULL,
                              augment->height, augment->width};
        move_plane(out + at, &plane, &way, whole);
    }
}
