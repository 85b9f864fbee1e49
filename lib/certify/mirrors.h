/* SPDX-License-Identifier: MIT
 *
 * A layer that sorts or mirrors numbers at a point, as pairs one after the
 * other: which of them are put the other way round there. */
#ifndef LIP_CERTIFY_MIRRORS_H
#define LIP_CERTIFY_MIRRORS_H

#include "network/network.h"

struct lip_mirrors {
    struct lip_mirror *pair; /* NULL: no such layer */
    bool *flipped;           /* at the point reached last */
    size_t count;
};

/* How many pairs there are; 0 of other layers. */
size_t lip_mirrors_count(const struct lip_layer *layer);

/* Of a layer that lip_layer_steps() knows. LIP_NO_MEMORY. */
enum lip_status lip_mirrors_new(struct lip_mirrors *out,
                                const struct lip_layer *layer,
                                struct lip_ctx *ctx);
void lip_mirrors_clear(struct lip_mirrors *mirrors);

/* x becomes the layer's value there, and error, unless it is NULL, bounds of
 * how far that is from the exact value, from those of x. An exchange moves no
 * number by more than the larger of two errors, a mirror by sqrt 2 times that;
 * what a mirror rounds is at most 2^-44 of the larger number (forward.c). */
void lip_mirrors_to(struct lip_mirrors *mirrors, double *x, double *error);

/* x becomes D x or D^T x, D the derivative at the point reached last. */
void lip_mirrors_push(double *x, const struct lip_mirrors *mirrors);
void lip_mirrors_pull(double *x, const struct lip_mirrors *mirrors);

#endif
