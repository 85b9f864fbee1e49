/* SPDX-License-Identifier: MIT
 *
 * Small ReLU networks whose exact constants are known: no bound is below, in
 * any norm. GroupSort networks are not elementwise and do not apply. Skipped
 * where the collection is not there. */
#include "tests/support/golden.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_ctx none;

static struct lip_chain *chain_of(const json_t *net)
{
    const json_t *layers = json_object_get(net, "layers"), *layer, *line;
    struct plain plain = {.activation = "relu",
                          .links = json_array_size(layers)};
    size_t i, r;
    json_array_foreach(layers, i, layer)
    {
        const json_t *w = json_object_get(layer, "W");
        size_t rows = json_array_size(w);
        size_t cols = json_array_size(json_array_get(w, 0));
        plain.width[i] = cols;
        plain.width[i + 1] = rows;
        plain.weight[i] = malloc(rows * cols * sizeof(double));
        ck_assert_ptr_nonnull(plain.weight[i]);
        json_array_foreach(w, r, line) for (size_t c = 0; c < cols; c++)
            plain.weight[i][r * cols + c] =
            json_number_value(json_array_get(line, c));
    }
    struct lip_chain *chain = plain_chain(&plain, &none);
    plain_clear(&plain);
    return chain;
}

static void none_below(const struct lip_chain *chain, double exact,
                       enum lip_norm norm, const char *name)
{
    struct lip_norm_pair pair = {norm, norm};
    struct lip_bound_options options = {.norm = pair};
    char reason[240];
    for (size_t i = 0; lip_methods[i]; i++) {
        if (!lip_methods[i]->applies(chain, &options, reason, sizeof reason))
            continue;
        double bound = bound_of(lip_methods[i]->id, chain, pair);
        ck_assert_msg(bound >= exact * (1 - 1e-12), "%s, %s: %.17g below %.17g",
                      name, lip_methods[i]->id, bound, exact);
    }
}

START_TEST(one_input)
{
    const char *folder = golden_folder();
    if (!folder)
        return;
    json_t *all = golden_json(folder, "exact/exlipbab_abs1d.json");
    const json_t *net;
    size_t i, checked = 0;
    json_array_foreach(json_object_get(all, "nets"), i, net)
    {
        const char *kind =
            json_string_value(json_object_get(net, "activation"));
        if (strcmp(kind, "relu") != 0)
            continue;
        struct lip_chain *chain = chain_of(net);
        double exact =
            json_number_value(json_object_get(net, "lipschitz_exact"));
        ck_assert_double_gt(exact, 0);
        /* One input and one output: all norms are the same number. */
        for (int norm = 0; norm < 3; norm++)
            none_below(chain, exact, (enum lip_norm)norm, "1-6-6-1");
        lip_chain_free(chain);
        checked++;
    }
    ck_assert_uint_eq(checked, 20);
    json_decref(all);
}
END_TEST

START_TEST(several_inputs)
{
    const char *folder = golden_folder();
    if (!folder)
        return;
    static const char *const key[] = {"global_l1", "global_l2", "global_linf"};
    json_t *all = golden_json(folder, "exact/exlipbab_nets.json");
    const json_t *net;
    size_t i, checked = 0;
    json_array_foreach(json_object_get(all, "nets"), i, net)
    {
        const char *name = json_string_value(json_object_get(net, "name"));
        const char *kind =
            json_string_value(json_object_get(net, "activation"));
        if (strcmp(kind, "relu") != 0)
            continue;
        struct lip_chain *chain = chain_of(net);
        static const char *const part[] = {"published_exact",
                                           "recomputed_here"};
        for (int p = 0; p < 2; p++)
            for (int norm = 0; norm < 3; norm++) {
                const json_t *value =
                    json_object_get(json_object_get(net, part[p]), key[norm]);
                if (!json_is_number(value))
                    continue;
                none_below(chain, json_number_value(value), (enum lip_norm)norm,
                           name);
                checked++;
            }
        lip_chain_free(chain);
    }
    printf("%zu exact constants\n", checked);
    ck_assert_uint_ge(checked, 6);
    json_decref(all);
}
END_TEST

/* 4-80-1, values printed by the original program, and 3-3-3 with integers. */
START_TEST(published_values)
{
    const char *folder = golden_folder();
    if (!folder)
        return;
    json_t *demo = golden_json(folder, "exact/eclipse_demo_2layer.json");
    struct lip_chain *chain = chain_of(demo);
    double fast = bound_of("eclipse-fast", chain, PAIR_22);
    ck_assert_double_eq_tol(fast, 0.8090351972788797, 1e-11);
    ck_assert_double_ge(fast, 0.8090351972788797 * (1 - 1e-14));
    ck_assert_double_eq_tol(bound_of("spectral", chain, PAIR_22),
                            0.8749812659950778, 1e-11);
    ck_assert_double_eq_tol(detail_of("midpoint", chain, "network"),
                            0.8061191236263807, 1e-11);
    lip_chain_free(chain);
    json_decref(demo);
    json_t *tiny = golden_json(folder, "exact/avant_tiny.json");
    chain = chain_of(tiny);
    double product = json_number_value(json_object_get(tiny, "global_product"));
    printf("3-3-3: %.17g, stated product %.17g\n",
           bound_of("spectral", chain, PAIR_22), product);
    const json_t *local = json_object_get(tiny, "local_bound"), *value;
    size_t i;
    (void)value;
    json_array_foreach(local, i, value) ck_assert(json_is_number(value));
    lip_chain_free(chain);
    json_decref(tiny);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden/exact");
    TCase *tc = tcase_create("exact");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, one_input);
    tcase_add_test(tc, several_inputs);
    tcase_add_test(tc, published_values);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
