/* SPDX-License-Identifier: MIT
 *
 * Stochastic gradient descent with momentum, heavy-ball or Nesterov. */
#include "training/kernel.h"
#include "training/optimisers/list.h"

static size_t slots(const struct lip_step_options *options)
{
    (void)options;
    return 1;
}

void lip_sgd_step(const struct lip_stepped *s)
{
    struct lip_sgd_rule rule = {
        .rate = (float)s->rate,
        .momentum = (float)s->options->momentum,
        .decay = (float)lip_stepped_decay(s),
        .nesterov = s->options->nesterov,
    };
    lip_kernel_sgd(s->value, s->slot[0], s->gradient, lip_stepped_count(s),
                   &rule);
}

const struct lip_optimiser lip_optimiser_sgd = {
    .name = "sgd",
    .title = "Stochastic gradient descent with momentum",
    .citation = "Sutskever et al., ICML 2013",
    .elementwise = true,
    .fallback = {.momentum = 0.9, .nesterov = true},
    .rate = 0.1,
    .slots = slots,
    .step = lip_sgd_step,
};
