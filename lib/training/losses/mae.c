/* SPDX-License-Identifier: MIT
 *
 * mean absolute error over the outputs. */
#include "training/losses/list.h"

#include <math.h>

static double row(float *dz, const float *z, size_t n,
                  const struct lip_target *target, const double *parameter)
{
    (void)parameter;
    double each = 1 / (double)n, sum = 0;
    for (size_t j = 0; j < n; j++) {
        double gap = (double)z[j] - (double)target->y[j];
        dz[j] = (float)(gap > 0 ? each : gap < 0 ? -each : 0);
        sum += fabs(gap);
    }
    return sum * each;
}

const struct lip_loss lip_loss_mae = {
    .name = "mae",
    .title = "Mean absolute error",
    .row = row,
};
