/* SPDX-License-Identifier: MIT
 *
 * The logistic function, which several activations are made of. */
#ifndef LIP_NETWORK_ACTIVATIONS_SIGMOID_H
#define LIP_NETWORK_ACTIVATIONS_SIGMOID_H

#include <math.h>

/* 1 / (1 + e^-x); e^-x may overflow, which gives the 0 it should. */
static inline double lip_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

#endif
