/* SPDX-License-Identifier: MIT
 *
 * From the numbers of y to classes or targets. */
#include "api/dataset_parts.h"

#include "base/size.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

size_t api_sum(size_t a, size_t b)
{
    size_t sum = SIZE_MAX;
    lip_size_add(&sum, a, b);
    return sum;
}

size_t api_product(size_t a, size_t b)
{
    size_t product = SIZE_MAX;
    lip_size_mul(&product, a, b);
    return product;
}

size_t api_dataset_memory(size_t rows, size_t features, size_t y_columns)
{
    size_t targets = y_columns ? y_columns : 1;
    size_t row = api_sum(api_product(api_sum(features, targets), sizeof(float)),
                         api_product(targets, sizeof(double)));
    return api_product(rows, row);
}

enum lip_status api_no_memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

/* How many classes there are, given or found. */
static enum lip_status count_classes(size_t *out, const struct api_y *y,
                                     size_t given, struct lip_ctx *ctx)
{
    size_t most = given ? given : LIP_MAX_CLASSES;
    *out = given ? given : 1;
    for (size_t i = 0; i < y->rows; i++) {
        double label = y->value[i];
        if (!(label >= 0) || label > UINT32_MAX || rint(label) < label ||
            rint(label) > label)
            return lip_fail(ctx, LIP_INVALID,
                            "The label of row %zu (counted from 0) is %.9g: "
                            "classes are whole numbers from 0 on. For numbers "
                            "to predict ask for task=regression.",
                            i, label);
        if (label >= (double)most)
            return lip_fail(ctx, LIP_INVALID,
                            "The label of row %zu (counted from 0) is %.0f: "
                            "%s %zu, labels go from 0 to %zu.",
                            i, label,
                            given ? "with classes ="
                                  : "the largest number of classes is",
                            most, most - 1);
        if ((size_t)label >= *out)
            *out = (size_t)label + 1;
    }
    return LIP_OK;
}

enum lip_status api_dataset_new(struct lip_data **out, const struct api_y *y,
                                size_t features,
                                const struct api_dataset_options *options,
                                struct lip_ctx *ctx)
{
    bool classify = options->task == API_TASK_TOLD
                        ? y->classes
                        : options->task == API_TASK_CLASSIFICATION;
    size_t classes = 0, targets = classify ? 0 : y->columns;
    enum lip_status status = LIP_OK;
    *out = NULL;
    if (classify && y->columns != 1)
        status = lip_fail(ctx, LIP_INVALID,
                          "y has %zu columns: classes are one whole number a "
                          "row. For numbers to predict ask for "
                          "task=regression.",
                          y->columns);
    else if (!classify && options->classes)
        status = lip_fail(ctx, LIP_INVALID,
                          "classes is given, but y is read as numbers to "
                          "predict; ask for task=classification.");
    else if (classify)
        status = count_classes(&classes, y, options->classes, ctx);
    if (status == LIP_OK)
        status = lip_data_new(out, y->rows, features, classes, targets, ctx);
    for (size_t i = 0; status == LIP_OK && i < y->rows * y->columns; i++) {
        if (classify)
            (*out)->label[i] = (uint32_t)y->value[i];
        else
            (*out)->y[i] = (float)y->value[i];
    }
    return status;
}
