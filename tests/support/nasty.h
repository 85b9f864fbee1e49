/* SPDX-License-Identifier: MIT
 *
 * Matrices on which norms go wrong. */
#ifndef LIP_TESTS_SUPPORT_NASTY_H
#define LIP_TESTS_SUPPORT_NASTY_H

#include "linalg/matrix.h"

/* All entries lie below 2^100 in absolute value, the largest above 2^-300. */
extern const struct nasty {
    const char *name;
    size_t rows, cols;
    void (*fill)(struct lip_matrix *a);
} nasty_matrices[];
extern const size_t nasty_count;

/* Number k, made; to be cleared by the caller. */
struct lip_matrix nasty_make(size_t k);

#endif
