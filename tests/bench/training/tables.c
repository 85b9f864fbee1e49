/* SPDX-License-Identifier: MIT
 *
 * Monotone models on two tables with fixed splits (TABLE_DATA or
 * ../shared/data; without the files it says so and ends): Auto-MPG, where fuel
 * economy falls with cylinders, displacement, power and weight and rises with
 * year and origin, and heart disease, which rises with blood pressure and
 * cholesterol. Widths, losses and epochs are those that did well in five-fold
 * cross-validation on the training rows, the limits the smallest within one
 * standard error of the best there. Beside the score on the test rows, mean
 * over seeds: how many of 10^5 random points the served model moves from in the
 * wrong direction, and the bound that was proven, in units of the scaled
 * inputs. */
#include "linalg/blas.h"
#include "tests/support/measure.h"
#include "training/csv.h"
#include "training/initial.h"
#include "training/loop.h"
#include "training/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 5, LAYERS = 5, POINTS = 100000, MOST = 16 };

struct recipe {
    const char *name, *folder, *target, *loss;
    bool classes;
    signed char direction[MOST];
    size_t width, group;
    double limit, rate;
    size_t epochs, batch;
};

static const struct recipe recipes[] = {
    {"auto-mpg",
     "auto-mpg",
     "MPG",
     "mae",
     false,
     {-1, -1, -1, -1, 0, 1, 1},
     128,
     8,
     10,
     0.1,
     150,
     8},
    {"heart",
     "heart",
     "target",
     "cross-entropy",
     true,
     {0, 0, 0, 1, 1},
     32,
     2,
     0.3,
     0.03,
     60,
     32},
};

static struct lip_ctx ctx;

static void need(bool good)
{
    if (!good) {
        fprintf(stderr, "%s\n", ctx.error.detail);
        exit(1);
    }
}

static struct lip_data *read_table(const struct recipe *recipe,
                                   const char *part)
{
    char path[400];
    const char *folder = getenv("TABLE_DATA");
    struct lip_csv_options options = {.target = recipe->target,
                                      .classification = recipe->classes};
    struct lip_data *data = NULL;
    snprintf(path, sizeof path, "%s/%s/%s_data.csv",
             folder ? folder : "../shared/data", recipe->folder, part);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = malloc(1 << 20);
    size_t size = text ? fread(text, 1, 1 << 20, file) : 0;
    fclose(file);
    need(lip_csv_read(&data, text, size, &options, &ctx) == LIP_OK);
    free(text);
    return data;
}

static struct lip_model *make_model(const struct recipe *recipe, size_t inputs,
                                    uint64_t seed)
{
    struct lip_trainable *layer = lip_calloc(&ctx, LAYERS, sizeof *layer);
    struct lip_model *model;
    need(layer != NULL);
    for (size_t i = 0; i < LAYERS; i++) {
        layer[i].kind = lip_trainable_find(i % 2 ? "groupsort" : "dense");
        layer[i].units = recipe->width;
        layer[i].group = recipe->group;
    }
    layer[LAYERS - 1].units = recipe->classes ? 2 : 1;
    need(lip_model_new(&model, layer, LAYERS, inputs, &ctx) == LIP_OK);
    need(lip_initialise(model, lip_initial_find("orthogonal"), seed, &ctx) ==
         LIP_OK);
    return model;
}

static struct lip_train_options make_options(const struct recipe *recipe,
                                             const struct lip_scaling *scaling,
                                             uint64_t seed)
{
    struct lip_train_options options = lip_train_defaults();
    struct lip_norm_pair same = {LIP_NORM_1, LIP_NORM_1};
    options.loss = lip_loss_defaults(lip_loss_find(recipe->loss));
    if (recipe->classes)
        options.loss.parameter[0] = 1; /* the temperature */
    options.optimiser = lip_optimiser_find("adam");
    options.step = options.optimiser->fallback;
    options.rate = recipe->rate;
    options.schedule = lip_schedule_find("linear");
    options.constraint = lip_constraint_find("monotone");
    options.pair = (struct lip_norm_pair){LIP_NORM_1, LIP_NORM_INF};
    options.limit = recipe->limit * lip_scaling_norm(scaling, same);
    options.direction = recipe->direction;
    options.directions = scaling->features;
    options.epochs = recipe->epochs;
    options.batch = recipe->batch;
    options.seed = seed;
    return options;
}

/* The output that rises: the only one, or the second class's lead. */
static double lead(const struct lip_network *network, const double *x)
{
    double y[2];
    need(lip_network_eval(y, network, x, &ctx) == LIP_OK);
    return network->outputs == 2 ? y[1] - y[0] : y[0];
}

/* Random points around the data, moved along one random input each. */
static size_t count_wrong(const struct lip_network *network,
                          const struct recipe *recipe,
                          const struct lip_scaling *scaling)
{
    size_t wrong = 0;
    for (uint64_t t = 0; t < POINTS; t++) {
        double x[MOST], step = lip_draw_normal(t, 3, 0);
        size_t j = (size_t)(lip_draw(t, 4, 0) % network->inputs);
        for (size_t i = 0; i < network->inputs; i++)
            x[i] = scaling->centre[i] +
                   2 * lip_draw_normal(t, 5, i) / scaling->scale[i];
        double before = lead(network, x);
        step *= t % 2 ? 1 : 1e-3;
        x[j] += step / scaling->scale[j];
        double gain = (lead(network, x) - before) * recipe->direction[j];
        wrong += (step > 0 ? gain : -gain) < -1e-11 * (1 + fabs(before));
    }
    return wrong;
}

struct result {
    double score, bound, seconds;
    size_t wrong;
};

static struct result run_once(const struct recipe *recipe,
                              const struct lip_data *training,
                              const struct lip_data *test,
                              const struct lip_scaling *scaling, uint64_t seed)
{
    struct lip_model *model = make_model(recipe, training->features, seed);
    struct lip_train_options options = make_options(recipe, scaling, seed);
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_score score;
    struct lip_run *run;
    double start = measure_now();
    need(lip_run_new(&run, &options, model, training, NULL, scaling, &ctx) ==
         LIP_OK);
    need(lip_run_go(run, NULL, NULL, &ctx) == LIP_OK);
    need(lip_run_finish(&network, &outcome, run, &ctx) == LIP_OK);
    struct result result = {.seconds = measure_now() - start};
    need(lip_model_score(&score, model, test, &options.loss, NULL, &ctx) ==
         LIP_OK);
    result.score = recipe->classes ? 100 * score.accuracy : score.error;
    result.bound = outcome.norm / options.limit * recipe->limit;
    result.wrong = count_wrong(network, recipe, scaling);
    lip_network_free(network);
    lip_run_free(run);
    lip_model_free(model);
    return result;
}

static void print(const struct recipe *recipe, const char *what, double value,
                  const char *unit)
{
    char name[80];
    snprintf(name, sizeof name, "%s-%s", recipe->name, what);
    measure_print(name, value, unit, NAN, NULL);
}

static void run_recipe(const struct recipe *recipe, struct lip_data *training,
                       struct lip_data *test)
{
    struct lip_scaling scaling;
    double sum = 0, squares = 0, bound = 0, seconds = 0;
    size_t wrong = 0;
    need(lip_scaling_fit(&scaling, lip_normalisation_find("standard"), training,
                         &ctx) == LIP_OK);
    lip_scaling_apply(training, &scaling);
    lip_scaling_apply(test, &scaling);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct result r = run_once(recipe, training, test, &scaling, seed);
        sum += r.score / SEEDS;
        squares += r.score * r.score / SEEDS;
        bound = fmax(bound, r.bound);
        seconds += r.seconds / SEEDS;
        wrong += r.wrong;
    }
    print(recipe, recipe->classes ? "accuracy" : "mean-squared-error", sum,
          recipe->classes ? "%" : "-");
    print(recipe, "deviation-over-seeds", sqrt(fmax(squares - sum * sum, 0)),
          recipe->classes ? "%" : "-");
    print(recipe, "proven-bound", bound, "-");
    print(recipe, "points-not-monotone", (double)wrong, "points");
    print(recipe, "training", seconds, "s");
    lip_scaling_clear(&scaling);
}

int main(void)
{
    lip_blas_single_threaded();
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        struct lip_data *training = read_table(&recipes[i], "train");
        struct lip_data *test = read_table(&recipes[i], "test");
        if (training && test)
            run_recipe(&recipes[i], training, test);
        else
            printf("# no %s here: set TABLE_DATA to the folder of tables\n",
                   recipes[i].folder);
        lip_data_free(training);
        lip_data_free(test);
    }
    return 0;
}
