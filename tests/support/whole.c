/* SPDX-License-Identifier: MIT
 *
 * Column after column: what the layer does to a unit vector. Norms want the
 * transpose. */
#include "tests/support/whole.h"

#include "linalg/matrix.h"

#include <check.h>
#include <string.h>

double whole_norm(const struct lip_trainable *layer, const float *kernel,
                  struct lip_norm_pair pair)
{
    struct lip_trainable own = *layer;
    struct lip_matrix matrix;
    size_t m = layer->outputs, n = layer->inputs;
    float *x = lip_calloc(NULL, n + m, sizeof *x), *y = x + n;
    double norm;
    own.weight = (float *)(uintptr_t)kernel;
    own.bias = NULL;
    ck_assert_int_eq(lip_matrix_new(&matrix, n, m, NULL), LIP_OK);
    for (size_t j = 0; j < n; j++) {
        x[j] = 1;
        own.kind->forward(&own, y, x, 1);
        x[j] = 0;
        for (size_t i = 0; i < m; i++)
            matrix.data[i * n + j] = y[i];
    }
    ck_assert_int_eq(lip_norm_upper(&norm, &matrix, pair, NULL), LIP_OK);
    lip_matrix_clear(&matrix);
    lip_free(x);
    return norm;
}
