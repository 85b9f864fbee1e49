/* SPDX-License-Identifier: MIT
 *
 * A data set in memory: one row an example, float32 features, and a class or
 * target numbers for each. What exists has finite numbers and labels below
 * `classes`. */
#ifndef LIP_TRAINING_DATA_H
#define LIP_TRAINING_DATA_H

#include "base/context.h"
#include "base/digest.h"

#include <stddef.h>
#include <stdint.h>

enum { LIP_MAX_CLASSES = 65536 };

struct lip_data {
    size_t rows, features;
    float *x;        /* rows x features, row-major */
    size_t classes;  /* 0: regression */
    uint32_t *label; /* [rows], or NULL for regression */
    size_t targets;  /* numbers a row to predict; 0: classification */
    float *y;        /* rows x targets, or NULL for classification */
};

/* Room for a set, all zero. classes > 0 asks for labels, else targets > 0 for
 * numbers. LIP_INVALID (no rows, no features, neither or both of classes and
 * targets), LIP_TOO_LARGE (2^32 rows or more, classes over the limit, memory),
 * LIP_NO_MEMORY. */
enum lip_status lip_data_new(struct lip_data **out, size_t rows,
                             size_t features, size_t classes, size_t targets,
                             struct lip_ctx *ctx);

/* NULL is allowed. */
void lip_data_free(struct lip_data *data);

/* LIP_INVALID, naming row and column (from 0), where a number is not finite or
 * a label is not below `classes`. Every reader ends with this. */
enum lip_status lip_data_check(const struct lip_data *data,
                               struct lip_ctx *ctx);

/* Copies the `count` rows of `order` into a new set. */
enum lip_status lip_data_pick(struct lip_data **out,
                              const struct lip_data *data,
                              const uint32_t *order, size_t count,
                              struct lip_ctx *ctx);

/* Deals the rows into two new sets by the seed: the second has
 * round(part * rows) of them, each class its share (largest remainders), and
 * is NULL for part = 0. LIP_INVALID unless 0 <= part < 1 and both get a row.
 */
enum lip_status lip_data_split(struct lip_data **training,
                               struct lip_data **validation,
                               const struct lip_data *data, double part,
                               uint64_t seed, struct lip_ctx *ctx);

/* The SHA-256 of shape and numbers, the same on every machine. */
void lip_data_digest(char out[LIP_DIGEST_TEXT], const struct lip_data *data);

#endif
