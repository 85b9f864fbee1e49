/* SPDX-License-Identifier: MIT
 *
 * Properties: a document shows every kind of layer with what belongs to it and
 * nothing else; the best of the bounds is the least, of equals the first, and
 * absent where none was proven; every number reads back as it was. (The bounds
 * themselves are held in bound_answer.c.) */
#include "api/bound_write.h"

#include "tests/support/contract.h"
#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static struct lip_network *network;

static void setup(void)
{
    static const double weight[] = {1, 2, 3, 4, 5, 6}, slope[] = {0.5, 0.25};
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    struct lip_layer layer[] = {
        make_flatten(),           make_dense(2, 3, weight, slope, &ctx),
        make_activation("prelu"), make_activation("elu"),
        make_activation("tanh"),  make_dense(3, 2, weight, NULL, &ctx),
    };
    layer[2].weight = make_tensor(LIP_F32, false, 2, 0, slope, &ctx);
    snprintf(layer[1].name, sizeof layer[1].name, "fc\"1");
    ck_assert_msg(make_network(&network, layer, 6, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
}

static void teardown(void)
{
    lip_network_free(network);
    ck_assert_uint_eq(budget.used, 0);
}

static json_t *finish(struct api_text *text, const char *schema)
{
    size_t size;
    char *bytes = api_text_take(text, &size);
    ck_assert_ptr_nonnull(bytes);
    contract_add(schema, bytes);
    json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(root);
    lip_free(bytes);
    return root;
}

START_TEST(test_layers)
{
    struct api_text text;
    api_text_init(&text, 100000, &ctx);
    api_model_write(&text, NULL, network);
    json_t *root = finish(&text, "Model");
    json_t *expected = json_pack(
        "[{s:s},{s:s,s:s,s:[ii],s:b},{s:s,s:[i]},{s:s,s:i},{s:s},"
        "{s:s,s:[ii],s:b}]",
        "type", "flatten", "type", "dense", "name", "fc\"1", "shape", 2, 3,
        "bias", 1, "type", "prelu", "shape", 2, "type", "elu", "alpha", 1,
        "type", "tanh", "type", "dense", "shape", 3, 2, "bias", 0);
    ck_assert_ptr_nonnull(expected);
    char *layers = json_dumps(json_object_get(root, "layers"), 0);
    ck_assert_msg(json_equal(json_object_get(root, "layers"), expected), "%s",
                  layers);
    free(layers);
    ck_assert_str_eq(json_string_value(json_object_get(root, "id")),
                     network->id);
    json_decref(expected);
    json_decref(root);
}
END_TEST

static const struct lip_method method[] = {
    {.id = "a"}, {.id = "b"}, {.id = "c"}};

static json_t *write_bounds(const double *value, size_t count)
{
    static struct lip_bound bound[3];
    static const struct lip_norm_method way = {.id = "way"};
    struct api_layer layer[6];
    for (size_t i = 0; i < 6; i++)
        layer[i] = (struct api_layer){.share = NAN};
    layer[1].norm.value = lip_big_make(0.1, 0);
    layer[5].norm.value = lip_big_make(2, 0);
    layer[1].norm.method = layer[5].norm.method = &way;
    layer[5].share = 1;
    struct api_bound_result result = {.network = network,
                                      .layer = layer,
                                      .norm = {LIP_NORM_2, LIP_NORM_2},
                                      .bound = bound,
                                      .count = count,
                                      .seconds = 1.25};
    struct api_text text;
    memset(bound, 0, sizeof bound);
    for (size_t i = 0; i < count; i++) {
        bound[i].method = &method[i];
        bound[i].skipped = isnan(value[i]);
        bound[i].upper_bound = value[i];
        bound[i].optimum_at_least = NAN;
    }
    api_text_init(&text, 100000, &ctx);
    api_bound_write(&text, &result);
    return finish(&text, "BoundAnswer");
}

static const char *best_of(const json_t *root)
{
    return json_string_value(
        json_object_get(json_object_get(root, "best"), "method"));
}

START_TEST(test_best)
{
    const double equal[] = {2, 1, 1}, skipped[] = {NAN, 3, 4},
                 none[] = {NAN, NAN, NAN};
    json_t *root = write_bounds(equal, 3);
    ck_assert_str_eq(best_of(root), "b");
    json_decref(root);
    root = write_bounds(skipped, 3);
    ck_assert_str_eq(best_of(root), "b");
    json_decref(root);
    root = write_bounds(none, 3);
    ck_assert_ptr_null(json_object_get(root, "best"));
    json_decref(root);
    root = write_bounds(NULL, 0);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "bounds")), 0);
    ck_assert_double_eq(json_real_value(json_object_get(root, "seconds")),
                        1.25);
    json_decref(root);
}
END_TEST

START_TEST(test_layer_norms)
{
    json_t *root = write_bounds(NULL, 0), *layer;
    size_t i;
    json_array_foreach(
        json_object_get(json_object_get(root, "model"), "layers"), i, layer)
    {
        json_t *norm = json_object_get(layer, "norm");
        ck_assert_int_eq(norm != NULL, i == 1 || i == 5);
        if (i == 1)
            ck_assert_double_eq(json_real_value(norm), 0.1);
        ck_assert_int_eq(json_object_get(layer, "norm_method") != NULL,
                         i == 1 || i == 5);
        ck_assert_int_eq(json_object_get(layer, "share") != NULL, i == 5);
    }
    json_decref(root);
}
END_TEST

START_TEST(test_values_read_back)
{
    const double value[] = {0x1.fffffffffffffp+1023, 0x1p-1074, 0.1};
    json_t *root = write_bounds(value, 3), *bound;
    size_t i;
    json_array_foreach(json_object_get(root, "bounds"), i, bound)
    {
        double read = json_number_value(json_object_get(bound, "upper_bound"));
        ck_assert_mem_eq(&read, &value[i], sizeof read);
    }
    json_decref(root);
}
END_TEST

START_TEST(test_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/bound_write");
    TCase *t = tcase_create("bound_write");
    tcase_add_unchecked_fixture(t, contract_open, NULL);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_layers);
    tcase_add_test(t, test_best);
    tcase_add_test(t, test_layer_norms);
    tcase_add_test(t, test_values_read_back);
    tcase_add_test(t, test_contract);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
