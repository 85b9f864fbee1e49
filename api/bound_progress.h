/* SPDX-License-Identifier: MIT
 *
 * How far a bound request is, on one scale for all its methods: those that are
 * over and the part of the one that runs, of all that are to run. */
#ifndef API_BOUND_PROGRESS_H
#define API_BOUND_PROGRESS_H

#include "bounds/method.h"

/* The phase of what the listener hears: the unit of `done` and `total`. */
#define API_BOUND_UNIT "method"

struct api_bound_progress {
    struct lip_ctx *ctx;
    lip_progress_fn *listener; /* the context's own */
    void *listener_arg;
    size_t over, total; /* methods */
    double part;        /* of the one that runs, below 1; never falls */
    double best;        /* least proven bound; NaN: none */
};

/* From here to the end the context's listener hears of methods, not of what
 * goes on inside them. Nothing happens where it has none. */
void api_bound_progress_begin(struct api_bound_progress *progress,
                              struct lip_ctx *ctx);
void api_bound_progress_end(struct api_bound_progress *progress);

/* A method that was to run is over, with this bound; the listener hears of it
 * at once. What it answers is heard at the next tick. */
void api_bound_progress_over(struct api_bound_progress *progress,
                             const struct lip_bound *bound);

#endif
