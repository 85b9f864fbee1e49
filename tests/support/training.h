/* SPDX-License-Identifier: MIT
 *
 * Small models and data sets to train on. What cannot happen (no memory) fails
 * the running test. */
#ifndef LIP_TESTS_SUPPORT_TRAINING_H
#define LIP_TESTS_SUPPORT_TRAINING_H

#include "training/initial.h"
#include "training/loop.h"

/* A model on `inputs` numbers from words "dense:8", "groupsort:2", "relu",
 * separated by blanks; he-normal weights from the seed, and small biases. */
struct lip_model *train_model(size_t inputs, const char *words, uint64_t seed);

/* The same on images; also "conv:8,3,2,1" (filters, kernel, stride, padding),
 * "max-pool:2,1" (kernel, stride), "average-pool" (of all), "flatten". */
struct lip_model *train_images(struct lip_image input, const char *words,
                               uint64_t seed);

/* `rows` rows of the generator, noise 0.1. */
struct lip_data *train_data(const char *generator, size_t rows, uint64_t seed);

/* Defaults for a quick run: 3 epochs of batches of 32. */
struct lip_train_options train_options(const char *loss,
                                       const char *constraint);

/* Fills with normal numbers. */
void train_fill(float *x, size_t count, double size, uint64_t seed);

#endif
