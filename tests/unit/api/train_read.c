/* SPDX-License-Identifier: MIT
 *
 * Properties: the smallest useful request is enough; each member is refused
 * with its pointer and what would be taken, where it is unknown, of the wrong
 * type or out of range; what was read is freed; no allocation that fails is
 * overlooked. */
#include "tests/support/suite.h"
#include "tests/support/train_request.h"

#include <string.h>

START_TEST(test_smallest)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct lip_train_options usual = lip_train_defaults();
    struct api_train_request out;
    struct api_problem problem;
    json_t *json = train_json(
        "{'dataset': {'generate': 'two-moons'}, 'model': {'layers': [{'type': "
        "'dense', 'units': 2}]}, 'constraint': {}}");
    ck_assert_int_eq(api_train_read(&out, json, &problem, &ctx), LIP_OK);
    ck_assert_uint_eq(out.samples, 1000);
    ck_assert(!out.regression);
    ck_assert_ptr_eq(out.options.loss.loss, usual.loss.loss);
    ck_assert_ptr_eq(out.options.optimiser, usual.optimiser);
    ck_assert_ptr_eq(out.options.constraint, usual.constraint);
    ck_assert_uint_eq(out.options.every, usual.constraint->every);
    ck_assert_double_eq(out.options.limit, 1);
    ck_assert_uint_eq(out.options.epochs, usual.epochs);
    ck_assert(out.normalisation->identity);
    ck_assert_double_eq(out.split, 0.1);
    api_train_clear(&out);
    json_decref(json);
}
END_TEST

static const struct {
    const char *member, *pointer, *words;
} bad[] = {
    {"'epoch': 3", "/epoch", "epochs"},
    {"'~a/b': 3", "/~0a~1b", "Known are"},
    {"'epochs': 0", "/epochs", "1 to 100000"},
    {"'epochs': 2.5", "/epochs", "whole"},
    {"'epochs': '3'", "/epochs", "whole"},
    {"'epochs': null", "/epochs", "whole"},
    {"'epochs': 100001", "/epochs", "100000"},
    {"'batch_size': 0", "/batch_size", "1048576"},
    {"'seed': -1", "/seed", "whole"},
    {"'seed': 1e16", "/seed", "9007199254740992"},
    {"'task': 'both'", "/task", "regression"},
    {"'task': 'regression'", "/dataset/generate", "classification"},
    {"'initialization': 'zero'", "/initialization", "orthogonal"},
    {"'normalization': 3", "/normalization", "standard"},
    {"'time_limit': -1", "/time_limit", "at least 0"},
    {"'augmentation': {'width': 2}", "/augmentation/height", "whole"},
    {"'augmentation': {'height': 1, 'width': 0}", "/augmentation/width", "1"},
    {"'augmentation': {'height': 1, 'width': 2, 'turn': 181}",
     "/augmentation/turn", "180"},
    {"'augmentation': {'height': 1, 'width': 2, 'stretch': 1}",
     "/augmentation/stretch", "0.5"},
    {"'augmentation': {'height': 2, 'width': 2}", "/augmentation",
     "2 x 2 pixels"},
    {"'augmentation': {'height': 1, 'width': 2, 'flip': 1}",
     "/augmentation/flip", "shift"},
    {"'validation': []", "/validation", "object"},
    {"'validation': {'part': 0.1}", "/validation/part", "split"},
    {"'validation': {'split': 1}", "/validation/split", "0.9"},
    {"'validation': {'split': 0.001}", "/validation/split", "empty"},
    {"'validation': {'radii': [0.1, 0]}", "/validation/radii/1", "above 0"},
    {"'validation': {'radii': 1}", "/validation/radii", "array"},
    {"'validation': {'split': 0, 'patience': 2}", "/validation/patience",
     "split"},
    {"'constraint': {'method': 'none'}, 'validation': {'radii': [1]}",
     "/validation/radii", "limit"},
    {"'model': {'id': 'sha256:00'}", "/model/id", "64"},
    {"'dataset': {'id': 7}", "/dataset/id", "64"},
};

START_TEST(test_bad)
{
    train_request_bad(bad[_i].member, bad[_i].pointer, bad[_i].words);
}
END_TEST

START_TEST(test_missing)
{
    static const char *const needed[] = {"dataset", "model", "constraint"};
    for (size_t i = 0; i < 3; i++) {
        struct lip_ctx ctx = {.budget = NULL};
        struct api_train_request out;
        struct api_problem problem;
        char pointer[40] = "/";
        json_t *json = train_request_json(NULL);
        json_object_del(json, needed[i]);
        ck_assert_int_eq(api_train_read(&out, json, &problem, &ctx),
                         LIP_INVALID);
        strcat(pointer, needed[i]);
        ck_assert_str_eq(problem.where, pointer);
        json_decref(json);
    }
    struct api_train_request out;
    struct api_problem problem;
    struct lip_ctx ctx = {.budget = NULL};
    json_t *list = json_array();
    ck_assert_int_eq(api_train_read(&out, list, &problem, &ctx), LIP_INVALID);
    json_decref(list);
}
END_TEST

START_TEST(test_values)
{
    struct api_train_request out;
    train_request_good(&out, "'seed': 9007199254740992, 'validation': "
                             "{'split': 0.25, 'radii': [0.5, 1], 'patience': "
                             "2}, 'time_limit': 1.5, 'initialization': "
                             "'he-normal', 'normalization': 'standard'");
    ck_assert_uint_eq(out.options.seed, (uint64_t)1 << 53);
    ck_assert_double_eq(out.split, 0.25);
    ck_assert_uint_eq(out.radii, 2);
    ck_assert_double_eq(out.radius[1], 1);
    ck_assert_uint_eq(out.options.patience, 2);
    ck_assert_double_eq(out.time_limit, 1.5);
    ck_assert_str_eq(out.initial->name, "he-normal");
    ck_assert_str_eq(out.normalisation->name, "standard");
    api_train_clear(&out);
}
END_TEST

/* The task is told by the generator, or else by the loss. */
START_TEST(test_task)
{
    struct api_train_request out;
    train_request_good(&out,
                       "'dataset': {'generate': 'sine'}, 'model': {'layers': "
                       "[{'type': 'dense', 'units': 1}]}");
    ck_assert(out.regression);
    ck_assert(!out.options.loss.loss->classification);
    api_train_clear(&out);
    train_request_good(
        &out, "'dataset': {'inline': {'x': [[1], [2], [3], [4], [5]], 'y': "
              "[0.5, 1, 2, 3, 4]}}, 'loss': {'type': 'mae'}, 'model': "
              "{'layers': [{'type': 'dense', 'units': 1}]}");
    ck_assert(out.regression);
    ck_assert_uint_eq(out.inline_data->targets, 1);
    api_train_clear(&out);
}
END_TEST

START_TEST(test_memory)
{
    struct lip_budget budget;
    json_t *json = train_request_json(
        "'dataset': {'inline': {'x': [[1], [2], [3], [4], [5]], 'y': [0, 1, 0, "
        "1, 0]}}, 'constraint': {'lipschitz_per_layer': [1, 2]}");
    enum lip_status status = LIP_NO_MEMORY;
    for (long n = 0; status != LIP_OK; n++) {
        struct api_train_request out;
        struct api_problem problem = {.detail = ""};
        lip_budget_init(&budget, 0);
        budget.fail_after = n;
        struct lip_ctx ctx = {.budget = &budget};
        status = api_train_read(&out, json, &problem, &ctx);
        ck_assert(status == LIP_OK || status == LIP_NO_MEMORY);
        if (status != LIP_OK)
            ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
        api_train_clear(&out);
        ck_assert_uint_eq(budget.used, 0);
        ck_assert_int_lt(n, 100);
    }
    json_decref(json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/train_read");
    TCase *t = tcase_create("train_read");
    tcase_add_test(t, test_smallest);
    tcase_add_loop_test(t, test_bad, 0, sizeof bad / sizeof *bad);
    tcase_add_test(t, test_missing);
    tcase_add_test(t, test_values);
    tcase_add_test(t, test_task);
    tcase_add_test(t, test_memory);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
