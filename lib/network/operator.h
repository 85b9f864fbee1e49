/* SPDX-License-Identifier: MIT
 *
 * Linear layers as operators x -> A x + b, whatever their kind: by their rows
 * (lip_layer_kind.row). Slow and simple; what must be fast has its own way
 * (inference.h, bounds/norms). Plain doubles. */
#ifndef LIP_NETWORK_OPERATOR_H
#define LIP_NETWORK_OPERATOR_H

#include "network/network.h"

/* Room to hold one row. */
struct lip_operator {
    const struct lip_layer *layer;
    size_t *column;
    double *value;
    double uncertainty; /* relative error of each entry of A and b */
};

/* LINEAR layers of any kind. LIP_NO_MEMORY, LIP_TOO_LARGE. */
enum lip_status lip_operator_new(struct lip_operator *out,
                                 const struct lip_layer *layer,
                                 struct lip_ctx *ctx);
void lip_operator_clear(struct lip_operator *op);

/* Row k of A into op->column and op->value; how many entries. */
size_t lip_operator_row(struct lip_operator *op, size_t k);

/* b_k */
double lip_operator_offset(const struct lip_operator *op, size_t k);

/* y = A x, y = |A| x, x = A' y, x = |A|' y. */
void lip_operator_apply(double *y, struct lip_operator *op, const double *x);
void lip_operator_apply_abs(double *y, struct lip_operator *op,
                            const double *x);
void lip_operator_adjoint(double *x, struct lip_operator *op, const double *y);
void lip_operator_adjoint_abs(double *x, struct lip_operator *op,
                              const double *y);

#endif
