/* SPDX-License-Identifier: MIT
 *
 * Any bytes as an ONNX model. */
#include "formats/onnx.h"

#include "tests/fuzz/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return read_model(&lip_format_onnx, data, size);
}
