/* SPDX-License-Identifier: MIT
 *
 * Serving: the same function, in raw units, and what cannot be served. */
#include "training/serve.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

static const char *const words[] = {
    "dense:9 tanh dense:6 elu dense:3",
    "dense:8 groupsort:2 dense:6 groupsort:3 dense:3",
    "dense:8 householder dense:6 householder dense:3",
};

START_TEST(same_function)
{
    struct lip_data *data = train_data("two-moons", 50, 1), *raw;
    struct lip_model *model = train_model(2, words[_i], 3);
    struct lip_network *network;
    struct lip_scaling scaling;
    uint32_t order[50];
    float z[150];
    for (uint32_t i = 0; i < 50; i++)
        order[i] = i;
    ck_assert_int_eq(lip_data_pick(&raw, data, order, 50, NULL), LIP_OK);
    lip_scaling_fit(&scaling, lip_normalisation_find("standard"), data, NULL);
    lip_scaling_apply(data, &scaling);
    ck_assert_int_eq(lip_model_predict(z, model, data, NULL), LIP_OK);
    ck_assert_int_eq(lip_serve(&network, model, &scaling, NULL), LIP_OK);
    ck_assert_uint_eq(network->count, 6);
    ck_assert_str_eq(network->layer[0].name, "normalisation");
    for (size_t i = 0; i < 50; i++) {
        double x[2] = {raw->x[2 * i], raw->x[2 * i + 1]}, y[3];
        lip_network_eval(y, network, x, NULL);
        for (size_t j = 0; j < 3; j++)
            ck_assert_double_lt(fabs(y[j] - (double)z[3 * i + j]), 1e-5);
    }
    lip_network_free(network);
    lip_scaling_clear(&scaling);
    lip_model_free(model);
    lip_data_free(data);
    lip_data_free(raw);
}
END_TEST

START_TEST(cannot_be_served)
{
    struct lip_model *model = train_model(2, "dense:4 relu dense:2", 3);
    struct lip_trainable_kind unknown = *model->layer[1].kind;
    unknown.serve = NULL;
    model->layer[1].kind = &unknown;
    struct lip_network *network;
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(lip_serve(&network, model, NULL, &ctx), LIP_UNSUPPORTED);
    ck_assert_ptr_null(network);
    ck_assert_str_eq(ctx.error.where, "1");
    lip_model_free(model);
}
END_TEST

START_TEST(not_finite)
{
    struct lip_model *model = train_model(2, "dense:4 relu dense:2", 3);
    struct lip_network *network;
    model->value[2] = NAN;
    ck_assert_int_eq(lip_serve(&network, model, NULL, NULL), LIP_INVALID);
    lip_model_free(model);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
    struct lip_model *model = train_model(2, "dense:4 relu dense:2", 3);
    struct lip_network *network = NULL;
    struct lip_budget budget;
    lip_budget_init(&budget, 0);
    for (long n = 0; !network; n++) {
        struct lip_ctx ctx = {.budget = &budget};
        budget.fail_after = n;
        ck_assert_int_eq(lip_serve(&network, model, NULL, &ctx),
                         network ? LIP_OK : LIP_NO_MEMORY);
        ck_assert(network || budget.used == 0);
        ck_assert_int_lt(n, 100);
    }
    lip_network_free(network);
    lip_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/serve");
    TCase *tc = tcase_create("serve");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, same_function, 0, 3);
    tcase_add_test(tc, cannot_be_served);
    tcase_add_test(tc, not_finite);
    tcase_add_test(tc, survives_lack_of_memory);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
