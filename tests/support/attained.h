/* SPDX-License-Identifier: MIT
 *
 * Lower bounds to hold upper bounds against, in plain arithmetic (good to
 * about 1e-13). */
#ifndef LIP_TESTS_SUPPORT_ATTAINED_H
#define LIP_TESTS_SUPPORT_ATTAINED_H

#include "linalg/norm.h"
#include "network/chain.h"

/* |A|_{p->q}, A rows x cols by rows; for the hard pairs by all sign vectors
 * (at most 16 columns, for 2->1 rows). */
double plain_norm(const double *a, size_t rows, size_t cols,
                  struct lip_norm_pair pair);

/* max |W_l D_{l-1} ... D_1 W_1|_{p->q} over all D with every slope at one of
 * its ends: what any method with free slopes can reach at best, and the
 * constant itself where one hidden layer has independent rows. For every pair
 * into out[9]; at most 14 hidden neurons. */
void attained_by_slopes(double out[9], const struct lip_chain *chain);

/* The largest of |J|_{p->q} over the Jacobians at `points` random inputs of
 * the given size, and of |f(x) - f(y)| / |x - y| for random pairs. */
void attained_by_search(double out[9], const struct lip_network *network,
                        const struct lip_chain *chain, int points, double size,
                        uint64_t seed);

#endif
