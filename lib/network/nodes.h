/* SPDX-License-Identifier: MIT
 *
 * A network taken apart for unrolling: the input, linear maps by their rows,
 * and neurons with slopes; nothing else. What changes nothing is gone, stacks
 * of activations are one, and the largest of several numbers is taken in pairs
 * (pairs.c). */
#ifndef LIP_NETWORK_NODES_H
#define LIP_NETWORK_NODES_H

#include "network/network.h"

enum lip_node_kind { LIP_NODE_INPUT, LIP_NODE_LINEAR, LIP_NODE_NEURONS };

/* In the place of a column: the row has fewer than two entries. */
#define LIP_NO_COLUMN SIZE_MAX

struct lip_node {
    enum lip_node_kind kind;
    size_t width;            /* numbers that it gives */
    size_t *source, sources; /* earlier nodes, numbers one after the other */
    size_t level;            /* neurons: one above what they take */
    const struct lip_layer *layer; /* LINEAR by lip_operator_row; else NULL: */
    size_t *column;                /* [2 width], LIP_NO_COLUMN for none, */
    double *value;                 /* [2 width] */
    double uncertainty;            /* how far those may be off, in F-norm,
                                      relatively */
    struct lip_slopes *slopes;     /* NEURONS: [width] */
};

struct lip_nodes {
    struct lip_node *node; /* in order; node 0 is the input */
    size_t count, room;
    bool shapes; /* only widths, sources and levels; no rows, no slopes */
    size_t output;
    char obstacle[240]; /* why there are none: a sentence, or empty */
};

/* Nodes of a network. Where `shapes`, in O(count of layers), the windows of
 * pools counted as if none were cut off at the border. A layer that has no such
 * form is no failure: out->obstacle says which. LIP_NO_MEMORY, LIP_TOO_LARGE.
 */
enum lip_status lip_nodes_new(struct lip_nodes *out,
                              const struct lip_network *network, bool shapes,
                              struct lip_ctx *ctx);
void lip_nodes_clear(struct lip_nodes *nodes);

/* --- for the files that make them */

/* One more node on top of `source[sources]`, with room for its rows or slopes
 * unless they are a layer's or only shapes are wanted; its number into *out. */
enum lip_status lip_nodes_add(size_t *out, struct lip_nodes *nodes,
                              enum lip_node_kind kind, size_t width,
                              const size_t *source, size_t sources,
                              const struct lip_layer *layer,
                              struct lip_ctx *ctx);

/* The largest of some numbers, and layers made of mirrors (with at least one
 * step): the last of several nodes into *out. */
enum lip_status lip_nodes_largest(size_t *out, struct lip_nodes *nodes,
                                  const struct lip_layer *layer,
                                  const size_t *source, size_t sources,
                                  struct lip_ctx *ctx);
enum lip_status lip_nodes_mirrors(size_t *out, struct lip_nodes *nodes,
                                  const struct lip_layer *layer,
                                  const size_t *source, size_t sources,
                                  struct lip_ctx *ctx);

#endif
