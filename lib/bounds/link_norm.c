/* SPDX-License-Identifier: MIT
 *
 * Norm of stored matrix, plus the norm that the radius can hide, times the
 * power of two. */
#include "bounds/link_norm.h"

enum lip_status lip_link_norm(struct lip_big *out, const struct lip_link *link,
                              struct lip_norm_pair pair, struct lip_ctx *ctx)
{
    const struct lip_matrix *at = &link->transposed;
    double norm;
    enum lip_status status = lip_norm_upper(&norm, at, pair, ctx);
    if (status != LIP_OK)
        return status;
    double per_unit = lip_norm_per_spectral(pair, at->rows, at->cols);
    norm = link->radius > 0
               ? lip_add_up(norm, lip_mul_up(per_unit, link->radius))
               : norm;
    *out = lip_big_make(norm, link->exponent);
    return LIP_OK;
}

struct lip_big lip_link_frobenius(const struct lip_link *link)
{
    double norm = lip_matrix_frobenius(&link->transposed);
    if (link->radius > 0)
        norm = lip_add_up(norm, link->radius);
    return lip_big_make(norm, link->exponent);
}
