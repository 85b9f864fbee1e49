/* SPDX-License-Identifier: MIT
 *
 * The table of optimisers. */
#include "training/optimiser.h"

#include "training/optimisers/list.h"

#include <string.h>

#define ROW(id) &lip_optimiser_##id,
const struct lip_optimiser *const lip_optimisers[] = {
    LIP_EACH_OPTIMISER(ROW) NULL,
};
#undef ROW

const struct lip_optimiser *lip_optimiser_find(const char *name)
{
    for (size_t i = 0; lip_optimisers[i]; i++)
        if (strcmp(lip_optimisers[i]->name, name) == 0)
            return lip_optimisers[i];
    return NULL;
}

enum lip_status lip_step_options_check(const struct lip_step_options *options,
                                       struct lip_ctx *ctx)
{
    const struct {
        const char *name;
        double value, min, below;
    } range[] = {{"momentum", options->momentum, 0, 1},
                 {"beta2", options->beta2, 0, 1},
                 {"eps", options->eps, 0, 1},
                 {"weight decay", options->weight_decay, 0, 1e3}};
    for (size_t i = 0; i < sizeof range / sizeof *range; i++)
        if (!(range[i].value >= range[i].min &&
              range[i].value < range[i].below))
            return lip_fail(ctx, LIP_INVALID,
                            "The %s is %g: it must be at least %g and below "
                            "%g.",
                            range[i].name, range[i].value, range[i].min,
                            range[i].below);
    return LIP_OK;
}
