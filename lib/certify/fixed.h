/* SPDX-License-Identifier: MIT
 *
 * Vectors in block fixed point, of as many bits as a proof needs:
 *
 *     |x_k - sign_k M_k 2^exponent| <= radius_k 2^exponent,
 *
 * M_k a whole number of `limbs` 64-bit limbs. Through deep networks errors
 * grow with the product of the layers' absolute row sums, 10^45 for fifty
 * layers of width 100: doubles prove nothing there, a few more limbs do.
 *
 * A vector is made of sums in two steps: lip_sum takes products of doubles and
 * entries of another vector, in `limbs` + 2 limbs; lip_fixed_take rounds. The
 * sums cut each term off at the last bit, which their radius counts. */
#ifndef LIP_CERTIFY_FIXED_H
#define LIP_CERTIFY_FIXED_H

#include "base/context.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIP_FIXED_LIMBS = 12 };

/* Entry k has its lowest limb at magnitude[k * limbs]. */
struct lip_fixed {
    size_t count, limbs;
    long exponent;
    uint64_t *magnitude;
    bool *negative;
    double *radius;
};

/* Sums under way, one for each entry of a vector to come: two's complement
 * numbers of limbs + 2 limbs in units of 2^exponent, errors in the same. */
struct lip_sums {
    size_t limbs; /* of the vector to come */
    long exponent;
    uint64_t *limb;
    double *radius;
};

/* Room for `count` entries of up to `limbs` limbs each. LIP_NO_MEMORY,
 * LIP_TOO_LARGE. */
enum lip_status lip_fixed_new(struct lip_fixed *out, size_t count, size_t limbs,
                              struct lip_ctx *ctx);
void lip_fixed_clear(struct lip_fixed *x);
enum lip_status lip_sums_new(struct lip_sums *out, size_t count, size_t limbs,
                             struct lip_ctx *ctx);
void lip_sums_clear(struct lip_sums *sums);

/* x_k < 2^result for all k, errors left aside; LONG_MIN for a zero vector. */
long lip_fixed_top(const struct lip_fixed *x);

/* Begins `count` sums at zero, each of fewer than 2^40 terms below 2^top in
 * absolute value. */
void lip_sums_begin(struct lip_sums *sums, size_t count, size_t limbs,
                    long top);

/* sum_i += factor x_k, sum_i += term; finite numbers. */
void lip_sums_product(struct lip_sums *sums, size_t i, double factor,
                      const struct lip_fixed *x, size_t k);
void lip_sums_term(struct lip_sums *sums, size_t i, double term);

/* Sum i may be off by factor times the radius of x_k more, or by `error`. */
void lip_sums_widen(struct lip_sums *sums, size_t i, double factor,
                    const struct lip_fixed *x, size_t k);
void lip_sums_error(struct lip_sums *sums, size_t i, double error);

/* x = the sums, rounded to x's limbs; the sums are used up. `terms`: how many
 * terms a sum has, at most. */
void lip_fixed_take(struct lip_fixed *x, size_t count, struct lip_sums *sums,
                    size_t terms);

/* -1, 0, 1: the sign of M_k 2^exponent - y, exactly. */
int lip_fixed_compare(const struct lip_fixed *x, size_t k, double y);

/* A double near entry k, and in *error a bound of its distance from the true
 * x_k. Not finite where it is too large. */
double lip_fixed_double(const struct lip_fixed *x, size_t k, double *error);

/* A lower bound of |x_k - y_k|, as *mantissa 2^result. Both have the same
 * number of limbs. */
long lip_fixed_apart(double *mantissa, const struct lip_fixed *x,
                     const struct lip_fixed *y, size_t k);

#endif
