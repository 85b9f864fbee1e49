/* SPDX-License-Identifier: MIT
 *
 * A search for the point at which the Jacobian of a network has its largest
 * norm. It proves nothing. Restarts from random points; from each, ascents
 * along the gradient of a smoothed norm whose window closes, and, where
 * activations have kinks, sweeps along lines over all the pieces they cross. */
#ifndef LIP_CERTIFY_SEARCH_H
#define LIP_CERTIFY_SEARCH_H

#include "certify/cells.h"
#include "certify/walk.h"

#include <stdint.h>

/* A point, the direction of its Jacobian's norm, and the norm, from below but
 * for rounding. */
struct lip_peak {
    double *x, *v;
    double value;
};

/* A change of one or two neurons' pieces, and the norm that would give. */
struct lip_flip {
    size_t neuron[2];
    unsigned char piece[2];
    double value;
};

struct lip_search {
    struct lip_walk walk;
    uint64_t seed;        /* state of the random numbers */
    double effort;        /* multiplications to spend */
    double deadline;      /* lip_now() to stop at; 0: none */
    double enough;        /* a value not to be exceeded: stop there; 0: none */
    struct lip_peak best; /* of all restarts */
    struct lip_peak here; /* of the present climb */
    struct lip_peak base; /* where hops of this restart begin */
    size_t restarts;
    struct lip_cells cells;       /* walk NULL where the network is not small */
    struct lip_flip *flip;        /* room for changes of a cell to be tried */
    double *point, *line, *start; /* room for vectors of inputs */
    double unit, offset; /* sizes of x that matter to the first layer */
    enum lip_status status;
    struct lip_ctx *ctx;
};

/* Room for a search; seed, effort, deadline and enough are to be set by the
 * caller. LIP_NO_MEMORY, LIP_TOO_LARGE. */
enum lip_status lip_search_new(struct lip_search *out,
                               const struct lip_stages *stages,
                               struct lip_norm_pair norm, struct lip_ctx *ctx);
void lip_search_clear(struct lip_search *search);

/* Runs until effort or time is spent: LIP_OK. LIP_CANCELLED otherwise.
 * best.value stays 0 where every point had a zero or overflowing Jacobian. */
enum lip_status lip_search_run(struct lip_search *search);

#endif
