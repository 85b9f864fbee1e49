/* SPDX-License-Identifier: MIT
 *
 * multi-margin: (1/n) sum_{j != y} max(0, m - z_y + z_j). */
#include "training/losses/list.h"

static double row(float *dz, const float *z, size_t n,
                  const struct lip_target *target, const double *parameter)
{
    size_t y = target->label;
    float each = 1 / (float)n;
    double sum = 0;
    dz[y] = 0;
    for (size_t j = 0; j < n; j++) {
        double short_by = parameter[0] - z[y] + z[j];
        if (j == y)
            continue;
        dz[j] = short_by > 0 ? each : 0;
        dz[y] -= dz[j];
        sum += short_by > 0 ? short_by : 0;
    }
    return sum / (double)n;
}

const struct lip_loss lip_loss_multi_margin = {
    .name = "multi-margin",
    .title = "Hinge on the margin to every wrong class",
    .citation = "Weston and Watkins, ESANN 1999; Li et al., NeurIPS 2019",
    .classification = true,
    .parameter = {{"margin", 1, 0, 1e6}},
    .row = row,
};
