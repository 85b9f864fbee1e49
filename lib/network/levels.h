/* SPDX-License-Identifier: MIT
 *
 * Which numbers cross each gap. Gap g holds the neurons of level g and, behind
 * them, nodes of lower levels that something from level g on still takes: as
 * few numbers as that takes, a linear node or the neurons it is made of,
 * whichever are fewer. */
#ifndef LIP_NETWORK_LEVELS_H
#define LIP_NETWORK_LEVELS_H

#include "network/nodes.h"

/* Numbers that come out of a gap: nodes side by side, first the `own` ones. */
struct lip_crossing {
    size_t *node, nodes, own;
    size_t width, passes; /* numbers, and how many of nodes that only pass */
};

struct lip_levels {
    size_t count;                  /* gaps; matrices are one more */
    struct lip_crossing *crossing; /* [count + 1], crossing[0] the input */
    double bytes;                  /* what all matrices take, and most work */
};

/* O(levels nodes). LIP_NO_MEMORY. */
enum lip_status lip_levels_new(struct lip_levels *out,
                               const struct lip_nodes *nodes,
                               struct lip_ctx *ctx);
void lip_levels_clear(struct lip_levels *levels);

/* The nodes whose numbers matrix g (0 .. count) gives, as `to` says, as a
 * linear map of what comes out of gap g: for the last one the output, else
 * what the neurons of the next gap take and the nodes that pass it. `target`
 * has room for all nodes; returns how many, in order. */
size_t lip_levels_targets(size_t *target, const struct lip_levels *levels,
                          const struct lip_nodes *nodes, size_t g);

/* Marks the linear nodes that have to be known for the targets of matrix g;
 * `work` has room for a number a node. */
void lip_levels_needed(bool *needed, const struct lip_levels *levels,
                       const struct lip_nodes *nodes, size_t g, size_t *work);

#endif
