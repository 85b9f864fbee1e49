/* SPDX-License-Identifier: MIT
 *
 * Tables as comma-separated text (RFC 4180) with a header line. */
#ifndef LIP_TRAINING_CSV_H
#define LIP_TRAINING_CSV_H

#include "training/data.h"

#include <stdbool.h>

/* Bytes that reading takes for each cell, beyond the numbers. */
enum { LIP_CSV_CELL = 16 };

struct lip_csv_options {
    const char *target;  /* name of the column to predict */
    bool classification; /* target cells are names or numbers of classes */
    const char *const *ignore; /* columns to leave out, ended by NULL; or NULL:
                                  those without a name */
    bool guess; /* `classification` is not looked at: a target that is numbers
                 * of which one is not whole is regression, else classes */
};

/* All other columns are features, in order, and must hold decimal numbers.
 * Classes are the distinct texts of the target column, numbered in the order
 * of their numeric value where all are numbers, else by their bytes.
 * LIP_MALFORMED (broken quotes), LIP_INVALID (lines of unequal length, no such
 * column, a cell that is no finite number), both naming the line;
 * LIP_TOO_LARGE; LIP_NO_MEMORY. O(size). */
enum lip_status lip_csv_read(struct lip_data **out, const char *text,
                             size_t size, const struct lip_csv_options *options,
                             struct lip_ctx *ctx);

#endif
