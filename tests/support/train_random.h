/* SPDX-License-Identifier: MIT
 *
 * Random training requests, most of them sensible, all of them small. */
#ifndef LIP_TESTS_SUPPORT_TRAIN_RANDOM_H
#define LIP_TESTS_SUPPORT_TRAIN_RANDOM_H

#include <jansson.h>
#include <stdint.h>

/* The request of this number, always the same. */
json_t *train_random_request(uint64_t number);

#endif
