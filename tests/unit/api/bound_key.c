/* SPDX-License-Identifier: MIT
 *
 * Requests with the same answer share a key, and no others: each part of a
 * request is changed in turn. */
#include "api/bound_key.h"

#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static struct lip_network *network;
static struct api_bound_request request;

/* The network with this name of its first layer and this weight. */
static struct lip_network *network_of(const char *name, double weight)
{
    const double first[] = {weight, -2, 0.5, 3}, second[] = {1, 1};
    struct lip_network *out;
    struct lip_layer layer[] = {
        make_dense(2, 2, first, second, &ctx),
        make_activation("relu"),
        make_dense(1, 2, second, NULL, &ctx),
    };
    if (name)
        snprintf(layer[0].name, sizeof layer[0].name, "%s", name);
    ck_assert_int_eq(make_network(&out, layer, 3, &ctx), LIP_OK);
    return out;
}

static void setup(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    network = network_of("a", 1);
    request = (struct api_bound_request){
        .network = network,
        .options = {.norm = {LIP_NORM_2, LIP_NORM_2}, .time_limit = 3},
        .choice = API_METHODS_NAMED,
        .method_count = 2,
        .method = {lip_methods[0], lip_methods[1]},
    };
}

static void teardown(void)
{
    lip_network_free(network);
    ck_assert_uint_eq(budget.used, 0);
}

static const char *key_of(const struct api_bound_request *asked,
                          const char *build, const char *edition)
{
    static char key[2][LIP_DIGEST_TEXT];
    static int turn;
    turn = !turn;
    ck_assert_int_eq(api_bound_key(key[turn], asked, build, edition, &ctx),
                     LIP_OK);
    return key[turn];
}

START_TEST(every_part_counts)
{
    char same[LIP_DIGEST_TEXT];
    snprintf(same, sizeof same, "%s", key_of(&request, "1", ""));
    ck_assert_str_eq(key_of(&request, "1", "is in the network"), same);
    ck_assert_str_ne(key_of(&request, "2", ""), same);
#define CHANGE(what)                                                           \
    do {                                                                       \
        struct api_bound_request changed = request;                            \
        changed.what;                                                          \
        ck_assert_msg(strcmp(key_of(&changed, "1", ""), same), #what);         \
    } while (0)
    CHANGE(options.norm.input = LIP_NORM_1);
    CHANGE(options.norm.output = LIP_NORM_1);
    CHANGE(options.time_limit = 4);
    CHANGE(options.time_limit = 0);
    CHANGE(options.tolerance = 0.1);
    CHANGE(options.max_iterations = 4);
    CHANGE(options.evidence = true);
    CHANGE(choice = API_METHODS_ALL);
    CHANGE(choice = API_METHODS_AUTO);
    CHANGE(lower_bound = API_LOWER_YES);
    CHANGE(method_count = 1);
    CHANGE(method[0] = lip_methods[2]);
    CHANGE(network = NULL);
    /* What the default comes to is the default. */
    struct api_bound_request plain = request;
    plain.lower_bound = API_LOWER_NO;
    ck_assert_str_eq(key_of(&plain, "1", ""), same);
}
END_TEST

/* The id of a model does not tell the names of its layers; the answer does. */
START_TEST(the_model_counts_with_its_names)
{
    char same[LIP_DIGEST_TEXT];
    struct lip_network *other[] = {network_of("b", 1), network_of(NULL, 1),
                                   network_of("a", 2)},
                       *again = network_of("a", 1);
    snprintf(same, sizeof same, "%s", key_of(&request, "1", ""));
    ck_assert_str_eq(other[0]->id, network->id);
    for (int i = 0; i < 3; i++) {
        request.network = other[i];
        ck_assert_str_ne(key_of(&request, "1", ""), same);
        lip_network_free(other[i]);
    }
    request.network = again;
    ck_assert_str_eq(key_of(&request, "1", ""), same);
    lip_network_free(again);
}
END_TEST

START_TEST(a_named_model_counts_with_its_edition)
{
    char same[LIP_DIGEST_TEXT];
    request.network = NULL;
    snprintf(request.model_id, sizeof request.model_id, "sha256:1");
    snprintf(same, sizeof same, "%s", key_of(&request, "1", "1"));
    ck_assert_str_eq(key_of(&request, "1", "1"), same);
    ck_assert_str_ne(key_of(&request, "1", "2"), same);
    /* Where one part ends and the next begins counts, too. */
    snprintf(request.model_id, sizeof request.model_id, "sha256:");
    ck_assert_str_ne(key_of(&request, "1", "11"), same);
}
END_TEST

static void ck_within(bool expected, struct api_bound_limits a, double limit,
                      struct api_bound_limits b, double other)
{
    char one[LIP_DIGEST_TEXT], two[LIP_DIGEST_TEXT];
    api_bound_key_within(one, "key", &a, limit);
    api_bound_key_within(two, "key", &b, other);
    ck_assert(!strcmp(one, two) == expected);
}

START_TEST(limits_count_as_far_as_they_bind)
{
    const struct api_bound_limits base = {.max_bytes = 1e9,
                                          .max_flops = 1e12,
                                          .max_seconds = 60,
                                          .flops_per_second = 1e10};
    struct api_bound_limits other = base;
    char key[LIP_DIGEST_TEXT];
    ck_within(true, base, 0, base, 0);
    ck_within(true, base, 0, base, 60);
    ck_within(true, base, 0, base, 100);
    ck_within(false, base, 0, base, 59);
    other.flops_per_second = 1.2e10;
    ck_within(true, base, 0, other, 0);
    other.flops_per_second = 4e10;
    ck_within(false, base, 0, other, 0);
    other = base;
    other.max_bytes = 2e9;
    ck_within(false, base, 0, other, 0);
    other = base;
    other.max_flops = 0;
    ck_within(false, base, 0, other, 0);
    other = base;
    other.max_seconds = 30;
    ck_within(false, base, 0, other, 0);
    ck_within(true, base, 30, other, 0);
    api_bound_key_within(key, "other", &base, 0);
    char first[LIP_DIGEST_TEXT];
    api_bound_key_within(first, "key", &base, 0);
    ck_assert_str_ne(key, first);
}
END_TEST

START_TEST(without_memory_there_is_no_key)
{
    char key[LIP_DIGEST_TEXT];
    atomic_store(&budget.fail_after, 0);
    ck_assert_int_eq(api_bound_key(key, &request, "1", "", &ctx),
                     LIP_NO_MEMORY);
    atomic_store(&budget.fail_after, -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/bound_key");
    TCase *tests = tcase_create("bound_key");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, every_part_counts);
    tcase_add_test(tests, the_model_counts_with_its_names);
    tcase_add_test(tests, a_named_model_counts_with_its_edition);
    tcase_add_test(tests, limits_count_as_far_as_they_bind);
    tcase_add_test(tests, without_memory_there_is_no_key);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
