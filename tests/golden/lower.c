/* SPDX-License-Identifier: MIT
 *
 * Small ReLU networks whose exact constants are known, biases included: the
 * search reaches them, and what is proven is not above. And the networks that
 * ship: the lower bound stands below the best upper bound. The first part is
 * skipped where the collection is not there. */
#include "certify/lower_bound.h"
#include "linalg/blas.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_ctx none;

static struct lip_network *network_of(const json_t *net)
{
    const json_t *layers = json_object_get(net, "layers"), *layer, *line;
    struct plain plain = {.activation = "relu",
                          .links = json_array_size(layers)};
    size_t i, r;
    json_array_foreach(layers, i, layer)
    {
        const json_t *w = json_object_get(layer, "W");
        const json_t *b = json_object_get(layer, "b");
        size_t rows = json_array_size(w);
        size_t cols = json_array_size(json_array_get(w, 0));
        plain.width[i] = cols;
        plain.width[i + 1] = rows;
        plain.weight[i] = malloc(rows * cols * sizeof(double));
        plain.bias[i] = malloc(rows * sizeof(double));
        ck_assert(plain.weight[i] && plain.bias[i]);
        json_array_foreach(w, r, line)
        {
            for (size_t c = 0; c < cols; c++)
                plain.weight[i][r * cols + c] =
                    json_number_value(json_array_get(line, c));
            plain.bias[i][r] = json_number_value(json_array_get(b, r));
        }
    }
    struct lip_network *network = plain_network(&plain, &none);
    plain_clear(&plain);
    return network;
}

/* Reaches the exact constant to 1e-6, and does not pass it. */
static void reaches(const struct lip_network *network, double exact,
                    enum lip_norm norm, const char *name)
{
    struct lip_lower_options options = {
        .seed = 1, .effort = 2e9, .enough = exact * (1 - 1e-9)};
    struct lip_lower_bound bound;
    struct lip_norm_pair pair = {norm, norm};
    double start = lip_now();
    ck_assert_int_eq(lip_lower_bound(&bound, network, pair, &options, &none),
                     LIP_OK);
    printf("%s, norm %s: %.15g of %.15g in %.3f s\n", name, lip_norm_name(norm),
           bound.value, exact, lip_now() - start);
    ck_assert_double_le(bound.value, exact * (1 + 1e-13));
    ck_assert_double_ge(bound.value, exact * (1 - 1e-6));
    lip_lower_bound_clear(&bound);
}

START_TEST(one_input)
{
    const char *folder = golden_folder();
    if (!folder)
        return;
    json_t *all = golden_json(folder, "exact/exlipbab_abs1d.json");
    const json_t *net;
    size_t i;
    json_array_foreach(json_object_get(all, "nets"), i, net)
    {
        if (strcmp(json_string_value(json_object_get(net, "activation")),
                   "relu") != 0)
            continue;
        struct lip_network *network = network_of(net);
        reaches(network,
                json_number_value(json_object_get(net, "lipschitz_exact")),
                LIP_NORM_2, json_string_value(json_object_get(net, "name")));
        lip_network_free(network);
    }
    json_decref(all);
}
END_TEST

START_TEST(several_inputs)
{
    const char *folder = golden_folder();
    if (!folder)
        return;
    static const char *const key[] = {"global_l1", "global_l2", "global_linf"};
    static const char *const part[] = {"published_exact", "recomputed_here"};
    json_t *all = golden_json(folder, "exact/exlipbab_nets.json");
    const json_t *net;
    size_t i, checked = 0;
    json_array_foreach(json_object_get(all, "nets"), i, net)
    {
        const char *name = json_string_value(json_object_get(net, "name"));
        if (strcmp(json_string_value(json_object_get(net, "activation")),
                   "relu") != 0)
            continue;
        struct lip_network *network = network_of(net);
        for (int k = 0; k < 6; k++) {
            const json_t *value =
                json_object_get(json_object_get(net, part[k % 2]), key[k / 2]);
            if (!json_is_number(value))
                continue;
            reaches(network, json_number_value(value), (enum lip_norm)(k / 2),
                    name);
            checked++;
        }
        lip_network_free(network);
    }
    ck_assert_uint_ge(checked, 6);
    json_decref(all);
}
END_TEST

/* What ships, each with the activation it was trained with: the bounds hold
 * the true constant between them, not too far apart. */
START_TEST(shipped)
{
    static const struct {
        const char *path, *activation;
        double at_least; /* of the closed-form bound */
    } row[] = {
        {"tests/models/mnist_mlp_128_64.safetensors", "relu", 0.6},
        {"tests/models/mnist_mlp_leaky.safetensors", "leaky-relu", 0.7},
        {"tests/models/mnist_mlp_50x3_tanh.safetensors", "tanh", 0.7},
        {GOLDEN_SHIPPED "/r_2_3_1.npz", "relu", 0.9},
        {GOLDEN_SHIPPED "/r_6_15x3_4.npz", "relu", 0.4},
        {GOLDEN_SHIPPED "/r_784_128_64_10.npz", "relu", 0.2},
        {GOLDEN_SHIPPED "/r_10_60x10_5.npz", "relu", 1e-4},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct bytes bytes = {0};
        struct lip_read_options read;
        struct lip_network *network;
        struct lip_chain *chain;
        lip_read_options_default(&read);
        read.activation = lip_activation_find(row[i].activation);
        for (size_t k = 0; read.activation->parameter[k].name; k++)
            read.parameter[k] = read.activation->parameter[k].fallback;
        ck_assert(bytes_load(&bytes, row[i].path));
        ck_assert_int_eq(read_bytes(&network, &bytes, &read, &none), LIP_OK);
        bytes_clear(&bytes);
        ck_assert_int_eq(lip_chain_new(&chain, network, &none), LIP_OK);
        double upper = bound_of("closed-form", chain, PAIR_22);
        struct lip_lower_options options = {.seed = 1};
        struct lip_lower_bound bound;
        double start = lip_now();
        ck_assert_int_eq(
            lip_lower_bound(&bound, network, PAIR_22, &options, &none), LIP_OK);
        printf("%s: %.6g to %.6g, %.4f s\n", row[i].path, bound.value, upper,
               lip_now() - start);
        ck_assert_double_le(bound.value, upper);
        ck_assert_double_ge(bound.value, row[i].at_least * upper);
        lip_lower_bound_clear(&bound);
        lip_chain_free(chain);
        lip_network_free(network);
    }
}
END_TEST

int main(void)
{
    lip_blas_single_threaded();
    Suite *suite = suite_create("golden/lower");
    TCase *tc = tcase_create("lower");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, one_input);
    tcase_add_test(tc, several_inputs);
    tcase_add_test(tc, shipped);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
