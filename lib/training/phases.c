/* SPDX-License-Identifier: MIT
 *
 * Where the taps of a kernel go. */
#include "training/phases.h"

#include <string.h>

static size_t divisor(size_t a, size_t b)
{
    while (b > 0) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

struct lip_phases lip_phases_of(const struct lip_window *window)
{
    struct lip_phases phases;
    for (int axis = 0; axis < 2; axis++) {
        size_t s = window->stride[axis], k = window->kernel[axis];
        size_t period = s / divisor(s, window->dilation[axis]);
        phases.period[axis] = period;
        phases.classes[axis] = period < k ? period : k;
        phases.taps[axis] = (k + period - 1) / period;
    }
    return phases;
}

size_t lip_phases_rows(const struct lip_window *window)
{
    struct lip_phases at = lip_phases_of(window);
    return window->channels[1] * at.taps[0] * at.taps[1];
}

size_t lip_phases_cols(const struct lip_window *window)
{
    struct lip_phases at = lip_phases_of(window);
    return window->channels[0] * at.classes[0] * at.classes[1];
}

/* Where the first channel of tap (y, x) of channel o goes. */
static size_t place(const struct lip_window *w, const struct lip_phases *at,
                    size_t o, size_t y, size_t x)
{
    size_t row =
        (o * at->taps[0] + y / at->period[0]) * at->taps[1] + x / at->period[1];
    size_t class = y % at->period[0] * at->classes[1] + x % at->period[1];
    size_t classes = at->classes[0] * at->classes[1];
    return (row * classes + class) * w->channels[0];
}

void lip_phases_gather(float *p, const float *kernel,
                       const struct lip_window *window)
{
    struct lip_phases at = lip_phases_of(window);
    size_t n = window->channels[0];
    memset(p, 0, lip_phases_rows(window) * lip_phases_cols(window) * sizeof *p);
    for (size_t o = 0; o < window->channels[1]; o++)
        for (size_t y = 0; y < window->kernel[0]; y++)
            for (size_t x = 0; x < window->kernel[1]; x++, kernel += n)
                memcpy(p + place(window, &at, o, y, x), kernel, n * sizeof *p);
}

void lip_phases_scatter(float *kernel, const float *p,
                        const struct lip_window *window)
{
    struct lip_phases at = lip_phases_of(window);
    size_t n = window->channels[0];
    for (size_t o = 0; o < window->channels[1]; o++)
        for (size_t y = 0; y < window->kernel[0]; y++)
            for (size_t x = 0; x < window->kernel[1]; x++, kernel += n)
                memcpy(kernel, p + place(window, &at, o, y, x), n * sizeof *p);
}
