/* SPDX-License-Identifier: MIT
 *
 * ECLipsE-Fast: one scalar multiplier a layer, Lambda_i = 2 / sigma(S_i) for
 * slopes in [0, 1]; in general 2 / ((b - a) b sigma(S_i)), the scalar that
 * leaves most of M_i along the top eigenvector of S_i. */
#include "bounds/multipliers.h"
#include "bounds/rule.h"
#include "bounds/support.h"

#include <stdio.h>

static enum lip_status run(struct lip_bound *bound,
                           const struct lip_chain *chain,
                           const struct lip_bound_options *options,
                           struct lip_ctx *ctx)
{
    struct lip_recursion rec;
    struct lip_keeper keeper = {.wanted = false};
    enum lip_status status = lip_recursion_new(&rec, chain, ctx);
    if (status != LIP_OK)
        return status;
    struct lip_big value;
    bool feasible = false;
    status = lip_keeper_open(&keeper, &rec, options->evidence);
    if (status == LIP_OK)
        status =
            lip_rule_pass(&value, &feasible, &rec, &lip_rule_scalar, 1, NULL);
    if (status == LIP_OK && feasible) {
        lip_bound_set(bound, value);
        lip_keeper_offer(&keeper, value);
        status = lip_keeper_tell(bound, &keeper);
    } else if (status == LIP_OK) {
        bound->skipped = true;
        snprintf(bound->reason, sizeof bound->reason,
                 "A layer is too badly conditioned to prove its multiplier "
                 "in double precision.");
    }
    lip_keeper_close(&keeper);
    lip_recursion_clear(&rec);
    return status;
}

static struct lip_cost cost(const struct lip_chain *chain,
                            const struct lip_bound_options *options)
{
    (void)options;
    double n0 = (double)lip_chain_width(chain, 0);
    double n1 = (double)lip_chain_width(chain, 1);
    return (struct lip_cost){n1 * n1 * n0 + 1.3 * lip_recursion_flops(chain),
                             lip_recursion_bytes(chain) +
                                 16 * (double)chain->widest *
                                     (double)chain->widest};
}

const struct lip_method lip_method_eclipse_fast = {
    .id = "eclipse-fast",
    .title = "ECLipsE-Fast: one closed-form multiplier a layer",
    .formula = "Lambda_i = 2 / sigma(S_i) I in the block recursion of LipSDP",
    .norms = "2",
    .supports = "networks that unroll into matrices: dense and convolutional "
                "layers, skip connections, pools, groupsort (groups of at most "
                "32) and householder, any slope-bounded activations",
    .cost_text = "O(sum n_i^3): one block Cholesky pass",
    .citation = "Xu and Sivaranjani, ECLipsE: Efficient Compositional "
                "Lipschitz Constant Estimation for Deep Neural Networks, "
                "NeurIPS 2024; slopes other than [0, 1]: derived here",
    .applies = lip_applies_l2,
    .cost = cost,
    .run = run,
};
