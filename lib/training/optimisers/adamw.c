/* SPDX-License-Identifier: MIT
 *
 * AdamW: Adam whose weight decay acts on the weights themselves. */
#include "training/optimisers/list.h"

static void step(const struct lip_stepped *s)
{
    lip_adam_step(s, true);
}

const struct lip_optimiser lip_optimiser_adamw = {
    .name = "adamw",
    .title = "Adam with decoupled weight decay",
    .citation = "Loshchilov and Hutter, ICLR 2019",
    .elementwise = true,
    .fallback = {.momentum = 0.9,
                 .beta2 = 0.999,
                 .eps = 1e-8,
                 .weight_decay = 0.01},
    .rate = 1e-3,
    .slots = lip_adam_slots,
    .step = step,
};
