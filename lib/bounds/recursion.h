/* SPDX-License-Identifier: MIT
 *
 * The block recursion that every l2 bound of the LipSDP class shares. For
 * diagonal multipliers Lambda_i > 0, slopes [a, b] of each neuron, p = a b and
 * m = (a + b)/2:
 *
 *     M_0 = I,  S_i = W_i M_{i-1}^-1 W_i^T,
 *     Z_i = S_i (I + P Lambda_i S_i)^-1,
 *     M_i = Lambda_i - m Lambda_i Z_i Lambda_i m,
 *     L   = | M_{l-1}^{-1/2} W_l^T |_2.
 *
 * If every I + P Lambda_i S_i and every M_i is positive definite then L bounds
 * the l2 constant of the chain (Fazlyab et al., NeurIPS 2019; in this form Xu
 * and Sivaranjani, NeurIPS 2024). ANY such Lambda gives a bound: methods
 * differ only in how they choose it.
 *
 * Here the recursion runs in floating point and proves an upper bound of L in
 * exact arithmetic. The invariant of a step is
 *
 *     R_i^T R_i <= M_i   and   S_{i+1} <= S^ + sigma I
 *
 * in Loewner order, where R_i and S^ are the stored matrices:
 * lip_cholesky_below gives the first; with Y = fl(R^-T W^T),
 *
 *     |Y - R^-T W^T|_F <= e = |R^-1| (gamma_{n+3} |R|_F |Y|_F + radius),
 *     sigma = 2 |Y|_F e + e^2 + gamma_{n+2} |Y|_F^2
 *
 * gives the second, since S is antitone in M (Higham, section 8.1 and 3.5).
 * |R^-1| is bounded by a second Cholesky of M - tau I. All in coordinates
 * where Lambda_i is within a factor of two of the identity, reached by powers
 * of two.
 *
 * Numbers that pass a gap beside its neurons (gap->passes) have no multiplier:
 * they are eliminated exactly, see passing.h. A first layer with far more
 * neurons than inputs is eliminated in another order, see front.h. */
#ifndef LIP_BOUNDS_RECURSION_H
#define LIP_BOUNDS_RECURSION_H

#include "bounds/front.h"
#include "bounds/passing.h"
#include "linalg/big.h"
#include "network/chain.h"

#include <stdbool.h>

/* Slopes of one neuron as the recursion uses them: 0 <= |lo| <= hi, after
 * replacing phi by -phi where that is needed. What leads on from a neuron that
 * is turned changes its sign with it: with others beside it that are not, m
 * keeps its sign instead. */
struct lip_sector {
    double lo, hi;
    bool turned;
};

struct lip_multipliers;

struct lip_recursion {
    const struct lip_chain *chain;
    struct lip_ctx *ctx;
    struct lip_sector **sector; /* as chain->slopes */
    size_t widest;              /* hidden layer */
    size_t layer;               /* the step to come: 0 .. count - 2 */
    struct lip_matrix s;        /* S^, upper triangle, n_i square */
    double sigma;
    long exponent;           /* true S = 2^(2 exponent) (S^ + ...) */
    struct lip_matrix first; /* S^ of the first layer, made once */
    double first_sigma;
    struct lip_matrix m, r, y;    /* work: n square, n square, next x n */
    struct lip_passing passing;   /* work */
    struct lip_front front;       /* takes the first step where it is used */
    double *scaled, *weight;      /* Lambda and m Lambda, scaled */
    int *power;                   /* its square root's power of two */
    struct lip_multipliers *used; /* gets what each step really used; NULL: not
                                     wanted */
};

/* Prepares passes over a chain without a zero matrix; one without activations
 * has no steps, and its bound is a proven spectral norm. Memory: four n^2 of
 * the widest hidden layer and the largest weight matrix behind it. n_1^2 n_0
 * flops. LIP_NO_MEMORY, LIP_TOO_LARGE. */
enum lip_status lip_recursion_new(struct lip_recursion *out,
                                  const struct lip_chain *chain,
                                  struct lip_ctx *ctx);
void lip_recursion_clear(struct lip_recursion *recursion);

/* Goes back to the first layer. O(n_1^2). */
void lip_recursion_start(struct lip_recursion *recursion);

/* How many neurons of the current layer have multipliers: the first ones. */
size_t lip_recursion_neurons(const struct lip_recursion *recursion);

/* Takes Lambda of the current layer (lambda[n_i], > 0 and finite, in units of
 * the stored S^; of neurons that pass not looked at; multipliers above 2^80
 * times the smallest are lowered to that, which keeps feasibility) and moves to
 * the next. *feasible tells whether M_i was proven positive definite; if not,
 * the pass is over. About (2/3) n^3 + n^2 n' + n'^2 n flops for widths n, n'
 * (for each sign in P 2 n^3
 * + n^3/3 more). LIP_NO_MEMORY. */
enum lip_status lip_recursion_step(struct lip_recursion *recursion,
                                   const double *lambda, bool *feasible);

/* After the last step: the proven bound. */
enum lip_status lip_recursion_finish(struct lip_big *out,
                                     struct lip_recursion *recursion);

/* flops of one whole pass, and bytes of the workspace. */
double lip_recursion_flops(const struct lip_chain *chain);
double lip_recursion_bytes(const struct lip_chain *chain);

#endif
