/* SPDX-License-Identifier: MIT
 *
 * Bound methods. A method turns a chain of linear maps and slope-bounded
 * activations into an upper bound of its Lipschitz constant
 *
 *     L_{p->q} = sup over x != y of |f(x) - f(y)|_q / |x - y|_p
 *
 * that holds in exact arithmetic for the weights as stored. Each method is one
 * file that defines one descriptor, and one line in the table in method.c; its
 * page (formula, when it wins, cost, source) is pages/<id>.md. */
#ifndef LIP_BOUNDS_METHOD_H
#define LIP_BOUNDS_METHOD_H

#include "base/context.h"
#include "bounds/evidence.h"
#include "linalg/norm.h"
#include "network/chain.h"

#include <stdbool.h>
#include <stddef.h>

enum { LIP_MAX_DETAILS = 64 };

/* One member of a family of bounds that a method tried, proven like the rest:
 * "gauge=2 rule=balanced" at parameter 1.4. */
struct lip_bound_detail {
    char rule[48];
    double parameter; /* NaN: none */
    double upper_bound;
};

/* Where an iterative method stood when it stopped. Closed forms leave NONE. */
enum lip_bound_state {
    LIP_BOUND_NONE = 0,
    LIP_BOUND_CONVERGED,
    LIP_BOUND_TIME_LIMIT,
    LIP_BOUND_ITERATION_LIMIT
};

struct lip_product;

struct lip_bound {
    const struct lip_method *method;
    bool skipped; /* then only `reason` says something */
    char reason[240];
    double upper_bound; /* proven; finite, >= 0 */
    double seconds;
    size_t detail_count;
    struct lip_bound_detail detail[LIP_MAX_DETAILS];
    enum lip_bound_state state;
    size_t iterations;
    double optimum_at_least;       /* proven; NaN: not given */
    struct lip_evidence *evidence; /* NULL unless asked for, or skipped */
    struct lip_product *product;   /* NULL unless asked for, and a product over
                                      layers */
};

/* Frees what the bound owns: needed where evidence or factors were asked for.
 */
void lip_bound_clear(struct lip_bound *bound);

struct lip_bound_options {
    struct lip_norm_pair norm;
    double time_limit;     /* seconds for all methods together; 0: none */
    double tolerance;      /* relative, for iterative methods; 0: 0.01 */
    size_t max_iterations; /* 0: the method's own */
    bool evidence;         /* keep what the bound is proven from; only chains
                              of dense layers have any */
    bool factors;          /* keep what a product over layers is made of */
};

/* What running a method will take, from the shapes alone. */
struct lip_cost {
    double flops;
    double bytes;
};

struct lip_method {
    const char *id;    /* final: clients name it */
    const char *title; /* one line */
    const char *formula;
    const char *norms;    /* "2", "any pair", for people */
    const char *supports; /* "chains of dense layers, any slopes" */
    const char *cost_text;
    const char *citation;
    /* Multiplies constants, so that joint layers (lip_chain_constant) are no
     * obstacle; other methods never see a chain with one. */
    bool joint;
    /* Goes by the layers of chain->network where the chain is not one of dense
     * layers, so that it need not be unrolled; other methods never see a chain
     * that is not. */
    bool layered;
    /* Takes long on large networks and gives nothing before it is done, so that
     * it is not worth beginning where it cannot end in time. */
    bool whole;
    /* False, with a sentence in reason, where the method says nothing about
     * this chain and norm. */
    bool (*applies)(const struct lip_chain *chain,
                    const struct lip_bound_options *options, char *reason,
                    size_t reason_size);
    struct lip_cost (*cost)(const struct lip_chain *chain,
                            const struct lip_bound_options *options);
    /* Sets bound->upper_bound and what belongs to it; where options->evidence
     * is set, bound->evidence too, also on failure if at all. */
    enum lip_status (*run)(struct lip_bound *bound,
                           const struct lip_chain *chain,
                           const struct lip_bound_options *options,
                           struct lip_ctx *ctx);
};

/* All methods, cheapest first, ended by NULL. */
extern const struct lip_method *const lip_methods[];

/* The method of this id, or that answers for this name ("chordal": lipsdp), or
 * NULL. */
const struct lip_method *lip_method_find(const char *id);

/* The chain that this method works on: where it does not multiply constants,
 * chain->body without what closes the network, and the plain one without joint
 * gaps, as far as there are such; else the chain. */
const struct lip_chain *lip_method_chain(const struct lip_method *method,
                                         const struct lip_chain *chain);

/* What method->applies says of its chain. */
bool lip_method_applies(const struct lip_method *method,
                        const struct lip_chain *chain,
                        const struct lip_bound_options *options, char *reason,
                        size_t reason_size);

/* Runs one method: applicability, clock, and the check that what comes back is
 * a finite number >= 0. A method that does not apply, or whose bound would
 * exceed the largest double, gives LIP_OK with bound->skipped. A bound that
 * is skipped, or a failure, owns nothing. Failures: LIP_NO_MEMORY,
 * LIP_TOO_LARGE, LIP_CANCELLED, LIP_TIMEOUT. */
enum lip_status lip_method_run(struct lip_bound *bound,
                               const struct lip_method *method,
                               const struct lip_chain *chain,
                               const struct lip_bound_options *options,
                               struct lip_ctx *ctx);

/* What `auto` runs: every method that applies, cheapest first, as long as its
 * predicted time (cost.flops at `flops_per_second`) fits what is left of
 * options->time_limit. Writes at most `max` methods; returns how many. */
size_t lip_methods_auto(const struct lip_method **out, size_t max,
                        const struct lip_chain *chain,
                        const struct lip_bound_options *options,
                        double flops_per_second);

#endif
