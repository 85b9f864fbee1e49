/* SPDX-License-Identifier: MIT
 *
 * Elementwise activations as slope-bounded maps. All that a bound needs of an
 * activation phi is an interval [lo, hi] with
 *
 *     lo <= (phi(x) - phi(y)) / (x - y) <= hi      for all real x != y,
 *
 * which for the differentiable ones is the range of phi', rounded outward.
 * Each activation is one file in activations/ that defines one descriptor, and
 * one line in the table in activation.c. */
#ifndef LIP_NETWORK_ACTIVATION_H
#define LIP_NETWORK_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

enum { LIP_MAX_PARAMETERS = 3, LIP_MAX_PIECES = 3 };

/* Slopes: lo <= hi, both finite. */
struct lip_slopes {
    double lo, hi;
};

/* [a] [b], the interval of products, rounded outward unless b is 0, 1, -1. */
struct lip_slopes lip_slopes_compose(struct lip_slopes a, struct lip_slopes b);

/* A named number that shapes an activation, as "negative_slope". Values
 * outside [min, max] are refused by the readers. */
struct lip_parameter {
    const char *name; /* NULL ends the list */
    double fallback;  /* where the request does not say */
    double min, max;
};

/* phi(x) = slope x + offset from `from` on to where the next piece begins. */
struct lip_piece {
    double from, slope, offset;
};

/* How far value() may be from phi:
 *
 *     |value(x) - phi(x)| <= relative |value(x)| + argument |x| + 2^-1000
 *
 * where value(x) is finite. This takes the elementary functions of the C
 * library to be within 16 units in the last place (glibc documents at most 5
 * for those in use), and covers the rounding of the decimal constants in
 * formulas. */
struct lip_accuracy {
    double relative, argument;
};

struct lip_activation {
    const char *name;    /* "leaky-relu": the layer type in JSON */
    const char *formula; /* "x for x > 0, negative_slope x otherwise" */
    struct lip_parameter parameter[LIP_MAX_PARAMETERS + 1];
    /* The slope interval for these parameter values. */
    struct lip_slopes (*slopes)(const double *parameter);
    double (*value)(double x, const double *parameter);
    /* phi'(x); at a kink one of the one-sided derivatives. */
    double (*derivative)(double x, const double *parameter);
    /* Where phi is made of straight pieces with coefficients that doubles
     * hold: writes them, from -infinity on (`from` rises), and returns how
     * many. NULL where it is not. */
    size_t (*pieces)(struct lip_piece *out, const double *parameter);
    struct lip_accuracy accuracy;
    /* The first parameter may differ from neuron to neuron (PReLU): the layer
     * then has a tensor of them in the place of its weight. */
    bool per_neuron;
};

/* All activations, ended by NULL. */
extern const struct lip_activation *const lip_activations[];

/* Whether two names are the same but for upper case, '-' and '_': "LeakyReLU",
 * "leaky_relu" and "leaky-relu" are. */
bool lip_same_name(const char *a, const char *b);

/* The activation of this name (or of a known alias such as "swish"), or NULL.
 */
const struct lip_activation *lip_activation_find(const char *name);

#endif
