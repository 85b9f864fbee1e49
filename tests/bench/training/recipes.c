/* SPDX-License-Identifier: MIT
 *
 * What the recipes reach: build/release/tests/bench/training/recipes [-s SEEDS]
 * [-v] [NAME...]. Each recipe is trained with seeds 1 to SEEDS (5) on all
 * training images; printed are the mean and the standard deviation of the
 * accuracies on the test images, certified by the radii that POST /certify
 * gives. With -v the last 10 000 training images are kept back and take the
 * place of the test images: that is how the recipes were chosen. */
#include "tests/support/recipes.h"
#include "certify/radius.h"
#include "linalg/blas.h"
#include "tests/support/measure.h"
#include "tests/support/mnist.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct lip_ctx ctx;

static void need(bool good)
{
    mnist_need(good, &ctx);
}

static size_t radii_of(const struct recipe *recipe)
{
    size_t count = 0;
    while (count < RECIPE_RADII && recipe->radius[count] >= 0)
        count++;
    return count;
}

/* The shares of rows with the right class and a proven radius above each. */
static void certify(double *share, const struct recipe *recipe,
                    const struct lip_network *network,
                    const struct lip_data *data)
{
    size_t count = data->rows, numbers = count * data->features;
    struct lip_norm_pair pair = {recipe->norm, recipe->norm};
    struct lip_radius_rule *rule;
    struct lip_prediction *found = lip_calloc(&ctx, count, sizeof *found);
    double *x = lip_calloc(&ctx, numbers, sizeof *x);
    need(x && found);
    for (size_t i = 0; i < numbers; i++)
        x[i] = (double)data->x[i];
    need(lip_radius_new(&rule, network, pair, 0, &ctx) == LIP_OK);
    need(lip_radius_predict(found, NULL, rule, x, count, &ctx) == LIP_OK);
    for (size_t k = 0; k < radii_of(recipe); k++) {
        size_t good = 0;
        for (size_t i = 0; i < count; i++)
            good += found[i].label == data->label[i] &&
                    found[i].radius > recipe->radius[k];
        share[k] = 100 * (double)good / (double)count;
    }
    lip_radius_free(rule);
    lip_free(found);
    lip_free(x);
}

/* Trains with one seed; returns the CPU time of the training. */
static double train(double *share, const struct recipe *recipe, uint64_t seed,
                    const struct lip_data *training,
                    const struct lip_data *test)
{
    struct lip_train_options options = recipe_options(recipe, seed);
    struct lip_model *model = mnist_images(recipe->conv, recipe->width, seed);
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_run *run;
    double start = measure_now();
    need(lip_run_new(&run, &options, model, training, NULL, NULL, &ctx) ==
         LIP_OK);
    need(lip_run_go(run, NULL, NULL, &ctx) == LIP_OK);
    need(lip_run_finish(&network, &outcome, run, &ctx) == LIP_OK);
    double seconds = measure_now() - start;
    need(outcome.norm <= options.limit);
    certify(share, recipe, network, test);
    lip_network_free(network);
    lip_run_free(run);
    lip_model_free(model);
    return seconds;
}

static void print(const struct recipe *recipe, const char *what,
                  const double *value, size_t count, const char *unit,
                  double target)
{
    char name[80], note[80];
    double sum = 0, square = 0;
    for (size_t i = 0; i < count; i++)
        sum += value[i];
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        square += (value[i] - mean) * (value[i] - mean);
    double sd = count > 1 ? sqrt(square / (double)(count - 1)) : 0;
    snprintf(name, sizeof name, "%s-%s", recipe->name, what);
    snprintf(note, sizeof note, "%g (sd %.2f, %zu seeds)", target, sd, count);
    measure_print(name, mean, unit, mean / (target > 0 ? target : mean),
                  target > 0 ? note : note + 2);
}

enum { MOST_SEEDS = 100 };

static void measure_recipe(const struct recipe *recipe, size_t seeds,
                           const struct lip_data *training,
                           const struct lip_data *test)
{
    double share[RECIPE_RADII][MOST_SEEDS], seconds[MOST_SEEDS];
    for (size_t i = 0; i < seeds; i++) {
        double own[RECIPE_RADII];
        seconds[i] = train(own, recipe, i + 1, training, test);
        for (size_t k = 0; k < RECIPE_RADII; k++)
            share[k][i] = own[k];
    }
    for (size_t k = 0; k < radii_of(recipe); k++) {
        char what[40];
        snprintf(what, sizeof what, "certified@%g", recipe->radius[k]);
        print(recipe, recipe->radius[k] > 0 ? what : "clean", share[k], seeds,
              "%", recipe->target[k]);
    }
    print(recipe, "cpu", seconds, seeds, "s", recipe->seconds);
    fflush(stdout);
}

static bool is_wanted(const char *name, char **names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return count == 0;
}

int main(int argc, char **argv)
{
    struct lip_data *training, *test;
    size_t seeds = 5;
    bool validate = false;
    for (int option; (option = getopt(argc, argv, "s:v")) != -1;) {
        if (option == 's')
            seeds = strtoul(optarg, NULL, 10);
        else if (option == 'v')
            validate = true;
        else
            return 2;
    }
    if (seeds < 1 || seeds > MOST_SEEDS)
        return 2;
    lip_blas_single_threaded();
    if (!mnist_read(&training, &test)) {
        printf("# no MNIST here: set TRAIN_DATA to a folder with its files\n");
        return 0;
    }
    if (validate) {
        struct lip_data *all = training;
        lip_data_free(test);
        training = mnist_rows(all, 0, 50000);
        test = mnist_rows(all, 50000, 10000);
        lip_data_free(all);
    }
    for (const struct recipe *r = recipes; r->name; r++)
        if (is_wanted(r->name, argv + optind, argc - optind))
            measure_recipe(r, seeds, training, test);
    lip_data_free(training);
    lip_data_free(test);
    return 0;
}
