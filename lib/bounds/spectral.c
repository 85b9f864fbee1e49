/* SPDX-License-Identifier: MIT
 *
 * Product of proven spectral norms: L <= |W_l|_2 s_{l-1} ... s_1 |W_1|_2. */
#include "bounds/link_norm.h"
#include "bounds/product.h"
#include "bounds/support.h"

static enum lip_status run(struct lip_bound *bound,
                           const struct lip_chain *chain,
                           const struct lip_bound_options *options,
                           struct lip_ctx *ctx)
{
    struct lip_big product = lip_big_make(1, 0), norm;
    enum lip_status status = LIP_OK;
    if (lip_product_layered(chain))
        return lip_product_run(bound, chain, options, LIP_PRODUCT_INDUCED, ctx);
    if (options->evidence)
        status = lip_product_evidence(bound, chain, options->norm, ctx);
    for (size_t i = 0; status == LIP_OK && i < chain->count; i++) {
        status = lip_link_norm(&norm, &chain->link[i], options->norm, ctx);
        if (status == LIP_OK)
            status = lip_tick(ctx, "spectral norms", (double)i + 1,
                              (double)chain->count, NAN);
        if (status != LIP_OK)
            break;
        if (bound->evidence)
            bound->evidence->row[0].value[i] = norm;
        product = lip_big_mul(product, norm);
        if (i + 1 < chain->count)
            product = lip_big_mul(
                product,
                lip_big_make(lip_chain_constant(chain, i, LIP_NORM_2), 0));
    }
    if (status == LIP_OK)
        lip_bound_set(bound, product);
    return status;
}

static struct lip_cost cost(const struct lip_chain *chain,
                            const struct lip_bound_options *options)
{
    (void)options;
    if (lip_product_layered(chain))
        return (struct lip_cost){
            lip_product_flops(chain->network, LIP_NORM_2, LIP_PRODUCT_INDUCED),
            lip_product_bytes(chain->network)};
    return (struct lip_cost){lip_sum_links(chain, lip_spectral_flops),
                             lip_norm_bytes(chain)};
}

const struct lip_method lip_method_spectral = {
    .id = "spectral",
    .title = "Product of spectral norms",
    .formula = "L <= |W_l|_2 s_{l-1} ... s_1 |W_1|_2",
    .norms = "2",
    .supports = "any network: convolutions, pools, sums and joins of layers, "
                "slope-bounded activations, groupsort and householder",
    .cost_text = "O(sum n_i n_{i-1} min(n_i, n_{i-1}))",
    .citation = "Szegedy et al., Intriguing properties of neural networks, "
                "ICLR 2014, section 4.3; verified norms after Rump, BIT 46 "
                "(2006)",
    .joint = true,
    .layered = true,
    .applies = lip_applies_l2,
    .cost = cost,
    .run = run,
};
