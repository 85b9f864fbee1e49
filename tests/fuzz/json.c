/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a json model. */
#include "formats/json.h"

#include "tests/fuzz/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return read_model(&lip_format_json, data, size);
}
