/* SPDX-License-Identifier: MIT
 *
 * Matrices by their rows, for what is mostly zeros: row k has the entries
 * start[k] .. start[k + 1] - 1, and A is 2^exponent times that, the largest
 * entry in [1/2, 1). Each is off by at most `error` times its size. */
#ifndef LIP_BOUNDS_NORMS_ENTRIES_H
#define LIP_BOUNDS_NORMS_ENTRIES_H

#include "bounds/norms/filter.h"

#include <stdint.h>

struct lip_entries {
    size_t rows, cols;
    size_t *start; /* [rows + 1] */
    uint32_t *column;
    double *value;
    long exponent;
    double error;
};

/* The first `rows` rows of a layer of any linear kind, which must have entries
 * in the first `cols` columns only. LIP_NO_MEMORY, LIP_TOO_LARGE. */
enum lip_status lip_entries_of_layer(struct lip_entries *out,
                                     const struct lip_layer *layer, size_t rows,
                                     size_t cols, struct lip_ctx *ctx);

/* The convolution of a filter, its rows and columns in an order in which what
 * meets is close: by group, position and channel, positions along the shorter
 * axis first. */
enum lip_status lip_entries_of_filter(struct lip_entries *out,
                                      const struct lip_filter *filter,
                                      struct lip_ctx *ctx);

/* to = from^T; the entries of a row lie in the order of its columns. */
enum lip_status lip_entries_transpose(struct lip_entries *to,
                                      const struct lip_entries *from,
                                      struct lip_ctx *ctx);
void lip_entries_clear(struct lip_entries *entries);

/* The largest sum of |entries| of a row, rounded up. */
double lip_entries_row_sum(const struct lip_entries *entries);

/* y = A x, without the exponent. */
void lip_entries_apply(double *y, const struct lip_entries *entries,
                       const double *x);

#endif
