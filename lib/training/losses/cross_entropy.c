/* SPDX-License-Identifier: MIT
 *
 * cross-entropy with a temperature t: CE(softmax(t z), y) / t. */
#include "training/losses/list.h"
#include "training/losses/softmax.h"

static double row(float *dz, const float *z, size_t n,
                  const struct lip_target *target, const double *parameter)
{
    double t = parameter[0];
    return lip_softmax_loss(dz, z, n, target->label, t, 0) / t;
}

const struct lip_loss lip_loss_cross_entropy = {
    .name = "cross-entropy",
    .title = "Cross-entropy of the softmax of t z, divided by t",
    .citation = "Béthune et al., Pay attention to your loss, NeurIPS 2022",
    .classification = true,
    .parameter = {{"temperature", 10, 1e-3, 1e4}},
    .row = row,
};
