/* SPDX-License-Identifier: MIT
 *
 * Learned splines: clipping of slopes by hand, the penalty against its
 * differences, what is served is proven 1-Lipschitz and the same function,
 * they learn, knots go away, and a run that was stopped ends with the same
 * bits. */
#include "training/layer.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

/* A layer on n numbers with `knots` knots in [-range, range]. */
static struct lip_trainable make(size_t n, double knots, double range,
                                 double tv2, float *own, float *gradient)
{
    struct lip_trainable layer = {.kind = lip_trainable_find("spline"),
                                  .inputs = n,
                                  .parameter = {knots, range, tv2}};
    ck_assert_int_eq(layer.kind->plan(&layer, NULL), LIP_OK);
    layer.weight = layer.bias = own;
    layer.weight_gradient = layer.bias_gradient = gradient;
    return layer;
}

/* Rises 3, -0.5, -4 become 1, -0.5, -1, and the mean stays. */
START_TEST(mended)
{
    float own[8] = {0, 3, 2.5F, -1.5F, 0, 1, 0.5F, 0.25F}, g[8];
    float held[4];
    struct lip_trainable layer = make(2, 4, 1.5, 0, own, g);
    memcpy(held, own + 4, sizeof held);
    layer.kind->mend(&layer, own);
    ck_assert_float_eq_tol(own[1] - own[0], 1, 1e-6F);
    ck_assert_float_eq_tol(own[2] - own[1], -0.5F, 1e-6F);
    ck_assert_float_eq_tol(own[3] - own[2], -1, 1e-6F);
    ck_assert_float_eq_tol(own[0] + own[1] + own[2] + own[3], 4, 1e-5F);
    ck_assert_mem_eq(own + 4, held, sizeof held);
    own[2] = NAN;
    layer.kind->mend(&layer, own);
    ck_assert(isnan(own[0]));
}
END_TEST

/* By hand: knots -1, 0, 1; values 1, 0, 1; straight beyond. */
START_TEST(values)
{
    float own[3] = {1, 0, 0.5F}, g[3];
    const float x[] = {-3, -0.5F, 0.5F, 2}, dy[] = {1, 1, 1, 1};
    float y[4], dx[4];
    struct lip_trainable layer = make(1, 3, 1, 0, own, g);
    layer.kind->forward(&layer, y, x, 4);
    ck_assert(y[0] == 3 && y[1] == 0.5F && y[2] == 0.25F && y[3] == 1);
    layer.kind->backward(&layer, dx, dy, x, y, 4);
    ck_assert(dx[0] == -1 && dx[1] == -1 && dx[2] == 0.5F && dx[3] == 0.5F);
    layer.kind->gradient(&layer, 0, 1, dy, x, 4);
    ck_assert(g[0] == 3.5F && g[1] == -2 && g[2] == 2.5F);
}
END_TEST

static double penalty(const float *c, double step, double weight)
{
    double sum = 0;
    for (int k = 1; k < 6; k++)
        sum +=
            fabs((double)c[k + 1] - 2 * (double)c[k] + (double)c[k - 1]) / step;
    return weight * sum;
}

START_TEST(penalised)
{
    float own[7], g[7], x = 0, dy = 0;
    struct lip_trainable layer = make(1, 7, 1.5, 0.3, own, g);
    train_fill(own, 7, 0.2, 4);
    layer.kind->gradient(&layer, 0, 1, &dy, &x, 1);
    for (int k = 0; k < 7; k++) {
        const float held = own[k];
        own[k] = held + 0x1p-12F;
        double up = penalty(own, 0.5, 0.3);
        own[k] = held - 0x1p-12F;
        double down = penalty(own, 0.5, 0.3);
        own[k] = held;
        ck_assert_double_eq_tol((up - down) / 0x1p-11, g[k], 1e-3);
    }
}
END_TEST

START_TEST(refused)
{
    struct lip_trainable layer = {.kind = lip_trainable_find("spline"),
                                  .inputs = 3,
                                  .parameter = {7.5, 1, 0}};
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(layer.kind->plan(&layer, &ctx), LIP_INVALID);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "whole number"));
    layer.parameter[0] = 65;
    ck_assert_int_eq(layer.kind->plan(&layer, NULL), LIP_INVALID);
}
END_TEST

/* Whatever the numbers, slopes lie in [-1, 1] exactly. */
START_TEST(served)
{
    float own[20 * 11], g[20 * 11], x[20], y[20];
    for (uint64_t t = 0; t < 60; t++) {
        double range = t % 2 ? 1.7 : 1e3, z[20], w[20];
        struct lip_trainable layer = make(20, 11, range, 0, own, g);
        struct lip_layer out = {0}, *alone;
        struct lip_network *network;
        train_fill(own, 220, t % 3 ? range : 1e4, t);
        train_fill(x, 20, 2 * range, t + 100);
        ck_assert_int_eq(layer.kind->serve(&out, &layer, NULL), LIP_OK);
        alone = lip_alloc(NULL, 1, sizeof *alone);
        *alone = out;
        ck_assert_int_eq(lip_network_new(&network, alone, 1, NULL), LIP_OK);
        for (size_t j = 0; j < 20; j++) {
            struct lip_slopes s = lip_layer_slopes(network->layer, j);
            ck_assert_double_le(s.hi, 1);
            ck_assert_double_ge(s.lo, -1);
            z[j] = x[j];
        }
        layer.kind->forward(&layer, y, x, 1);
        ck_assert_int_eq(lip_network_eval(w, network, z, NULL), LIP_OK);
        for (size_t j = 0; j < 20; j++)
            ck_assert_double_eq_tol(w[j], y[j], 1e-5 * (range + fabs(w[j])));
        lip_network_free(network);
    }
}
END_TEST

/* A rise of 2 + 2^-60 or 2 - 2^-60 comes out as 2 in double. */
START_TEST(hidden_by_rounding)
{
    for (int sign = -1; sign <= 1; sign++) {
        float own[] = {-2, (float)sign * 0x1p-60F}, g[2];
        struct lip_trainable layer = make(1, 2, 1, 0, own, g);
        struct lip_layer out = {0};
        ck_assert_int_eq(layer.kind->serve(&out, &layer, NULL), LIP_OK);
        struct lip_slopes s = out.kind->slopes(&out, 0);
        ck_assert_double_le(s.hi, 1);
        ck_assert_double_ge(s.lo, 1 - 1e-6);
        lip_layer_clear(&out);
    }
}
END_TEST

static struct lip_train_options options_of(void)
{
    struct lip_train_options options = train_options("mse", "projection");
    options.limit = 4;
    options.epochs = 40;
    options.optimiser = lip_optimiser_find("adam");
    options.step = options.optimiser->fallback;
    options.rate = 0.02;
    return options;
}

static struct lip_model *model_of(double tv2)
{
    struct lip_model *model = train_model(1, "dense:6 spline dense:1", 3);
    model->layer[1].parameter[2] = tv2;
    return model;
}

/* Bends of all splines, and the squared error on noisy sines. */
static double run(double tv2, size_t *bends)
{
    struct lip_train_options options = options_of();
    struct lip_data *data = train_data("sine", 400, 1);
    struct lip_model *model = model_of(tv2);
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_score score;
    struct lip_run *r;
    ck_assert_int_eq(lip_run_new(&r, &options, model, data, NULL, NULL, NULL),
                     LIP_OK);
    ck_assert_int_eq(lip_run_go(r, NULL, NULL, NULL), LIP_OK);
    ck_assert_int_eq(lip_run_finish(&network, &outcome, r, NULL), LIP_OK);
    ck_assert_double_le(outcome.norm, 4);
    ck_assert_int_eq(
        lip_model_score(&score, model, data, &options.loss, NULL, NULL),
        LIP_OK);
    *bends = 0;
    for (size_t j = 0; j < 6; j++)
        for (size_t k = 1; k < 8; k++) {
            const float *c = model->layer[1].weight + 9 * j + k;
            *bends += fabsf(c[1] - 2 * c[0] + c[-1]) > 0.05F;
        }
    lip_network_free(network);
    lip_run_free(r);
    lip_model_free(model);
    lip_data_free(data);
    return score.error;
}

START_TEST(learns)
{
    size_t many, few;
    ck_assert_double_lt(run(0, &many), 0.05);
    run(0.03, &few);
    ck_assert_msg(few + 5 < many, "%zu, %zu", few, many);
}
END_TEST

static bool stop(void *arg, const struct lip_progress *progress)
{
    (void)progress;
    return --*(int *)arg > 0;
}

/* The network of a run that is saved and taken up after every `steps` steps. */
static void train_in_pieces(char id[LIP_DIGEST_TEXT], int steps)
{
    struct lip_train_options options = options_of();
    struct lip_data *data = train_data("sine", 100, 1);
    struct lip_network *network;
    struct lip_outcome outcome;
    enum lip_status status = LIP_CANCELLED;
    unsigned char *bytes = NULL;
    size_t size;
    options.epochs = 2;
    while (status != LIP_OK) {
        struct lip_model *model = model_of(0.01);
        struct lip_run *r;
        int left = steps;
        struct lip_ctx ctx = {.progress = stop, .progress_arg = &left};
        ck_assert_int_eq(
            lip_run_new(&r, &options, model, data, NULL, NULL, NULL), LIP_OK);
        if (bytes)
            ck_assert_int_eq(lip_run_restore(r, bytes, size, NULL), LIP_OK);
        lip_free(bytes);
        status = lip_run_go(r, NULL, NULL, &ctx);
        ck_assert_int_eq(lip_run_save(&bytes, &size, r, NULL), LIP_OK);
        if (status == LIP_OK) {
            ck_assert_int_eq(lip_run_finish(&network, &outcome, r, NULL),
                             LIP_OK);
            memcpy(id, network->id, LIP_DIGEST_TEXT);
            lip_network_free(network);
        }
        lip_run_free(r);
        lip_model_free(model);
    }
    lip_free(bytes);
    lip_data_free(data);
}

START_TEST(same_bits)
{
    char whole[LIP_DIGEST_TEXT], pieces[LIP_DIGEST_TEXT];
    train_in_pieces(whole, 1000000);
    train_in_pieces(pieces, 3);
    ck_assert_str_eq(whole, pieces);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/layers/spline");
    TCase *tc = tcase_create("spline");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, mended);
    tcase_add_test(tc, values);
    tcase_add_test(tc, penalised);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, served);
    tcase_add_test(tc, hidden_by_rounding);
    tcase_add_test(tc, learns);
    tcase_add_test(tc, same_bits);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
