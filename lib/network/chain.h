/* SPDX-License-Identifier: MIT
 *
 * The network as global bounds see it: alternating matrices and slope ranges,
 *
 *     f = W_l phi_{l-1}( ... phi_1(W_1 x + b_1) ... ) + b_l,
 *     slopes of neuron k of phi_i within [slopes[i-1][k].lo, .hi].
 *
 * Between matrices there may also be joint layers (sorted, mirrored numbers),
 * which have no slopes but a Lipschitz constant in each norm: only methods that
 * multiply constants can use such a gap (lip_chain_constant).
 *
 * A network that is no chain of dense layers takes the same form: convolutions
 * are unrolled into matrices, numbers that go past an activation (a skip
 * connection) pass through the gap with slopes [1, 1], the largest of several
 * numbers is (a + b + |a - b|) / 2 (unroll.h). Where that would take too much
 * memory, or there is a layer it cannot be done for, the chain is not
 * `unrolled`: it has no matrices, only `network`, which methods that go by
 * layers work on.
 *
 * Biases and reshapes are gone; adjacent linear layers are multiplied out,
 * adjacent activations composed, an activation at either end gets an identity
 * matrix beside it. Each matrix is divided by a power of two, exactly, so that
 * its largest entry lies in [1/2, 1): weights of 1e300 cannot overflow inside
 * a method. */
#ifndef LIP_NETWORK_CHAIN_H
#define LIP_NETWORK_CHAIN_H

#include "linalg/matrix.h"
#include "network/closing.h"

#include <stdbool.h>

/* W = 2^exponent (stored + D), where the stored matrix is transposed (inputs x
 * outputs, column-major: each column is the weights of one neuron) and
 * |D|_F <= radius. radius is 0 unless layers were multiplied out or scaling
 * lost the last bits of numbers near the smallest double. A zero matrix has
 * exponent 0. It is the product of the linear ones among the network's layers
 * first .. end - 1, the identity where there are none. */
struct lip_link {
    struct lip_matrix transposed;
    long exponent;
    double radius;
    size_t first, end;
};

/* A gap with a joint layer in it: all that it does from l_p to l_p moves two
 * points apart by at most constant[p]. */
struct lip_gap {
    bool joint;
    double constant[LIP_NORM_COUNT];
    size_t passes; /* so many neurons at its end have slopes [1, 1] because
                      numbers go past the others; 0 in chains of dense layers */
};

struct lip_chain {
    /* What it was made of, which must live as long where it is to be used; NULL
     * for transposed ones. */
    const struct lip_network *network;
    bool dense;                 /* of a chain of dense layers: its links are
                                   theirs, and certificates speak of them */
    bool unrolled;              /* the matrices are there */
    char obstacle[240];         /* why not: a sentence */
    size_t count;               /* l, the number of matrices, at least 1; 0
                                   where not unrolled */
    struct lip_link *link;      /* [count] */
    struct lip_slopes **slopes; /* [count - 1][outputs of that link]; of a joint
                                   gap no statement: 0 .. infinity */
    struct lip_gap *gap;        /* [count - 1] */
    bool joint;                 /* some gap is */
    /* The same function without a joint gap, where lip_chain_has_plain(); else
     * NULL. Sorts and mirrors are taken apart into pairs (pairs.c): each step a
     * gap with slopes [-1, 1] of what |.| is taken of, [1, 1] of all else.
     * Products of norms lose by it, the others can be used at all. It is as of
     * a graph: unrolled, not dense. */
    struct lip_chain *plain;
    /* Where the network ends with layers that have no such form: the chain of
     * what comes before them (its network is `part`), and their constants; else
     * NULL. */
    struct lip_chain *body;
    struct lip_network part;
    struct lip_closing closing;
    size_t inputs, outputs;
    size_t widest; /* the largest of all widths */
    bool zero;     /* some matrix is zero: f is constant */
};

/* Inputs of link i (i = count: outputs of the last), the width n_i. */
size_t lip_chain_width(const struct lip_chain *chain, size_t i);

/* The largest |slope| of activation layer i (0 .. count - 2), and an upper
 * bound of it times nothing else: exact. Infinite for a joint gap. */
double lip_chain_steepest(const struct lip_chain *chain, size_t i);

/* An upper bound of the Lipschitz constant of gap i (0 .. count - 2) from l_p
 * to l_p: the steepest slope, exactly, or what joint layers have. */
double lip_chain_constant(const struct lip_chain *chain, size_t i,
                          enum lip_norm p);

/* Whether a chain of dense layers has joint ones, all of them can be taken
 * apart into pairs, and the square matrices of their steps do not dwarf its
 * own. */
bool lip_chain_has_plain(const struct lip_network *network);

/* Bytes that the chain of this network takes, before any is asked for; a sum
 * of products of widths, as a double, which cannot overflow. Of a network that
 * lip_chain_new() does not unroll next to nothing. */
double lip_chain_bytes(const struct lip_network *network);

/* Failures: LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_UNPROVEN (slopes of composed
 * activations overflow). O(parameters), and a matrix product for each pair of
 * adjacent linear layers. A chain that cannot be unrolled is no failure. */
enum lip_status lip_chain_new(struct lip_chain **out,
                              const struct lip_network *network,
                              struct lip_ctx *ctx);

/* The same, unrolled only where lip_chain_bytes() is at most `bytes`; what is
 * dense already is never refused. */
enum lip_status lip_chain_new_within(struct lip_chain **out,
                                     const struct lip_network *network,
                                     double bytes, struct lip_ctx *ctx);

/* The transposed chain f'(y) = W_1' D_1 ... D_{l-1} W_l' y, whose constant in
 * the dual norms is the same for every bound that treats slopes as free. */
enum lip_status lip_chain_transpose(struct lip_chain **out,
                                    const struct lip_chain *chain,
                                    struct lip_ctx *ctx);

/* --- for unroll.c: room for `links` matrices in an empty chain; and the
 * scaling of a link that has just been filled. */
enum lip_status lip_chain_room(struct lip_chain *chain, size_t links,
                               struct lip_ctx *ctx);
void lip_link_normalise(struct lip_link *link);

/* NULL is allowed. */
void lip_chain_free(struct lip_chain *chain);

#endif
