/* SPDX-License-Identifier: MIT
 *
 * Request bodies: one that takes microseconds, one that takes long. */
#ifndef LIP_TESTS_SUPPORT_MODELS_H
#define LIP_TESTS_SUPPORT_MODELS_H

#include "tests/support/files.h"
#include "tests/support/http_client.h"

/* A 2-3-1 relu network; its members, and as a request with one method. */
#define TINY_LAYERS                                                            \
    "\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2],[3,4],"      \
    "[5,6]],\"bias\":[1,0,-1]},{\"type\":\"relu\"},{\"type\":\"dense\","       \
    "\"weight\":[[1,-1,1]]}]}"
#define TINY_BOUND "{" TINY_LAYERS ",\"methods\":[\"eclipse-fast\"]}"

/* A safetensors file of `layers` dense layers of width x width numbers that
 * look random. */
void bytes_wide_model(struct bytes *bytes, size_t width, size_t layers);

/* Connects and sends such a model to /bound with every method asked for; the
 * answer is left to be read. 600 x 6 takes some ten seconds, 300 x 6 one or
 * two. */
void http_send_wide(struct http_client *client, unsigned port, size_t width,
                    size_t layers);

#endif
