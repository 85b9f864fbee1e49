/* SPDX-License-Identifier: MIT
 *
 * The lower bound of an answer: there where it is asked for, below the best
 * upper bound in the text too, in its share of the time, and zero rather than
 * a failure where nothing can be found. */
#include "api/lower.h"

#include "tests/support/contract.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static struct api_bound_request request;

/* A network whose bounds are not tight. */
static void setup(void)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){4, 9, 8, 3}, 3, 2);
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    request = (struct api_bound_request){
        .network = plain_network(&net, &ctx),
        .options = {.norm = {LIP_NORM_2, LIP_NORM_2}},
    };
    plain_clear(&net);
}

static void teardown(void)
{
    lip_network_free(request.network);
    ck_assert_uint_eq(budget.used, 0);
}

static json_t *answer(void)
{
    const struct api_bound_limits limits = {
        .max_bytes = 1e9, .max_seconds = 60, .flops_per_second = 1e9};
    struct api_problem problem;
    struct api_text text;
    size_t size;
    api_text_init(&text, 1 << 20, &ctx);
    ck_assert_int_eq(api_bound_answer(&text, &request, &limits, &problem, &ctx),
                     LIP_OK);
    char *document = api_text_take(&text, &size);
    ck_assert_ptr_nonnull(document);
    contract_add("BoundAnswer", document);
    json_t *root = json_loads(document, 0, NULL);
    lip_free(document);
    ck_assert_ptr_nonnull(root);
    return root;
}

static double value_of(const json_t *root)
{
    const json_t *lower = json_object_get(root, "lower_bound");
    if (!lower)
        return NAN;
    ck_assert_str_eq(json_string_value(json_object_get(lower, "method")),
                     "gradient-search");
    return json_number_value(json_object_get(lower, "value"));
}

START_TEST(test_who_gets_one)
{
    static const struct {
        enum api_method_choice choice;
        enum api_lower_choice lower;
        bool wanted;
    } row[] = {{API_METHODS_AUTO, API_LOWER_DEFAULT, true},
               {API_METHODS_ALL, API_LOWER_DEFAULT, true},
               {API_METHODS_NAMED, API_LOWER_DEFAULT, false},
               {API_METHODS_NAMED, API_LOWER_YES, true},
               {API_METHODS_AUTO, API_LOWER_NO, false},
               {API_METHODS_ALL, API_LOWER_NO, false}};
    request.method[0] = lip_method_find("spectral");
    request.method_count = 1;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        request.choice = row[i].choice;
        request.lower_bound = row[i].lower;
        ck_assert(api_lower_wanted(&request) == row[i].wanted);
        json_t *root = answer();
        double value = value_of(root);
        ck_assert(isnan(value) != row[i].wanted);
        if (row[i].wanted) {
            double upper = json_number_value(
                json_object_get(json_object_get(root, "best"), "upper_bound"));
            ck_assert_double_gt(value, upper / 10);
            ck_assert_double_le(value, upper);
        }
        json_decref(root);
    }
}
END_TEST

START_TEST(test_same_every_time)
{
    json_t *first = answer(), *second = answer();
    ck_assert(json_equal(json_object_get(first, "lower_bound"),
                         json_object_get(second, "lower_bound")));
    json_decref(first);
    json_decref(second);
}
END_TEST

START_TEST(test_share_of_the_time)
{
    ck_assert_double_eq(api_lower_share(&request), 0);
    request.options.time_limit = 10;
    ck_assert_double_eq(api_lower_share(&request), 0.5);
    request.lower_bound = API_LOWER_NO;
    ck_assert_double_eq(api_lower_share(&request), 0);
    request.lower_bound = API_LOWER_DEFAULT;
    request.options.time_limit = 0.4;
    double start = lip_now();
    struct lip_lower_bound bound;
    ck_assert_int_eq(api_lower_find(&bound, &request, 0, 0, &ctx), LIP_OK);
    ck_assert_double_lt(lip_now() - start, 0.4);
    double longer = bound.effort;
    ck_assert_double_gt(bound.value, 0);
    lip_lower_bound_clear(&bound);
    request.options.time_limit = 0;
    ck_assert_int_eq(api_lower_find(&bound, &request, 0, 0, &ctx), LIP_OK);
    ck_assert_double_lt(bound.effort, longer);
    lip_lower_bound_clear(&bound);
}
END_TEST

/* The search ends where the upper bound is reached. */
START_TEST(test_upper_bound_ends_it)
{
    struct lip_lower_bound full, cut;
    ck_assert_int_eq(api_lower_find(&full, &request, 0, 0, &ctx), LIP_OK);
    ck_assert_int_eq(api_lower_find(&cut, &request, 0, full.value / 2, &ctx),
                     LIP_OK);
    ck_assert_double_lt(cut.effort, full.effort / 2);
    ck_assert_double_ge(cut.value, full.value / 2 * (1 - 1e-8));
    lip_lower_bound_clear(&full);
    lip_lower_bound_clear(&cut);
}
END_TEST

START_TEST(test_nothing_found_is_zero)
{
    struct lip_lower_bound bound;
    ck_assert_int_eq(api_lower_find(&bound, &request, 100, 0, &ctx), LIP_OK);
    ck_assert_double_eq(bound.value, 0);
    ck_assert_str_eq(bound.method, "gradient-search");
    budget.limit = budget.used + 300; /* LIP_TOO_LARGE inside */
    ck_assert_int_eq(api_lower_find(&bound, &request, 0, 0, &ctx), LIP_OK);
    ck_assert_double_eq(bound.value, 0);
    ck_assert_str_eq(bound.method, "gradient-search");
    ck_assert_int_eq(ctx.error.status, LIP_OK);
    budget.limit = 0;
    ctx.deadline = 1e-9;
    ck_assert_int_eq(api_lower_find(&bound, &request, 0, 0, &ctx), LIP_OK);
    ck_assert_int_eq(ctx.error.status, LIP_OK);
    lip_lower_bound_clear(&bound);
}
END_TEST

static bool refuse(void *arg, const struct lip_progress *progress)
{
    (void)arg, (void)progress;
    return false;
}

START_TEST(test_failures)
{
    struct lip_lower_bound bound;
    atomic_store(&budget.fail_after, 3);
    ck_assert_int_eq(api_lower_find(&bound, &request, 0, 0, &ctx),
                     LIP_NO_MEMORY);
    atomic_store(&budget.fail_after, -1);
    lip_error_clear(&ctx);
    ctx.progress = refuse;
    ck_assert_int_eq(api_lower_find(&bound, &request, 0, 0, &ctx),
                     LIP_CANCELLED);
}
END_TEST

START_TEST(test_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/lower");
    TCase *tc = tcase_create("lower");
    tcase_set_timeout(tc, 60);
    tcase_add_unchecked_fixture(tc, contract_open, NULL);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, test_who_gets_one);
    tcase_add_test(tc, test_same_every_time);
    tcase_add_test(tc, test_share_of_the_time);
    tcase_add_test(tc, test_upper_bound_ends_it);
    tcase_add_test(tc, test_nothing_found_is_zero);
    tcase_add_test(tc, test_failures);
    tcase_add_test(tc, test_contract);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
