/* SPDX-License-Identifier: MIT
 *
 * One layer behind a reshape: what it gives, whether its ways of saying so
 * agree, and what it refuses. */
#ifndef LIP_TESTS_SUPPORT_SHAPED_H
#define LIP_TESTS_SUPPORT_SHAPED_H

#include "tests/support/graph.h"

/* The network of a reshape to `shape` (ended by 0) and the layer, which it
 * takes; the test fails where there is none. */
struct lip_network *shaped(const long *shape, struct lip_layer layer);

/* Fails unless there is no such network, for a reason with `says` in it. */
void shaped_refused(const long *shape, struct lip_layer layer,
                    const char *says);

/* Fails unless the rows of the linear layer 1 give what eval gives, with no
 * more entries than fan_in, none twice. */
void shaped_rows_agree(const struct lip_network *network);

/* Fails unless the output's shape is `dim`, ended by 0. */
void shaped_out(const struct lip_network *network, const size_t *dim);

/* The largest |f(a) - f(b)|_p / |a - b|_p over `tries` random pairs, of which
 * half are close together; numbers of a size of about `size`. */
double shaped_steepest(const struct lip_network *network, enum lip_norm p,
                       double size, int tries);

/* Uniform in (-1, 1), and whole numbers least .. most. */
double shaped_uniform(uint64_t *seed);
size_t shaped_from(uint64_t *seed, size_t least, size_t most);

#endif
