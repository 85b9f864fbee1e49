/* SPDX-License-Identifier: MIT
 *
 * The multipliers of a whole chain: what a bound of the LipSDP class is proven
 * from, and all that a certificate of it needs. */
#ifndef LIP_BOUNDS_MULTIPLIERS_H
#define LIP_BOUNDS_MULTIPLIERS_H

#include "bounds/evidence.h"
#include "bounds/method.h"
#include "bounds/recursion.h"

/* Lambda_i = diag(|lambda[i]|) 2^(-2 exponent[i]) for the stored weights. Of
 * graphs, a negative number is a guess, which passes may lower. */
struct lip_multipliers {
    size_t layers;
    double **lambda;
    long *exponent;
    const struct lip_chain *chain;
};

/* Room for the multipliers of a chain, all 1. LIP_NO_MEMORY. */
enum lip_status lip_multipliers_new(struct lip_multipliers *out,
                                    const struct lip_chain *chain,
                                    struct lip_ctx *ctx);
void lip_multipliers_clear(struct lip_multipliers *multipliers);

/* Keeps what the recursion is about to step with at its current layer. */
void lip_multipliers_keep(struct lip_multipliers *to,
                          const struct lip_recursion *recursion,
                          const double *lambda);

/* Keeps what the recursion has used at its current layer, which may be less
 * than it was given. */
void lip_multipliers_keep_scaled(struct lip_multipliers *to,
                                 const struct lip_recursion *recursion);

/* A copy between two of the same chain. */
void lip_multipliers_copy(struct lip_multipliers *to,
                          const struct lip_multipliers *from);

/* The proven bound of these multipliers; see lip_recursion_step. */
enum lip_status lip_multipliers_pass(struct lip_big *out, bool *feasible,
                                     struct lip_recursion *recursion,
                                     const struct lip_multipliers *multipliers);

/* The multipliers of the best of several passes, for its certificate. */
struct lip_keeper {
    struct lip_recursion *recursion;
    struct lip_multipliers used, best;
    struct lip_big value; /* that they proved */
    bool wanted, found;
};

/* Where `wanted`, makes the recursion keep what it uses; otherwise all calls
 * do nothing. LIP_NO_MEMORY. */
enum lip_status lip_keeper_open(struct lip_keeper *out,
                                struct lip_recursion *recursion, bool wanted);

/* After a pass that proved `value`. */
void lip_keeper_offer(struct lip_keeper *keeper, struct lip_big value);

/* Makes the evidence of a bound that is not skipped. LIP_NO_MEMORY. */
enum lip_status lip_keeper_tell(struct lip_bound *bound,
                                const struct lip_keeper *keeper);
void lip_keeper_close(struct lip_keeper *keeper);

#endif
