/* SPDX-License-Identifier: MIT
 *
 * LipSDP's matrix inequality of a ReLU graph in its full form, one block for
 * the input and all neurons whatever connects them, solved by CSDP. Nothing of
 * it goes by levels or chains. */
#ifndef LIP_TESTS_SUPPORT_GRAPH_LMI_H
#define LIP_TESTS_SUPPORT_GRAPH_LMI_H

#include "network/network.h"

/* Whether the program csdp is installed. */
bool graph_lmi_can(void);

/* 1 / sqrt of the largest F with
 *
 *     diag(I, 0) + sum_k lambda_k (z_k^2 - z_k y_k) - F |C z|^2 >= 0,
 *
 * y_k and C z the numbers that neuron k takes and the output as linear maps of
 * z = (input, neurons); the input seen through the first layer's triangular
 * factor. Dense layers, add, concat, ReLU, groupsort of 2, 3 or 4 by
 * comparisons of its own and householder (for these z_k^2 - y_k^2); *seconds of
 * CPU time. NaN where CSDP fails. */
double graph_lmi(const struct lip_network *network, double *seconds);

/* 1 / sqrt of |the primal value| that CSDP finds of a problem in SDPA's sparse
 * format. */
double graph_lmi_solve(const char *problem, double *seconds);

#endif
