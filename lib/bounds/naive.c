/* SPDX-License-Identifier: MIT
 *
 * Products of layer norms:
 *
 *     L_{p->q} <= |W_l|_{r_{l-1}->q} s_{l-1} ... s_1 |W_1|_{p->r_1}
 *
 * with s_i the steepest slope of layer i (an elementwise map is s_i-Lipschitz
 * in every l_r; a joint layer has a constant for each l_r). For norm 2 the
 * Frobenius norm stands for |W|_2, as in most tools; for 1 and inf all r_i are
 * the same; for mixed pairs the least product over all r_i in {1, 2, inf} is
 * found by dynamic programming. Networks that are no chain of dense layers go
 * by their layers (product.h). */
#include "bounds/link_norm.h"
#include "bounds/product.h"
#include "bounds/support.h"

/* Of the gap in front of link i, from l_p to l_p. */
static struct lip_big slope_before(const struct lip_chain *chain, size_t i,
                                   enum lip_norm p)
{
    return lip_big_make(i > 0 ? lip_chain_constant(chain, i - 1, p) : 1, 0);
}

static struct lip_big frobenius(const struct lip_chain *chain,
                                struct lip_evidence *evidence)
{
    struct lip_big product = lip_link_frobenius(&chain->link[0]);
    if (evidence)
        evidence->row[0].value[0] = product;
    for (size_t i = 1; i < chain->count; i++) {
        struct lip_big norm = lip_link_frobenius(&chain->link[i]);
        product = lip_big_mul(product, slope_before(chain, i, LIP_NORM_2));
        product = lip_big_mul(product, norm);
        if (evidence)
            evidence->row[0].value[i] = norm;
    }
    return product;
}

/* best[r]: least product up to here that ends in norm r; m = 0 with seen[r]
 * unset where there is none yet. */
struct front {
    struct lip_big best[LIP_NORM_COUNT];
    bool seen[LIP_NORM_COUNT];
    /* of the best: the last factor, and the norm before it */
    struct lip_big factor[LIP_NORM_COUNT];
    enum lip_norm from[LIP_NORM_COUNT];
};

static enum lip_status extend(struct front *to, const struct front *from,
                              const struct lip_chain *chain, size_t i,
                              struct lip_norm_pair only, struct lip_ctx *ctx)
{
    *to = (struct front){.seen = {false}};
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        for (int q = 0; q < LIP_NORM_COUNT; q++) {
            bool wanted =
                only.input == only.output ? q == (int)only.input : true;
            if (!from->seen[p] || !wanted)
                continue;
            struct lip_norm_pair pair = {(enum lip_norm)p, (enum lip_norm)q};
            struct lip_big norm;
            enum lip_status status =
                lip_link_norm(&norm, &chain->link[i], pair, ctx);
            if (status != LIP_OK)
                return status;
            struct lip_big product = lip_big_mul(
                lip_big_mul(from->best[p], slope_before(chain, i, pair.input)),
                norm);
            if (!to->seen[q] || lip_big_less(product, to->best[q])) {
                to->best[q] = product;
                to->factor[q] = norm;
                to->from[q] = pair.input;
            }
            to->seen[q] = true;
        }
    return LIP_OK;
}

/* The way back along the best product. */
static void trace(struct lip_evidence *evidence, const struct front *front,
                  size_t count)
{
    for (size_t i = count; i-- > 0;) {
        enum lip_norm q = evidence->norm[i + 1];
        evidence->row[0].value[i] = front[i + 1].factor[q];
        evidence->norm[i] = front[i + 1].from[q];
    }
}

/* front[i]: up to the first i matrices. */
static enum lip_status search(struct lip_bound *bound,
                              const struct lip_chain *chain,
                              struct lip_norm_pair pair, struct lip_ctx *ctx)
{
    struct front *front = lip_calloc(ctx, chain->count + 1, sizeof *front);
    if (!front)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    enum lip_status status = LIP_OK;
    front[0].seen[pair.input] = true;
    front[0].best[pair.input] = lip_big_make(1, 0);
    for (size_t i = 0; status == LIP_OK && i < chain->count; i++) {
        status = extend(&front[i + 1], &front[i], chain, i, pair, ctx);
        if (status == LIP_OK)
            status = lip_tick(ctx, "norms of layers", (double)i + 1,
                              (double)chain->count, NAN);
    }
    if (status == LIP_OK)
        lip_bound_set(bound, front[chain->count].best[pair.output]);
    if (status == LIP_OK && bound->evidence)
        trace(bound->evidence, front, chain->count);
    lip_free(front);
    return status;
}

static bool is_l2(struct lip_norm_pair pair)
{
    return pair.input == LIP_NORM_2 && pair.output == LIP_NORM_2;
}

static enum lip_product_norm kind_of(struct lip_norm_pair pair)
{
    return is_l2(pair) ? LIP_PRODUCT_FROBENIUS : LIP_PRODUCT_INDUCED;
}

static enum lip_status run(struct lip_bound *bound,
                           const struct lip_chain *chain,
                           const struct lip_bound_options *options,
                           struct lip_ctx *ctx)
{
    struct lip_norm_pair pair = options->norm;
    enum lip_status status = LIP_OK;
    if (lip_product_layered(chain))
        return lip_product_run(bound, chain, options, kind_of(pair), ctx);
    if (options->evidence)
        status = lip_product_evidence(bound, chain, pair, ctx);
    if (status != LIP_OK)
        return status;
    if (!is_l2(pair))
        return search(bound, chain, pair, ctx);
    lip_bound_set(bound, frobenius(chain, bound->evidence));
    return LIP_OK;
}

static struct lip_cost cost(const struct lip_chain *chain,
                            const struct lip_bound_options *options)
{
    struct lip_norm_pair pair = options->norm;
    double flops = 0;
    if (lip_product_layered(chain))
        return (struct lip_cost){
            lip_product_flops(chain->network, pair.input, kind_of(pair)) *
                (pair.input == pair.output ? 1 : 3),
            lip_product_bytes(chain->network)};
    for (size_t i = 0; i < chain->count; i++) {
        double m = (double)lip_chain_width(chain, i);
        double n = (double)lip_chain_width(chain, i + 1);
        flops += 2 * m * n;
        if (pair.input != pair.output)
            flops += 14 * m * n + 3 * lip_spectral_flops(m, n);
    }
    double bytes = pair.input == pair.output ? 8 * (double)chain->widest
                                             : lip_norm_bytes(chain);
    return (struct lip_cost){flops, bytes};
}

const struct lip_method lip_method_naive = {
    .id = "naive",
    .title = "Product of layer norms (Frobenius for norm 2)",
    .formula = "L <= |W_l| s_{l-1} ... s_1 |W_1|",
    .norms = "every pair of 1, 2 and inf",
    .supports = "any network: convolutions, pools, sums and joins of layers, "
                "slope-bounded activations, groupsort and householder",
    .cost_text = "O(sum n_i n_{i-1})",
    .citation = "Szegedy et al., Intriguing properties of neural networks, "
                "ICLR 2014, section 4.3",
    .joint = true,
    .layered = true,
    .applies = lip_applies_any,
    .cost = cost,
    .run = run,
};
