/* SPDX-License-Identifier: MIT
 *
 * Losses: what training makes small. A loss is one file in losses/ and one
 * line in the table there. */
#ifndef LIP_TRAINING_LOSS_H
#define LIP_TRAINING_LOSS_H

#include "network/activation.h"
#include "training/data.h"

#include <stdbool.h>

/* What one row should give. */
struct lip_target {
    uint32_t label;
    const float *y;
};

struct lip_loss {
    const char *name; /* "cross-entropy" */
    const char *title, *citation;
    bool classification;
    struct lip_parameter parameter[LIP_MAX_PARAMETERS + 1];
    /* The loss of one row of n outputs, and its gradient in dz. */
    double (*row)(float *dz, const float *z, size_t n,
                  const struct lip_target *target, const double *parameter);
};

/* All losses, ended by NULL. */
extern const struct lip_loss *const lip_losses[];

const struct lip_loss *lip_loss_find(const char *name);

/* A loss with its parameters. */
struct lip_loss_use {
    const struct lip_loss *loss;
    double parameter[LIP_MAX_PARAMETERS];
};

/* The loss with its default parameters. */
struct lip_loss_use lip_loss_defaults(const struct lip_loss *loss);

/* LIP_INVALID, in words, where a parameter is out of its range or the loss is
 * not for such data or such a number of outputs. */
enum lip_status lip_loss_check(const struct lip_loss_use *use,
                               const struct lip_data *data, size_t outputs,
                               struct lip_ctx *ctx);

#endif
