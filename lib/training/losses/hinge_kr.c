/* SPDX-License-Identifier: MIT
 *
 * hinge-KR, one class against the rest: with s_j = 1 for j = y and -1
 * otherwise, weights v_y = n - 1 and v_j = 1,
 *
 *     (1/n) sum_j v_j ( a max(0, m/2 - s_j z_j) - (1 - a) s_j z_j ). */
#include "training/losses/list.h"

static double row(float *dz, const float *z, size_t n,
                  const struct lip_target *target, const double *parameter)
{
    double alpha = parameter[0], half = parameter[1] / 2, sum = 0;
    for (size_t j = 0; j < n; j++) {
        bool own = j == target->label;
        double sign = own ? 1 : -1;
        double weight = (own ? (double)(n - 1) : 1) / (double)n;
        double short_by = half - sign * z[j];
        double hinge = short_by > 0 ? short_by : 0;
        sum += weight * (alpha * hinge - (1 - alpha) * sign * z[j]);
        dz[j] = (float)(-sign * weight *
                        ((short_by > 0 ? alpha : 0) + (1 - alpha)));
    }
    return sum;
}

const struct lip_loss lip_loss_hinge_kr = {
    .name = "hinge-kr",
    .title = "Kantorovich-Rubinstein distance of the classes, with a hinge",
    .citation = "Serrurier et al., Achieving robustness in classification "
                "using optimal transport with hinge regularization, CVPR 2021",
    .classification = true,
    .parameter = {{"alpha", 0.99, 0, 1}, {"margin", 1, 0, 1e6}},
    .row = row,
};
