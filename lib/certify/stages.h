/* SPDX-License-Identifier: MIT
 *
 * The network as it is evaluated, biases included, in doubles that point
 * arithmetic can walk over quickly: layers without what changes nothing, sorts
 * as matrices and absolute values. */
#ifndef LIP_CERTIFY_STAGES_H
#define LIP_CERTIFY_STAGES_H

#include "network/network.h"

#include <stdbool.h>

/* x -> W x + b where there is a weight; else x_k -> phi(x_k). */
struct lip_stage {
    size_t inputs, outputs;
    double *weight; /* outputs x inputs, by rows */
    double *bias;   /* NULL: none */
    /* All lie below 2^top in absolute value; LONG_MIN for a bias of zeros. */
    long top_weight, top_bias;
    const struct lip_activation *activation;
    double parameter[LIP_MAX_PARAMETERS];
    double *own; /* the first parameter of each neuron; NULL: one for all */
};

struct lip_stages {
    size_t count;
    struct lip_stage *stage;
    size_t inputs, outputs;
    size_t widest;
    size_t neurons;  /* elementwise maps taken over all stages */
    double products; /* multiplications of one evaluation */
    bool straight;   /* every activation is made of straight pieces */
};

/* Whether the network is a chain of layers that are dense, elementwise or sorts
 * of a size that is no matter. */
bool lip_stages_can(const struct lip_network *network);

/* Stages that a layer becomes, at most. */
size_t lip_stages_of_layer(const struct lip_layer *layer);

/* Bytes that lip_stages_new will ask for; cannot overflow. */
double lip_stages_bytes(const struct lip_network *network);

/* LIP_NO_MEMORY, LIP_TOO_LARGE; LIP_UNSUPPORTED: a layer that is neither linear
 * nor elementwise nor sorts, as are mirrors. O(parameters). Independent of the
 * network afterwards. */
enum lip_status lip_stages_new(struct lip_stages **out,
                               const struct lip_network *network,
                               struct lip_ctx *ctx);

/* NULL is allowed. */
void lip_stages_free(struct lip_stages *stages);

/* The parameters of neuron k of an elementwise stage. `room` is used where
 * neurons differ. */
const double *lip_stage_parameter(const struct lip_stage *stage, size_t k,
                                  double room[LIP_MAX_PARAMETERS]);

#endif
