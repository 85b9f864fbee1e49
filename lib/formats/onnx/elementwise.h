/* SPDX-License-Identifier: MIT
 *
 * Rows of operators that are one activation. */
#ifndef LIP_FORMATS_ONNX_ELEMENTWISE_H
#define LIP_FORMATS_ONNX_ELEMENTWISE_H

#include "network/activation.h"

struct lip_onnx_elementwise {
    const struct lip_activation *activation;
    const char *attribute; /* its first parameter; NULL: none */
    double fallback;       /* where the node does not say */
};

#endif
