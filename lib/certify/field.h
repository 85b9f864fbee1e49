/* SPDX-License-Identifier: MIT
 *
 * Any network at a point: its value with proven errors, and its Jacobian J as a
 * map, J v and J^T u. Linear layers are kept as their rows, so that layers of
 * all kinds look alike; a layer that takes the largest of some numbers hands on
 * the one that is. Doubles; only values have errors that are proven. */
#ifndef LIP_CERTIFY_FIELD_H
#define LIP_CERTIFY_FIELD_H

#include "network/network.h"

struct lip_field_layer;

struct lip_field {
    const struct lip_network *network;
    struct lip_field_layer *layer;
    size_t widest;   /* of what a layer takes */
    double products; /* multiplications of one evaluation */
    /* Of all layers, one after the other; of the point reached last. */
    size_t *at; /* [count]: where those of each layer begin */
    double *value, *error, *slope, *tangent, *adjoint;
    const double *x;           /* the input of value */
    double *room, *room_error; /* [widest] */
    double *back;              /* [inputs]: J^T u */
};

/* Memory that lip_field_new asks for, and multiplications of one evaluation, as
 * doubles, which cannot overflow. */
double lip_field_bytes(const struct lip_network *network);
double lip_field_products(const struct lip_network *network);

/* LIP_UNSUPPORTED: a layer that is neither linear nor elementwise nor takes the
 * largest (softmax); LIP_NO_MEMORY, LIP_TOO_LARGE. Keeps the network, which
 * must outlive it. */
enum lip_status lip_field_new(struct lip_field *out,
                              const struct lip_network *network,
                              struct lip_ctx *ctx);
void lip_field_clear(struct lip_field *field);

/* Goes to x, which must stay there: values and slopes. With `proven`, error[k]
 * >= |value[k] - exact value| too; infinite or NaN where doubles overflow. */
void lip_field_to(struct lip_field *field, const double *x, bool proven);

/* The network's value, and the errors of it. */
const double *lip_field_value(const struct lip_field *field);
const double *lip_field_error(const struct lip_field *field);

/* J v [outputs] and J^T u [inputs]. */
const double *lip_field_tangent(struct lip_field *field, const double *v);
const double *lip_field_adjoint(struct lip_field *field, const double *u);

#endif
