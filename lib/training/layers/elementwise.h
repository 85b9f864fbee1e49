/* SPDX-License-Identifier: MIT
 *
 * What all layers that apply one function to each number share: they have no
 * parameters that learn, keep the width, and are served as the activation of
 * the same name. */
#ifndef LIP_TRAINING_LAYERS_ELEMENTWISE_H
#define LIP_TRAINING_LAYERS_ELEMENTWISE_H

#include "training/layers/list.h"

enum lip_status lip_elementwise_plan(struct lip_trainable *layer,
                                     struct lip_ctx *ctx);
bool lip_elementwise_contracts(double *slope, const struct lip_trainable *layer,
                               enum lip_norm norm);
enum lip_status lip_elementwise_serve(struct lip_layer *out,
                                      const struct lip_trainable *layer,
                                      struct lip_ctx *ctx);

/* Of those that are x for x > 0 and a multiple of x elsewhere: each neuron gets
 * its own slope, 1 for numbers that are handed on. */
size_t lip_elementwise_copies(const struct lip_trainable *layer);
enum lip_status lip_elementwise_serve_beside(struct lip_layer *out,
                                             const struct lip_trainable *layer,
                                             size_t copies,
                                             struct lip_ctx *ctx);

#define LIP_BENT                                                               \
    .copies = lip_elementwise_copies,                                          \
    .serve_beside = lip_elementwise_serve_beside

#define LIP_ELEMENTWISE                                                        \
    .plan = lip_elementwise_plan, .contracts = lip_elementwise_contracts,      \
    .serve = lip_elementwise_serve

#endif
