/* SPDX-License-Identifier: MIT
 *
 * Training on MNIST (TRAIN_DATA or ../shared/data/mnist; without the files it
 * says so and ends): what an epoch costs beside its matrix products, and what
 * the recipe for the l2-norm reaches. Certified accuracy is the share of test
 * images that are classified rightly with a margin z_y - z_j above
 * |w_y - w_j|_2 times the proven norms of the layers before, times the radius.
 */
#include "linalg/blas.h"
#include "tests/support/measure.h"
#include "training/idx.h"
#include "training/initial.h"
#include "training/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_ctx ctx;

static void need(bool good)
{
    if (!good) {
        fprintf(stderr, "%s\n", ctx.error.detail);
        exit(1);
    }
}

static struct lip_bytes slurp(const char *name)
{
    char path[400];
    const char *folder = getenv("TRAIN_DATA");
    struct lip_bytes bytes = {0};
    snprintf(path, sizeof path, "%s/%s.gz",
             folder ? folder : "../shared/data/mnist", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return bytes;
    unsigned char *data = malloc(1 << 24);
    bytes.size = data ? fread(data, 1, 1 << 24, file) : 0;
    bytes.data = data;
    fclose(file);
    return bytes;
}

static struct lip_data *read_pair(const char *images, const char *labels)
{
    struct lip_data *data = NULL;
    struct lip_bytes x = slurp(images), y = slurp(labels);
    if (x.data && y.data)
        need(lip_idx_read(&data, x, y, 0, &ctx) == LIP_OK);
    free((void *)(uintptr_t)x.data);
    free((void *)(uintptr_t)y.data);
    return data;
}

static struct lip_model *make_model(const char *activation, uint64_t seed)
{
    static const size_t units[] = {256, 128, 10};
    struct lip_trainable *layer = lip_calloc(&ctx, 5, sizeof *layer);
    struct lip_model *model;
    need(layer != NULL);
    for (size_t i = 0; i < 5; i++) {
        layer[i].kind = lip_trainable_find(i % 2 ? activation : "dense");
        layer[i].units = units[i / 2];
        layer[i].group = 2;
        lip_trainable_defaults(&layer[i]);
    }
    need(lip_model_new(&model, layer, 5, 784, &ctx) == LIP_OK);
    need(lip_initialise(model, lip_initial_find("orthogonal"), seed, &ctx) ==
         LIP_OK);
    return model;
}

/* |w_y - w_j|_2 for all pairs of rows of the last layer. */
static void pair_norms(double out[100], const struct lip_model *model)
{
    const struct lip_trainable *last = &model->layer[model->count - 1];
    for (size_t y = 0; y < 10; y++)
        for (size_t j = 0; j < 10; j++) {
            double sum = 0;
            for (size_t k = 0; k < last->inputs; k++) {
                double gap = (double)last->weight[y * last->inputs + k] -
                             (double)last->weight[j * last->inputs + k];
                sum += gap * gap;
            }
            out[y * 10 + j] = sqrt(sum);
        }
}

static double certified(const float *z, const struct lip_data *test,
                        const double norm[100], double before, double radius)
{
    size_t count = 0;
    for (size_t i = 0; i < test->rows; i++) {
        size_t y = test->label[i];
        bool good = true;
        for (size_t j = 0; j < 10; j++)
            good = good && (j == y || z[i * 10 + y] - z[i * 10 + j] >
                                          norm[y * 10 + j] * before * radius);
        count += good;
    }
    return 100 * (double)count / (double)test->rows;
}

static void print_accuracy(const char *name, const struct lip_model *model,
                           const struct lip_data *test,
                           const struct lip_outcome *outcome)
{
    static const double radius[] = {0, 0.3, 1, 1.58};
    double norm[100];
    char text[160];
    float *z = lip_alloc(&ctx, test->rows * 10, sizeof *z);
    need(z && lip_model_predict(z, model, test, &ctx) == LIP_OK);
    pair_norms(norm, model);
    for (size_t i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "%s-certified@%g", name, radius[i]);
        measure_print(text,
                      certified(z, test, norm,
                                outcome->layer[0] * outcome->layer[1],
                                radius[i]),
                      "%", NAN, NULL);
    }
    measure_print("proven-bound", outcome->norm, "-", NAN, NULL);
    lip_free(z);
}

static void product(int m, int n, int k, CBLAS_TRANSPOSE a, CBLAS_TRANSPOSE b)
{
    static float x[784 * 256], y[784 * 256], z[784 * 256];
    cblas_sgemm(CblasRowMajor, a, b, m, n, k, 1, x, a == CblasTrans ? m : k, y,
                b == CblasTrans ? k : n, 0, z, n);
}

/* The products of an epoch, nothing else: the floor of its time. */
static double products(void)
{
    static const int width[] = {784, 256, 128, 10};
    double start = measure_now();
    for (int step = 0; step < 469; step++)
        for (int i = 0; i < 3; i++) {
            product(128, width[i + 1], width[i], CblasNoTrans, CblasTrans);
            product(width[i + 1], width[i], 128, CblasTrans, CblasNoTrans);
            if (i > 0)
                product(128, width[i], width[i + 1], CblasNoTrans,
                        CblasNoTrans);
        }
    return measure_now() - start;
}

struct clock {
    double last, best;
};

static bool tick(void *arg, const struct lip_epoch *epoch)
{
    struct clock *clock = arg;
    double now = measure_now();
    (void)epoch;
    clock->best = fmin(clock->best, now - clock->last);
    clock->last = now;
    return true;
}

/* The fastest epoch of a run; the model is left trained. */
static double train(struct lip_run **run, struct lip_model *model,
                    const struct lip_train_options *options,
                    const struct lip_data *data)
{
    need(lip_run_new(run, options, model, data, NULL, NULL, &ctx) == LIP_OK);
    struct clock clock = {measure_now(), INFINITY};
    need(lip_run_go(*run, tick, &clock, &ctx) == LIP_OK);
    return clock.best;
}

static double epoch_time(const char *constraint, const char *optimiser,
                         size_t every, const struct lip_data *data)
{
    struct lip_train_options options = lip_train_defaults();
    struct lip_model *model = make_model("groupsort", 1);
    struct lip_run *run;
    options.constraint = lip_constraint_find(constraint);
    options.every = every;
    options.optimiser = lip_optimiser_find(optimiser);
    options.step = options.optimiser->fallback;
    options.rate = options.optimiser->rate;
    options.epochs = 3;
    double seconds = train(&run, model, &options, data);
    lip_run_free(run);
    lip_model_free(model);
    return seconds;
}

static void measure_epochs(const struct lip_data *data)
{
    double floor = fmin(products(), products());
    measure_print("epoch-products-only", floor, "s", NAN, NULL);
    double plain = epoch_time("none", "adam", 0, data);
    measure_print("epoch-adam-plain", plain, "s", floor / plain,
                  "share of products");
    double clipped = epoch_time("rank-one-clip", "adam", 0, data);
    measure_print("epoch-adam-rank-one", clipped, "s", clipped / plain,
                  "epoch-adam-plain");
    double sgd = epoch_time("none", "sgd", 0, data);
    measure_print("epoch-sgd-plain", sgd, "s", floor / sgd,
                  "share of products");
    double exact = epoch_time("projection", "sgd", 10, data);
    measure_print("epoch-sgd-projection-10", exact, "s", exact / sgd,
                  "epoch-sgd-plain");
}

static void measure_recipe(double margin, const char *constraint, size_t every,
                           const struct lip_data *data,
                           const struct lip_data *test)
{
    struct lip_train_options options = lip_train_defaults();
    struct lip_model *model = make_model("groupsort", 1);
    struct lip_network *network = NULL;
    struct lip_outcome outcome;
    struct lip_run *run;
    char name[80];
    options.loss.parameter[0] = margin;
    options.constraint = lip_constraint_find(constraint);
    options.every = every;
    double start = measure_now();
    train(&run, model, &options, data);
    enum lip_status status = lip_run_finish(&network, &outcome, run, &ctx);
    need(status == LIP_OK || status == LIP_UNSUPPORTED);
    lip_error_clear(&ctx);
    snprintf(name, sizeof name, "hinge-%g", margin);
    measure_print(name, measure_now() - start, "s", NAN, NULL);
    print_accuracy(name, model, test, &outcome);
    lip_network_free(network);
    lip_run_free(run);
    lip_model_free(model);
}

int main(void)
{
    lip_blas_single_threaded();
    struct lip_data *data =
        read_pair("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    struct lip_data *test =
        read_pair("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
    if (data && test) {
        measure_epochs(data);
        measure_recipe(1, "projection", 10, data, test);
        measure_recipe(2, "projection", 10, data, test);
        measure_recipe(3, "projection", 10, data, test);
    } else {
        printf("# no MNIST here: set TRAIN_DATA to a folder with its files\n");
    }
    lip_data_free(data);
    lip_data_free(test);
    return 0;
}
