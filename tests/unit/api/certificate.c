/* SPDX-License-Identifier: MIT
 *
 * Properties: a certificate follows its schema, carries every number exactly,
 * those that no double holds too, and tells of what the model is made; members
 * stand in the order of the digest; a bound without evidence has a sentence.
 * That certificates are true is held in property/certificate.c. */
#include "api/certificate.h"

#include "tests/support/contract.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static struct lip_network *network;
static struct lip_chain *chain;

static void setup(void)
{
    static const size_t width[] = {4, 3, 2};
    struct plain net;
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    plain_random(&net, "leaky-relu", width, 2, 3);
    net.has_parameter = true;
    net.parameter = 0.1;
    network = plain_network(&net, &ctx);
    chain = plain_chain(&net, &ctx);
    plain_clear(&net);
}

static void teardown(void)
{
    lip_chain_free(chain);
    lip_network_free(network);
    ck_assert_uint_eq(budget.used, 0);
}

static json_t *write_one(const struct lip_bound *bound)
{
    struct api_text text;
    size_t size;
    api_text_init(&text, 100000, &ctx);
    api_object_open(&text, NULL);
    api_certificate_write(&text, "certificate", network, chain, PAIR_22, bound);
    api_object_close(&text);
    char *bytes = api_text_take(&text, &size);
    ck_assert_ptr_nonnull(bytes);
    json_t *root = json_loadb(
        bytes, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
    ck_assert_ptr_nonnull(root);
    lip_free(bytes);
    return root;
}

static void prove(struct lip_bound *bound, const char *method)
{
    const struct lip_bound_options options = {.norm = PAIR_22,
                                              .evidence = true};
    ck_assert_int_eq(
        lip_method_run(bound, lip_method_find(method), chain, &options, &ctx),
        LIP_OK);
}

static void check_order(const json_t *object)
{
    const char *key, *last = "";
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (!strcmp(key, "digest"))
            continue;
        ck_assert_msg(strcmp(last, key) < 0, "%s stands before %s", last, key);
        last = key;
        check_order(value);
    }
}

START_TEST(follows_the_schema)
{
    for (size_t i = 0; lip_methods[i]; i++) {
        struct lip_bound bound;
        if (is_for_images(lip_methods[i]))
            continue;
        prove(&bound, lip_methods[i]->id);
        json_t *root = write_one(&bound);
        json_t *c = json_object_get(root, "certificate");
        char *text = json_dumps(c, JSON_COMPACT);
        contract_add("Certificate", text);
        free(text);
        check_order(c);
        ck_assert_str_eq(json_string_value(json_object_get(c, "model")),
                         network->id);
        ck_assert_str_eq(json_string_value(json_object_get(c, "method")),
                         lip_methods[i]->id);
        json_decref(root);
        lip_bound_clear(&bound);
    }
}
END_TEST

START_TEST(numbers_are_exact)
{
    struct lip_bound bound;
    prove(&bound, "spectral");
    double third = 1.0 / 3;
    bound.evidence->row[0].value[0] = lip_big_make(third, 0);
    bound.evidence->row[0].value[1] = lip_big_make(third, 5000);
    json_t *root = write_one(&bound);
    const json_t *c = json_object_get(root, "certificate");
    const json_t *claim = json_object_get(c, "claim");
    const json_t *row = json_array_get(
        json_object_get(json_object_get(c, "evidence"), "numbers"), 0);
    ck_assert_double_eq(json_number_value(json_array_get(row, 0)), third);
    const json_t *big = json_array_get(row, 1);
    double m = json_number_value(json_object_get(big, "mantissa"));
    double e = json_number_value(json_object_get(big, "exponent"));
    ck_assert_double_eq(ldexp(m, (int)e - 5000), third);
    double hex = strtod(
        json_string_value(json_object_get(claim, "upper_bound_hex")), NULL);
    ck_assert_double_eq(hex, bound.upper_bound);
    ck_assert_double_eq(
        json_number_value(json_object_get(claim, "upper_bound")),
        bound.upper_bound);
    json_decref(root);
    lip_bound_clear(&bound);
}
END_TEST

START_TEST(tells_of_the_chain)
{
    struct lip_bound bound;
    prove(&bound, "eclipse-fast");
    json_t *root = write_one(&bound);
    json_t *part =
        json_object_get(json_object_get(root, "certificate"), "chain");
    json_t *expected = json_pack("{s:[[f],[f]],s:[{s:[f],s:[f]}],s:[f,f,f]}",
                                 "matrices", 0.0, 2.0, "slopes", "lower", 0.1,
                                 "upper", 1.0, "widths", 4.0, 3.0, 2.0);
    ck_assert_ptr_nonnull(expected);
    ck_assert(json_equal(part, expected));
    json_decref(expected);
    part = json_object_get(json_object_get(root, "certificate"), "activation");
    expected =
        json_pack("{s:[f],s:s}", "parameters", 0.1, "type", "leaky-relu");
    ck_assert(json_equal(part, expected));
    json_decref(expected);
    json_decref(root);
    lip_bound_clear(&bound);
}
END_TEST

START_TEST(says_where_there_is_none)
{
    struct lip_bound bound = {.method = lip_method_find("naive"),
                              .upper_bound = 1};
    json_t *root = write_one(&bound);
    ck_assert_ptr_null(json_object_get(root, "certificate"));
    ck_assert(json_is_string(json_object_get(root, "certificate_missing")));
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
    Suite *suite = suite_create("api/certificate");
    TCase *tc = tcase_create("certificate");
    tcase_add_unchecked_fixture(tc, contract_open, NULL);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, follows_the_schema);
    tcase_add_test(tc, numbers_are_exact);
    tcase_add_test(tc, tells_of_the_chain);
    tcase_add_test(tc, says_where_there_is_none);
    suite_add_tcase(suite, tc);
    TCase *last = tcase_create("contract");
    tcase_add_test(last, test_contract);
    suite_add_tcase(suite, last);
    return run_suite(suite);
}
