/* SPDX-License-Identifier: MIT
 *
 * The ways to bound a layer's norm, and what they share. */
#ifndef LIP_BOUNDS_NORMS_WAYS_H
#define LIP_BOUNDS_NORMS_WAYS_H

#include "bounds/norms/filter.h"
#include "bounds/norms/layer_norm.h"

extern const struct lip_norm_method lip_norm_rows, lip_norm_window,
    lip_norm_orthogonal, lip_norm_unrolled, lip_norm_symbol, lip_norm_gram,
    lip_norm_fantastic_four, lip_norm_schur, lip_norm_frobenius;

/* What is allowed where nobody says: about a second. */
#define LIP_NORM_FLOPS 3e10

/* Operations that looking at one entry of a row takes, about. */
#define LIP_NORM_ENTRY_FLOPS 30.0

/* Entries of all rows, at most. */
double lip_norm_entries(const struct lip_layer *layer);

/* The status of a failed allocation. */
enum lip_status lip_norm_memory(const struct lip_ctx *ctx);

/* What `value`, a sum of |stored entries| or a norm that grows with them, can
 * be where each entry is off by `error` times its size or what is stored. */
double lip_norm_widen(double value, double error);

/* The symbol's bound of a filter, with 2^exponent. */
enum lip_status lip_norm_of_symbol(struct lip_big *out,
                                   const struct lip_filter *filter,
                                   double flops, struct lip_ctx *ctx);

/* The unrolled matrix of a filter: whether it is small enough, and its norm.
 * LIP_UNPROVEN: no proof came out. */
bool lip_norm_unrolls(const struct lip_window *window, double flops);
enum lip_status lip_norm_of_unrolled(struct lip_big *out,
                                     const struct lip_filter *filter,
                                     struct lip_ctx *ctx);

/* |A|_1 or |A|_inf, by rows or by the window. */
enum lip_status lip_norm_of_sums(struct lip_big *out,
                                 const struct lip_layer *layer, enum lip_norm p,
                                 struct lip_ctx *ctx);

#endif
