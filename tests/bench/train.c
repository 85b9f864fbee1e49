/* SPDX-License-Identifier: MIT
 *
 * What an epoch of training on MNIST costs (784-256-128-10, batches of 128):
 * beside its matrix products, with a constraint and without, on two threads
 * and on one; of two convolutions with 16 and 32 filters; here and in PyTorch
 * (train_torch.py, where PyTorch is). Without the files of MNIST it says so and
 * ends. What is compared runs in turn; the fastest epoch counts. */
#include "linalg/blas.h"
#include "tests/support/measure.h"
#include "tests/support/mnist.h"
#include "training/pool.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct lip_ctx ctx;

static void need(bool good)
{
    mnist_need(good, &ctx);
}

static void product(int m, int n, int k, CBLAS_TRANSPOSE a, CBLAS_TRANSPOSE b)
{
    static float x[784 * 256], y[784 * 256], z[784 * 256];
    cblas_sgemm(CblasRowMajor, a, b, m, n, k, 1, x, a == CblasTrans ? m : k, y,
                b == CblasTrans ? k : n, 0, z, n);
}

/* The products of an epoch by OpenBLAS, nothing else. */
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

static double wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The sort of run that is measured, and what its epochs took. */
struct kind {
    const char *constraint, *optimiser;
    size_t every;
    unsigned threads;
    double cpu, wall; /* of the fastest epoch; cpu of the caller's thread */
    double last_cpu, last_wall;
    bool images; /* two convolutions and 100 units */
};

static bool tick(void *arg, const struct lip_epoch *epoch)
{
    struct kind *kind = arg;
    double cpu = measure_now(), now = wall();
    (void)epoch;
    kind->cpu = fmin(kind->cpu, cpu - kind->last_cpu);
    kind->wall = fmin(kind->wall, now - kind->last_wall);
    kind->last_cpu = cpu;
    kind->last_wall = now;
    return true;
}

/* Two epochs; `weights` (may be NULL) gets what they end with. */
static void train(struct kind *kind, const struct lip_data *data,
                  float **weights)
{
    static const size_t width[] = {256, 128, 0}, small[] = {100, 0};
    static const struct mnist_conv conv[] = {
        {16, 5, 2, 2}, {32, 5, 2, 2}, {0, 0, 0, 0}};
    struct lip_train_options options = lip_train_defaults();
    struct lip_model *model =
        kind->images ? mnist_images(conv, small, 1) : mnist_model(width, 1);
    struct lip_run *run;
    struct lip_pool pool;
    options.constraint = lip_constraint_find(kind->constraint);
    options.every = kind->every;
    options.optimiser = lip_optimiser_find(kind->optimiser);
    options.step = options.optimiser->fallback;
    options.rate = options.optimiser->rate;
    options.epochs = 2;
    need(lip_run_new(&run, &options, model, data, NULL, NULL, &ctx) == LIP_OK);
    lip_pool_begin(&pool, kind->threads, &ctx);
    if (kind->threads > 1)
        lip_run_share(run, &pool.workers);
    kind->last_cpu = measure_now();
    kind->last_wall = wall();
    need(lip_run_go(run, tick, kind, &ctx) == LIP_OK);
    if (weights) {
        *weights = lip_alloc(&ctx, model->parameters, sizeof **weights);
        need(*weights != NULL);
        memcpy(*weights, model->value, model->parameters * sizeof **weights);
    }
    lip_pool_end(&pool);
    lip_run_free(run);
    lip_model_free(model);
}

enum { ROUNDS = 3 };

static struct kind kind_of(const char *constraint, const char *optimiser,
                           size_t every, unsigned threads)
{
    return (struct kind){constraint, optimiser, every, threads, INFINITY,
                         INFINITY,   0,         0,     false};
}

/* "plain 1.23", "rank-one 2.34" and "images 3.45" from the other side; NAN
 * without. */
static void measure_torch(double *plain, double *clipped, double *images)
{
    char command[600];
    *plain = *clipped = *images = NAN;
    snprintf(command, sizeof command,
             "/usr/bin/python3 tests/bench/train_torch.py '%s' 2>/dev/null",
             mnist_folder());
    FILE *from = popen(command, "r");
    if (!from)
        return;
    if (fscanf(from, "plain %lf rank-one %lf images %lf", plain, clipped,
               images) != 3)
        *plain = *clipped = *images = NAN;
    pclose(from);
}

static void measure_epochs(const struct lip_data *data)
{
    struct kind adam = kind_of("none", "adam", 0, 1);
    struct kind clipped = kind_of("rank-one-clip", "adam", 0, 1);
    struct kind sgd = kind_of("none", "sgd", 0, 1);
    struct kind sgd_clipped = kind_of("rank-one-clip", "sgd", 0, 1);
    struct kind exact = kind_of("projection", "sgd", 10, 1);
    struct kind images = kind_of("none", "adam", 0, 1);
    struct kind images_clipped = kind_of("projection", "sgd", 5, 1);
    double floor = INFINITY, torch, torch_clipped, torch_images;
    images.images = images_clipped.images = true;
    for (int i = 0; i < ROUNDS; i++) {
        floor = fmin(floor, products());
        train(&adam, data, NULL);
        train(&clipped, data, NULL);
        train(&sgd, data, NULL);
        train(&sgd_clipped, data, NULL);
        train(&exact, data, NULL);
    }
    train(&images, data, NULL);
    train(&images_clipped, data, NULL);
    measure_torch(&torch, &torch_clipped, &torch_images);
    measure_print("epoch-products-only", floor, "s", NAN, NULL);
    measure_print("epoch-adam", adam.cpu, "s", floor / adam.cpu,
                  "share of products");
    measure_print("epoch-adam-rank-one", clipped.cpu, "s",
                  clipped.cpu / adam.cpu, "epoch-adam");
    measure_print("epoch-sgd", sgd.cpu, "s", floor / sgd.cpu,
                  "share of products");
    measure_print("epoch-sgd-rank-one", sgd_clipped.cpu, "s",
                  sgd_clipped.cpu / sgd.cpu, "epoch-sgd");
    measure_print("epoch-sgd-projection-10", exact.cpu, "s",
                  exact.cpu / sgd.cpu, "epoch-sgd");
    measure_print("epoch-images-adam", images.cpu, "s", NAN, NULL);
    measure_print("epoch-images-projection-5", images_clipped.cpu, "s",
                  images_clipped.cpu / images.cpu, "epoch-images-adam");
    if (isnan(torch)) {
        printf("# no PyTorch here: `make bench-train` installs it\n");
        return;
    }
    measure_print("epoch-adam-torch", torch, "s", torch / adam.cpu,
                  "epoch-adam");
    measure_print("epoch-adam-rank-one-torch", torch_clipped, "s",
                  torch_clipped / clipped.cpu, "epoch-adam-rank-one");
    measure_print("epoch-images-adam-torch", torch_images, "s",
                  torch_images / images.cpu, "epoch-images-adam");
}

/* Wall-clock time: it needs a machine with two idle cores. */
static void measure_threads(const char *name, const char *constraint,
                            const char *optimiser, size_t every,
                            const struct lip_data *data)
{
    struct kind one = kind_of(constraint, optimiser, every, 1);
    struct kind two = kind_of(constraint, optimiser, every, 2);
    char text[80], note[80];
    bool same = true;
    for (int i = 0; i < ROUNDS; i++) {
        float *a, *b;
        train(&one, data, &a);
        train(&two, data, &b);
        for (size_t k = 0; k < 784 * 256; k++)
            same = same && memcmp(&a[k], &b[k], sizeof *a) == 0;
        lip_free(a);
        lip_free(b);
    }
    snprintf(text, sizeof text, "%s-two-threads", name);
    snprintf(note, sizeof note, "one thread, %s",
             same ? "the same bits" : "OTHER BITS");
    measure_print(text, two.wall, "s", one.wall / two.wall, note);
}

int main(void)
{
    struct lip_data *data, *test;
    lip_blas_single_threaded();
    if (!mnist_read(&data, &test)) {
        printf("# no MNIST here: set TRAIN_DATA to a folder with its files\n");
        return 0;
    }
    measure_epochs(data);
    measure_threads("epoch-adam", "none", "adam", 0, data);
    measure_threads("epoch-sgd", "none", "sgd", 0, data);
    measure_threads("epoch-sgd-rank-one", "rank-one-clip", "sgd", 0, data);
    measure_threads("epoch-sgd-projection-10", "projection", "sgd", 10, data);
    lip_data_free(data);
    lip_data_free(test);
    return 0;
}
