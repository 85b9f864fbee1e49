/* SPDX-License-Identifier: MIT
 *
 * Networks for tests as plain arrays, easy to change, and the steps from there
 * to a network, a chain and a bound. */
#ifndef LIP_TESTS_SUPPORT_PLAIN_H
#define LIP_TESTS_SUPPORT_PLAIN_H

#include "bounds/method.h"
#include "network/chain.h"

#include <stdint.h>

enum { PLAIN_LINKS = 64 };

/* f = W_l phi(... phi(W_1 x + b_1) ...) + b_l; weights by rows. */
struct plain {
    size_t links;
    size_t width[PLAIN_LINKS + 1];
    double *weight[PLAIN_LINKS]; /* width[i + 1] x width[i] */
    double *bias[PLAIN_LINKS];   /* NULL: none */
    double *slope[PLAIN_LINKS];  /* one a neuron for prelu, or NULL */
    const char *activation;
    bool has_parameter;
    double parameter;
};

/* A number as from a normal distribution of variance 1. */
double plain_normal(uint64_t *state);

/* Uniform in [a, b). */
double plain_uniform(uint64_t *state, double a, double b);

/* Gaussian weights of variance 1 / inputs and small biases. */
void plain_random(struct plain *net, const char *activation,
                  const size_t *width, size_t links, uint64_t seed);

/* All zeros, to be filled. */
void plain_zero(struct plain *net, const char *activation, const size_t *width,
                size_t links);
void plain_copy(struct plain *to, const struct plain *from);
void plain_clear(struct plain *net);

struct lip_network *plain_network(const struct plain *net, struct lip_ctx *ctx);
struct lip_chain *plain_chain(const struct plain *net, struct lip_ctx *ctx);

/* The bound of a method, which must not be skipped (value_or: NaN if so). */
double bound_of(const char *method, const struct lip_chain *chain,
                struct lip_norm_pair pair);
double bound_or_nan(const char *method, const struct lip_chain *chain,
                    struct lip_norm_pair pair);
double bound_of_plain(const char *method, const struct plain *net,
                      struct lip_norm_pair pair);

/* One detail of a method in l2->l2. */
double detail_of(const char *method, const struct lip_chain *chain,
                 const char *rule);

#define PAIR_22 ((struct lip_norm_pair){LIP_NORM_2, LIP_NORM_2})

/* |x|_norm, plain arithmetic. */
double vector_norm(const double *x, size_t n, enum lip_norm norm);

#endif
