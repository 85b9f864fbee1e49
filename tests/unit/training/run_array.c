/* SPDX-License-Identifier: MIT
 *
 * Convolutions under every constraint and in every norm: the finished layers
 * are within their limits as whole matrices, and not far below; what a run goes
 * on from after a stop is the same to the last bit, on any threads. */
#include "training/run.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"
#include "tests/support/whole.h"
#include "training/layers/windowed.h"

#include <math.h>
#include <string.h>

static const struct lip_image image = {2, 2, 9, 8};

static struct lip_data *images(size_t rows)
{
    struct lip_data *data;
    size_t n = image.channels * image.height * image.width;
    ck_assert_int_eq(lip_data_new(&data, rows, n, 3, 0, NULL), LIP_OK);
    train_fill(data->x, rows * n, 1, 4);
    for (size_t i = 0; i < rows; i++) {
        data->label[i] = (uint32_t)(i % 3);
        for (size_t k = 0; k < 9; k++)
            data->x[i * n + i % 3 * 9 + k] += 2;
    }
    return data;
}

static struct lip_model *small(void)
{
    return train_images(image,
                        "conv:4,3,2,1 groupsort:2 conv:6,3 relu flatten "
                        "dense:3",
                        3);
}

static void train(const char *constraint, struct lip_norm_pair pair)
{
    struct lip_train_options options = train_options("hinge", constraint);
    struct lip_data *data = images(70);
    struct lip_model *model = small();
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_run *run;
    struct lip_ctx ctx = {0};
    options.pair = pair;
    options.limit = 2;
    ck_assert_msg(lip_run_new(&run, &options, model, data, NULL, NULL, &ctx) ==
                      LIP_OK,
                  "%s", ctx.error.detail);
    ck_assert_msg(lip_run_go(run, NULL, NULL, &ctx) == LIP_OK, "%s: %s",
                  constraint, ctx.error.detail);
    ck_assert_msg(lip_run_finish(&network, &outcome, run, &ctx) == LIP_OK,
                  "%s: %s", constraint, ctx.error.detail);
    ck_assert_double_le(outcome.norm, 2);
    double product = outcome.layer[2];
    for (size_t k = 0; k < 2; k++) {
        const struct lip_trainable *layer = &model->layer[2 * k];
        double norm =
            whole_norm(layer, layer->weight, lip_constraint_pair(pair, k == 0));
        /* Both are upper bounds of the norm. */
        ck_assert_msg(norm <= outcome.layer[k] * (1 + 1e-9),
                      "%s layer %zu: %.9g > %.9g", constraint, k, norm,
                      outcome.layer[k]);
        ck_assert_msg(norm >= outcome.layer[k] * 0.3,
                      "%s layer %zu: %.9g of %.9g", constraint, k, norm,
                      outcome.layer[k]);
        product *= norm;
    }
    ck_assert_double_gt(product, 0.1);
    lip_network_free(network);
    lip_run_free(run);
    lip_model_free(model);
    lip_data_free(data);
}

START_TEST(keeps_every_limit)
{
    for (size_t k = 0; lip_constraints[k]; k++)
        for (int i = 0; i < 9; i++) {
            struct lip_norm_pair pair = {(enum lip_norm)(i / 3),
                                         (enum lip_norm)(i % 3)};
            const struct lip_constraint *constraint = lip_constraints[k];
            if (!constraint->free && !constraint->monotone &&
                lip_constraint_check(constraint, pair, NULL) == LIP_OK)
                train(constraint->name, pair);
        }
}
END_TEST

/* The tasks of a step backwards. */
static void backwards(void *workers, void (*task)(void *arg, size_t i),
                      void *arg, size_t count)
{
    (void)workers;
    while (count-- > 0)
        task(arg, count);
}

static const struct lip_workers reversed = {backwards, NULL};

static bool stop(void *arg, const struct lip_epoch *epoch)
{
    (void)epoch;
    return --*(int *)arg > 0;
}

/* Two epochs, a stop, and, from what was saved, the third; or all three. */
static void numbers(float *out, const char *constraint, bool stopped,
                    const struct lip_workers *workers)
{
    struct lip_train_options options = train_options("hinge", constraint);
    struct lip_data *data = images(150);
    struct lip_model *model = small(), *other = small();
    struct lip_run *run, *next;
    struct lip_ctx ctx = {0};
    int epochs = stopped ? 2 : 9;
    ck_assert_int_eq(lip_run_new(&run, &options, model, data, NULL, NULL, NULL),
                     LIP_OK);
    lip_run_share(run, workers);
    lip_run_go(run, stop, &epochs, &ctx);
    if (stopped) {
        unsigned char *bytes;
        size_t size;
        ck_assert_int_eq(lip_run_save(&bytes, &size, run, NULL), LIP_OK);
        ck_assert_int_eq(
            lip_run_new(&next, &options, other, data, NULL, NULL, NULL),
            LIP_OK);
        ck_assert_int_eq(lip_run_restore(next, bytes, size, NULL), LIP_OK);
        ck_assert_int_eq(lip_run_go(next, NULL, NULL, NULL), LIP_OK);
        memcpy(out, other->value, other->parameters * sizeof *out);
        lip_run_free(next);
        lip_free(bytes);
    } else {
        memcpy(out, model->value, model->parameters * sizeof *out);
    }
    lip_run_free(run);
    lip_model_free(model);
    lip_model_free(other);
    lip_data_free(data);
}

START_TEST(stops_and_threads_change_no_bit)
{
    static const char *const name[] = {"none",
                                       "projection",
                                       "rank-one-clip",
                                       "scaling",
                                       "gram-rescaling",
                                       "spectral-normalisation",
                                       "orthogonal-bjorck"};
    static float a[2000], b[2000];
    for (size_t k = 0; k < sizeof name / sizeof *name; k++) {
        numbers(a, name[k], false, NULL);
        numbers(b, name[k], true, NULL);
        ck_assert_msg(memcmp(a, b, sizeof a) == 0, "%s, stopped", name[k]);
        numbers(b, name[k], false, &reversed);
        ck_assert_msg(memcmp(a, b, sizeof a) == 0, "%s, threads", name[k]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/run_array");
    TCase *tc = tcase_create("run_array");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, keeps_every_limit);
    tcase_add_test(tc, stops_and_threads_change_no_bit);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
