/* SPDX-License-Identifier: MIT
 *
 * Constraints: how a weight matrix is kept within its limit while it learns. A
 * constraint is one file in constraints/ and one line in the table there.
 *
 * There are two sorts. One mends the weights after a step (projection,
 * scaling, rank-one clip). The other trains free weights V and computes with
 * W(V), which is within the limit; gradients go back through that map. Both
 * are approximate; lip_project_exactly has the last word. */
#ifndef LIP_TRAINING_CONSTRAINT_H
#define LIP_TRAINING_CONSTRAINT_H

#include "linalg/norm.h"
#include "network/window.h"

#include <stdbool.h>
#include <stdint.h>

/* One matrix as its constraint sees it: of a layer W x + b, or, `window` not
 * NULL, the kernel of a convolution whose own norm is meant, rows of K being
 * channels that come out. Other convolutions appear as matrices whose norm
 * bounds theirs (training/run_array.c). */
struct lip_constrained {
    size_t rows, cols;
    const struct lip_window *window;
    struct lip_norm_pair pair;
    double limit;
    float *free;          /* V; the same array as `weight` where not mapped */
    float *weight;        /* W */
    float *gradient;      /* of the loss in W */
    float *free_gradient; /* of the loss in V */
    float *warm;          /* kept from step to step, in checkpoints too */
    float *work;
};

struct lip_constraint {
    const char *name; /* "rank-one-clip" */
    const char *title, *citation;
    bool mapped;   /* W is a function of V */
    bool free;     /* there is no limit */
    bool monotone; /* asks for directions of the inputs, training/monotone.h:
                      from the 1-norm only */
    bool (*supports)(struct lip_norm_pair pair);
    bool windows; /* 2->2: takes convolutions as they are (`window`) */
    /* Floats of `warm` and of `work`; NULL: none. */
    size_t (*warm)(const struct lip_constrained *matrix);
    size_t (*work)(const struct lip_constrained *matrix);
    /* Not mapped: mends `weight`, after every `every`-th step. */
    enum lip_status (*mend)(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx);
    /* Mapped: weight from free, before a step; free_gradient from gradient,
     * after it, with `work` as `map` left it. */
    enum lip_status (*map)(const struct lip_constrained *matrix,
                           struct lip_ctx *ctx);
    enum lip_status (*pull)(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx);
    size_t every; /* steps between two mends where the request does not say */
};

/* All constraints, ended by NULL. */
extern const struct lip_constraint *const lip_constraints[];

const struct lip_constraint *lip_constraint_find(const char *name);

/* The pairs of norms in which layers 0 and 1, 2, ... are measured so that the
 * product of their norms bounds the network's in `pair`: p->q and q->q. */
struct lip_norm_pair lip_constraint_pair(struct lip_norm_pair pair, bool first);

/* LIP_INVALID, with the list of those it can do, where the constraint cannot
 * do this pair in all layers of a network. */
enum lip_status lip_constraint_check(const struct lip_constraint *constraint,
                                     struct lip_norm_pair pair,
                                     struct lip_ctx *ctx);

#endif
