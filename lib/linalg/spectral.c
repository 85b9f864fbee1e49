/* SPDX-License-Identifier: MIT
 *
 * |A|_2^2 = lambda_max(A^T A). With G = fl(A^T A),
 *
 *     |G - A^T A|_2 <= gamma_{k+2} | |A^T||A| |_2 <= gamma_{k+2} |A|_F^2
 *
 * (Higham, section 3.5), so lambda_max(A^T A) <= lambda_max(G) + that. */
#include "linalg/spectral.h"

#include "linalg/blas.h"
#include "linalg/eigen.h"

enum lip_status lip_spectral_upper(double *out, const struct lip_matrix *a,
                                   struct lip_ctx *ctx)
{
    size_t n = a->rows < a->cols ? a->rows : a->cols;
    size_t k = a->rows < a->cols ? a->cols : a->rows;
    double frobenius = lip_matrix_frobenius(a);
    *out = frobenius;
    if (n == 1 || frobenius <= 0x1p-400)
        return LIP_OK;
    struct lip_matrix g;
    double estimate, tau;
    enum lip_status status = lip_matrix_new(&g, n, n, ctx);
    if (status != LIP_OK)
        return status;
    if (a->rows < a->cols)
        lip_gram_outer(&g, a);
    else
        lip_gram(&g, a);
    status = lip_eigen_estimate(&estimate, &g, ctx);
    if (status == LIP_OK)
        status = lip_eigen_upper(&tau, &g, estimate, ctx);
    if (status == LIP_OK) {
        double error =
            lip_mul_up(lip_gamma(k + 2), lip_mul_up(frobenius, frobenius));
        double norm = lip_sqrt_up(lip_add_up(lip_add_up(tau, error), LIP_TINY));
        *out = fmin(norm, frobenius);
    }
    lip_matrix_clear(&g);
    return status;
}
