/* SPDX-License-Identifier: MIT
 *
 * Small steps that several methods take. */
#ifndef LIP_BOUNDS_SUPPORT_H
#define LIP_BOUNDS_SUPPORT_H

#include "bounds/method.h"
#include "linalg/big.h"

/* Applies where the pair is l2 to l2; the reason speaks of the method's
 * class. */
bool lip_applies_l2(const struct lip_chain *chain,
                    const struct lip_bound_options *options, char *reason,
                    size_t reason_size);

/* Applies always. */
bool lip_applies_any(const struct lip_chain *chain,
                     const struct lip_bound_options *options, char *reason,
                     size_t reason_size);

/* Sets the bound's value, rounded up to a double, or marks it skipped where no
 * double is large enough. */
void lip_bound_set(struct lip_bound *bound, struct lip_big value);

/* Evidence of a product of norms: room for one of each matrix in row 0, and the
 * norms between them, all set to the input's but the last. LIP_NO_MEMORY. */
enum lip_status lip_product_evidence(struct lip_bound *bound,
                                     const struct lip_chain *chain,
                                     struct lip_norm_pair pair,
                                     struct lip_ctx *ctx);

/* Adds a detail; the list is bounded, what is over it is dropped. */
void lip_bound_add_detail(struct lip_bound *bound, const char *rule,
                          double parameter, struct lip_big value);

/* Sum over the links of f(inputs, outputs). */
double lip_sum_links(const struct lip_chain *chain,
                     double (*f)(double inputs, double outputs));

/* Flops of a proven spectral norm of an m x n matrix, and of all links. */
double lip_spectral_flops(double m, double n);

/* Bytes of the largest work area a proven norm of any link needs. */
double lip_norm_bytes(const struct lip_chain *chain);

#endif
