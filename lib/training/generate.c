/* SPDX-License-Identifier: MIT
 *
 * The generators: two-dimensional classes that no line separates, and
 * functions of one variable with known Lipschitz constants. */
#include "training/generate.h"

#include "training/random.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const double pi = 3.141592653589793;

/* A place along the curve of row i, evenly spread: rows of a class take every
 * other place. */
static double place(size_t i, size_t rows, size_t classes)
{
    size_t each = (rows + classes - 1) / classes;
    return ((double)(i / classes) + 0.5) / (double)each;
}

static uint32_t two_moons(float *x, float *y, size_t i, size_t rows,
                          uint64_t seed)
{
    (void)y;
    (void)seed;
    double t = pi * place(i, rows, 2);
    bool lower = i % 2;
    x[0] = (float)(lower ? 1 - cos(t) : cos(t));
    x[1] = (float)(lower ? 0.5 - sin(t) : sin(t));
    return lower;
}

static uint32_t circles(float *x, float *y, size_t i, size_t rows,
                        uint64_t seed)
{
    (void)y;
    (void)seed;
    double t = 2 * pi * place(i, rows, 2), radius = i % 2 ? 0.5 : 1;
    x[0] = (float)(radius * cos(t));
    x[1] = (float)(radius * sin(t));
    return i % 2;
}

/* Arms of one turn and a half from radius 0.1 to 1. */
static uint32_t spirals(float *x, float *y, size_t i, size_t rows,
                        uint64_t seed)
{
    (void)y;
    (void)seed;
    double t = place(i, rows, 2), turn = 3 * pi * t + (i % 2 ? pi : 0);
    x[0] = (float)((0.1 + 0.9 * t) * cos(turn));
    x[1] = (float)((0.1 + 0.9 * t) * sin(turn));
    return i % 2;
}

/* Uniform in [-1, 1). */
static double anywhere(size_t i, uint64_t seed)
{
    return 2 * lip_draw_uniform(seed, LIP_STREAM_DATA, i) - 1;
}

static uint32_t sine(float *x, float *y, size_t i, size_t rows, uint64_t seed)
{
    (void)rows;
    double t = pi * anywhere(i, seed);
    x[0] = (float)t;
    y[0] = (float)sin(t);
    return 0;
}

static uint32_t absolute(float *x, float *y, size_t i, size_t rows,
                         uint64_t seed)
{
    (void)rows;
    double t = anywhere(i, seed);
    x[0] = (float)t;
    y[0] = (float)fabs(t);
    return 0;
}

/* A triangle wave of slope 1 or -1 with corners at multiples of 1/2. */
static uint32_t triangle(float *x, float *y, size_t i, size_t rows,
                         uint64_t seed)
{
    (void)rows;
    double t = 2 * anywhere(i, seed);
    x[0] = (float)t;
    y[0] = (float)fabs(t - round(t));
    return 0;
}

static const struct lip_generator all[] = {
    {"two-moons", "Two half circles, each in the bend of the other", 2, 2, 0,
     two_moons},
    {"circles", "Two circles about one centre, radius 1 and 1/2", 2, 2, 0,
     circles},
    {"spirals", "Two spiral arms", 2, 2, 0, spirals},
    {"sine", "sin x on [-pi, pi): Lipschitz constant 1", 1, 0, 1, sine},
    {"absolute", "|x| on [-1, 1): Lipschitz constant 1", 1, 0, 1, absolute},
    {"triangle", "A triangle wave on [-2, 2): Lipschitz constant 1", 1, 0, 1,
     triangle},
};

const struct lip_generator *const lip_generators[] = {
    &all[0], &all[1], &all[2], &all[3], &all[4], &all[5], NULL,
};

const struct lip_generator *lip_generator_find(const char *name)
{
    for (size_t i = 0; lip_generators[i]; i++)
        if (strcmp(lip_generators[i]->name, name) == 0)
            return lip_generators[i];
    return NULL;
}

/* Noise comes from a stream of its own, so that it does not move places. */
static void add_noise(float *x, size_t count, double noise, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        x[i] =
            (float)(x[i] + noise * lip_draw_normal(~seed, LIP_STREAM_DATA, i));
}

enum lip_status lip_generate(struct lip_data **out,
                             const struct lip_generator *generator, size_t rows,
                             double noise, uint64_t seed, struct lip_ctx *ctx)
{
    *out = NULL;
    if (!(noise >= 0 && noise <= 1e6))
        return lip_fail(ctx, LIP_INVALID,
                        "The noise is %g: it must lie between 0 and 1e6.",
                        noise);
    enum lip_status status =
        lip_data_new(out, rows, generator->features, generator->classes,
                     generator->targets, ctx);
    if (status != LIP_OK)
        return status;
    struct lip_data *data = *out;
    for (size_t i = 0; i < rows; i++) {
        float *y = data->y ? data->y + i * data->targets : NULL;
        uint32_t label =
            generator->row(data->x + i * data->features, y, i, rows, seed);
        if (data->label)
            data->label[i] = label;
    }
    if (data->y)
        add_noise(data->y, rows * data->targets, noise, seed);
    else
        add_noise(data->x, rows * data->features, noise, seed);
    return LIP_OK;
}
