/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a MATLAB file. */
#include "formats/mat.h"

#include "tests/fuzz/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return read_model(&lip_format_mat, data, size);
}
