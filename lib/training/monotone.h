/* SPDX-License-Identifier: MIT
 *
 * Networks that are monotone in chosen inputs (Kitouni, Nolte, Williams, ICLR
 * 2023):
 *
 *     f_k(x) = g_k(x) + sign_k s(x),   s(x) = r sum_j c_j x_j,
 *
 * c_j = 1 for an input that lets outputs rise, -1 for one that lets them fall,
 * 0 for one that is free. g is kept from the 1-norm to the inf-norm within r,
 * so that no partial derivative of it exceeds r, and those of f have the sign
 * of sign_k c_j, wherever they are taken. sign_k is 1, but -1 for the first of
 * two classes: then the second class gains on the first.
 *
 * In the model that is served, s goes along through the layers as some more
 * numbers that nothing changes: a chain of layers like others, exactly this f,
 * and the product of its layers' norms is the bound 2 r. */
#ifndef LIP_TRAINING_MONOTONE_H
#define LIP_TRAINING_MONOTONE_H

#include "training/loop.h"

/* LIP_INVALID, in words: no direction for some input, none that is not free,
 * more than two classes, layers that cannot carry s. */
enum lip_status lip_monotone_check(const struct lip_train_options *options,
                                   const struct lip_model *model, bool classes,
                                   struct lip_ctx *ctx);

/* Gives the model its s; `opposed`: sign_0 = -1. LIP_NO_MEMORY. */
enum lip_status lip_monotone_begin(struct lip_model *model,
                                   const signed char *direction, float r,
                                   bool opposed, struct lip_ctx *ctx);

/* y[rows x outputs] += sign s(x). */
void lip_monotone_add(const struct lip_model *model, float *y, const float *x,
                      size_t rows);

/* Layer i as it is served, with s beside its own numbers. */
enum lip_status lip_monotone_serve(struct lip_layer *out,
                                   const struct lip_model *model, size_t i,
                                   struct lip_ctx *ctx);

/* LIP_OK where the stored numbers of the network prove that each output moves
 * with each input as `direction` says (against it for output 0, where
 * `opposed`); else LIP_UNPROVEN, naming the input, or what lip_partials_new
 * says. */
enum lip_status lip_monotone_prove(const struct lip_network *network,
                                   const signed char *direction, bool opposed,
                                   struct lip_ctx *ctx);

#endif
