/* SPDX-License-Identifier: MIT
 *
 * The list of activations: a new one is its file here and one line below. */
#ifndef LIP_NETWORK_ACTIVATIONS_LIST_H
#define LIP_NETWORK_ACTIVATIONS_LIST_H

#include "network/activation.h"

/* clang-format off */
#define LIP_EACH_ACTIVATION(row) \
    row(relu) \
    row(leaky_relu) \
    row(prelu) \
    row(relu6) \
    row(elu) \
    row(selu) \
    row(celu) \
    row(softplus) \
    row(tanh) \
    row(sigmoid) \
    row(log_sigmoid) \
    row(hard_tanh) \
    row(hard_sigmoid) \
    row(hard_swish) \
    row(silu) \
    row(quick_gelu) \
    row(gelu) \
    row(gelu_tanh) \
    row(mish) \
    row(softsign) \
    row(soft_shrink) \
    row(tanh_shrink) \
    row(arctan) \
    row(erf) \
    row(sin) \
    row(cos) \
    row(abs) \
    row(identity)
/* clang-format on */

#define LIP_DECLARE_ACTIVATION(id)                                             \
    extern const struct lip_activation lip_activation_##id;
LIP_EACH_ACTIVATION(LIP_DECLARE_ACTIVATION)
#undef LIP_DECLARE_ACTIVATION

#endif
