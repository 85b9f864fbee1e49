/* SPDX-License-Identifier: MIT
 *
 * MNIST for benchmarks: from TRAIN_DATA or ../shared/data/mnist. What fails
 * ends the program with a sentence. */
#ifndef LIP_TESTS_SUPPORT_MNIST_H
#define LIP_TESTS_SUPPORT_MNIST_H

#include "training/loop.h"

enum { MNIST_PIXELS = 784, MNIST_CLASSES = 10 };

/* The folder of the files. */
const char *mnist_folder(void);

/* False, both NULL, where the files are not there. Pixels in [0, 1]. */
bool mnist_read(struct lip_data **training, struct lip_data **test);

/* Rows first .. first + count - 1 of a set. */
struct lip_data *mnist_rows(const struct lip_data *data, size_t first,
                            size_t count);

/* Dense layers with MaxMin between them, orthogonal weights; `width` lists the
 * hidden layers and ends with 0. */
struct lip_model *mnist_model(const size_t *width, uint64_t seed);

/* A convolution; 0 filters end a list. */
struct mnist_conv {
    size_t filters, kernel, stride, padding;
};

/* The same behind convolutions of the images, with MaxMin after each. */
struct lip_model *mnist_images(const struct mnist_conv *conv,
                               const size_t *width, uint64_t seed);

/* Ends the program with the error's sentence unless `good`. */
void mnist_need(bool good, const struct lip_ctx *ctx);

#endif
