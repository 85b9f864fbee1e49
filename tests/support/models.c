/* SPDX-License-Identifier: MIT
 *
 * Models for requests. */
#include "tests/support/models.h"

#include <check.h>
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

void http_send_wide(struct http_client *client, unsigned port, size_t width,
                    size_t layers)
{
    struct bytes model = {NULL, 0, 0};
    char head[256];
    bytes_wide_model(&model, width, layers);
    snprintf(head, sizeof head,
             "POST /bound?methods=all HTTP/1.1\r\nHost: a\r\n"
             "Content-Length: %zu\r\n\r\n",
             model.size);
    http_open(client, port);
    ck_assert(http_say(client, head));
    ck_assert(http_send(client, model.data, model.size));
    bytes_clear(&model);
}
