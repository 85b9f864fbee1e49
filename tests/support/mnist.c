/* SPDX-License-Identifier: MIT
 *
 * Reading MNIST, and the networks that benchmarks train on it. */
#include "tests/support/mnist.h"

#include "training/idx.h"
#include "training/initial.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_BYTES = 1 << 24 };

void mnist_need(bool good, const struct lip_ctx *ctx)
{
    if (!good) {
        fprintf(stderr, "%s\n", ctx->error.detail);
        exit(1);
    }
}

const char *mnist_folder(void)
{
    const char *folder = getenv("TRAIN_DATA");
    return folder ? folder : "../shared/data/mnist";
}

static struct lip_bytes slurp(const char *name)
{
    char path[400];
    struct lip_bytes bytes = {0};
    snprintf(path, sizeof path, "%s/%s.gz", mnist_folder(), name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return bytes;
    unsigned char *data = malloc(MOST_BYTES);
    bytes.size = data ? fread(data, 1, MOST_BYTES, file) : 0;
    bytes.data = data;
    fclose(file);
    return bytes;
}

static struct lip_data *read_pair(const char *images, const char *labels)
{
    struct lip_data *data = NULL;
    struct lip_ctx ctx = {0};
    struct lip_bytes x = slurp(images), y = slurp(labels);
    if (x.data && y.data)
        mnist_need(lip_idx_read(&data, x, y, 0, &ctx) == LIP_OK, &ctx);
    free((void *)(uintptr_t)x.data);
    free((void *)(uintptr_t)y.data);
    return data;
}

bool mnist_read(struct lip_data **training, struct lip_data **test)
{
    *training = read_pair("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    *test = read_pair("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
    if (*training && *test)
        return true;
    lip_data_free(*training);
    lip_data_free(*test);
    *training = *test = NULL;
    return false;
}

struct lip_data *mnist_rows(const struct lip_data *data, size_t first,
                            size_t count)
{
    struct lip_ctx ctx = {0};
    struct lip_data *out;
    uint32_t *order = lip_calloc(&ctx, count, sizeof *order);
    mnist_need(order != NULL, &ctx);
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)(first + i);
    mnist_need(lip_data_pick(&out, data, order, count, &ctx) == LIP_OK, &ctx);
    lip_free(order);
    return out;
}

static void add(struct lip_trainable **to, const char *kind, size_t units)
{
    struct lip_trainable *layer = (*to)++;
    layer->kind = lip_trainable_find(kind);
    layer->units = units;
    layer->group = 2;
    lip_trainable_defaults(layer);
}

static void add_conv(struct lip_trainable **to, const struct mnist_conv *conv)
{
    add(to, "conv", conv->filters);
    struct lip_trainable *layer = *to - 1;
    layer->kernel = (struct lip_setting){1, {(long)conv->kernel}};
    layer->stride = (struct lip_setting){1, {(long)conv->stride}};
    layer->padding = (struct lip_setting){1, {(long)conv->padding}};
    add(to, "groupsort", 0);
}

struct lip_model *mnist_images(const struct mnist_conv *conv,
                               const size_t *width, uint64_t seed)
{
    struct lip_image image = {2, 1, 28, 28};
    struct lip_ctx ctx = {0};
    struct lip_model *model;
    size_t hidden = 0, convolutions = 0;
    while (width[hidden])
        hidden++;
    while (conv && conv[convolutions].filters)
        convolutions++;
    if (convolutions == 0)
        image = lip_image_vector(MNIST_PIXELS);
    struct lip_trainable *layer =
        lip_calloc(&ctx, 2 * (hidden + convolutions) + 2, sizeof *layer);
    mnist_need(layer != NULL, &ctx);
    struct lip_trainable *at = layer;
    for (size_t i = 0; i < convolutions; i++)
        add_conv(&at, &conv[i]);
    if (convolutions > 0)
        add(&at, "flatten", 0);
    for (size_t i = 0; i < hidden; i++) {
        add(&at, "dense", width[i]);
        add(&at, "groupsort", 0);
    }
    add(&at, "dense", MNIST_CLASSES);
    mnist_need(lip_model_of_images(&model, layer, (size_t)(at - layer), &image,
                                   &ctx) == LIP_OK,
               &ctx);
    mnist_need(lip_initialise(model, lip_initial_find("orthogonal"), seed,
                              &ctx) == LIP_OK,
               &ctx);
    return model;
}

struct lip_model *mnist_model(const size_t *width, uint64_t seed)
{
    return mnist_images(NULL, width, seed);
}
