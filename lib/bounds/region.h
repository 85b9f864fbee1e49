/* SPDX-License-Identifier: MIT
 *
 * Regions of linear layers in a graph: what stands behind one of them, back to
 * where its numbers come out of something else. */
#ifndef LIP_BOUNDS_REGION_H
#define LIP_BOUNDS_REGION_H

#include "bounds/fold.h"

enum { LIP_MAX_BEGINS = 8 };

/* Layers in rising order, the last one whose region it is; the layers that are
 * not linear, or the input, from which they take. */
struct lip_region {
    size_t layer[LIP_MAX_FOLD], layers;
    size_t begin[LIP_MAX_BEGINS], begins;
};

/* Whether this is a layer, and linear but for a shift, or a reshape. */
bool lip_linear_at(const struct lip_network *network, size_t i);

/* Of linear layer i. False where it is larger than that. */
bool lip_region_find(struct lip_region *r, const struct lip_network *network,
                     size_t i);

/* The layers of a region that lead on from `from` into path[LIP_MAX_FOLD];
 * returns how many ways go from there to the last one, at most 2. */
unsigned lip_region_paths(size_t *path, size_t *paths,
                          const struct lip_region *r,
                          const struct lip_network *network, size_t from);

#endif
