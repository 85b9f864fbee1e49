/* SPDX-License-Identifier: MIT
 *
 * Rows of operators that reduce along axes. */
#ifndef LIP_FORMATS_ONNX_REDUCE_H
#define LIP_FORMATS_ONNX_REDUCE_H

#include "network/network.h"

#include <stdint.h>

struct lip_onnx_reduction {
    const struct lip_layer_kind *kind; /* average-pool or max-pool */
    bool sum;                          /* times the count */
    bool least;                        /* the smallest: -max(-x) */
    int64_t since; /* opset from which the axes are an input */
};

#endif
