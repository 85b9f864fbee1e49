/* SPDX-License-Identifier: MIT
 *
 * The network in float32 on batches, for speed: convolutions by im2col and one
 * matrix product, the weights made ready once. Nothing is proven by it; results
 * agree with lip_network_eval to float accuracy. */
#ifndef LIP_NETWORK_INFERENCE_H
#define LIP_NETWORK_INFERENCE_H

#include "network/network.h"

struct lip_inference;

/* Keeps the network, which must outlive it. LIP_NO_MEMORY, LIP_TOO_LARGE. */
enum lip_status lip_inference_new(struct lip_inference **out,
                                  const struct lip_network *network,
                                  struct lip_ctx *ctx);
void lip_inference_free(struct lip_inference *inference);

/* y[count x outputs] from x[count x inputs]; blocks of the batch are taken so
 * that they stay in the cache. LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_CANCELLED. */
enum lip_status lip_inference_run(float *y, struct lip_inference *inference,
                                  const float *x, size_t count,
                                  struct lip_ctx *ctx);

#endif
