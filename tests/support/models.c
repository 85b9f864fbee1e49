/* SPDX-License-Identifier: MIT
 *
 * Models for requests. */
#include "tests/support/models.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_LAYERS = 64 };

void bytes_wide_model(struct bytes *bytes, size_t width, size_t layers)
{
    char name[MAX_LAYERS][24];
    struct array array[MAX_LAYERS];
    double *value = malloc(width * width * sizeof *value);
    uint32_t state = 12345;
    if (!value || layers > MAX_LAYERS)
        abort();
    for (size_t i = 0; i < width * width; i++) {
        state = state * 1664525u + 1013904223u;
        value[i] = ((double)(state >> 8) / (1 << 24) - 0.5) / 16;
    }
    for (size_t i = 0; i < layers; i++) {
        snprintf(name[i], sizeof name[i], "layer%zu.weight", i + 10);
        array[i] = (struct array){name[i], 2, {width, width}, value};
    }
    bytes_safetensors(bytes, array, layers, "F32");
    free(value);
}
