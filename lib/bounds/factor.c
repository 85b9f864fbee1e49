/* SPDX-License-Identifier: MIT
 *
 * Factors and solutions with their errors. */
#include "bounds/factor.h"

#include "linalg/cholesky.h"

#include <string.h>

double lip_gram_error(double f, double e, size_t n)
{
    double cross = lip_mul_up(lip_up(2 * f + e), e);
    double rounding = lip_mul_up(lip_gamma(n + 2), lip_mul_up(f, f));
    return lip_add_up(lip_add_up(cross, rounding), LIP_TINY);
}

bool lip_factor_below(struct lip_matrix *r, const struct lip_matrix *a,
                      double slack, double *inverse, struct lip_matrix *spare,
                      double *vector)
{
    size_t n = a->rows;
    double shift;
    r->rows = r->cols = n;
    for (size_t j = 0; j < n; j++) /* the upper triangle */
        memcpy(r->data + j * n, a->data + j * n, (j + 1) * sizeof(double));
    if (!lip_cholesky_below(r, slack, &shift))
        return false;
    /* R^T R >= A - (slack + 3 shift) I, and that >= tau I if proven so: one
     * shift was taken off, one may be the error of the factor, and the
     * roundings of the diagonal, below 3 u of it, are less than one more. */
    double base = lip_add_up(slack, lip_mul_up(3, shift));
    double tau = lip_cholesky_smallest(r, vector) / 4;
    for (int attempt = 0; attempt < 8 && tau > 0; attempt++, tau /= 16) {
        if (lip_cholesky_proves(spare, a, lip_add_up(base, tau))) {
            *inverse = lip_div_up(1, lip_sqrt_down(tau));
            return true;
        }
    }
    return false;
}

double lip_solve_error(double inverse, double r, double y, double b, size_t n)
{
    double rounding = lip_mul_up(lip_gamma(n + 3), lip_mul_up(r, y));
    double all = lip_add_up(lip_add_up(rounding, b), LIP_TINY);
    return lip_mul_up(inverse, all);
}
