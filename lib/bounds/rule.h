/* SPDX-License-Identifier: MIT
 *
 * Closed-form choices of the multipliers, one layer after the other. For
 * slopes in [0, 1] a choice Lambda is feasible if and only if 4 Lambda^-1 - S
 * is positive definite; all rules stay inside that, with a constant c in
 * (0, 2) that says how close to the border. In coordinates changed by a gauge
 * (T = G S G, see gauge.h):
 *
 *   scalar      Lambda = 2 c / sigma(T)                       ECLipsE-Fast: c=1
 *   gershgorin  Lambda_k = 2 c / sum_j |T_kj|
 *   shift       Lambda_k = 4 / (T_kk + c sigma(T - diag T)),  c > 1
 *   balanced    Lambda = 2 c E / sigma(E^1/2 T E^1/2),
 *               E_k = sqrt((W'^T W')_kk / T_kk), W' the next matrix
 *
 * sigma: largest eigenvalue. The first three: Xu and Sivaranjani (NeurIPS
 * 2024), Syed and Hu (arXiv 2503.14297). A Lambda is only a choice: nothing
 * here needs to be exact.
 *
 * For slopes [a, b], |a| <= b, Lambda (b - a)^2 takes the place of Lambda, and
 * c = 1 becomes 1 - a/b, the scalar that leaves most of M along the top
 * eigenvector of S; c = 2 stays the border. */
#ifndef LIP_BOUNDS_RULE_H
#define LIP_BOUNDS_RULE_H

#include "bounds/gauge.h"
#include "bounds/recursion.h"

/* What a rule sees of a layer. */
struct lip_rule_view {
    struct lip_matrix *t; /* upper triangle; a copy, may be spoilt */
    const double *next;   /* squared column norms of W', for balanced rules */
    double *vector;       /* n numbers of work */
    struct lip_ctx *ctx;
};

struct lip_rule {
    const char *name;
    /* The constants worth trying, ascending; ended by 0. */
    double constant[8];
    double refine; /* step of a second look around the best, or 0 */
    bool balanced; /* looks at view->next */
    /* lambda[n], without the factor that general slopes put on c. */
    enum lip_status (*choose)(double *lambda, struct lip_rule_view *view,
                              double c);
};

/* The rules above, ended by NULL. */
extern const struct lip_rule *const lip_rules[];
extern const struct lip_rule lip_rule_scalar;

/* Runs a whole pass with one rule. gauge NULL: none. *feasible is false where
 * some layer could not be proven; then *out is not set. LIP_NO_MEMORY,
 * LIP_CANCELLED, LIP_TIMEOUT (asked before every layer). */
enum lip_status lip_rule_pass(struct lip_big *out, bool *feasible,
                              struct lip_recursion *recursion,
                              const struct lip_rule *rule, double c,
                              const struct lip_gauge *gauge);

#endif
