/* SPDX-License-Identifier: MIT
 *
 * Cross-entropy of a softmax, which two losses build on. */
#ifndef LIP_TRAINING_LOSSES_SOFTMAX_H
#define LIP_TRAINING_LOSSES_SOFTMAX_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* log sum_j exp(scale (z_j - offset [j = label])) - scale (z_label - offset),
 * and its derivative by z, divided by scale, in dz. The largest exponent is 0.
 */
static inline double lip_softmax_loss(float *dz, const float *z, size_t n,
                                      uint32_t label, double scale,
                                      double offset)
{
    double top = -INFINITY, sum = 0;
    for (size_t j = 0; j < n; j++)
        top = fmax(top, z[j] - (j == label ? offset : 0));
    for (size_t j = 0; j < n; j++)
        sum += exp(scale * (z[j] - (j == label ? offset : 0) - top));
    for (size_t j = 0; j < n; j++) {
        double own = j == label ? offset : 0;
        double share = exp(scale * (z[j] - own - top)) / sum;
        dz[j] = (float)(share - (j == label));
    }
    return log(sum) - scale * (z[label] - offset - top);
}

#endif
