/* SPDX-License-Identifier: MIT
 *
 * From a trained model to the immutable network that is served. */
#ifndef LIP_TRAINING_SERVE_H
#define LIP_TRAINING_SERVE_H

#include "training/model.h"
#include "training/normalise.h"

/* The scaling (unless it is the identity) as a diagonal dense layer, then the
 * layers, all float32. LIP_UNSUPPORTED names the first layer that lib/network
 * does not know; LIP_INVALID (a number is not finite), LIP_NO_MEMORY. */
enum lip_status lip_serve(struct lip_network **out,
                          const struct lip_model *model,
                          const struct lip_scaling *scaling,
                          struct lip_ctx *ctx);

/* The reshape that says what a row of inputs is: an image or a sequence. */
void lip_serve_shape(struct lip_layer *out, const struct lip_image *image);

#endif
