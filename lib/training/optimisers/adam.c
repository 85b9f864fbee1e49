/* SPDX-License-Identifier: MIT
 *
 * Adam, and its AMSGrad form; weight decay acts through the gradient. */
#include "training/kernel.h"
#include "training/optimisers/list.h"

#include <math.h>

size_t lip_adam_slots(const struct lip_step_options *options)
{
    return options->amsgrad ? 3 : 2;
}

void lip_adam_step(const struct lip_stepped *s, bool decoupled)
{
    const struct lip_step_options *options = s->options;
    double decay = lip_stepped_decay(s);
    double first = 1 - pow(options->momentum, s->number);
    double second = 1 - pow(options->beta2, s->number);
    struct lip_adam_rule rule = {
        .rate = (float)(s->rate / first),
        .beta1 = (float)options->momentum,
        .beta2 = (float)options->beta2,
        .eps = (float)options->eps,
        .unbias = (float)(1 / second),
        .decay = decoupled ? 0 : (float)decay,
        .keep = decoupled ? (float)(1 - s->rate * decay) : 1,
    };
    lip_kernel_adam(s->value, s->slot[0], s->slot[1],
                    options->amsgrad ? s->slot[2] : NULL, s->gradient,
                    lip_stepped_count(s), &rule);
}

static void step(const struct lip_stepped *s)
{
    lip_adam_step(s, false);
}

const struct lip_optimiser lip_optimiser_adam = {
    .name = "adam",
    .title = "Adaptive moments, also AMSGrad",
    .citation = "Kingma and Ba, ICLR 2015; Reddi, Kale, Kumar, ICLR 2018",
    .elementwise = true,
    .fallback = {.momentum = 0.9, .beta2 = 0.999, .eps = 1e-8},
    .rate = 1e-3,
    .slots = lip_adam_slots,
    .step = step,
};
