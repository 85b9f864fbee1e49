/* SPDX-License-Identifier: MIT
 *
 * Small data sets for tests. */
#include "tests/support/datasets.h"

#include <check.h>

struct lip_data *dataset_of(unsigned seed, size_t rows, size_t features,
                            size_t classes, size_t targets)
{
    struct lip_data *data;
    unsigned state = seed * 2654435761u + 1;
    ck_assert_int_eq(
        lip_data_new(&data, rows, features, classes, targets, NULL), LIP_OK);
    for (size_t i = 0; i < rows * features; i++) {
        state = state * 1664525 + 1013904223;
        data->x[i] = (float)(state >> 8) / 65536 - 128;
    }
    for (size_t i = 0; i < rows; i++)
        if (data->label)
            data->label[i] = (uint32_t)((i + seed) % classes);
    for (size_t i = 0; i < rows * targets; i++)
        data->y[i] = (float)i / 3 - (float)seed;
    return data;
}

void datasets_equal(const struct lip_data *a, const struct lip_data *b)
{
    ck_assert_uint_eq(a->rows, b->rows);
    ck_assert_uint_eq(a->features, b->features);
    ck_assert_uint_eq(a->classes, b->classes);
    ck_assert_uint_eq(a->targets, b->targets);
    ck_assert_mem_eq(a->x, b->x, a->rows * a->features * sizeof *a->x);
    if (a->label)
        ck_assert_mem_eq(a->label, b->label, a->rows * sizeof *a->label);
    if (a->y)
        ck_assert_mem_eq(a->y, b->y, a->rows * a->targets * sizeof *a->y);
}
