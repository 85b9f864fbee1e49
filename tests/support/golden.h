/* SPDX-License-Identifier: MIT
 *
 * Networks and values from other programs: the ones that ship in tests/golden,
 * and the larger collection that may lie beside the checkout. */
#ifndef LIP_TESTS_SUPPORT_GOLDEN_H
#define LIP_TESTS_SUPPORT_GOLDEN_H

#include "network/chain.h"
#include "tests/support/plain.h"

#include <jansson.h>

/* The folder that ships; tests run in the repository's root. */
#define GOLDEN_SHIPPED "tests/golden/networks"

/* The folder beside the checkout (GOLDEN_DIR in the environment, or
 * ../shared/golden), or NULL where there is none: then a line "SKIP: ..." has
 * been printed. */
const char *golden_folder(void);

/* A JSON document; the test fails where it cannot be read. */
json_t *golden_json(const char *folder, const char *name);

/* The chain of a network file: npz (W1, b1, ...) or MATLAB v5 (cell array
 * `weights`), ReLU between the matrices. */
struct lip_chain *golden_chain(const char *folder, const char *name);

/* The weights of a MATLAB v5 file, little-endian, compressed or not. The test
 * fails where it is none. */
void matlab_weights(struct plain *net, const char *path);

#endif
