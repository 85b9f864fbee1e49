/* SPDX-License-Identifier: MIT
 *
 * Power iteration by sgemv. */
#include "training/constraints/power.h"

#include "training/kernel.h"

#include <cblas.h>
#include <math.h>

size_t lip_power_warm(size_t rows, size_t cols)
{
    return rows + cols;
}

/* Makes x a unit vector and returns the length it had; zero stays zero. */
static double unit(float *x, size_t n)
{
    double length = sqrt(lip_kernel_dot(x, x, n));
    if (length > 0)
        lip_kernel_scale(x, (float)(1 / length), n);
    return length;
}

double lip_power(const struct lip_constrained *matrix, const float *w,
                 int rounds)
{
    int m = (int)matrix->rows, n = (int)matrix->cols;
    float *u = matrix->warm, *v = u + matrix->rows;
    double s = 0;
    for (int i = 0; i < rounds; i++) {
        cblas_sgemv(CblasRowMajor, CblasNoTrans, m, n, 1, w, n, v, 1, 0, u, 1);
        unit(u, matrix->rows);
        cblas_sgemv(CblasRowMajor, CblasTrans, m, n, 1, w, n, u, 1, 0, v, 1);
        s = unit(v, matrix->cols);
    }
    return s;
}
