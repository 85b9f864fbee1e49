/* SPDX-License-Identifier: MIT
 *
 * Models: gradients of the whole, batches and blocks, shapes refused. */
#include "training/model.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

static double loss_of(const struct lip_model *model,
                      const struct lip_data *data)
{
    struct lip_loss_use loss =
        lip_loss_defaults(lip_loss_find("cross-entropy"));
    struct lip_score score;
    ck_assert_int_eq(lip_model_score(&score, model, data, &loss, NULL, NULL),
                     LIP_OK);
    return score.loss;
}

static double step(const struct lip_model *model, const struct lip_data *data,
                   size_t count, const struct lip_workers *workers)
{
    struct lip_loss_use loss =
        lip_loss_defaults(lip_loss_find("cross-entropy"));
    struct lip_batch *batch;
    struct lip_rows rows = {data, NULL, 0, count, NULL};
    ck_assert_int_eq(lip_batch_new(&batch, model, count, NULL), LIP_OK);
    double value = lip_model_step(model, batch, &rows, &loss, workers);
    lip_batch_free(batch);
    return value;
}

/* The gradient of the mean loss over rows that fill no whole block. */
START_TEST(gradient)
{
    struct lip_model *model = train_model(
        2, "dense:10 tanh dense:8 groupsort:2 householder dense:2 softplus", 4);
    struct lip_data *data = train_data("spirals", 150, 1);
    double loss = step(model, data, 150, NULL);
    ck_assert_double_lt(fabs(loss - loss_of(model, data)), 1e-12);
    for (size_t i = 0; i < model->parameters; i++) {
        const float held = model->value[i], h = 0x1p-9F;
        model->value[i] = held + h;
        double up = loss_of(model, data), high = model->value[i];
        model->value[i] = held - h;
        double down = loss_of(model, data), low = model->value[i];
        model->value[i] = held;
        ck_assert_double_lt(
            fabs((up - down) / (high - low) - (double)model->gradient[i]),
            2e-3);
    }
    lip_model_free(model);
    lip_data_free(data);
}
END_TEST

/* Workers that take the blocks backwards. */
static void backwards(void *workers, void (*task)(void *arg, size_t i),
                      void *arg, size_t count)
{
    ++*(int *)workers;
    while (count-- > 0)
        task(arg, count);
}

static void check_blocks(struct lip_model *model, struct lip_data *data)
{
    int calls = 0;
    struct lip_workers workers = {backwards, &calls};
    float *held = lip_alloc(NULL, model->parameters, sizeof *held);
    double loss = step(model, data, 300, NULL);
    memcpy(held, model->gradient, model->parameters * sizeof *held);
    memset(model->gradient, 0, model->parameters * sizeof *held);
    ck_assert_double_eq(step(model, data, 300, &workers), loss);
    ck_assert_mem_eq(held, model->gradient, model->parameters * sizeof *held);
    ck_assert_int_ge(calls, 2);
    lip_free(held);
    lip_model_free(model);
    lip_data_free(data);
}

START_TEST(order_of_blocks_changes_no_bit)
{
    struct lip_image image = {2, 3, 9, 7};
    struct lip_data *data;
    check_blocks(
        train_model(2, "dense:200 groupsort:2 dense:130 relu dense:2", 4),
        train_data("spirals", 300, 1));
    ck_assert_int_eq(lip_data_new(&data, 300, 3 * 9 * 7, 2, 0, NULL), LIP_OK);
    train_fill(data->x, 300 * 3 * 9 * 7, 1, 2);
    for (size_t i = 0; i < 300; i++)
        data->label[i] = i % 3 == 0;
    check_blocks(train_images(image,
                              "conv:40,3,1,1 groupsort:2 max-pool:2 conv:6,3,2 "
                              "average-pool:1 flatten dense:2",
                              5),
                 data);
}
END_TEST

/* A model that copies its input: accuracy by hand, ties wrong. */
START_TEST(scores)
{
    struct lip_data *data;
    struct lip_model *model = train_model(2, "dense:2", 1);
    struct lip_loss_use loss = lip_loss_defaults(lip_loss_find("hinge"));
    struct lip_score score;
    const float identity[] = {1, 0, 0, 1, 0, 0}, x[] = {3, 1, 1, 3, 2, 2, 0, 5};
    ck_assert_int_eq(lip_data_new(&data, 4, 2, 2, 0, NULL), LIP_OK);
    memcpy(model->value, identity, sizeof identity);
    memcpy(data->x, x, sizeof x);
    data->label[3] = 1; /* rows: right, wrong, tie, right */
    ck_assert_int_eq(lip_model_score(&score, model, data, &loss, NULL, NULL),
                     LIP_OK);
    ck_assert_double_eq(score.accuracy, 0.5);
    ck_assert_double_eq(score.loss, (0 + 3 + 1 + 0) / 4.0);
    ck_assert(isnan(score.error));
    lip_model_free(model);
    lip_data_free(data);
}
END_TEST

START_TEST(predicts_in_rows)
{
    struct lip_model *model = train_model(2, "dense:5 relu dense:2", 1);
    struct lip_data *data = train_data("circles", 600, 1), *one;
    float *all = lip_alloc(NULL, 1200, sizeof *all), own[2];
    ck_assert_int_eq(lip_model_predict(all, model, data, NULL), LIP_OK);
    for (uint32_t i = 0; i < 600; i += 97) {
        ck_assert_int_eq(lip_data_pick(&one, data, &i, 1, NULL), LIP_OK);
        ck_assert_int_eq(lip_model_predict(own, model, one, NULL), LIP_OK);
        ck_assert_float_lt(fabsf(own[0] - all[2 * i]), 1e-5F);
        ck_assert_float_lt(fabsf(own[1] - all[2 * i + 1]), 1e-5F);
        lip_data_free(one);
    }
    lip_free(all);
    lip_model_free(model);
    lip_data_free(data);
}
END_TEST

START_TEST(names_the_layer_that_does_not_fit)
{
    struct lip_ctx ctx = {0};
    struct lip_model *model;
    struct lip_trainable *layer = lip_calloc(NULL, 2, sizeof *layer);
    layer[0].kind = lip_trainable_find("dense");
    layer[0].units = 7;
    layer[1].kind = lip_trainable_find("groupsort");
    layer[1].group = 2;
    ck_assert_int_eq(lip_model_new(&model, layer, 2, 3, &ctx), LIP_INVALID);
    ck_assert_ptr_null(model);
    ck_assert_str_eq(ctx.error.where, "1");
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "Layer 1 (groupsort)"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/model");
    TCase *tc = tcase_create("model");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, gradient);
    tcase_add_test(tc, order_of_blocks_changes_no_bit);
    tcase_add_test(tc, scores);
    tcase_add_test(tc, predicts_in_rows);
    tcase_add_test(tc, names_the_layer_that_does_not_fit);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
