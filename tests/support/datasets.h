/* SPDX-License-Identifier: MIT
 *
 * Small data sets for tests. */
#ifndef LIP_TESTS_SUPPORT_DATASETS_H
#define LIP_TESTS_SUPPORT_DATASETS_H

#include "training/data.h"

/* Numbers that depend on seed, row and column; classes > 0: labels, else
 * targets numbers a row. To be freed by lip_data_free. */
struct lip_data *dataset_of(unsigned seed, size_t rows, size_t features,
                            size_t classes, size_t targets);

/* Fails the running test where two sets differ in shape or in a bit. */
void datasets_equal(const struct lip_data *a, const struct lip_data *b);

#endif
