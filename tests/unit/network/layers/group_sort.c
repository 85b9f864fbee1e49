/* SPDX-License-Identifier: MIT
 *
 * The groupsort layer: groups in falling order, groups that do not fit
 * refused, the group part of the model's id, and no bound that mistakes it for
 * an elementwise layer. */
#include "network/network.h"

#include "linalg/random.h"
#include "network/chain.h"
#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

enum { MOST = 100 };

static struct lip_layer make(size_t group)
{
    return (struct lip_layer){.kind = &lip_layer_group_sort, .group = group};
}

START_TEST(sorts)
{
    double y[6], x[] = {1, 3, -2, 5, 5, 0};
    const double two[] = {3, 1, 5, -2, 5, 0}, three[] = {3, 1, -2, 5, 5, 0};
    const double all[] = {5, 5, 3, 1, 0, -2};
    const double *expected[] = {all, x, two, three};
    for (size_t group = 0; group < 4; group++) {
        struct lip_layer layer = make(group);
        ck_assert_int_eq(layer.kind->infer(&layer, 6, NULL), LIP_OK);
        ck_assert_uint_eq(layer.outputs, 6);
        layer.kind->eval(y, &layer, x);
        for (int i = 0; i < 6; i++)
            ck_assert_double_eq(y[i], expected[group][i]);
    }
    struct lip_layer layer = make(4);
    ck_assert_int_eq(layer.kind->infer(&layer, 6, NULL), LIP_INVALID);
}
END_TEST

/* The steps of a sort on x[n]: each pair put in order, none of a step twice. */
static size_t walk(double *x, const struct lip_layer *layer)
{
    struct lip_mirror pair[MOST];
    size_t steps = lip_layer_steps(layer), all = 0;
    for (size_t s = 0; s < steps; s++) {
        bool used[MOST] = {0};
        size_t count = layer->kind->mirrors(layer, s, pair);
        ck_assert_uint_eq(layer->kind->mirrors(layer, s, NULL), count);
        ck_assert_uint_gt(count, 0);
        ck_assert_uint_le(2 * count, layer->inputs);
        for (size_t k = 0; k < count; k++) {
            double *a = &x[pair[k].a], *b = &x[pair[k].b];
            double sum = 0.5 * *a + 0.5 * *b, d = 0.5 * *a - 0.5 * *b;
            ck_assert(pair[k].cosine == 0.5 && pair[k].sine == 0.5 &&
                      pair[k].scale == 2 && pair[k].a != pair[k].b);
            ck_assert(!used[pair[k].a] && !used[pair[k].b]);
            used[pair[k].a] = used[pair[k].b] = true;
            *a = sum + fabs(d);
            *b = sum - fabs(d);
        }
        all += count;
    }
    return all;
}

static void sorted_by_steps(const struct lip_layer *layer, const double *x)
{
    double steps[MOST], y[MOST];
    memcpy(steps, x, layer->inputs * sizeof *x);
    walk(steps, layer);
    layer->kind->eval(y, layer, x);
    for (size_t k = 0; k < layer->inputs; k++)
        ck_assert_double_eq(steps[k], y[k]);
}

/* What a network of comparisons does to zeros and ones, it does to all numbers:
 * every such input up to 9 of them, and small whole numbers, many equal, in
 * groups of all sizes. The numbers of comparisons are the least up to 8, and
 * log2(n)^2 / 2 steps or so are enough. */
START_TEST(steps_sort)
{
    static const size_t least[] = {0, 0, 1, 3, 5, 9, 12, 16, 19};
    double x[MOST];
    for (size_t n = 1; n <= 9; n++) {
        struct lip_layer layer = make(n % 2 ? 0 : n);
        ck_assert_int_eq(layer.kind->infer(&layer, n, NULL), LIP_OK);
        for (unsigned long bits = 0; bits < 1ul << n; bits++) {
            for (size_t k = 0; k < n; k++)
                x[k] = (double)(bits >> k & 1);
            sorted_by_steps(&layer, x);
        }
        if (n <= 8)
            ck_assert_uint_eq(walk(x, &layer), least[n]);
        size_t deep = n <= 1 ? 0 : n <= 2 ? 1 : n <= 4 ? 3 : n <= 8 ? 6 : 10;
        ck_assert_uint_le(lip_layer_steps(&layer), deep);
    }
    for (uint64_t seed = 1; seed <= 300; seed++) {
        size_t group = 1 + seed % 32, n = group * (1 + seed % 7 % 3);
        struct lip_layer layer = make(group);
        ck_assert_int_eq(layer.kind->infer(&layer, n, NULL), LIP_OK);
        lip_random_fill(x, n, seed);
        for (size_t k = 0; k < n; k++)
            x[k] = nearbyint(4 * x[k]);
        sorted_by_steps(&layer, x);
    }
    struct lip_layer large = make(33), single = make(1);
    ck_assert_int_eq(large.kind->infer(&large, 66, NULL), LIP_OK);
    ck_assert_uint_eq(lip_layer_steps(&large), LIP_NO_STEPS);
    ck_assert(!lip_layer_changes_nothing(&large));
    ck_assert_int_eq(single.kind->infer(&single, 5, NULL), LIP_OK);
    ck_assert(lip_layer_changes_nothing(&single));
}
END_TEST

static struct lip_network *network(size_t group)
{
    struct lip_network *out;
    struct lip_layer *layer = lip_calloc(NULL, 2, sizeof *layer);
    const double weight[] = {1, 2, 3, 4};
    layer[0] = make_dense(4, 1, weight, NULL, NULL);
    layer[1] = make(group);
    ck_assert_int_eq(lip_network_new(&out, layer, 2, NULL), LIP_OK);
    return out;
}

START_TEST(group_counts_for_the_id)
{
    struct lip_network *two = network(2), *four = network(4), *all = network(0);
    ck_assert_str_ne(two->id, four->id);
    ck_assert_str_eq(all->id, four->id);
    lip_network_free(two);
    lip_network_free(four);
    lip_network_free(all);
}
END_TEST

/* Slopes 1 and 10 in front of a sorted pair and behind it can meet: the
 * constant is 100, though neuron by neuron no product is above 10. The matrices
 * on both sides of the gap stay two. */
START_TEST(chain_keeps_a_constant)
{
    const double identity[] = {1, 0, 0, 1}, before[] = {1, 10};
    const double after[] = {10, 1};
    struct lip_layer layer[] = {make_dense(2, 2, identity, NULL, NULL),
                                make_activation("prelu"), make(0),
                                make_activation("prelu"),
                                make_dense(2, 2, identity, NULL, NULL)};
    layer[1].weight = make_tensor(LIP_F64, false, 2, 0, before, NULL);
    layer[3].weight = make_tensor(LIP_F64, false, 2, 0, after, NULL);
    struct lip_network *made;
    struct lip_chain *chain, *back;
    ck_assert_int_eq(make_network(&made, layer, 5, NULL), LIP_OK);
    ck_assert_int_eq(lip_chain_new(&chain, made, NULL), LIP_OK);
    ck_assert_uint_eq(chain->count, 2);
    ck_assert(chain->joint && chain->gap[0].joint);
    ck_assert_int_eq(lip_chain_transpose(&back, chain, NULL), LIP_OK);
    ck_assert(back->joint && back->gap[0].joint);
    for (int p = 0; p < LIP_NORM_COUNT; p++) {
        double constant = lip_chain_constant(chain, 0, (enum lip_norm)p);
        ck_assert(constant >= 100 && constant < 100.0001);
        ck_assert(lip_chain_constant(back, 0, (enum lip_norm)p) >= 100);
    }
    ck_assert(isinf(lip_chain_steepest(chain, 0)));
    lip_chain_free(chain);
    lip_chain_free(back);
    lip_network_free(made);
}
END_TEST

/* A sort at the end is followed by an identity. */
START_TEST(chain_ends_with_a_sort)
{
    struct lip_network *two = network(2);
    struct lip_chain *chain;
    ck_assert_int_eq(lip_chain_new(&chain, two, NULL), LIP_OK);
    ck_assert_uint_eq(chain->count, 2);
    ck_assert(lip_chain_constant(chain, 0, LIP_NORM_1) == 1);
    ck_assert_uint_eq(chain->outputs, 4);
    lip_chain_free(chain);
    lip_network_free(two);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/group_sort");
    TCase *tc = tcase_create("group_sort");
    tcase_add_test(tc, sorts);
    tcase_add_test(tc, steps_sort);
    tcase_add_test(tc, group_counts_for_the_id);
    tcase_add_test(tc, chain_keeps_a_constant);
    tcase_add_test(tc, chain_ends_with_a_sort);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
