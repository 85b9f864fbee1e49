/* SPDX-License-Identifier: MIT
 *
 * Every kind of layer: gradients against differences, distances kept. */
#include "training/layer.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

enum { INPUTS = 12, ROWS = 5, MOST = 32 };

/* A layer of this kind on INPUTS numbers, or an image of as many, parameters in
 * `own`. */
static struct lip_trainable make(const struct lip_trainable_kind *kind,
                                 size_t group, float *own, float *gradient)
{
    struct lip_trainable layer = {.kind = kind, .units = 7, .group = group};
    struct lip_image image = {2, 2, 3, 2}, vector = lip_image_vector(INPUTS);
    if (kind->windowed)
        layer.kernel = (struct lip_setting){1, {2}};
    if (kind->windowed)
        layer.stride = (struct lip_setting){2, {kind->matrix ? 2 : 1, 1}};
    if (kind->windowed && kind->matrix)
        layer.padding = (struct lip_setting){4, {1, 0, 0, 1}};
    lip_trainable_defaults(&layer);
    ck_assert_int_eq(
        lip_trainable_plan(&layer, kind->windowed ? &image : &vector, NULL),
        LIP_OK);
    layer.weight = own;
    layer.bias = own + layer.weights;
    layer.weight_gradient = gradient;
    layer.bias_gradient = gradient + layer.weights;
    train_fill(own, layer.weights + layer.biases, 0.7, 3);
    if (kind->mend)
        kind->mend(&layer, own);
    return layer;
}

/* <c, layer(x)>, whose gradient in layer(x) is c. */
static double value(const struct lip_trainable *layer, const float *x,
                    const float *c)
{
    float y[ROWS * MOST];
    double sum = 0;
    layer->kind->forward(layer, y, x, ROWS);
    for (size_t i = 0; i < ROWS * layer->outputs; i++)
        sum += (double)c[i] * (double)y[i];
    return sum;
}

/* The central difference by one number, which is left as it was. */
static double difference(const struct lip_trainable *layer, const float *x,
                         const float *c, float *number)
{
    const float held = *number, step = 0x1p-9F;
    *number = held + step;
    double up = value(layer, x, c), high = *number;
    *number = held - step;
    double down = value(layer, x, c), low = *number;
    *number = held;
    return (up - down) / (high - low);
}

static void check_gradients(const struct lip_trainable_kind *kind, size_t group)
{
    float own[200], gradient[200], x[ROWS * INPUTS], y[ROWS * MOST];
    float c[ROWS * MOST], dx[ROWS * INPUTS];
    struct lip_trainable layer = make(kind, group, own, gradient);
    train_fill(x, ROWS * INPUTS, 1, 5);
    train_fill(c, ROWS * layer.outputs, 1, 6);
    kind->forward(&layer, y, x, ROWS);
    kind->backward(&layer, dx, c, x, y, ROWS);
    for (size_t i = 0; i < ROWS * INPUTS; i++)
        ck_assert_msg(fabs(difference(&layer, x, c, &x[i]) - (double)dx[i]) <
                          2e-3,
                      "%s group %zu, input %zu", kind->name, group, i);
    if (!kind->gradient)
        return;
    size_t parts = kind->parts ? kind->parts(&layer) : layer.outputs;
    size_t half = kind->parts ? parts / 2 : parts / 4 * 2;
    kind->gradient(&layer, 0, half, c, x, ROWS);
    kind->gradient(&layer, half, parts - half, c, x, ROWS);
    for (size_t i = 0; i < layer.weights + layer.biases; i++)
        ck_assert_msg(fabs(difference(&layer, x, c, &own[i]) -
                           (double)gradient[i]) < 2e-3,
                      "%s, parameter %zu", kind->name, i);
}

START_TEST(gradients)
{
    for (size_t k = 0; lip_trainable_kinds[k]; k++)
        check_gradients(lip_trainable_kinds[k], 2);
    check_gradients(lip_trainable_find("groupsort"), 0);
    check_gradients(lip_trainable_find("groupsort"), 3);
    check_gradients(lip_trainable_find("groupsort"), 6);
}
END_TEST

/* Sorted, and the same numbers; with ties each gradient arrives once. */
START_TEST(sorting)
{
    float own[1], x[INPUTS] = {3, 1, 3, 2, 0, 0, 0, 5, 5, 5, 5, -1};
    float y[INPUTS], dx[INPUTS], c[INPUTS];
    struct lip_trainable layer =
        make(lip_trainable_find("max-min"), 0, own, own);
    layer.kind->forward(&layer, y, x, 1);
    for (size_t i = 1; i < INPUTS; i++)
        ck_assert_float_ge(y[i - 1], y[i]);
    for (size_t i = 0; i < INPUTS; i++)
        c[i] = (float)(1 << i);
    layer.kind->backward(&layer, dx, c, x, y, 1);
    float sum = 0;
    for (size_t i = 0; i < INPUTS; i++)
        sum += dx[i];
    ck_assert_float_eq(sum, 4095);
    ck_assert_float_eq(dx[11], 2048);
}
END_TEST

static double distance(const float *x, const float *y, size_t n,
                       enum lip_norm norm)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double gap = fabs((double)x[i] - (double)y[i]);
        if (norm == LIP_NORM_INF)
            sum = fmax(sum, gap);
        else
            sum += norm == LIP_NORM_1 ? gap : gap * gap;
    }
    return norm == LIP_NORM_2 ? sqrt(sum) : sum;
}

/* Pairs of points far and near, in all norms that the layer answers for. */
START_TEST(contractions)
{
    float own[200], a[INPUTS], b[INPUTS], fa[MOST], fb[MOST];
    for (size_t k = 0; lip_trainable_kinds[k]; k++) {
        const struct lip_trainable_kind *kind = lip_trainable_kinds[k];
        struct lip_trainable layer = make(kind, 4, own, own);
        for (uint64_t t = 0; !kind->matrix && t < 600; t++) {
            enum lip_norm norm = (enum lip_norm)(t % 3);
            double slope = 0;
            train_fill(a, INPUTS, 1, t);
            train_fill(b, INPUTS, t % 2 ? 1 : 0.05, t + 1000);
            for (size_t i = 0; t % 2 == 0 && i < INPUTS; i++)
                b[i] += a[i];
            kind->forward(&layer, fa, a, 1);
            kind->forward(&layer, fb, b, 1);
            if (kind->contracts(&slope, &layer, norm))
                ck_assert_msg(distance(fa, fb, layer.outputs, norm) <=
                                  slope * distance(a, b, INPUTS, norm) + 1e-5,
                              "%s", kind->name);
            else
                ck_assert_str_eq(kind->name, "householder");
        }
    }
}
END_TEST

/* What the served layer computes is what was trained. */
START_TEST(served_alike)
{
    float own[200], x[INPUTS], y[MOST];
    double wide[INPUTS], z[MOST];
    train_fill(x, INPUTS, 1, 9);
    for (size_t i = 0; i < INPUTS; i++)
        wide[i] = x[i];
    for (size_t k = 0; lip_trainable_kinds[k]; k++) {
        const struct lip_trainable_kind *kind = lip_trainable_kinds[k];
        struct lip_trainable layer = make(kind, 4, own, own);
        struct lip_layer out = {0};
        if (!kind->serve || kind->windowed) /* those: layers/windowed.c */
            continue;
        ck_assert_int_eq(kind->serve(&out, &layer, NULL), LIP_OK);
        ck_assert_int_eq(out.kind->infer(&out, INPUTS, NULL), LIP_OK);
        ck_assert_uint_eq(out.outputs, layer.outputs);
        kind->forward(&layer, y, x, 1);
        out.kind->eval(z, &out, wide);
        for (size_t i = 0; i < layer.outputs; i++)
            ck_assert_msg(fabs(z[i] - (double)y[i]) < 1e-5, "%s", kind->name);
        lip_layer_clear(&out);
    }
}
END_TEST

static enum lip_status plan(struct lip_trainable *layer, size_t inputs)
{
    struct lip_image in = lip_image_vector(inputs);
    return lip_trainable_plan(layer, &in, NULL);
}

START_TEST(refusals)
{
    struct lip_trainable layer = {.kind = lip_trainable_find("groupsort"),
                                  .group = 5};
    ck_assert_int_eq(plan(&layer, 12), LIP_INVALID);
    layer = (struct lip_trainable){.kind = lip_trainable_find("householder")};
    ck_assert_int_eq(plan(&layer, 7), LIP_INVALID);
    layer = (struct lip_trainable){.kind = lip_trainable_find("dense")};
    ck_assert_int_eq(plan(&layer, 7), LIP_INVALID);
    layer = (struct lip_trainable){.kind = lip_trainable_find("leaky-relu"),
                                   .parameter = {-1}};
    ck_assert_int_eq(plan(&layer, 7), LIP_INVALID);
    ck_assert_ptr_null(lip_trainable_find("gelu"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/layer");
    TCase *tc = tcase_create("layer");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, gradients);
    tcase_add_test(tc, sorting);
    tcase_add_test(tc, contractions);
    tcase_add_test(tc, served_alike);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
