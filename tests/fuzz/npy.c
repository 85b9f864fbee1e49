/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a npy model. */
#include "formats/npy.h"

#include "tests/fuzz/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return read_model(&lip_format_npy, data, size);
}
