/* SPDX-License-Identifier: MIT
 *
 * Going on from a stored model: its layers as layers that are trained. */
#ifndef API_TRAIN_MODEL_H
#define API_TRAIN_MODEL_H

#include "api/train.h"

/* Puts the network's layers in the request, which has none yet. A scaling that
 * an earlier training put in front becomes `scaling`; else that is the
 * identity. UNSUPPORTED_MODEL, naming the layer, where a layer cannot be
 * trained; INVALID_OPTION where the limits are not as many as dense layers. */
enum lip_status api_train_model_layers(struct api_train_request *request,
                                       struct lip_scaling *scaling,
                                       const struct lip_network *network,
                                       struct api_problem *problem,
                                       struct lip_ctx *ctx);

/* The weights of the network, rounded to float32, into the model that was made
 * of those layers. */
void api_train_model_weights(const struct lip_model *model,
                             const struct lip_network *network);

#endif
