/* SPDX-License-Identifier: MIT
 *
 * Gradients of whole networks against PyTorch's, where python3-torch is
 * installed: layers, losses, and how they are put together. */
#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 24, INPUTS = 5, OUTPUTS = 4 };

static struct lip_ctx none;

/* Those with a flatten take images of 2 x 6 x 7. */
static const char *const nets[] = {
    "dense:4",
    "dense:8 relu dense:4",
    "dense:8 leaky-relu dense:6 leaky-relu dense:4",
    "dense:8 abs dense:4",
    "dense:8 tanh dense:8 sigmoid dense:4",
    "dense:8 elu dense:8 softplus dense:4",
    "dense:8 groupsort:2 dense:6 groupsort:3 dense:4",
    "dense:7 groupsort:0 dense:4",
    "conv:6,3,2,1 groupsort:2 flatten dense:4",
    "conv:4,3 relu conv:6,2,2 groupsort:3 flatten dense:8 abs dense:4",
    "conv:6,3,1,1 tanh max-pool:2 conv:4,3,3,2 average-pool flatten dense:4",
    "average-pool:2,1 conv:4,2 leaky-relu max-pool:3,2 flatten dense:4",
};
static const char *const losses[] = {"cross-entropy", "offset-cross-entropy",
                                     "multi-margin", "mse", "mae"};
enum {
    NETS = sizeof nets / sizeof *nets,
    LOSSES = sizeof losses / sizeof *losses
};

static json_t *rows_of(const float *x, size_t rows, size_t cols)
{
    json_t *list = json_array();
    for (size_t i = 0; i < rows; i++) {
        json_t *row = json_array();
        for (size_t k = 0; k < cols; k++)
            json_array_append_new(row, json_real((double)x[i * cols + k]));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *list_of(const float *x, size_t count)
{
    json_t *rows = rows_of(x, 1, count);
    json_t *list = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    return list;
}

static json_t *layers_of(const struct lip_model *model)
{
    json_t *list = json_array();
    for (size_t i = 0; i < model->count; i++) {
        const struct lip_trainable *l = &model->layer[i];
        json_t *layer = json_pack("{s:s}", "type", l->kind->name);
        if (l->weights > 0) {
            json_object_set_new(layer, "weight",
                                rows_of(l->weight, l->rows, l->cols));
            json_object_set_new(layer, "bias", list_of(l->bias, l->rows));
        }
        if (l->kind->windowed) {
            const struct lip_window *w = &l->window;
            json_object_set_new(layer, "parameter",
                                json_pack("[i,i,i,i]", (int)w->kernel[0],
                                          (int)w->kernel[1], (int)w->stride[0],
                                          (int)w->before[0]));
        } else if (l->weights > 0) {
            json_object_set_new(layer, "parameter", json_null());
        } else if (!strcmp(l->kind->name, "groupsort")) {
            json_object_set_new(layer, "parameter",
                                json_integer((json_int_t)l->group));
        } else {
            json_object_set_new(layer, "parameter", json_real(l->parameter[0]));
        }
        json_array_append_new(list, layer);
    }
    return list;
}

/* Regression for losses that are none of classes. */
static struct lip_data *data_for(const struct lip_loss *loss, size_t inputs,
                                 uint64_t seed)
{
    struct lip_data *data;
    bool classes = loss->classification;
    ck_assert_int_eq(lip_data_new(&data, ROWS, inputs, classes ? OUTPUTS : 0,
                                  classes ? 0 : OUTPUTS, &none),
                     LIP_OK);
    train_fill(data->x, ROWS * inputs, 1, seed);
    for (size_t i = 0; classes && i < ROWS; i++)
        data->label[i] = (uint32_t)(i * 7 % OUTPUTS);
    if (!classes)
        train_fill(data->y, ROWS * OUTPUTS, 1, seed + 1);
    return data;
}

struct item {
    struct lip_model *model;
    struct lip_data *data;
    double loss;
};

static json_t *describe(const struct item *item,
                        const struct lip_loss_use *loss)
{
    json_t *text = json_pack(
        "{s:o, s:o, s:s, s:[f,f], s:b}", "layers", layers_of(item->model), "x",
        rows_of(item->data->x, ROWS, item->data->features), "loss",
        loss->loss->name, "parameter", loss->parameter[0], loss->parameter[1],
        "images", item->model->input.axes > 0);
    if (item->data->classes > 0) {
        json_t *labels = json_array();
        for (size_t i = 0; i < ROWS; i++)
            json_array_append_new(labels, json_integer(item->data->label[i]));
        json_object_set_new(text, "label", labels);
    } else {
        json_object_set_new(text, "y", rows_of(item->data->y, ROWS, OUTPUTS));
    }
    return text;
}

/* Our loss and gradient, and the question for the other side. */
static void ask(struct item *item, size_t number, FILE *question)
{
    const struct lip_loss *kind = lip_loss_find(losses[number % LOSSES]);
    struct lip_loss_use loss = lip_loss_defaults(kind);
    struct lip_batch *batch;
    const char *net = nets[number / LOSSES];
    struct lip_image images = {2, 2, 6, 7}, vectors = lip_image_vector(INPUTS);
    item->model = train_images(strstr(net, "flatten") ? images : vectors, net,
                               number + 1);
    item->data = data_for(kind, item->model->inputs, number + 100);
    ck_assert_int_eq(lip_batch_new(&batch, item->model, ROWS, &none), LIP_OK);
    struct lip_rows rows = {.data = item->data, .count = ROWS};
    json_t *text = describe(item, &loss);
    json_dumpf(text, question, JSON_COMPACT);
    fputc('\n', question);
    item->loss = lip_model_step(item->model, batch, &rows, &loss, NULL);
    json_decref(text);
    lip_batch_free(batch);
}

static void compare(const struct item *item, const char *line, size_t number)
{
    json_t *answer = json_loads(line, JSON_DECODE_INT_AS_REAL, NULL);
    ck_assert_ptr_nonnull(answer);
    const json_t *gradient = json_object_get(answer, "gradient");
    const char *net = nets[number / LOSSES], *loss = losses[number % LOSSES];
    double theirs = json_number_value(json_object_get(answer, "loss"));
    double most = 0, worst = 0;
    ck_assert_msg(fabs(item->loss - theirs) <= 1e-5 * (1 + fabs(theirs)),
                  "%s, %s: loss %g, not %g", net, loss, item->loss, theirs);
    ck_assert_uint_eq(json_array_size(gradient), item->model->parameters);
    for (size_t i = 0; i < item->model->parameters; i++) {
        double g = json_number_value(json_array_get(gradient, i));
        most = fmax(most, fabs(g));
        worst = fmax(worst, fabs(g - (double)item->model->gradient[i]));
    }
    ck_assert_double_gt(most, 0);
    ck_assert_msg(worst <= 1e-5 * most, "%s, %s: off by %g of %g", net, loss,
                  worst, most);
    json_decref(answer);
}

static bool torch_is_there(void)
{
    return system("/usr/bin/python3 -c 'import torch' >/dev/null 2>&1") == 0;
}

START_TEST(gradients_are_those_of_torch)
{
    static struct item item[NETS * LOSSES];
    char name[] = "/tmp/lipschitzd-torch-XXXXXX", command[200];
    size_t size = 0;
    char *line = NULL;
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    FILE *question = fdopen(fd, "w");
    ck_assert_ptr_nonnull(question);
    for (size_t i = 0; i < NETS * LOSSES; i++)
        ask(&item[i], i, question);
    ck_assert_int_eq(fclose(question), 0);
    snprintf(command, sizeof command,
             "/usr/bin/python3 tests/property/gradients.py <%s", name);
    FILE *answer = popen(command, "r");
    ck_assert_ptr_nonnull(answer);
    for (size_t i = 0; i < NETS * LOSSES; i++) {
        ck_assert_int_gt(getline(&line, &size, answer), 0);
        compare(&item[i], line, i);
        lip_model_free(item[i].model);
        lip_data_free(item[i].data);
    }
    free(line);
    ck_assert_int_eq(pclose(answer), 0);
    unlink(name);
}
END_TEST

int main(void)
{
    if (!torch_is_there()) {
        puts("SKIP: python3-torch is not installed");
        return 0;
    }
    Suite *suite = suite_create("property/gradients");
    TCase *tc = tcase_create("gradients");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, gradients_are_those_of_torch);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
