/* SPDX-License-Identifier: MIT
 *
 * The optimiser's step: the same bits at once, block by block, and after the
 * whole gradient is there; gradients that are too long are shortened. */
#include "training/run.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

struct trained {
    struct lip_model *model;
    struct lip_data *data;
    struct lip_run *run;
};

static struct trained begin(const struct lip_train_options *options)
{
    struct trained t = {
        train_model(
            2, "dense:200 groupsort:2 householder dense:130 relu dense:2", 3),
        train_data("spirals", 500, 1), NULL};
    ck_assert_int_eq(
        lip_run_new(&t.run, options, t.model, t.data, NULL, NULL, NULL),
        LIP_OK);
    return t;
}

static void end(struct trained *t)
{
    lip_run_free(t->run);
    lip_model_free(t->model);
    lip_data_free(t->data);
}

static struct lip_train_options choose(const struct lip_optimiser *optimiser)
{
    struct lip_train_options options = train_options("hinge", "none");
    options.optimiser = optimiser;
    options.step = optimiser->fallback;
    options.step.weight_decay = 0.01;
    options.rate = 0.01;
    return options;
}

/* A length that no gradient has asks for the whole gradient. */
START_TEST(at_once)
{
    for (size_t o = 0; lip_optimisers[o]; o++) {
        struct lip_train_options options = choose(lip_optimisers[o]);
        struct trained one = begin(&options);
        options.clip = 1e30;
        struct trained other = begin(&options);
        ck_assert(lip_run_steps_at_once(one.run) ==
                  lip_optimisers[o]->elementwise);
        ck_assert(!lip_run_steps_at_once(other.run));
        ck_assert_int_eq(lip_run_go(one.run, NULL, NULL, NULL), LIP_OK);
        ck_assert_int_eq(lip_run_go(other.run, NULL, NULL, NULL), LIP_OK);
        ck_assert_msg(memcmp(one.model->value, other.model->value,
                             one.model->parameters * sizeof(float)) == 0,
                      "%s", lip_optimisers[o]->name);
        end(&one);
        end(&other);
    }
}
END_TEST

/* A step of sgd without momentum is as long as the rate times the length of the
 * clipped gradient. */
START_TEST(clipped)
{
    struct lip_train_options options = choose(lip_optimiser_find("sgd"));
    options.step = (struct lip_step_options){0};
    options.schedule = lip_schedule_find("constant");
    options.clip = 0.25;
    struct trained t = begin(&options);
    size_t count = t.model->parameters;
    float *before = lip_alloc(NULL, count, sizeof *before);
    memcpy(before, t.model->value, count * sizeof *before);
    for (size_t i = 0; i < count; i++)
        t.model->gradient[i] = (float)(i % 5);
    lip_run_optimise(t.run);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double move = (double)t.model->value[i] - (double)before[i];
        sum += move * move;
    }
    ck_assert_double_eq_tol(sqrt(sum), 0.25 * options.rate,
                            1e-4 * options.rate);
    lip_free(before);
    end(&t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/run_optimise");
    TCase *tcase = tcase_create("optimise");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, at_once);
    tcase_add_test(tcase, clipped);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
