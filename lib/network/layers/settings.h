/* SPDX-License-Identifier: MIT
 *
 * What layer kinds share that care for shapes: filling settings in, places in a
 * shape, lists of one number a channel, maps that only move numbers. */
#ifndef LIP_NETWORK_LAYERS_SETTINGS_H
#define LIP_NETWORK_LAYERS_SETTINGS_H

#include "network/network.h"

/* Brings a setting into its full form of `count` numbers: one that is left out
 * becomes `fallback` everywhere, one number counts for all axes. LIP_INVALID:
 * another number of them, or one out of the range that the kind names. */
enum lip_status lip_layer_fill(struct lip_layer *layer, const char *name,
                               size_t count, long fallback,
                               struct lip_ctx *ctx);

/* LIP_INVALID where layer->out is empty, LIP_TOO_LARGE where it has more than
 * LIP_MAX_WIDTH numbers. */
enum lip_status lip_layer_check_out(const struct lip_layer *layer,
                                    struct lip_ctx *ctx);

/* The indices of number k of a shape, and the number at these indices. */
void lip_shape_split(size_t *index, const struct lip_shape *shape, size_t k);
size_t lip_shape_join(const struct lip_shape *shape, const size_t *index);

/* The first index of a shape counts its channels. */
static inline size_t lip_shape_channels(const struct lip_shape *shape)
{
    return shape->rank ? shape->dim[0] : 1;
}

/* Checks a list, absent ones too, of `count` numbers and gives it the shape
 * [count]; frameworks also keep it as count x 1 x 1. `name` and `of` ("channel
 * ") are for the message. */
enum lip_status lip_layer_list(struct lip_tensor *list, const char *name,
                               size_t count, const char *of,
                               struct lip_ctx *ctx);

/* Number k in row-major order. */
double lip_tensor_number(const struct lip_tensor *tensor, size_t k);

/* Maps whose outputs are each one input or a constant: the input that output k
 * is, or LIP_NO_SOURCE. */
#define LIP_NO_SOURCE SIZE_MAX
typedef size_t lip_source_fn(const struct lip_layer *layer, size_t k);

/* A row, and all outputs, of such a map. */
size_t lip_move_row(size_t *column, double *value, size_t source);
void lip_move_eval(double *y, const struct lip_layer *layer, const double *x,
                   lip_source_fn *source, double fill);

#endif
