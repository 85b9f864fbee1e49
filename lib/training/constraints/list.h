/* SPDX-License-Identifier: MIT
 *
 * The list of constraints: a new one is its file here and one line below. */
#ifndef LIP_TRAINING_CONSTRAINTS_LIST_H
#define LIP_TRAINING_CONSTRAINTS_LIST_H

#include "training/constraint.h"

/* clang-format off */
#define LIP_EACH_CONSTRAINT(row) \
    row(projection) \
    row(rank_one_clip) \
    row(scaling) \
    row(gram_rescaling) \
    row(spectral_normalisation) \
    row(normalisation) \
    row(orthogonal_cayley) \
    row(orthogonal_bjorck) \
    row(aol) \
    row(monotone) \
    row(none)
/* clang-format on */

#define LIP_DECLARE_CONSTRAINT(id)                                             \
    extern const struct lip_constraint lip_constraint_##id;
LIP_EACH_CONSTRAINT(LIP_DECLARE_CONSTRAINT)
#undef LIP_DECLARE_CONSTRAINT

/* All pairs whose norm can be computed; 2->2 alone. */
bool lip_supports_easy(struct lip_norm_pair pair);
bool lip_supports_spectral(struct lip_norm_pair pair);

#endif
