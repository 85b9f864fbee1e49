/* SPDX-License-Identifier: MIT
 *
 * How to train networks on MNIST that keep the limit 1 and reach published
 * figures: a recipe is a line of the table. Margins, rates, widths and the
 * steps between projections were chosen by training on the first 50 000 rows
 * of the training set and looking at the other 10 000; the test set chose
 * nothing. */
#ifndef LIP_TESTS_SUPPORT_RECIPES_H
#define LIP_TESTS_SUPPORT_RECIPES_H

#include "tests/support/mnist.h"
#include "training/loop.h"

enum { RECIPE_RADII = 4 };

struct recipe {
    const char *name;
    const char *aim;    /* in words */
    enum lip_norm norm; /* of the limit, at both ends, and of the radii */
    struct mnist_conv conv[3]; /* in front, ended by 0 */
    size_t width[4];           /* hidden layers, ended by 0 */
    double margin;             /* of the hinge loss */
    double rate;          /* peak of SGD with Nesterov momentum, one-cycle */
    size_t every;         /* steps between two projections */
    size_t epochs, shift; /* shift: of images, in pixels */
    double radius[RECIPE_RADII]; /* of certified accuracies, ended by < 0; 0 is
                                    clean accuracy */
    double target[RECIPE_RADII]; /* per cent; 0: none */
    double seconds;              /* of CPU, at most */
};

/* Ended by a NULL name. */
extern const struct recipe recipes[];

struct lip_train_options recipe_options(const struct recipe *recipe,
                                        uint64_t seed);

#endif
