/* SPDX-License-Identifier: MIT
 *
 * Training requests in tests: written with ' for ". */
#ifndef LIP_TESTS_SUPPORT_TRAIN_REQUEST_H
#define LIP_TESTS_SUPPORT_TRAIN_REQUEST_H

#include "api/train.h"

/* The text as JSON; a test fails where it is none. */
json_t *train_json(const char *text);

/* A small request with one member replaced or added: pieces such as
 * "'epochs': 3". Later members win. NULL: as it is. */
json_t *train_request_json(const char *member);

/* Reads it; a test fails where it is refused. */
void train_request_good(struct api_train_request *out, const char *member);

/* Is refused with INVALID_OPTION at this pointer, in a sentence that has
 * `words` in it. */
void train_request_bad(const char *member, const char *pointer,
                       const char *words);

/* The canonical form; lip_alloc memory. */
char *train_request_text(const struct api_train_request *request);

#endif
