/* SPDX-License-Identifier: MIT
 *
 * Numbers that go past the neurons of a layer of the block recursion. With
 * multipliers that grow without end, those neurons of slopes [1, 1] leave the
 * limit, in which none is left: let A be the others and P these, the last of
 * the layer. With Z as in recursion.h (P has no part in the slopes' product
 * there) and
 *
 *     X = Lambda - m Lambda Z_AA Lambda m,   B = W_A + W_P Z_PA Lambda m,
 *
 * X positive definite is all that is asked, and the next S is
 *
 *     W M^-1 W^T = B X^-1 B^T + W_P Z_PP W_P^T,
 *
 * W the next matrix. (M^-1 is the covariance of z_A and y_P where y has
 * covariance Z; conditioning on nothing, no inverse of Z_PP is needed.) It
 * grows with Z, so that upper bounds stay upper bounds. */
#ifndef LIP_BOUNDS_PASSING_H
#define LIP_BOUNDS_PASSING_H

#include "linalg/matrix.h"
#include "network/chain.h"

struct lip_passing {
    struct lip_matrix w;    /* W_P, next x p */
    struct lip_matrix wz;   /* W_P Z_PP */
    struct lip_matrix base; /* W_P Z_PP W_P^T, next square, upper triangle */
    double base_norm, base_error; /* |base|_F, and how far off in F-norm */
    double b_error;               /* of W_P Z_PA t as stored, in F-norm */
};

/* Room for the gaps of a chain that numbers pass; all empty where none do. */
enum lip_status lip_passing_new(struct lip_passing *out,
                                const struct lip_chain *chain,
                                struct lip_ctx *ctx);
void lip_passing_clear(struct lip_passing *passing);
double lip_passing_bytes(const struct lip_chain *chain);

/* Fills it for a layer of n neurons, the last p of which pass: z (upper
 * triangle, n square) is Z, t[n - p] is m Lambda, link the next matrix, scale
 * of each neuron what its column of that is multiplied by, at most 1 (n).
 * b, next x (n - p), becomes W_P Z_PA t. 2 next p (n + next) flops. */
void lip_passing_fill(struct lip_passing *passing, struct lip_matrix *b,
                      const struct lip_matrix *z, size_t p, const double *t,
                      const struct lip_link *link, const double *scale);

#endif
