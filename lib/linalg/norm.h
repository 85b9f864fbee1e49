/* SPDX-License-Identifier: MIT
 *
 * Induced matrix norms |A|_{p->q} = max |A x|_q / |x|_p for p, q in {1, 2,
 * inf}, bounded from above in exact arithmetic. */
#ifndef LIP_LINALG_NORM_H
#define LIP_LINALG_NORM_H

#include "base/context.h"
#include "linalg/matrix.h"

#include <stdbool.h>

/* The vector norms that the service speaks of. */
enum lip_norm { LIP_NORM_1, LIP_NORM_2, LIP_NORM_INF, LIP_NORM_COUNT };

/* |x| is measured in `input`, |f(x)| in `output`. */
struct lip_norm_pair {
    enum lip_norm input, output;
};

/* "1", "2", "inf". */
const char *lip_norm_name(enum lip_norm norm);

/* 1/p + 1/q = 1. */
enum lip_norm lip_norm_dual(enum lip_norm norm);

/* True where the induced norm of this pair can be computed in polynomial time:
 * 1->q, p->inf, 2->2. inf->1, inf->2 and 2->1 are NP-hard. */
bool lip_norm_pair_easy(struct lip_norm_pair pair);

/* An upper bound of |A|_{p->q} where `at` holds the transpose of A. For the
 * easy pairs it is the norm but for rounding (a relative (m + n) u, for 2->2
 * see spectral.h). For the hard ones it is the smaller of | |A| |_{p->q} and a
 * multiple of |A|_2. Entries as lip_spectral_upper asks; a zero matrix gives
 * 0. O(m n), for 2->2 and the hard ones lip_spectral_upper more. */
enum lip_status lip_norm_upper(double *out, const struct lip_matrix *at,
                               struct lip_norm_pair pair, struct lip_ctx *ctx);

/* An upper bound of |D|_{p->q} / |D|_2, and so of |D|_{p->q} / |D|_F, over all
 * outputs x inputs matrices D. */
double lip_norm_per_spectral(struct lip_norm_pair pair, size_t inputs,
                             size_t outputs);

#endif
