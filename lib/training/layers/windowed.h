/* SPDX-License-Identifier: MIT
 *
 * What layers with sliding windows share: their geometry, which is the one of
 * the layer that is served, and how often a window sees a pixel. */
#ifndef LIP_TRAINING_LAYERS_WINDOWED_H
#define LIP_TRAINING_LAYERS_WINDOWED_H

#include "training/layer.h"

/* From layer->in and the settings: layer->window, out and outputs for
 * `channels` channels that come out. stride: what stands for one that is not
 * given. LIP_INVALID in words, LIP_TOO_LARGE. */
enum lip_status lip_windowed_plan(struct lip_trainable *layer, size_t channels,
                                  const struct lip_setting *stride,
                                  struct lip_ctx *ctx);

/* Of pools: channel by channel, windows side by side where no stride is given,
 * the whole image where no kernel is. LIP_INVALID besides: padding. */
enum lip_status lip_pool_plan(struct lip_trainable *layer, struct lip_ctx *ctx);

/* The settings, in their full form, in the layer that is served; the kernel's
 * too where its kind has one. */
void lip_windowed_serve(struct lip_layer *out,
                        const struct lip_trainable *layer);

/* The most windows that any place can be in, one for each class of places
 * modulo the stride: product over the axes of the taps that fall into one
 * class. */
size_t lip_window_overlap(const struct lip_window *window);

#endif
