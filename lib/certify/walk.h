/* SPDX-License-Identifier: MIT
 *
 * Derivatives of a network at a point, without its Jacobian J: products J v
 * and J^T u, the induced norm of J, and the gradient of that norm with respect
 * to the point. Plain doubles: what is found here is proven elsewhere.
 *
 * Slopes can be taken over a window: (phi(z + w) - phi(z - w)) / 2w, w =
 * `window` times the root mean square of the layer's z. The norm of such a
 * smoothed Jacobian has a useful gradient on ReLU networks too. */
#ifndef LIP_CERTIFY_WALK_H
#define LIP_CERTIFY_WALK_H

#include "certify/stages.h"
#include "linalg/norm.h"

/* Buffers over all stages; those of stage i begin at from[i]: its inputs, or
 * what belongs to them. The network's outputs begin at from[count]. */
struct lip_walk {
    const struct lip_stages *stages;
    struct lip_norm_pair norm;
    size_t *from;
    double *value;    /* z: the numbers that go into each stage */
    double *slope;    /* of each elementwise map */
    double *tangent;  /* J v, up to each stage */
    double *adjoint;  /* J^T u, back to each stage */
    double *gradient; /* of u^T J v, back to each stage */
    double *v, *u;    /* direction [inputs], |v|_p = 1; functional [outputs] */
    double spent;     /* multiplications so far */
};

/* |x|_2 of numbers of any size. */
double lip_length(const double *x, size_t n);

/* LIP_NO_MEMORY, LIP_TOO_LARGE. */
enum lip_status lip_walk_new(struct lip_walk *out,
                             const struct lip_stages *stages,
                             struct lip_norm_pair norm, struct lip_ctx *ctx);
void lip_walk_clear(struct lip_walk *walk);
double lip_walk_bytes(const struct lip_network *network);

/* Goes to x: values and slopes. window 0: phi'. */
void lip_walk_to(struct lip_walk *walk, const double *x, double window);

/* tangent = J direction, of any direction [inputs]. */
void lip_walk_tangent(struct lip_walk *walk, const double *direction);

/* adjoint = J^T u. */
void lip_walk_adjoint(struct lip_walk *walk);

/* adjoint[0 .. inputs - 1] = the gradient of the number that goes into neuron k
 * of stage i. */
void lip_walk_pull(struct lip_walk *walk, size_t i, size_t k);

/* |J|_{p->q} from below by the power iteration of the pair of norms, from
 * walk->v on, which rises with each step: at most `steps` steps, less where
 * they gain less than `tolerance`. Leaves v, u, tangent and adjoint. */
double lip_walk_norm(struct lip_walk *walk, int steps, double tolerance);

/* The gradient of u^T J(x) v with respect to x, at gradient[0 .. inputs - 1],
 * from what lip_walk_norm left. The window is that of lip_walk_to. */
const double *lip_walk_gradient(struct lip_walk *walk, double window);

/* How far one can go from where the walk is along the direction of the last
 * lip_walk_tangent (forward > 0) or against it before a kink is met; infinity
 * where none is. */
double lip_walk_free(const struct lip_walk *walk, double forward);

#endif
