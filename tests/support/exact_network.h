/* SPDX-License-Identifier: MIT
 *
 * Networks with all their activations in ball arithmetic: each activation
 * spelled out from its formula, none of the library's code. */
#ifndef LIP_TESTS_SUPPORT_EXACT_NETWORK_H
#define LIP_TESTS_SUPPORT_EXACT_NETWORK_H

#include "linalg/norm.h"
#include "network/network.h"

#include <arb.h>

/* out = phi(x); the test fails where the activation is not known here. */
void exact_activation(arb_t out, const char *name, const double *parameter,
                      const arb_t x, slong prec);

/* out[outputs] = f(x), initialised by the caller; x are doubles. */
void exact_evaluate(arb_ptr out, const struct lip_network *network,
                    const double *x, slong prec);

/* |f(x) - f(y)|_q / |x - y|_p. */
void exact_quotient(arb_t out, const struct lip_network *network,
                    const double *x, const double *y, struct lip_norm_pair norm,
                    slong prec);

#endif
