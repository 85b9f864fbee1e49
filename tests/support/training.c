/* SPDX-License-Identifier: MIT
 *
 * Small models and data sets. */
#include "tests/support/training.h"

#include "training/generate.h"
#include "training/random.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void train_fill(float *x, size_t count, double size, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(size * lip_draw_normal(seed, 77, i));
}

static struct lip_setting one(unsigned long number)
{
    return (struct lip_setting){number > 0, {(long)number}};
}

static void read_word(struct lip_trainable *layer, const char *word)
{
    char name[40];
    unsigned long n[4] = {0};
    ck_assert_int_ge(sscanf(word, "%39[^: ]:%lu,%lu,%lu,%lu", name, &n[0],
                            &n[1], &n[2], &n[3]),
                     1);
    layer->kind = lip_trainable_find(name);
    ck_assert_ptr_nonnull(layer->kind);
    layer->units = layer->group = n[0];
    if (layer->kind->windowed) {
        bool learns = layer->kind->matrix;
        layer->kernel = one(n[learns]);
        layer->stride = one(n[learns + 1]);
        layer->padding = one(n[learns + 2]);
    }
    lip_trainable_defaults(layer);
}

struct lip_model *train_images(struct lip_image input, const char *words,
                               uint64_t seed)
{
    size_t count = 1, i = 0;
    struct lip_model *model;
    for (const char *c = words; *c; c++)
        count += *c == ' ';
    struct lip_trainable *layer = lip_calloc(NULL, count, sizeof *layer);
    for (const char *word = words; word; word = strchr(word, ' ')) {
        word += *word == ' ';
        read_word(&layer[i++], word);
    }
    struct lip_ctx ctx = {0};
    enum lip_status status =
        lip_model_of_images(&model, layer, count, &input, &ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    ck_assert_int_eq(
        lip_initialise(model, lip_initial_find("he-normal"), seed, NULL),
        LIP_OK);
    for (i = 0; i < model->count; i++)
        train_fill(model->layer[i].bias, model->layer[i].biases, 0.3, seed + i);
    return model;
}

struct lip_model *train_model(size_t inputs, const char *words, uint64_t seed)
{
    return train_images(lip_image_vector(inputs), words, seed);
}

struct lip_data *train_data(const char *generator, size_t rows, uint64_t seed)
{
    struct lip_data *data;
    const struct lip_generator *g = lip_generator_find(generator);
    ck_assert_ptr_nonnull(g);
    ck_assert_int_eq(lip_generate(&data, g, rows, 0.1, seed, NULL), LIP_OK);
    return data;
}

struct lip_train_options train_options(const char *loss, const char *constraint)
{
    struct lip_train_options options = lip_train_defaults();
    options.loss = lip_loss_defaults(lip_loss_find(loss));
    options.constraint = lip_constraint_find(constraint);
    ck_assert_ptr_nonnull(options.constraint);
    options.epochs = 3;
    options.batch = 32;
    return options;
}
