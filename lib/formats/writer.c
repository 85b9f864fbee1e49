/* SPDX-License-Identifier: MIT
 *
 * The table of writers. */
#include "formats/writer.h"

#include <string.h>

const struct lip_writer *const lip_writers[] = {
    &lip_writer_json,
    &lip_writer_safetensors,
    &lip_writer_npz,
    &lip_writer_onnx,
    NULL,
};

const struct lip_writer *lip_writer_find(const char *name)
{
    for (size_t i = 0; lip_writers[i]; i++)
        if (strcmp(lip_writers[i]->name, name) == 0)
            return lip_writers[i];
    return NULL;
}
