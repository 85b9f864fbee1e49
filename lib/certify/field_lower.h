/* SPDX-License-Identifier: MIT
 *
 * The lower bound of networks that are no chains of dense layers: a search over
 * points for a large Jacobian, and the quotient of a pair of points there,
 * evaluated with proven errors (field.h). */
#ifndef LIP_CERTIFY_FIELD_LOWER_H
#define LIP_CERTIFY_FIELD_LOWER_H

#include "certify/lower_bound.h"

/* As lip_lower_bound; LIP_UNSUPPORTED where the network has a layer that is
 * not searched. */
enum lip_status lip_field_lower(struct lip_lower_bound *out,
                                const struct lip_network *network,
                                struct lip_norm_pair norm,
                                const struct lip_lower_options *options,
                                struct lip_ctx *ctx);

double lip_field_lower_bytes(const struct lip_network *network);
double lip_field_lower_effort(const struct lip_network *network);

#endif
