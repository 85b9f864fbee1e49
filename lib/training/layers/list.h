/* SPDX-License-Identifier: MIT
 *
 * The list of trainable layers: a new one is its file here and one line below.
 */
#ifndef LIP_TRAINING_LAYERS_LIST_H
#define LIP_TRAINING_LAYERS_LIST_H

#include "training/layer.h"

/* clang-format off */
#define LIP_EACH_TRAINABLE(row) \
    row(dense) \
    row(conv) \
    row(average_pool) \
    row(max_pool) \
    row(flatten) \
    row(relu) \
    row(leaky_relu) \
    row(abs) \
    row(tanh) \
    row(sigmoid) \
    row(elu) \
    row(softplus) \
    row(groupsort) \
    row(householder) \
    row(spline)
/* clang-format on */

#define LIP_DECLARE_TRAINABLE(id)                                              \
    extern const struct lip_trainable_kind lip_trainable_##id;
LIP_EACH_TRAINABLE(LIP_DECLARE_TRAINABLE)
#undef LIP_DECLARE_TRAINABLE

#endif
