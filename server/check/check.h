/* SPDX-License-Identifier: MIT
 *
 * lipschitz-check: is what a certificate claims of a model a theorem? With the
 * library it shares only what reads a model file (lib/formats, lib/network and
 * lib/base: tensors, the digest, the table of activations with their slope
 * ranges). All else is done anew in ball arithmetic (FLINT/Arb), where each
 * number carries a proven error, with more bits until the answer is certain. */
#ifndef LIPD_CHECK_CHECK_H
#define LIPD_CHECK_CHECK_H

#include "network/network.h"

#include <arb_mat.h>
#include <jansson.h>

enum { FIRST_BITS = 128, LAST_BITS = 8192, SHELF = 48 };

enum verdict { REFUTED, UNDECIDED, PROVED };

/* The vector norms 1, 2 and inf; the dual of p is 2 - p. */
enum norm { ONE, TWO, INF, NO_NORM };

/* One certificate at work. The chain is f = W_l phi_{l-1}( ... phi_1(W_1 x)),
 * biases left out: w[i] is W_{i+1}, and range[i] has the least slopes of layer
 * i + 1 in row 0, the largest in row 1. */
struct check {
    struct lip_network *network;
    json_t *root;
    const json_t *rows, *path; /* of the evidence */
    slong links;               /* l */
    arb_mat_struct *w, *range;
    enum norm from, to;
    bool lower; /* a lower bound is claimed */
    arb_t claim;
    slong bits;
    arb_mat_struct shelf[SHELF]; /* matrices in use, the newest last */
    size_t used;
    char reason[240]; /* where the verdict is not PROVED */
};

/* main.c: sets the reason, unless there is one, and says REFUTED. */
enum verdict refuse(struct check *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* certificate.c: reads the document into c->root; holds its digest. */
enum verdict certificate_read(struct check *c, const char *text, size_t size);
/* Sets norms, claim and evidence from it. */
enum verdict certificate_claim(struct check *c);
const char *text_at(const json_t *object, const char *key); /* or "" */
/* Row i of the evidence as exact numbers, n of them; NULL with the reason. */
arb_ptr evidence_row(struct check *c, slong i, slong n);
/* Before matrix i of the chain, counted from 0. */
enum norm path_at(const struct check *c, slong i);

/* chain.c: the weight of a linear layer, exact. */
arb_mat_struct *weight(struct check *c, const struct lip_layer *layer);
/* The slopes of neuron k of an activation, and its parameters into p. */
struct lip_slopes slopes_of(const struct lip_layer *layer, size_t k, double *p);
/* Derives the chain from the network and holds the certificate's
 * against it: how layers were merged, and slope ranges that contain the true
 * ones, which then take their place. Transposes it where the evidence is. */
enum verdict chain_open(struct check *c);
void chain_close(struct check *c);

/* ball.c: matrices that live until release() of an earlier mark. */
arb_mat_struct *matrix(struct check *c, slong rows, slong cols);
arb_ptr vector(struct check *c, slong n);
void release(struct check *c, size_t mark);
arb_mat_struct *transpose(struct check *c, const arb_mat_t a);
arb_mat_struct *product(struct check *c, const arb_mat_t a, const arb_mat_t b);
/* diag(f) A */
arb_mat_struct *scale(struct check *c, arb_srcptr f, const arb_mat_t a);
/* out = |x|_p */
void norm_of(arb_t out, arb_srcptr x, slong n, enum norm p, slong bits);
/* Lower triangular L, L L^T = A. REFUTED: certainly not positive definite. */
enum verdict cholesky(arb_mat_t l, const arb_mat_t a, slong bits);
/* x <= y; |A|_{p->q} <= y, where for the pairs of norms that are hard (inf->1,
 * inf->2, 2->1) one of the usual bounds must be. */
enum verdict at_most(const arb_t x, const arb_t y);
enum verdict norm_at_most(struct check *c, const arb_mat_t a, enum norm p,
                          enum norm q, const arb_t y);

/* curves.c: y = phi(x) for the exact number x; false where there is no such
 * activation. */
bool curve_at(arb_t y, const arb_t x, const char *name, const double *parameter,
              slong bits);

/* theorems.c, recursion.c, quotient.c: does the theorem named prove the claim?
 */
enum verdict theorem_check(struct check *c, const char *name);
enum verdict recursion_check(struct check *c);
enum verdict quotient_check(struct check *c);

#endif
