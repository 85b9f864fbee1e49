/* SPDX-License-Identifier: MIT
 *
 * Induced matrix norms, bounded from above in exact arithmetic. */
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

/* True where the induced norm of this pair can be computed in polynomial time:
 * 1->q, p->inf, 2->2. inf->1, inf->2 and 2->1 are NP-hard. */
bool lip_norm_pair_easy(struct lip_norm_pair pair);

#endif
