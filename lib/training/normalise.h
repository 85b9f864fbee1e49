/* SPDX-License-Identifier: MIT
 *
 * The scaling of inputs, x_j -> scale_j (x_j - centre_j), fitted on the
 * training part. It becomes the first layer of the model, so that limits and
 * radii hold in the units of the raw input. */
#ifndef LIP_TRAINING_NORMALISE_H
#define LIP_TRAINING_NORMALISE_H

#include "linalg/norm.h"
#include "training/data.h"

#include <stdbool.h>

/* Both arrays have `features` numbers; scale > 0. NULL arrays: the identity.
 */
struct lip_scaling {
    size_t features;
    float *centre, *scale;
};

struct lip_normalisation {
    const char *name; /* "none", "standard", "centre", "range", "uniform" */
    const char *title;
    bool identity;
    enum lip_status (*fit)(struct lip_scaling *out,
                           const struct lip_data *training,
                           struct lip_ctx *ctx);
};

/* All of them, ended by NULL. */
extern const struct lip_normalisation *const lip_normalisations[];

const struct lip_normalisation *lip_normalisation_find(const char *name);

/* Fits on `training`; LIP_NO_MEMORY, LIP_TOO_LARGE. A feature that never
 * changes gets scale 1. */
enum lip_status lip_scaling_fit(struct lip_scaling *out,
                                const struct lip_normalisation *normalisation,
                                const struct lip_data *training,
                                struct lip_ctx *ctx);

/* Scales anew, keeping the centres: limit_j / max limit, rounded down, so that
 * what lies behind, kept from the 1-norm within the largest limit, moves with
 * input j at most at the rate limit_j. limit[features], all > 0.
 * LIP_INVALID (limits too far apart for a float), LIP_NO_MEMORY. */
enum lip_status lip_scaling_share(struct lip_scaling *scaling,
                                  const double *limit, size_t features,
                                  struct lip_ctx *ctx);

void lip_scaling_clear(struct lip_scaling *scaling);

/* Applies it to every row, in place. */
void lip_scaling_apply(struct lip_data *data,
                       const struct lip_scaling *scaling);

/* An upper bound of |diag(scale)|_{p->q} for easy pairs; 1 for the identity. */
double lip_scaling_norm(const struct lip_scaling *scaling,
                        struct lip_norm_pair pair);

#endif
