/* SPDX-License-Identifier: MIT
 *
 * Saved states: stopped anywhere, a run goes on to the same bits. */
#include "training/loop.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

static struct lip_data *data, *other;

static void setup(void)
{
    data = train_data("spirals", 150, 1);
    other = train_data("spirals", 60, 2);
}

static void teardown(void)
{
    lip_data_free(data);
    lip_data_free(other);
}

static struct lip_train_options choose(const char *constraint,
                                       const char *optimiser)
{
    struct lip_train_options options = train_options("hinge", constraint);
    options.optimiser = lip_optimiser_find(optimiser);
    options.step = options.optimiser->fallback;
    options.rate = 0.01;
    options.patience = 2;
    return options;
}

static struct lip_run *begin(const struct lip_train_options *options,
                             struct lip_model **model)
{
    struct lip_run *run;
    struct lip_ctx ctx = {0};
    bool monotone = options->constraint->monotone;
    *model = train_model(2,
                         monotone ? "dense:8 relu dense:6 abs dense:2"
                                  : "dense:8 relu dense:6 tanh dense:2",
                         3);
    ck_assert_msg(lip_run_new(&run, options, *model, data, other, NULL, &ctx) ==
                      LIP_OK,
                  "%s", ctx.error.detail);
    return run;
}

static bool stop_at(void *arg, const struct lip_progress *progress)
{
    (void)progress;
    return --*(int *)arg > 0;
}

/* The served weights of a run that is stopped after every `steps` steps and
 * goes on in another process's place: nothing but the bytes is carried. */
static char *served(const struct lip_train_options *options, int steps)
{
    struct lip_model *model;
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_run *run = begin(options, &model);
    for (;;) {
        unsigned char *bytes;
        size_t size;
        int left = steps;
        struct lip_ctx ctx = {.progress = stop_at, .progress_arg = &left};
        enum lip_status status = lip_run_go(run, NULL, NULL, &ctx);
        if (status == LIP_OK)
            break;
        ck_assert_int_eq(status, LIP_CANCELLED);
        ck_assert_int_eq(lip_run_save(&bytes, &size, run, NULL), LIP_OK);
        lip_run_free(run);
        lip_model_free(model);
        run = begin(options, &model);
        ck_assert_int_eq(lip_run_restore(run, bytes, size, NULL), LIP_OK);
        lip_free(bytes);
    }
    ck_assert_int_eq(lip_run_finish(&network, &outcome, run, NULL), LIP_OK);
    char *id = lip_strdup(NULL, network->id);
    lip_network_free(network);
    lip_run_free(run);
    lip_model_free(model);
    return id;
}

START_TEST(goes_on_to_the_same_bits)
{
    for (size_t k = 0; lip_constraints[k]; k++)
        for (size_t o = 0; lip_optimisers[o]; o++) {
            struct lip_norm_pair pair = {LIP_NORM_2, LIP_NORM_2};
            struct lip_train_options options =
                choose(lip_constraints[k]->name, lip_optimisers[o]->name);
            options.augment = (struct lip_augment){1, 2, 0, 0, o % 2 * 0.2};
            if (!lip_constraints[k]->supports(pair))
                options.pair =
                    (struct lip_norm_pair){LIP_NORM_INF, LIP_NORM_INF};
            if (lip_constraints[k]->monotone)
                options.pair.input = LIP_NORM_1;
            options.direction = (const signed char[]){-1, 1};
            options.directions = 2;
            char *whole = served(&options, 1000000);
            char *pieces = served(&options, 3);
            ck_assert_msg(strcmp(whole, pieces) == 0, "%s, %s",
                          lip_constraints[k]->name, lip_optimisers[o]->name);
            lip_free(whole);
            lip_free(pieces);
        }
}
END_TEST

/* Every cut and every changed byte is noticed, and changes nothing. */
START_TEST(damage)
{
    struct lip_train_options options = choose("projection", "sgd");
    struct lip_model *model;
    struct lip_run *run = begin(&options, &model);
    unsigned char *bytes, *again;
    size_t size, same;
    ck_assert_int_eq(lip_run_save(&bytes, &size, run, NULL), LIP_OK);
    for (size_t i = 0; i < size; i += 7) {
        ck_assert_int_eq(lip_run_restore(run, bytes, i, NULL), LIP_MALFORMED);
        bytes[i] ^= 4;
        ck_assert_int_eq(lip_run_restore(run, bytes, size, NULL),
                         LIP_MALFORMED);
        bytes[i] ^= 4;
    }
    ck_assert_int_eq(lip_run_save(&again, &same, run, NULL), LIP_OK);
    ck_assert_uint_eq(size, same);
    ck_assert_mem_eq(bytes, again, size);
    lip_free(again);
    lip_run_free(run);
    lip_model_free(model);
    options.rate *= 2;
    struct lip_ctx ctx = {0};
    run = begin(&options, &model);
    ck_assert_int_eq(lip_run_restore(run, bytes, size, &ctx), LIP_MALFORMED);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "another run"));
    lip_free(bytes);
    lip_run_free(run);
    lip_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/run_state");
    TCase *tc = tcase_create("run_state");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, goes_on_to_the_same_bits);
    tcase_add_test(tc, damage);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
