/* SPDX-License-Identifier: MIT
 *
 * What certificates say of chains that sort or mirror numbers is what the
 * chain without such layers is. */
#include "api/certificate_gaps.h"

#include "network/chain.h"
#include "tests/support/random_network.h"
#include "tests/support/suite.h"

struct told {
    const struct lip_network *network;
    size_t matrices, layers, next;
};

static void begin(void *arg)
{
    struct told *told = arg;
    told->matrices++;
}

static void put(void *arg, size_t layer)
{
    struct told *told = arg;
    ck_assert_uint_gt(told->matrices, 0);
    ck_assert_uint_ge(layer, told->next);
    ck_assert_ptr_eq(told->network->layer[layer].kind, &lip_layer_dense);
    told->layers++;
    told->next = layer + 1;
}

/* As many matrices and gaps, with as many neurons in each; every dense layer
 * once, in order. */
START_TEST(as_the_chain)
{
    size_t chains = 0, gaps = 0;
    for (uint64_t start = 1; start <= 300; start++) {
        uint64_t seed = start;
        struct lip_ctx ctx = {0};
        struct lip_network *network = random_network(
            &seed, (struct random_network){.sorts_only = start % 2}, &ctx);
        struct lip_chain *chain;
        struct api_gap gap;
        struct told told = {.network = network};
        size_t dense = 0, i = 0;
        enum lip_status status = lip_chain_new(&chain, network, &ctx);
        if (status != LIP_OK) {
            lip_network_free(network);
            continue;
        }
        const struct lip_chain *plain = chain->plain ? chain->plain : chain;
        for (; i + 1 < plain->count; i++, gaps++) {
            ck_assert(api_certificate_gap(&gap, network, i));
            ck_assert_uint_eq(gap.neurons, lip_chain_width(plain, i + 1) -
                                               plain->gap[i].passes);
            ck_assert_uint_ge(gap.width, gap.neurons);
        }
        ck_assert(!api_certificate_gap(&gap, network, i));
        api_certificate_matrices(network, begin, put, &told);
        for (size_t k = 0; k < network->count; k++)
            dense += network->layer[k].kind == &lip_layer_dense;
        ck_assert_uint_eq(told.matrices, plain->count);
        ck_assert_uint_eq(told.layers, dense);
        chains += chain->plain != NULL;
        lip_chain_free(chain);
        lip_network_free(network);
    }
    ck_assert_uint_ge(chains, 100);
    ck_assert_uint_ge(gaps, 500);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/certificate_gaps");
    TCase *tc = tcase_create("certificate_gaps");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, as_the_chain);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
