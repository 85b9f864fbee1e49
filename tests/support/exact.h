/* SPDX-License-Identifier: MIT
 *
 * The oracle: norms, products and the block recursion in ball arithmetic
 * (Arb), with enclosures so narrow that they stand for the exact value. It
 * shares no code and no formula of the error analysis with the library. */
#ifndef LIP_TESTS_SUPPORT_EXACT_H
#define LIP_TESTS_SUPPORT_EXACT_H

#include "linalg/norm.h"
#include "network/chain.h"

#include <arb_mat.h>
#include <stdbool.h>

/* Bits. Sums of products of any doubles are exact with EXACT_PREC. */
enum { BALL_PREC = 320, EXACT_PREC = 6400 };

/* out = A, or its transpose; exact. `out` is initialised here. */
void exact_matrix(arb_mat_t out, const struct lip_matrix *a, bool transpose);

/* W (outputs x inputs) = 2^exponent stored^T, the radius left out. */
void exact_link(arb_mat_t out, const struct lip_link *link);

/* A ball of relative radius below 1e-12, usually 1e-25, that contains |A|_2.
 * Proven: from below by a Rayleigh quotient, from above by a Cholesky
 * factorisation in balls. Where that cannot be had, the test fails. */
void exact_spectral(arb_t out, const arb_mat_t a);

/* |A|_F. */
void exact_frobenius(arb_t out, const arb_mat_t a);

/* |A|_{p->q}: the easy pairs as a sum, 2->2 as above; the hard ones by all
 * sign vectors (inf->q: at most 16 columns; 2->1: at most 16 rows). */
void exact_norm(arb_t out, const arb_mat_t a, struct lip_norm_pair pair);

/* True where the symmetric ball matrix (upper triangle counts) was proven
 * positive definite. */
bool exact_positive(const arb_mat_t a);

/* value >= every point / the lower end of the ball. */
bool exact_not_below(double value, const arb_t truth);

/* value / truth - 1, an upper bound, for truth > 0. */
double exact_excess(double value, const arb_t truth);

/* The recursion of recursion.h with given multipliers, on the exact matrices
 * of a chain whose links have no radius. */
struct exact_pass {
    const struct lip_chain *chain;
    size_t layer;
    arb_mat_t y; /* S = y^T y */
};

void exact_pass_start(struct exact_pass *pass, const struct lip_chain *chain);

/* Takes Lambda_k = lambda_k 2^exponent and the slopes lo, hi of each neuron
 * (|lo| <= hi, lo hi of one sign in the layer). False where I + P Lambda S or
 * M is not proven positive definite. */
bool exact_pass_step(struct exact_pass *pass, const double *lambda,
                     long exponent, const double *lo, const double *hi);

/* M of the recursion for S, into m (initialised, n square); S becomes Z. False
 * where I + P Lambda S is not proven positive definite. */
bool exact_block(arb_mat_t m, arb_mat_t s, arb_srcptr lambda, const double *lo,
                 const double *hi);

/* out = factor^-T B for an upper triangular factor; out initialised here. */
void exact_solve_transposed(arb_mat_t out, const arb_mat_t factor,
                            const arb_mat_t b);

/* out = A^T A, out initialised by the caller. */
void exact_gram(arb_mat_t out, const arb_mat_t a);

/* The bound. */
void exact_pass_finish(arb_t out, struct exact_pass *pass);
void exact_pass_clear(struct exact_pass *pass);

#endif
