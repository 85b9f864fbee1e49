/* SPDX-License-Identifier: MIT
 *
 * Layers with windows: what is served computes the same, for random geometry
 * and several channels; norms of pools; refusals. */
#include "training/layers/windowed.h"

#include "network/operator.h"
#include "tests/support/suite.h"
#include "tests/support/training.h"
#include "training/random.h"
#include "training/serve.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct lip_image image = {2, 3, 11, 9};

/* Random rows through the model and through what is served. */
static void check_served(struct lip_model *model)
{
    struct lip_network *network;
    struct lip_data *data;
    struct lip_ctx ctx = {0};
    enum { ROWS = 3 };
    ck_assert_msg(lip_serve(&network, model, NULL, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    ck_assert_uint_eq(network->inputs, model->inputs);
    ck_assert_uint_eq(network->outputs, model->outputs);
    ck_assert_int_eq(lip_data_new(&data, ROWS, model->inputs, 2, 0, NULL),
                     LIP_OK);
    train_fill(data->x, ROWS * model->inputs, 1, 5);
    float *y = lip_alloc(NULL, ROWS * model->outputs, sizeof *y);
    double *x = lip_alloc(NULL, model->inputs, sizeof *x);
    double *z = lip_alloc(NULL, model->outputs, sizeof *z);
    ck_assert_int_eq(lip_model_predict(y, model, data, NULL), LIP_OK);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < model->inputs; k++)
            x[k] = data->x[i * model->inputs + k];
        ck_assert_int_eq(lip_network_eval(z, network, x, NULL), LIP_OK);
        for (size_t k = 0; k < model->outputs; k++)
            ck_assert_double_lt(fabs(z[k] - (double)y[i * model->outputs + k]),
                                1e-4);
    }
    lip_free(x);
    lip_free(y);
    lip_free(z);
    lip_data_free(data);
    lip_network_free(network);
    lip_model_free(model);
}

START_TEST(served_alike)
{
    check_served(train_images(
        image, "conv:6,3,2,1 groupsort:2 conv:4,3 relu flatten dense:5", 1));
    check_served(train_images(
        image, "conv:6,5,3,2 groupsort:3 average-pool:2,1 flatten dense:5", 2));
    check_served(train_images(
        image, "conv:7,2,2 max-pool:3,2 conv:5,1 average-pool flatten", 3));
    check_served(train_images(image, "flatten dense:5", 4));
    check_served(train_images((struct lip_image){1, 3, 1, 40},
                              "conv:6,5,2,2 groupsort max-pool:2 conv:4,3,1,1 "
                              "abs average-pool flatten dense:3",
                              5));
}
END_TEST

/* Strides, paddings and dilations of their own for each axis, kernels that hang
 * over the edges. */
START_TEST(any_geometry)
{
    for (uint64_t t = 0; t < 60; t++) {
        struct lip_trainable *layer = lip_calloc(NULL, 2, sizeof *layer);
        struct lip_model *model;
        long n[8];
        for (uint64_t k = 0; k < 8; k++)
            n[k] = (long)(lip_draw_uniform(t, 9, k) * 3);
        layer[0].kind = lip_trainable_find("conv");
        layer[0].units = 4;
        layer[0].kernel = (struct lip_setting){2, {1 + n[0], 1 + n[1]}};
        layer[0].stride = (struct lip_setting){2, {1 + n[2], 1 + n[3]}};
        layer[0].padding = (struct lip_setting){4, {n[4], n[5], n[6], n[7]}};
        layer[0].dilation =
            (struct lip_setting){2, {1 + (n[4] + n[0]) % 3, 1 + n[5]}};
        layer[1].kind = lip_trainable_find("flatten");
        ck_assert_int_eq(lip_model_of_images(&model, layer, 2, &image, NULL),
                         LIP_OK);
        train_fill(model->value, model->parameters, 1, t);
        check_served(model);
    }
}
END_TEST

/* |A|_1 and |A|_inf of the average from its rows, |A|_2 between them. */
START_TEST(pools_stretch_no_more)
{
    static const char *const words[] = {"average-pool:2 flatten",
                                        "average-pool:3,2 flatten",
                                        "average-pool:3,1 flatten"};
    for (int k = 0; k < 3; k++) {
        struct lip_model *model = train_images(image, words[k], 1);
        const struct lip_trainable *pool = &model->layer[0];
        double one, two, inf;
        ck_assert(pool->kind->contracts(&one, pool, LIP_NORM_1));
        ck_assert(pool->kind->contracts(&two, pool, LIP_NORM_2));
        ck_assert(pool->kind->contracts(&inf, pool, LIP_NORM_INF));
        double area = k == 0 ? 4 : 9, overlap = k == 0 ? 1 : k == 1 ? 4 : 9;
        ck_assert_double_lt(fabs(one - overlap / area), 1e-12);
        ck_assert_double_lt(fabs(two - sqrt(overlap / area)), 1e-12);
        ck_assert_double_lt(fabs(inf - 1), 1e-12);
        lip_model_free(model);
    }
}
END_TEST

static void refused(const struct lip_image *in, struct lip_trainable layer,
                    const char *words)
{
    struct lip_ctx ctx = {0};
    ck_assert_int_ne(lip_trainable_plan(&layer, in, &ctx), LIP_OK);
    ck_assert_msg(strstr(ctx.error.detail, words) != NULL, "%s",
                  ctx.error.detail);
}

START_TEST(refusals)
{
    const struct lip_trainable_kind *conv = lip_trainable_find("conv");
    const struct lip_trainable_kind *pool = lip_trainable_find("max-pool");
    struct lip_image vector = lip_image_vector(30);
    struct lip_setting three = {1, {3}}, large = {1, {40}}, zero = {1, {0}};
    refused(&vector,
            (struct lip_trainable){.kind = conv, .units = 2, .kernel = three},
            "\"input\"");
    refused(&image, (struct lip_trainable){.kind = conv, .kernel = three},
            "filters");
    refused(&image, (struct lip_trainable){.kind = conv, .units = 2}, "kernel");
    refused(&image,
            (struct lip_trainable){.kind = conv, .units = 2, .kernel = large},
            "spans");
    refused(&image,
            (struct lip_trainable){
                .kind = conv, .units = 2, .kernel = three, .stride = zero},
            "stride");
    refused(
        &image,
        (struct lip_trainable){.kind = pool, .kernel = three, .padding = three},
        "padding");
    refused(
        &image,
        (struct lip_trainable){.kind = lip_trainable_find("dense"), .units = 3},
        "flatten");
    refused(&image,
            (struct lip_trainable){.kind = lip_trainable_find("groupsort"),
                                   .group = 2},
            "channels");
}
END_TEST

START_TEST(overlaps)
{
    struct lip_window w = {
        .out = {9, 9}, .kernel = {5, 3}, .stride = {2, 1}, .dilation = {1, 1}};
    ck_assert_uint_eq(lip_window_overlap(&w), 9);
    w.stride[0] = w.stride[1] = 5;
    ck_assert_uint_eq(lip_window_overlap(&w), 1);
    w.stride[0] = w.dilation[0] = 2; /* all taps in one class */
    ck_assert_uint_eq(lip_window_overlap(&w), 5);
    w.out[0] = 1;
    ck_assert_uint_eq(lip_window_overlap(&w), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/layers/windowed");
    TCase *tc = tcase_create("windowed");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, served_alike);
    tcase_add_test(tc, any_geometry);
    tcase_add_test(tc, pools_stretch_no_more);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, overlaps);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
