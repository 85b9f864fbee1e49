/* SPDX-License-Identifier: MIT
 *
 * ONNX models: what PyTorch, Keras and others export. */
#ifndef LIP_FORMATS_ONNX_H
#define LIP_FORMATS_ONNX_H

#include "formats/format.h"

extern const struct lip_format lip_format_onnx;

#endif
