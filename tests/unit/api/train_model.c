/* SPDX-License-Identifier: MIT
 *
 * Properties: a model that was trained and served comes back as the same
 * layers, weights and scaling, bit for bit, and without the scaling's layer
 * being trained; a layer that cannot be trained is named; limits that are not
 * as many as dense layers are refused. */
#include "api/train_model.h"

#include "tests/support/suite.h"
#include "tests/support/train_request.h"
#include "tests/support/training.h"
#include "training/serve.h"

#include <string.h>

static const char words[] = "dense:8 groupsort:2 dense:6 leaky-relu dense:4 "
                            "relu dense:2";

static struct lip_network *serve(const struct lip_model *model,
                                 const struct lip_scaling *scaling)
{
    struct lip_network *network;
    ck_assert_int_eq(lip_serve(&network, model, scaling, NULL), LIP_OK);
    return network;
}

static struct lip_model *model_of(const struct api_train_request *request,
                                  size_t inputs)
{
    struct lip_model *model;
    struct lip_trainable *layer =
        lip_calloc(NULL, request->layers, sizeof *layer);
    memcpy(layer, request->layer, request->layers * sizeof *layer);
    struct lip_image input = api_train_input(request, inputs);
    ck_assert_int_eq(
        lip_model_of_images(&model, layer, request->layers, &input, NULL),
        LIP_OK);
    return model;
}

static void ck_layers(const struct lip_model *a, const struct lip_model *b)
{
    ck_assert_uint_eq(a->count, b->count);
    ck_assert_uint_eq(a->parameters, b->parameters);
    ck_assert_mem_eq(a->value, b->value, a->parameters * sizeof *a->value);
    for (size_t i = 0; i < a->count; i++) {
        ck_assert_ptr_eq(a->layer[i].kind, b->layer[i].kind);
        if (a->layer[i].kind->grouped)
            ck_assert_uint_eq(a->layer[i].group, b->layer[i].group);
        ck_assert_double_eq(a->layer[i].parameter[0], b->layer[i].parameter[0]);
    }
}

/* With and without a scaling, whose numbers are powers of two: those come back
 * exactly. */
START_TEST(test_again)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct api_problem problem = {.detail = ""};
    struct api_train_request request = {.layers = 0};
    struct lip_scaling got, scaling = {.features = 3};
    float centre[] = {1, -2, 0.5F}, scale[] = {0.5F, 2, 4};
    struct lip_model *model = train_model(3, words, 7);
    model->layer[3].parameter[0] = 0.25;
    if (_i) {
        scaling.centre = centre;
        scaling.scale = scale;
    }
    struct lip_network *network = serve(model, &scaling);
    ck_assert_int_eq(
        api_train_model_layers(&request, &got, network, &problem, &ctx),
        LIP_OK);
    struct lip_model *again = model_of(&request, 3);
    api_train_model_weights(again, network);
    ck_layers(model, again);
    ck_assert_uint_eq(api_train_input(&request, 5).channels, 3);
    ck_assert_uint_eq(got.features, 3);
    ck_assert_int_eq(got.scale != NULL, _i);
    for (size_t j = 0; _i && j < 3; j++) {
        ck_assert_float_eq(got.scale[j], scale[j]);
        ck_assert_float_eq(got.centre[j], centre[j]);
    }
    lip_scaling_clear(&got);
    lip_model_free(again);
    lip_model_free(model);
    lip_network_free(network);
    api_train_clear(&request);
}
END_TEST

static const char *const of_images[] = {
    "conv:4,3,2,1 groupsort:2 conv:6,2 relu max-pool:2 flatten dense:5 "
    "groupsort:5 dense:2",
    "conv:4,3 tanh average-pool flatten dense:3",
    "average-pool:2 conv:6,2,1,2 groupsort:3 conv:2,3 average-pool flatten",
};

/* Images and, every second time, sequences. */
START_TEST(test_images_again)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct api_problem problem = {.detail = ""};
    struct api_train_request request = {.layers = 0};
    struct lip_image image = {2, 3, 9, 8}, sequence = {1, 3, 1, 40};
    struct lip_image in = _i % 2 ? sequence : image;
    struct lip_scaling scaling;
    struct lip_model *model = train_images(in, of_images[_i / 2], 7);
    struct lip_network *network = serve(model, NULL);
    ck_assert_msg(api_train_model_layers(&request, &scaling, network, &problem,
                                         &ctx) == LIP_OK,
                  "%s", problem.detail);
    struct lip_model *again = model_of(&request, model->inputs);
    api_train_model_weights(again, network);
    ck_layers(model, again);
    ck_assert_mem_eq(&model->input, &again->input, sizeof in);
    for (size_t i = 0; i < model->count; i++)
        ck_assert_mem_eq(&model->layer[i].window, &again->layer[i].window,
                         sizeof model->layer[i].window);
    lip_model_free(again);
    lip_model_free(model);
    lip_network_free(network);
    api_train_clear(&request);
}
END_TEST

/* Neighbours in a row of pixels sorted: that is not what training sorts. */
START_TEST(test_sorted_pixels)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct api_problem problem = {.detail = ""};
    struct api_train_request request = {.layers = 0};
    struct lip_image in = {2, 1, 4, 4};
    struct lip_scaling scaling;
    struct lip_model *model =
        train_images(in, "conv:4,1 groupsort:2 flatten", 7);
    struct lip_network *network = serve(model, NULL);
    /* reshape, conv, transpose, groupsort, transpose, flatten */
    ck_assert_uint_eq(network->count, 6);
    for (size_t k = 0; k < 3; k++)
        lip_layer_set(&network->layer[2], "axes")->value[k] = (long)k;
    ck_assert_int_eq(
        api_train_model_layers(&request, &scaling, network, &problem, &ctx),
        LIP_UNSUPPORTED);
    ck_assert_str_eq(problem.where, "2");
    lip_model_free(model);
    lip_network_free(network);
    api_train_clear(&request);
}
END_TEST

static struct lip_network *stored(const char *activation)
{
    struct lip_layer *layer = lip_calloc(NULL, 2, sizeof *layer);
    double *one = lip_alloc(NULL, 1, sizeof *one);
    struct lip_network *network;
    *one = 1;
    layer[0].kind = &lip_layer_dense;
    layer[0].weight =
        (struct lip_tensor){.dtype = LIP_F64, .rank = 2, .dim = {1, 1}};
    layer[0].weight.buffer = lip_buffer_take(one, sizeof *one, NULL);
    layer[0].weight.data = lip_buffer_bytes(layer[0].weight.buffer);
    layer[1].kind = &lip_layer_activation;
    layer[1].activation = lip_activation_find(activation);
    ck_assert_int_eq(lip_network_new(&network, layer, 2, NULL), LIP_OK);
    return network;
}

START_TEST(test_unsupported)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct api_problem problem = {.detail = ""};
    struct api_train_request request = {.layers = 0};
    struct lip_scaling scaling;
    struct lip_network *network = stored("gelu");
    ck_assert_int_eq(
        api_train_model_layers(&request, &scaling, network, &problem, &ctx),
        LIP_UNSUPPORTED);
    ck_assert_int_eq(problem.code, API_PROBLEM_UNSUPPORTED_MODEL);
    ck_assert_str_eq(problem.where, "1");
    ck_assert_ptr_nonnull(strstr(problem.detail, "gelu"));
    lip_network_free(network);
    api_train_clear(&request);
}
END_TEST

START_TEST(test_shares)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct api_problem problem = {.detail = ""};
    struct api_train_request request = {.layers = 0};
    struct lip_scaling scaling;
    struct lip_network *network = stored("relu");
    request.options.layer_limit = lip_calloc(NULL, 2, sizeof(double));
    request.options.layer_limits = 2;
    ck_assert_int_eq(
        api_train_model_layers(&request, &scaling, network, &problem, &ctx),
        LIP_INVALID);
    ck_assert_str_eq(problem.where, "/constraint/lipschitz_per_layer");
    lip_network_free(network);
    api_train_clear(&request);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/train_model");
    TCase *t = tcase_create("train_model");
    tcase_add_loop_test(t, test_again, 0, 2);
    tcase_add_loop_test(t, test_images_again, 0, 6);
    tcase_add_test(t, test_sorted_pixels);
    tcase_add_test(t, test_unsupported);
    tcase_add_test(t, test_shares);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
