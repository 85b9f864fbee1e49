/* SPDX-License-Identifier: MIT
 *
 * Filling up: an equal part for all; who needs less than that leaves more to
 * the others, until nobody does. */
#include "api/time_share.h"

#include <math.h>
#include <stdbool.h>

static double need(double seconds)
{
    return seconds > 0 ? 2 * seconds : 0;
}

/* The equal part of those that need more than it; infinite where there is
 * enough for all. */
static double level(const double *seconds, size_t count, double left)
{
    double part = 0;
    for (size_t round = 0; round <= count; round++) {
        double rest = left;
        size_t above = 0;
        for (size_t k = 0; k < count; k++) {
            bool little = need(seconds[k]) <= part;
            rest -= little ? need(seconds[k]) : 0;
            above += !little;
        }
        if (above == 0)
            return INFINITY;
        part = fmax(part, rest / (double)above);
    }
    return part;
}

double api_time_share(const double *seconds, size_t count, double left)
{
    double part = level(seconds, count, left), equal = left / (double)count;
    for (size_t k = 1; k < count; k++)
        left -= fmin(need(seconds[k]), part);
    return fmax(left, equal);
}
