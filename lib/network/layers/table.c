/* SPDX-License-Identifier: MIT
 *
 * The table of layer kinds. */
#include "network/network.h"

/* clang-format off */
const struct lip_layer_kind *const lip_layer_kinds[] = {
    &lip_layer_dense,
    &lip_layer_flatten,
    &lip_layer_activation,
    &lip_layer_group_sort,
    &lip_layer_householder,
    &lip_layer_spline,
    &lip_layer_reshape,
    &lip_layer_conv,
    &lip_layer_add,
    &lip_layer_concat,
    &lip_layer_conv_transpose,
    &lip_layer_average_pool,
    &lip_layer_max_pool,
    &lip_layer_batch_norm,
    &lip_layer_affine,
    &lip_layer_transpose,
    &lip_layer_slice,
    &lip_layer_pad,
    &lip_layer_gather,
    &lip_layer_upsample,
    &lip_layer_softmax,
    &lip_layer_layer_norm,
    NULL,
};
/* clang-format on */
