/* SPDX-License-Identifier: MIT
 *
 * The list of losses: a new one is its file here and one line below. */
#ifndef LIP_TRAINING_LOSSES_LIST_H
#define LIP_TRAINING_LOSSES_LIST_H

#include "training/loss.h"

/* clang-format off */
#define LIP_EACH_LOSS(row) \
    row(hinge) \
    row(multi_margin) \
    row(cross_entropy) \
    row(offset_cross_entropy) \
    row(hinge_kr) \
    row(mse) \
    row(mae)
/* clang-format on */

#define LIP_DECLARE_LOSS(id) extern const struct lip_loss lip_loss_##id;
LIP_EACH_LOSS(LIP_DECLARE_LOSS)
#undef LIP_DECLARE_LOSS

#endif
