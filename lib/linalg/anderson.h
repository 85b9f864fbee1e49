/* SPDX-License-Identifier: MIT
 *
 * Anderson acceleration of a fixed-point iteration x <- G(x) (Anderson 1965;
 * Walker and Ni, SIAM J. Numer. Anal. 49(4), 2011): with residuals
 * f = G(x) - x and the last few differences of x and f,
 *
 *     gamma = argmin | f - dF gamma |_2,
 *     next  = x + b f - (dX + b dF) gamma. */
#ifndef LIP_LINALG_ANDERSON_H
#define LIP_LINALG_ANDERSON_H

#include "base/crew.h"
#include "linalg/matrix.h"

#include <stdbool.h>

enum { LIP_ANDERSON_MEMORY = 8 };

struct lip_anderson {
    size_t size;
    double mixing;  /* b */
    int kept, next; /* differences held, slot to write */
    bool started;
    struct lip_matrix dx, df; /* size x LIP_ANDERSON_MEMORY; dx holds the */
                              /* differences of x + b f */
    double *x, *f;            /* of the last call */
    double *sums;             /* of the chunks */
    /* Inner products of the columns of df. */
    double gram[LIP_ANDERSON_MEMORY][LIP_ANDERSON_MEMORY];
};

/* 18 `size` numbers of memory. LIP_NO_MEMORY, LIP_TOO_LARGE. */
enum lip_status lip_anderson_new(struct lip_anderson *out, size_t size,
                                 double mixing, struct lip_ctx *ctx);
void lip_anderson_clear(struct lip_anderson *anderson);

/* Drops the history. */
void lip_anderson_forget(struct lip_anderson *anderson);

/* next[size] from x and f = G(x) - x. With no history, or where the least
 * squares problem is singular, next = x + b f. The crew (NULL: nobody) shares
 * the work. O(memory size). */
void lip_anderson_propose(double *next, struct lip_anderson *anderson,
                          const double *x, const double *f,
                          struct lip_crew *crew);

#endif
