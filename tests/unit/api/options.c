/* SPDX-License-Identifier: MIT
 *
 * Properties: an option means the same in the query and in JSON; each value
 * outside what is documented is refused, the problem naming the place and,
 * where there is a list to choose from, the list. */
#include "api/options.h"

#include "tests/support/jansson_memory.h"
#include "tests/support/suite.h"

#include <string.h>

static struct api_bound_request request;
static struct api_options options;
static struct api_problem problem;

static void setup(void)
{
    api_options_init(&options, &request, &problem);
    memset(&problem, 0, sizeof problem);
}

static enum lip_status query(const char *name, const char *value)
{
    struct api_query q = {.count = 1, .item = {{name, value}}};
    return api_options_query(&options, &q);
}

static enum lip_status object(const char *text)
{
    json_t *root = json_loads(
        text, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
    ck_assert_msg(root != NULL, "%s", text);
    const char *name;
    json_t *value;
    enum lip_status s = LIP_OK;
    json_object_foreach(root, name, value)
    {
        if (s == LIP_OK)
            s = api_options_member(&options, name, value);
    }
    json_decref(root);
    return s;
}

static void ck_norm(enum lip_norm input, enum lip_norm output)
{
    ck_assert_int_eq(request.options.norm.input, input);
    ck_assert_int_eq(request.options.norm.output, output);
}

START_TEST(test_defaults)
{
    ck_norm(LIP_NORM_2, LIP_NORM_2);
    ck_assert_int_eq(request.choice, API_METHODS_AUTO);
    ck_assert_int_eq(api_options_finish(&options), LIP_OK);
    ck_assert_str_eq(options.read.activation->name, "relu");
    ck_assert(!api_options_for_weights(&options));
}
END_TEST

START_TEST(test_norms)
{
    static const struct {
        const char *query, *json;
        enum lip_norm input, output;
    } row[] = {
        {"1", "{\"norm\": 1}", LIP_NORM_1, LIP_NORM_1},
        {"2", "{\"norm\": 2}", LIP_NORM_2, LIP_NORM_2},
        {"2.0", "{\"norm\": 2.0}", LIP_NORM_2, LIP_NORM_2},
        {"inf", "{\"norm\": \"inf\"}", LIP_NORM_INF, LIP_NORM_INF},
        {"1,inf", "{\"norm\": {\"input\": 1, \"output\": \"inf\"}}", LIP_NORM_1,
         LIP_NORM_INF},
        {"inf,2", "{\"norm\": {\"output\": 2, \"input\": \"inf\"}}",
         LIP_NORM_INF, LIP_NORM_2},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        setup();
        ck_assert_int_eq(query("norm", row[i].query), LIP_OK);
        ck_norm(row[i].input, row[i].output);
        setup();
        ck_assert_int_eq(object(row[i].json), LIP_OK);
        ck_norm(row[i].input, row[i].output);
    }
}
END_TEST

START_TEST(test_methods)
{
    ck_assert_int_eq(query("methods", "all"), LIP_OK);
    ck_assert_int_eq(request.choice, API_METHODS_ALL);
    setup();
    ck_assert_int_eq(object("{\"methods\": \"auto\"}"), LIP_OK);
    ck_assert_int_eq(request.choice, API_METHODS_AUTO);
    setup();
    ck_assert_int_eq(query("methods", "spectral,naive"), LIP_OK);
    ck_assert_int_eq(request.choice, API_METHODS_NAMED);
    ck_assert_uint_eq(request.method_count, 2);
    ck_assert_str_eq(request.method[0]->id, "spectral");
    ck_assert_str_eq(request.method[1]->id, "naive");
    setup();
    ck_assert_int_eq(object("{\"methods\": [\"naive\", \"spectral\"]}"),
                     LIP_OK);
    ck_assert_str_eq(request.method[0]->id, "naive");
    ck_assert_uint_eq(request.method_count, 2);
    setup();
    ck_assert_int_eq(object("{\"methods\": \"naive\"}"), LIP_OK);
    ck_assert_uint_eq(request.method_count, 1);
}
END_TEST

START_TEST(test_numbers)
{
    ck_assert_int_eq(query("time_limit", "1.5e1"), LIP_OK);
    ck_assert_int_eq(object("{\"tolerance\": 0.125, \"max_iterations\": 1000}"),
                     LIP_OK);
    ck_assert_double_eq(request.options.time_limit, 15);
    ck_assert_double_eq(request.options.tolerance, 0.125);
    ck_assert_uint_eq(request.options.max_iterations, 1000);
}
END_TEST

START_TEST(test_certificate)
{
    ck_assert(!request.options.evidence);
    ck_assert_int_eq(query("certificate", "1"), LIP_OK);
    ck_assert(request.options.evidence);
    setup();
    ck_assert_int_eq(query("certificate", "false"), LIP_OK);
    ck_assert(!request.options.evidence);
    setup();
    ck_assert_int_eq(object("{\"certificate\": true}"), LIP_OK);
    ck_assert(request.options.evidence);
}
END_TEST

START_TEST(test_lower_bound)
{
    ck_assert_int_eq(request.lower_bound, API_LOWER_DEFAULT);
    ck_assert_int_eq(query("lower_bound", "1"), LIP_OK);
    ck_assert_int_eq(request.lower_bound, API_LOWER_YES);
    setup();
    ck_assert_int_eq(query("lower_bound", "false"), LIP_OK);
    ck_assert_int_eq(request.lower_bound, API_LOWER_NO);
    setup();
    ck_assert_int_eq(object("{\"lower_bound\": true}"), LIP_OK);
    ck_assert_int_eq(request.lower_bound, API_LOWER_YES);
}
END_TEST

START_TEST(test_weights)
{
    /* The parameter may come before the activation it belongs to. */
    ck_assert_int_eq(query("negative_slope", "0.25"), LIP_OK);
    ck_assert_int_eq(query("activation", "leaky-relu"), LIP_OK);
    ck_assert_int_eq(query("layout", "io"), LIP_OK);
    ck_assert(api_options_for_weights(&options));
    ck_assert_int_eq(api_options_finish(&options), LIP_OK);
    ck_assert_str_eq(options.read.activation->name, "leaky-relu");
    ck_assert_double_eq(options.read.parameter[0], 0.25);
    ck_assert(options.read.weight_is_inputs_by_outputs);
    setup();
    ck_assert_int_eq(object("{\"activation\": {\"negative_slope\": 0.5, "
                            "\"type\": \"leaky-relu\"}, \"layout\": \"oi\"}"),
                     LIP_OK);
    ck_assert_int_eq(api_options_finish(&options), LIP_OK);
    ck_assert_double_eq(options.read.parameter[0], 0.5);
    ck_assert(!options.read.weight_is_inputs_by_outputs);
    setup();
    ck_assert_int_eq(object("{\"activation\": \"tanh\"}"), LIP_OK);
    ck_assert_int_eq(api_options_finish(&options), LIP_OK);
    ck_assert_str_eq(options.read.activation->name, "tanh");
    setup();
    ck_assert_int_eq(object("{\"activation\": \"leaky-relu\"}"), LIP_OK);
    ck_assert_int_eq(api_options_finish(&options), LIP_OK);
    ck_assert_double_eq(options.read.parameter[0],
                        options.read.activation->parameter[0].fallback);
}
END_TEST

/* Every activation that can be named can be named here, with each of its
 * parameters at its default. */
START_TEST(test_all_activations)
{
    for (size_t i = 0; lip_activations[i]; i++) {
        const struct lip_activation *a = lip_activations[i];
        setup();
        enum lip_status s = query("activation", a->name);
        ck_assert_int_eq(s, a->per_neuron ? LIP_INVALID : LIP_OK);
        for (size_t k = 0; s == LIP_OK && a->parameter[k].name; k++) {
            char value[40];
            snprintf(value, sizeof value, "%.17g", a->parameter[k].fallback);
            ck_assert_int_eq(query(a->parameter[k].name, value), LIP_OK);
        }
        if (s == LIP_OK)
            ck_assert_int_eq(api_options_finish(&options), LIP_OK);
    }
}
END_TEST

START_TEST(test_refused_in_the_query)
{
    static const char *const bad[][2] = {
        {"norm", ""},
        {"norm", "3"},
        {"norm", "Inf"},
        {"norm", "1,2,inf"},
        {"norm", "1,"},
        {"norm", "2 "},
        {"methods", ""},
        {"methods", "spectral,"},
        {"methods", "spectral,spectral"},
        {"methods", "best"},
        {"methods", "spectral,all"},
        {"time_limit", "0"},
        {"time_limit", "-1"},
        {"time_limit", "inf"},
        {"time_limit", "nan"},
        {"time_limit", "1e999"},
        {"time_limit", "0x10"},
        {"time_limit", "10s"},
        {"time_limit", " 1"},
        {"time_limit", "true"},
        {"tolerance", "0"},
        {"tolerance", "1.5"},
        {"lower_bound", ""},
        {"lower_bound", "2"},
        {"lower_bound", "yes"},
        {"max_iterations", "0"},
        {"max_iterations", "2.5"},
        {"max_iterations", "1e10"},
        {"max_iterations", "99999999999999999999999"},
        {"certificate", "yes"},
        {"certificate", ""},
        {"activation", "rellu"},
        {"layout", "hwio"},
        {"negative_slope", "steep"},
        {"Norm", "2"},
        {"", ""},
        {"\xff", "\xff"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setup();
        ck_assert_msg(query(bad[i][0], bad[i][1]) == LIP_INVALID, "%s=%s",
                      bad[i][0], bad[i][1]);
        ck_assert_int_eq(problem.code, API_PROBLEM_INVALID_OPTION);
        ck_assert(problem.in_query);
        ck_assert_str_eq(problem.where, bad[i][0]);
        ck_assert_uint_gt(strlen(problem.detail), 10);
    }
}
END_TEST

START_TEST(test_refused_in_json)
{
    static const char *const bad[][2] = {
        {"{\"norm\": null}", "/norm"},
        {"{\"norm\": \"2\"}", "/norm"},
        {"{\"norm\": [2]}", "/norm"},
        {"{\"norm\": 1.5}", "/norm"},
        {"{\"norm\": {\"input\": 1}}", "/norm"},
        {"{\"norm\": {\"input\": 1, \"output\": 3}}", "/norm/output"},
        {"{\"norm\": {\"input\": {}, \"output\": 2}}", "/norm/input"},
        {"{\"norm\": {\"input\": 1, \"output\": 2, \"x\": 1}}", "/norm"},
        {"{\"methods\": []}", "/methods"},
        {"{\"methods\": {}}", "/methods"},
        {"{\"methods\": [\"naive\", 3]}", "/methods/1"},
        {"{\"methods\": [\"naive\", \"naive\"]}", "/methods/1"},
        {"{\"methods\": [\"lipsdp\", \"chordal\"]}", "/methods/1"},
        {"{\"methods\": [\"all\"]}", "/methods/0"},
        {"{\"time_limit\": \"10\"}", "/time_limit"},
        {"{\"time_limit\": 0}", "/time_limit"},
        {"{\"time_limit\": -0.0}", "/time_limit"},
        {"{\"tolerance\": true}", "/tolerance"},
        {"{\"max_iterations\": -1}", "/max_iterations"},
        {"{\"certificate\": 1}", "/certificate"},
        {"{\"max_iterations\": 18446744073709551617}", "/max_iterations"},
        {"{\"activation\": 1}", "/activation"},
        {"{\"activation\": {}}", "/activation"},
        {"{\"activation\": {\"type\": \"x\"}}", "/activation/type"},
        {"{\"activation\": {\"type\": \"elu\", \"slope/~\": 1}}",
         "/activation/slope~1~0"},
        {"{\"activation\": {\"type\": \"elu\", \"alpha\": \"1\"}}",
         "/activation/alpha"},
        {"{\"layout\": 1}", "/layout"},
        {"{\"model\": {}}", "/model"},
        {"{\"a/b~c\": 1}", "/a~1b~0c"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setup();
        ck_assert_msg(object(bad[i][0]) == LIP_INVALID, "%s", bad[i][0]);
        ck_assert_int_eq(problem.code, API_PROBLEM_INVALID_OPTION);
        ck_assert(!problem.in_query);
        ck_assert_int_eq(problem.place, LIP_AT_POINTER);
        ck_assert_str_eq(problem.where, bad[i][1]);
    }
}
END_TEST

START_TEST(test_known_are_listed)
{
    query("methods", "best");
    for (size_t i = 0; lip_methods[i]; i++)
        ck_assert_ptr_nonnull(strstr(problem.detail, lip_methods[i]->id));
    query("activation", "rellu");
    for (size_t i = 0; lip_activations[i]; i++)
        if (!lip_activations[i]->per_neuron)
            ck_assert_msg(strstr(problem.detail, lip_activations[i]->name),
                          "%s: %s", lip_activations[i]->name, problem.detail);
    query("norms", "2");
    ck_assert_ptr_nonnull(strstr(problem.detail, "norm, methods, time_limit"));
}
END_TEST

START_TEST(test_given_twice)
{
    ck_assert_int_eq(query("norm", "2"), LIP_OK);
    ck_assert_int_eq(object("{\"norm\": 2}"), LIP_INVALID);
    setup();
    ck_assert_int_eq(query("negative_slope", "0.1"), LIP_OK);
    ck_assert_int_eq(object("{\"activation\": {\"type\": \"leaky-relu\", "
                            "\"negative_slope\": 0.1}}"),
                     LIP_INVALID);
    ck_assert_str_eq(problem.where, "/activation/negative_slope");
}
END_TEST

START_TEST(test_parameter_of_another)
{
    ck_assert_int_eq(query("activation", "tanh"), LIP_OK);
    ck_assert_int_eq(query("negative_slope", "0.1"), LIP_OK);
    ck_assert_int_eq(api_options_finish(&options), LIP_INVALID);
    ck_assert_str_eq(problem.where, "negative_slope");
    ck_assert(problem.in_query);
    setup();
    ck_assert_int_eq(query("negative_slope", "0.1"), LIP_OK);
    ck_assert_int_eq(api_options_finish(&options), LIP_INVALID);
    setup();
    ck_assert_int_eq(query("activation", "leaky-relu"), LIP_OK);
    ck_assert_int_eq(query("negative_slope", "1e308"), LIP_OK);
    ck_assert_int_eq(api_options_finish(&options), LIP_INVALID);
}
END_TEST

/* Whichever allocation of jansson fails, the answer is 503 and nothing leaks.
 */
START_TEST(test_failing_allocations)
{
    static const char *const item[][2] = {
        {"norm", "1,inf"}, {"methods", "naive,spectral"}, {"time_limit", "3"}};
    for (size_t i = 0; i < 3; i++) {
        for (long n = 0;; n++) {
            setup();
            jansson_fail_after(n);
            enum lip_status s = query(item[i][0], item[i][1]);
            jansson_fail_never();
            ck_assert_int_eq(jansson_blocks(), 0);
            if (s == LIP_OK) {
                ck_assert_int_gt(n, 0);
                break;
            }
            ck_assert_int_eq(s, LIP_NO_MEMORY);
            ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
        }
    }
}
END_TEST

int main(void)
{
    jansson_count_memory();
    Suite *suite = suite_create("api/options");
    TCase *t = tcase_create("options");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, test_defaults);
    tcase_add_test(t, test_norms);
    tcase_add_test(t, test_methods);
    tcase_add_test(t, test_numbers);
    tcase_add_test(t, test_certificate);
    tcase_add_test(t, test_lower_bound);
    tcase_add_test(t, test_weights);
    tcase_add_test(t, test_all_activations);
    tcase_add_test(t, test_refused_in_the_query);
    tcase_add_test(t, test_refused_in_json);
    tcase_add_test(t, test_known_are_listed);
    tcase_add_test(t, test_given_twice);
    tcase_add_test(t, test_parameter_of_another);
    tcase_add_test(t, test_failing_allocations);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
