/* SPDX-License-Identifier: MIT
 *
 * Setting up: what is refused and how, and that no memory is lost. */
#include "training/run.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

static struct lip_train_options options;
static const char *net;

/* A run on circles (2 features, 2 classes) without validation part. */
static enum lip_status start(const char *says)
{
    struct lip_data *data = train_data("circles", 50, 1);
    struct lip_model *model = train_model(2, net, 3);
    struct lip_run *run;
    struct lip_ctx ctx = {0};
    enum lip_status status =
        lip_run_new(&run, &options, model, data, NULL, NULL, &ctx);
    if (says)
        ck_assert_msg(strstr(ctx.error.detail, says) != NULL, "%s",
                      ctx.error.detail);
    lip_run_free(run);
    lip_model_free(model);
    lip_data_free(data);
    return status;
}

static void reset(void)
{
    options = train_options("hinge", "projection");
    net = "dense:4 relu dense:2";
}

START_TEST(refusals)
{
    reset();
    ck_assert_int_eq(start(NULL), LIP_OK);
    options.epochs = 0;
    ck_assert_int_eq(start("0 epochs"), LIP_INVALID);
    reset();
    options.batch = 0;
    ck_assert_int_eq(start("0 rows"), LIP_INVALID);
    reset();
    options.rate = (double)NAN;
    ck_assert_int_eq(start("learning rate"), LIP_INVALID);
    reset();
    options.limit = 0;
    ck_assert_int_eq(start("limit"), LIP_INVALID);
    reset();
    options.patience = 3;
    ck_assert_int_eq(start("validation"), LIP_INVALID);
    reset();
    options.pair.output = LIP_NORM_1;
    ck_assert_int_eq(start("It can do"), LIP_INVALID);
    reset();
    options.step.momentum = -1;
    ck_assert_int_eq(start("momentum"), LIP_INVALID);
    reset();
    net = "dense:4 relu dense:1";
    ck_assert_int_eq(start("1 outputs for 2 classes"), LIP_INVALID);
    reset();
    net = "relu";
    ck_assert_int_eq(start("no layer with weights"), LIP_INVALID);
    reset();
    net = "dense:4 householder dense:2";
    options.pair = (struct lip_norm_pair){LIP_NORM_1, LIP_NORM_1};
    ck_assert_int_eq(start("keeps no distances in the 1-norm"), LIP_INVALID);
}
END_TEST

/* The shares multiply to the limit over what activations stretch. */
START_TEST(shares_the_limit)
{
    struct lip_data *data = train_data("circles", 50, 1);
    struct lip_model *model =
        train_model(2, "dense:4 elu dense:4 relu dense:2", 3);
    struct lip_run *run;
    reset();
    model->layer[1].parameter[0] = 3; /* slope 3 */
    options.limit = 24;
    ck_assert_int_eq(lip_run_new(&run, &options, model, data, NULL, NULL, NULL),
                     LIP_OK);
    double product = run->fixed;
    for (size_t i = 0; i < run->arrays; i++)
        if (run->array[i].constrained) {
            ck_assert_double_lt(fabs(run->array[i].matrix.limit - 2), 1e-6);
            product *= run->array[i].matrix.limit;
        }
    ck_assert_double_lt(fabs(run->fixed - 3), 1e-12);
    ck_assert_double_le(product, 24);
    lip_run_free(run);
    lip_model_free(model);
    lip_data_free(data);
}
END_TEST

/* Limits layer by layer: kept as given, refused where their product is too
 * large. */
START_TEST(limits_of_layers)
{
    struct lip_data *data = train_data("circles", 50, 1);
    struct lip_model *model = train_model(2, "dense:4 relu dense:2", 3);
    struct lip_run *run;
    double own[] = {8, 0.25};
    reset();
    options.limit = 2;
    options.layer_limit = own;
    options.layer_limits = 2;
    ck_assert_int_eq(lip_run_new(&run, &options, model, data, NULL, NULL, NULL),
                     LIP_OK);
    for (size_t i = 0, k = 0; i < run->arrays; i++)
        if (run->array[i].constrained) {
            ck_assert_double_le(run->array[i].matrix.limit, own[k]);
            ck_assert_double_ge(run->array[i].matrix.limit,
                                own[k++] * (1 - 1e-6));
        }
    lip_run_free(run);
    lip_model_free(model);
    lip_data_free(data);
    own[1] = 0.26;
    ck_assert_int_eq(start("multiply to"), LIP_INVALID);
    own[1] = (double)NAN;
    ck_assert_int_eq(start("limit of layer 1"), LIP_INVALID);
    options.layer_limits = 3;
    ck_assert_int_eq(start("3 limits for 2 layers"), LIP_INVALID);
}
END_TEST

/* Each allocation fails once: the status says so, nothing stays behind. */
START_TEST(survives_lack_of_memory)
{
    struct lip_data *data = train_data("circles", 50, 1);
    struct lip_model *model = train_model(2, "dense:4 relu dense:2", 3);
    struct lip_budget budget;
    struct lip_run *run = NULL;
    lip_budget_init(&budget, 0);
    for (long n = 0; !run; n++) {
        struct lip_ctx ctx = {.budget = &budget};
        reset();
        options.constraint = lip_constraint_find("aol");
        budget.fail_after = n;
        enum lip_status status =
            lip_run_new(&run, &options, model, data, NULL, NULL, &ctx);
        ck_assert_int_eq(status, run ? LIP_OK : LIP_NO_MEMORY);
        ck_assert(run || budget.used == 0);
        ck_assert_int_lt(n, 100);
    }
    lip_run_free(run);
    ck_assert_uint_eq(budget.used, 0);
    lip_model_free(model);
    lip_data_free(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/run_new");
    TCase *tc = tcase_create("run_new");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, shares_the_limit);
    tcase_add_test(tc, limits_of_layers);
    tcase_add_test(tc, survives_lack_of_memory);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
