/* SPDX-License-Identifier: MIT
 *
 * The answer document of POST /bound. */
#ifndef API_BOUND_WRITE_H
#define API_BOUND_WRITE_H

#include "api/bound.h"
#include "api/layer_norm.h"
#include "certify/lower_bound.h"

/* Writes "model": its id, sizes and layers, as a member or, with key NULL, as
 * a document of its own. */
void api_model_write(struct api_text *text, const char *key,
                     const struct lip_network *network);

/* The least of the proven values, of equals the first; NULL where all were
 * skipped. */
const struct lip_bound *api_bound_best(const struct lip_bound *bound,
                                       size_t count);

struct api_bound_result {
    const struct lip_network *network;
    const struct lip_chain *chain; /* what methods worked on; may be NULL */
    bool certificates;             /* asked for; then there is a chain */
    const struct api_layer *layer; /* [network->count]; may be NULL */
    struct lip_norm_pair norm;
    const struct lip_bound *bound;
    size_t count;
    const struct lip_lower_bound *lower; /* NULL: not asked for */
    double seconds;
};

/* Writes the document. At least one of the bounds may be, none must be, a
 * bound that is not skipped: `best` is there where one is. */
void api_bound_write(struct api_text *text,
                     const struct api_bound_result *result);

/* Parts of it: the bound methods' values as an array "bounds", and one of them
 * (not skipped) as a member. */
void api_bounds_write(struct api_text *text,
                      const struct api_bound_result *result);
void api_bound_one_write(struct api_text *text, const char *key,
                         const struct api_bound_result *result,
                         const struct lip_bound *bound);

#endif
