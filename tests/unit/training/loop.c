/* SPDX-License-Identifier: MIT
 *
 * The loop: it learns, in the same bits each time; early stop; divergence. */
#include "training/loop.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

static const char *const net = "dense:16 groupsort:2 dense:16 groupsort:2 "
                               "dense:2";

static bool count_epochs(void *arg, const struct lip_epoch *epoch)
{
    size_t *count = arg;
    ck_assert_uint_eq(epoch->number, ++*count);
    ck_assert(isfinite(epoch->loss));
    return true;
}

/* Two moons under a limit that allows it, with every constraint that can do
 * the norm, and every optimiser. */
static void learn(const char *constraint, const char *optimiser, int p)
{
    struct lip_train_options options = train_options("hinge", constraint);
    struct lip_data *data = train_data("two-moons", 400, 1);
    struct lip_model *model = train_model(2, net, 3);
    struct lip_score score;
    struct lip_run *run;
    struct lip_ctx ctx = {0};
    size_t epochs = 0;
    options.optimiser = lip_optimiser_find(optimiser);
    options.step = options.optimiser->fallback;
    options.rate = strcmp(optimiser, "sgd") == 0 ? 0.1 : 0.02;
    options.pair = (struct lip_norm_pair){(enum lip_norm)p, (enum lip_norm)p};
    options.limit = 10;
    options.epochs = 30;
    ck_assert_msg(lip_run_new(&run, &options, model, data, data, NULL, &ctx) ==
                      LIP_OK,
                  "%s", ctx.error.detail);
    ck_assert_int_eq(lip_run_go(run, count_epochs, &epochs, &ctx), LIP_OK);
    ck_assert_uint_eq(epochs, 30);
    ck_assert(lip_run_where(run).over);
    ck_assert_int_eq(
        lip_model_score(&score, model, data, &options.loss, NULL, NULL),
        LIP_OK);
    ck_assert_msg(score.accuracy > 0.93, "%s %s %d: %g", constraint, optimiser,
                  p, score.accuracy);
    lip_run_free(run);
    lip_model_free(model);
    lip_data_free(data);
}

START_TEST(learns)
{
    for (size_t k = 0; lip_constraints[k]; k++)
        for (int p = 0; p < 3; p++) {
            struct lip_norm_pair pair = {(enum lip_norm)p, (enum lip_norm)p};
            const struct lip_constraint *c = lip_constraints[k];
            /* scaling collapses, which is what is known of it */
            if (c->supports(pair) && !c->monotone &&
                strcmp(c->name, "scaling") != 0)
                learn(c->name, c->mapped ? "adam" : "sgd", p);
        }
    for (size_t k = 0; lip_optimisers[k]; k++)
        learn("rank-one-clip", lip_optimisers[k]->name, LIP_NORM_2);
}
END_TEST

START_TEST(regression)
{
    struct lip_train_options options = train_options("mse", "projection");
    struct lip_data *data = train_data("absolute", 500, 1);
    struct lip_model *model =
        train_model(1, "dense:16 groupsort:2 dense:16 groupsort:2 dense:1", 3);
    struct lip_score score;
    struct lip_run *run;
    options.epochs = 40;
    options.every = 1;
    ck_assert_int_eq(lip_run_new(&run, &options, model, data, NULL, NULL, NULL),
                     LIP_OK);
    ck_assert_int_eq(lip_run_go(run, NULL, NULL, NULL), LIP_OK);
    ck_assert_int_eq(
        lip_model_score(&score, model, data, &options.loss, NULL, NULL),
        LIP_OK);
    ck_assert_double_lt(score.error, 0.02); /* the noise has 0.01 */
    lip_run_free(run);
    lip_model_free(model);
    lip_data_free(data);
}
END_TEST

/* Same options, same bits; another seed, others. */
START_TEST(reproducible)
{
    struct lip_data *data = train_data("spirals", 300, 1);
    struct lip_model *model[3];
    for (int k = 0; k < 3; k++) {
        struct lip_train_options options =
            train_options("cross-entropy", "projection");
        struct lip_run *run;
        options.seed = k == 2 ? 8 : 7;
        model[k] = train_model(2, net, 3);
        ck_assert_int_eq(
            lip_run_new(&run, &options, model[k], data, NULL, NULL, NULL),
            LIP_OK);
        ck_assert_int_eq(lip_run_go(run, NULL, NULL, NULL), LIP_OK);
        lip_run_free(run);
    }
    size_t bytes = model[0]->parameters * sizeof(float);
    ck_assert_mem_eq(model[0]->value, model[1]->value, bytes);
    ck_assert_int_ne(memcmp(model[0]->value, model[2]->value, bytes), 0);
    for (int k = 0; k < 3; k++)
        lip_model_free(model[k]);
    lip_data_free(data);
}
END_TEST

/* A rate beyond reason: the run ends with a sentence, and the model of the
 * epoch before can still be finished. */
START_TEST(divergence)
{
    struct lip_train_options options = train_options("mse", "none");
    struct lip_data *data = train_data("sine", 200, 1);
    struct lip_model *model = train_model(1, "dense:8 relu dense:1", 3);
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_run *run;
    struct lip_ctx ctx = {0};
    options.rate = 1000;
    options.epochs = 50;
    ck_assert_int_eq(lip_run_new(&run, &options, model, data, NULL, NULL, &ctx),
                     LIP_OK);
    ck_assert_int_eq(lip_run_go(run, NULL, NULL, &ctx), LIP_INVALID);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "diverged in epoch"));
    struct lip_run_place place = lip_run_where(run);
    ck_assert(place.over && place.diverged);
    ck_assert_int_eq(lip_run_go(run, NULL, NULL, NULL), LIP_OK);
    ck_assert_int_eq(lip_run_finish(&network, &outcome, run, NULL), LIP_OK);
    lip_network_free(network);
    lip_run_free(run);
    lip_model_free(model);
    lip_data_free(data);
}
END_TEST

struct memory {
    double best;
    size_t best_epoch, epochs;
};

static bool remember(void *arg, const struct lip_epoch *epoch)
{
    struct memory *memory = arg;
    memory->epochs = epoch->number;
    if (epoch->number == 1 || epoch->validation.loss < memory->best) {
        memory->best = epoch->validation.loss;
        memory->best_epoch = epoch->number;
    }
    return true;
}

/* Stops `patience` epochs after the best one, and serves that one. */
START_TEST(early_stop)
{
    struct lip_train_options options = train_options("cross-entropy", "none");
    struct lip_data *data = train_data("spirals", 60, 1);
    struct lip_data *other = train_data("spirals", 200, 2);
    struct lip_model *model = train_model(2, "dense:30 relu dense:2", 3);
    struct memory memory = {0};
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_score score;
    struct lip_run *run;
    options.patience = 4;
    options.epochs = 500;
    options.schedule = lip_schedule_find("constant");
    ck_assert_int_eq(
        lip_run_new(&run, &options, model, data, other, NULL, NULL), LIP_OK);
    ck_assert_int_eq(lip_run_go(run, remember, &memory, NULL), LIP_OK);
    ck_assert(lip_run_where(run).stopped_early);
    ck_assert_uint_eq(memory.epochs, memory.best_epoch + 4);
    ck_assert_int_eq(lip_run_finish(&network, &outcome, run, NULL), LIP_OK);
    ck_assert_int_eq(
        lip_model_score(&score, model, other, &options.loss, NULL, NULL),
        LIP_OK);
    ck_assert_double_eq(score.loss, memory.best);
    lip_network_free(network);
    lip_run_free(run);
    lip_model_free(model);
    lip_data_free(data);
    lip_data_free(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/loop");
    TCase *tc = tcase_create("loop");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, learns);
    tcase_add_test(tc, regression);
    tcase_add_test(tc, reproducible);
    tcase_add_test(tc, divergence);
    tcase_add_test(tc, early_stop);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
