/* SPDX-License-Identifier: MIT
 *
 * hinge on the strongest wrong class: max(0, m - z_y + max_{j != y} z_j). */
#include "training/losses/list.h"

#include <string.h>

static double row(float *dz, const float *z, size_t n,
                  const struct lip_target *target, const double *parameter)
{
    size_t y = target->label, rival = y == 0;
    for (size_t j = 0; j < n; j++)
        if (j != y && z[j] > z[rival])
            rival = j;
    double loss = parameter[0] - z[y] + z[rival];
    memset(dz, 0, n * sizeof *dz);
    if (loss <= 0)
        return 0;
    dz[y] = -1;
    dz[rival] = 1;
    return loss;
}

const struct lip_loss lip_loss_hinge = {
    .name = "hinge",
    .title = "Hinge on the margin to the strongest wrong class",
    .citation = "Crammer and Singer, JMLR 2, 2001",
    .classification = true,
    .parameter = {{"margin", 1, 0, 1e6}},
    .row = row,
};
