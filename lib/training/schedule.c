/* SPDX-License-Identifier: MIT
 *
 * The schedules. */
#include "training/schedule.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static double constant(double part)
{
    (void)part;
    return 1;
}

/* Constant for the first half, then down to 1 %. */
static double linear(double part)
{
    return part < 0.5 ? 1 : 1 - 0.99 * (2 * part - 1);
}

static double cosine(double part)
{
    return 0.5 + 0.5 * cos(3.141592653589793 * part);
}

static double step(double part)
{
    return part < 0.5 ? 1 : part < 0.75 ? 0.1 : 0.01;
}

/* Up from 1/25 over the first 30 %, down to 1e-4 / 25, both along a cosine
 * (Smith and Topin 2017, with the values frameworks use). */
static double one_cycle(double part)
{
    const double start = 0.04, end = 4e-6, top = 0.3;
    if (part < top)
        return 1 - (1 - start) * cosine(part / top);
    return end + (1 - end) * cosine((part - top) / (1 - top));
}

static const struct lip_schedule all[] = {
    {"constant", "The same rate throughout", constant},
    {"linear", "Constant for half of the run, then falling to 1 %", linear},
    {"cosine", "Falling to 0 along half a cosine", cosine},
    {"step", "A tenth after 1/2 of the run, a hundredth after 3/4", step},
    {"one-cycle", "Rising for 30 % of the run, then falling to 0", one_cycle},
};

const struct lip_schedule *const lip_schedules[] = {
    &all[0], &all[1], &all[2], &all[3], &all[4], NULL,
};

const struct lip_schedule *lip_schedule_find(const char *name)
{
    for (size_t i = 0; lip_schedules[i]; i++)
        if (strcmp(lip_schedules[i]->name, name) == 0)
            return lip_schedules[i];
    return NULL;
}
