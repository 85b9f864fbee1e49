/* SPDX-License-Identifier: MIT
 *
 * Proven lower bounds of the LipSDP-Neuron optimum. The dual of the problem,
 * its matrix variable written as a Gram matrix Z Z^T, asks for one vector in
 * R^r for each input and neuron:
 *
 *     maximise |Z_m W_l^T|_F / |Z_0|_F  subject to, with y_k = sum_j w_kj z_j,
 *     (z_k - a_k y_k) . (z_k - b_k y_k) <= 0   for every hidden neuron k,
 *
 * that is, z_k lies in the ball around m_k y_k of radius (b_k - a_k)/2 |y_k|.
 * (Weak duality: z' M z summed over the columns of Z is >= 0, and every
 * multiplier's term is <= 0.) So every choice of Z_0 and of unit vectors s_k,
 *
 *     z_k = m_k y_k + (b_k - a_k)/2 |y_k| s_k,
 *
 * propagated like an input, gives a lower bound of the optimum of the
 * semidefinite program: no multiplier whatever can prove less. (It says
 * nothing about the network's own constant.) Alternating maximisation makes
 * it large: with the gradient q_k of the objective, s_k <- q_k / |q_k|. */
#ifndef LIP_BOUNDS_ASCENT_H
#define LIP_BOUNDS_ASCENT_H

#include "base/crew.h"
#include "bounds/multipliers.h"
#include "linalg/anderson.h"
#include "linalg/big.h"
#include "network/chain.h"

enum { LIP_ASCENT_TILES = 8 };

struct lip_ascent {
    const struct lip_chain *chain;
    struct lip_ctx *ctx;
    struct lip_crew *crew; /* shares the work of sweeps; NULL: nobody */
    size_t rank;
    double *state;              /* Z_0 (F-norm 1), then all s: the iterate */
    size_t size;                /* numbers in it */
    struct lip_matrix *z, *s;   /* [count + 1]: rank x width; s unit columns, */
                                /* views into state, s[0] the input */
    struct lip_matrix *y;       /* [count + 1]: rank x width, y[0] unused */
    struct lip_matrix q, t[2];  /* work: rank x widest */
    double *norm, *error, *off; /* work: widest */
    double *image, *next, *best; /* as state */
    long *power; /* [count + 1]: true y_i = 2^power[i] stored; set by proving
                  * too */
    struct lip_big value; /* of the present state, not proven */
    bool current;         /* y, z and value are those of the state */
    struct lip_anderson anderson;
    uint64_t random;
};

/* Vectors in R^rank for a chain without a zero matrix; a random start. About
 * 25 rank times the sum of widths in memory. LIP_NO_MEMORY. */
enum lip_status lip_ascent_new(struct lip_ascent *out,
                               const struct lip_chain *chain, size_t rank,
                               struct lip_ctx *ctx);
void lip_ascent_clear(struct lip_ascent *ascent);

/* `sweeps` steps of the alternating maximisation, accelerated where that does
 * not lower the value; returns the value reached, not proven.
 * 4 to 8 rank sum n_i n_{i-1} flops a sweep. */
struct lip_big lip_ascent_run(struct lip_ascent *ascent, int sweeps,
                              bool accelerate);

/* Moves every direction a little at random: a way off a stationary point that
 * is not the maximum. */
void lip_ascent_perturb(struct lip_ascent *ascent, double size);

/* The multipliers that make the present vectors stationary,
 *
 *     lambda_k = |q_k| / ((b_k - a_k)/2 |y_k| value^2):
 *
 * optimal where the ascent has converged, since then M Z = 0. */
void lip_ascent_multipliers(struct lip_multipliers *out,
                            struct lip_ascent *ascent);

/* A proven lower bound from the present vectors, every rounding accounted for
 * by shrinking the balls, or by an error bound of their centres where they are
 * too small for that. Zero where that leaves nothing. */
struct lip_big lip_ascent_prove(struct lip_ascent *ascent);

#endif
