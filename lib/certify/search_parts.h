/* SPDX-License-Identifier: MIT
 *
 * The parts of a search, for its own files. */
#ifndef LIP_CERTIFY_SEARCH_PARTS_H
#define LIP_CERTIFY_SEARCH_PARTS_H

#include "certify/search.h"

/* Pieces thinner than this, relative to the size of their points, are left
 * alone: the pair that proves what they are worth must fit in. */
static const double lip_search_thin = 1e-9;

size_t lip_search_inputs(const struct lip_search *s);

/* Whether there is anything left to spend; looks at the clock. */
bool lip_search_more(struct lip_search *s);

/* Uniform in [0, 1). */
double lip_search_uniform(struct lip_search *s);

/* x[n] uniform in [-1, 1). */
void lip_search_direction(struct lip_search *s, double *x, size_t n);

/* Makes walk->v random: a unit vector, a coordinate or signs, as the norm of
 * the inputs asks for. */
void lip_search_forget(struct lip_search *s);

/* Takes the point x, where the walk's direction has this value, if it is the
 * largest yet: of the restart, of all. */
void lip_search_offer(struct lip_search *s, const double *x, double value);

/* Goes to x, finds the norm there from walk->v on and offers it. */
double lip_search_try(struct lip_search *s, const double *x, int steps);

/* Moves x along the gradient of the norm smoothed over `window`, which
 * narrows, and tries where it ends. */
void lip_search_ascend(struct lip_search *s, double *x, double window);

/* Steps along the gradient from s->here that are taken only where they help.
 */
void lip_search_refine(struct lip_search *s);

/* Of small networks (s->cells.walk): goes uphill from s->here until neither
 * lines nor flips find anything better. */
void lip_search_climb(struct lip_search *s);

#endif
