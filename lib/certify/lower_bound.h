/* SPDX-License-Identifier: MIT
 *
 * A proven lower bound of the Lipschitz constant
 *
 *     L_{p->q} = sup over x != y of |f(x) - f(y)|_q / |x - y|_p
 *
 * of a network with its biases, p and q in {1, 2, inf}. The witness is a pair
 * of points: the quotient of any pair is a lower bound. It is searched for in
 * plain doubles (search.h) and evaluated with proven errors (quotient.h).
 *
 * Why a pair and not a point with its Jacobian: a pair needs no proof of
 * differentiability and no enclosure of derivatives, so that one theorem of
 * one line covers every activation, and whoever checks the witness needs
 * nothing but f. Nothing is lost by it. Within one linear piece the quotient
 * of a pair is the norm of the Jacobian in that direction, exactly; for curved
 * activations the quotient of x - h v and x + h v falls short of |J(x) v| by
 * O(h^2), which h = 2^-12 of the network's scale makes 1e-8. The cancellation
 * in f(x) - f(y) costs nothing in a network of straight pieces, which is
 * evaluated with as many bits as it needs. With curved activations, whose
 * elementary functions are known to doubles only, it limits what can be proven
 * of networks of ten layers and more. */
#ifndef LIP_CERTIFY_LOWER_BOUND_H
#define LIP_CERTIFY_LOWER_BOUND_H

#include "linalg/norm.h"
#include "network/network.h"

#include <stdint.h>

struct lip_lower_options {
    uint64_t seed;
    /* Multiplications that the search may take; 0: lip_lower_effort(). Counted,
     * not timed: the same options give the same result, unless time_limit or
     * the context's deadline cuts the search short. */
    double effort;
    double time_limit; /* seconds; 0: none but the context's */
    double enough;     /* a proven upper bound, above which the search has no
                          hope; 0: none is known */
};

#define LIP_LOWER_METHOD "gradient-search"

struct lip_lower_bound {
    double value;       /* proven, rounded down; finite, >= 0 */
    const char *method; /* LIP_LOWER_METHOD */
    size_t inputs;
    double *x, *y; /* the pair [inputs]; NULL where value is 0 */
    double effort; /* multiplications spent in the search */
    size_t restarts;
    bool cut; /* time ended it: with more, more might have been found */
};

/* What the search takes by default, in multiplications: about a millisecond
 * and another for every 10^4 parameters. */
double lip_lower_effort(const struct lip_network *network);

/* Memory it asks for, as an estimate from above that cannot overflow. */
double lip_lower_bytes(const struct lip_network *network);

/* value 0 without a witness is an answer like others: for constant functions,
 * where nothing was found or proven, where a layer is of a kind that is not
 * searched, or where time ran out before. Failures:
 * LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_CANCELLED; *out is empty then. */
enum lip_status lip_lower_bound(struct lip_lower_bound *out,
                                const struct lip_network *network,
                                struct lip_norm_pair norm,
                                const struct lip_lower_options *options,
                                struct lip_ctx *ctx);

/* Frees the witness. */
void lip_lower_bound_clear(struct lip_lower_bound *bound);

#endif
