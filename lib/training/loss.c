/* SPDX-License-Identifier: MIT
 *
 * The table of losses, and checking one against its data. */
#include "training/loss.h"

#include "training/losses/list.h"

#include <string.h>

#define ROW(id) &lip_loss_##id,
const struct lip_loss *const lip_losses[] = {
    LIP_EACH_LOSS(ROW) NULL,
};
#undef ROW

const struct lip_loss *lip_loss_find(const char *name)
{
    for (size_t i = 0; lip_losses[i]; i++)
        if (strcmp(lip_losses[i]->name, name) == 0)
            return lip_losses[i];
    return NULL;
}

struct lip_loss_use lip_loss_defaults(const struct lip_loss *loss)
{
    struct lip_loss_use use = {loss, {0}};
    for (size_t k = 0; loss->parameter[k].name; k++)
        use.parameter[k] = loss->parameter[k].fallback;
    return use;
}

static enum lip_status check_parameters(const struct lip_loss_use *use,
                                        struct lip_ctx *ctx)
{
    const struct lip_parameter *p = use->loss->parameter;
    for (size_t k = 0; p[k].name; k++)
        if (!(use->parameter[k] >= p[k].min && use->parameter[k] <= p[k].max))
            return lip_fail(ctx, LIP_INVALID,
                            "The %s of the loss is %g: it must lie between %g "
                            "and %g.",
                            p[k].name, use->parameter[k], p[k].min, p[k].max);
    return LIP_OK;
}

enum lip_status lip_loss_check(const struct lip_loss_use *use,
                               const struct lip_data *data, size_t outputs,
                               struct lip_ctx *ctx)
{
    bool classes = data->label != NULL;
    if (use->loss->classification != classes)
        return lip_fail(
            ctx, LIP_INVALID, "The loss %s is for %s, but the data set has %s.",
            use->loss->name, classes ? "regression" : "classification",
            classes ? "classes" : "numbers to predict");
    if (classes ? outputs < data->classes || outputs < 2
                : outputs != data->targets)
        return lip_fail(ctx, LIP_INVALID,
                        "The model has %zu outputs for %zu %s: %s.", outputs,
                        classes ? data->classes : data->targets,
                        classes ? "classes" : "numbers to predict",
                        classes ? "it needs one a class, and at least 2"
                                : "it needs one for each");
    return check_parameters(use, ctx);
}
