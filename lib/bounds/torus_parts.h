/* SPDX-License-Identifier: MIT
 *
 * Parts of a pass over a torus network: memory and symbols (torus_room.c), the
 * choice of multipliers (torus_rule.c), the arithmetic of one frequency
 * (torus_step.c), all of them (torus_pass.c). */
#ifndef LIP_BOUNDS_TORUS_PARTS_H
#define LIP_BOUNDS_TORUS_PARTS_H

#include "bounds/torus.h"

enum { LIP_TORUS_BATCH = 8 };

/* Frequencies of a torus, one of each pair that are mirror images: index k is
 * (k / size[1], k % size[1]); place[k] of those that are kept. */
struct lip_torus_half {
    size_t size[2], count;
    size_t *kept;  /* [count] indices */
    size_t *place; /* [size[0] size[1]], SIZE_MAX: its mirror image is kept */
};

struct lip_torus_pass {
    const struct lip_torus *torus;
    struct lip_ctx *ctx;
    struct lip_torus_half
        *half; /* [2 count]: in front of each stage, behind it */
    size_t widest;
    double *s[2];      /* S in front of the stage and behind it */
    double *error;     /* [frequencies] what S behind it may miss */
    double *gather;    /* sums of |Y|_F^2 */
    double *v;         /* BATCH matrices in x out */
    double *planes;    /* their real and imaginary parts */
    double *turn;      /* cos and sin of taps for a batch */
    double *m, *other; /* widest square */
    double *work;
    double *g, *h, *slack_weight;
    double sigma;
};

/* What the neurons in front of a stage are like. */
struct lip_torus_neurons {
    const struct lip_slopes *slopes;
    double pole; /* largest |a b| with a < 0 */
    double most; /* largest h */
};

/* The index of -w. */
size_t lip_torus_mirror(const struct lip_torus_half *half, size_t k);

/* H(w)^* of `count` kept frequencies from number `first` on into pass->v, and
 * what they are off by in the Frobenius norm. */
void lip_torus_symbols(struct lip_torus_pass *pass, size_t stage, size_t first,
                       size_t count);
double lip_torus_symbol_error(const struct lip_torus_stage *stage);

/* At least the sum of the squares of x[n]. */
double lip_torus_squares(const double *x, size_t n);

/* S behind the stage becomes zero; gets what frequency f (kept, in front of the
 * stage, H^* in v) gives: where nothing or a metric g stands in front, where a
 * linear map does, where neurons do (false: M not proven definite); is divided
 * by what met, takes the place of S in front, and sigma is found. */
void lip_torus_clear_next(struct lip_torus_pass *pass, size_t stage);
void lip_torus_begin(struct lip_torus_pass *pass, size_t stage, size_t f,
                     double *v, bool metric);
void lip_torus_through(struct lip_torus_pass *pass, size_t stage, size_t f,
                       double *v);
bool lip_torus_step(struct lip_torus_pass *pass, size_t stage, size_t f,
                    double *v, const struct lip_torus_neurons *neurons);
void lip_torus_settle(struct lip_torus_pass *pass, size_t stage);

/* Chooses g and h for the neurons in front of a stage; g of a metric (false:
 * none was proven). */
void lip_torus_choose(struct lip_torus_pass *pass, size_t stage,
                      struct lip_torus_neurons *neurons,
                      const struct lip_torus_rule *rule, const double *tilt);
bool lip_torus_choose_metric(struct lip_torus_pass *pass, size_t stage,
                             const struct lip_torus_rule *rule);

#endif
