/* SPDX-License-Identifier: MIT
 *
 * The table of recipes. */
#include "tests/support/recipes.h"

/* clang-format off */
#define L2 LIP_NORM_2
#define DENSE {{0, 0, 0, 0}}
#define TWO {{16, 4, 2, 1}, {32, 4, 2, 1}}
#define SMALL {256, 128}
#define WIDE {512, 512}
/* name, aim, norm, convolutions, widths, margin, rate, every, epochs, shift,
 * radii, targets, seconds */
const struct recipe recipes[] = {
    {"hinge-1", "clean accuracy, small radii", L2, DENSE, SMALL, 1, 0.1, 5, 20,
     0, {0, 0.3, -1}, {98.6, 96.3}, 30},
    {"hinge-2", "radius 1", L2, DENSE, SMALL, 2, 0.1, 5, 20, 0,
     {0, 1, 1.58, -1}, {98.0, 82.5, 51.5}, 30},
    {"hinge-3", "radius 1.58", L2, DENSE, SMALL, 3, 0.1, 5, 20, 0,
     {0, 1.58, -1}, {97.0, 62.0}, 30},
    {"linf", "l-infinity, radius 0.1", LIP_NORM_INF, DENSE, SMALL, 0.3, 0.15, 8,
     20, 0, {0, 0.1, -1}, {93.6, 73.5}, 30},
    {"images", "clean accuracy, small radii", L2, TWO, {100}, 1.2, 0.1, 5, 20,
     0, {0, 0.3, 1, -1}, {98.6, 96.3}, 120},
    {"wide-clean", "clean accuracy and radius 0.3", L2, DENSE, WIDE, 1.3, 0.1,
     10, 40, 1, {0, 0.3, 1, -1}, {98.7, 97.1}, 7200},
    {"wide-robust", "radius 1.58", L2, DENSE, WIDE, 3, 0.1, 3, 40, 0,
     {0, 1, 1.58, -1}, {0, 0, 65.0}, 7200},
    {.name = NULL},
};
/* clang-format on */

struct lip_train_options recipe_options(const struct recipe *recipe,
                                        uint64_t seed)
{
    struct lip_train_options options = lip_train_defaults();
    options.loss.parameter[0] = recipe->margin;
    options.constraint = lip_constraint_find("projection");
    options.pair = (struct lip_norm_pair){recipe->norm, recipe->norm};
    options.rate = recipe->rate;
    options.every = recipe->every;
    options.epochs = recipe->epochs;
    options.augment = (struct lip_augment){28, 28, recipe->shift, 0, 0};
    options.seed = seed;
    return options;
}
