/* SPDX-License-Identifier: MIT
 *
 * What the readers of data sets share: what there is to predict, from numbers
 * to classes or targets. */
#ifndef API_DATASET_PARTS_H
#define API_DATASET_PARTS_H

#include "api/dataset.h"

/* The y of a data set as numbers. */
struct api_y {
    double *value; /* rows x columns, lip_alloc memory */
    size_t rows, columns;
    bool classes; /* taken for classes where nobody says */
};

/* A set with labels or targets filled in and room for x. LIP_INVALID, naming
 * the row: a label that is no whole number, negative, or not below
 * options->classes (LIP_MAX_CLASSES where that is 0). */
enum lip_status api_dataset_new(struct lip_data **out, const struct api_y *y,
                                size_t features,
                                const struct api_dataset_options *options,
                                struct lip_ctx *ctx);

/* Bytes of a set of this shape, and of its y as numbers: SIZE_MAX where that
 * is beyond the address space. */
size_t api_dataset_memory(size_t rows, size_t features, size_t y_columns);

/* Sum and product that stay at SIZE_MAX. */
size_t api_sum(size_t a, size_t b);
size_t api_product(size_t a, size_t b);

/* The status of a failed allocation. */
enum lip_status api_no_memory(const struct lip_ctx *ctx);

#endif
