/* SPDX-License-Identifier: MIT
 *
 * offset cross-entropy: u CE(softmax((z - c e_y) / u), y). */
#include "training/losses/list.h"
#include "training/losses/softmax.h"

static double row(float *dz, const float *z, size_t n,
                  const struct lip_target *target, const double *parameter)
{
    double c = parameter[0], u = parameter[1];
    return u * lip_softmax_loss(dz, z, n, target->label, 1 / u, c);
}

const struct lip_loss lip_loss_offset_cross_entropy = {
    .name = "offset-cross-entropy",
    .title = "Cross-entropy after the right output is lowered by an offset",
    .citation = "Prach and Lampert, Almost-orthogonal layers, ECCV 2022",
    .classification = true,
    .parameter = {{"offset", 1.4142135623730951, 0, 1e4},
                  {"temperature", 0.25, 1e-3, 1e4}},
    .row = row,
};
