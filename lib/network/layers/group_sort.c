/* SPDX-License-Identifier: MIT
 *
 * groupsort: the numbers of each group of `group` neighbours in falling order;
 * group 0 is all of them, 2 is MaxMin. */
#include "network/network.h"

#include <stdlib.h>
#include <string.h>

static enum lip_status infer(struct lip_layer *layer, size_t inputs,
                             struct lip_ctx *ctx)
{
    if (layer->group && inputs % layer->group != 0)
        return lip_fail(ctx, LIP_INVALID,
                        "it sorts groups of %zu, but %zu numbers come in: the "
                        "group must divide them.",
                        layer->group, inputs);
    layer->inputs = layer->outputs = inputs;
    return LIP_OK;
}

static int falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    size_t group = layer->group ? layer->group : layer->inputs;
    memcpy(y, x, layer->inputs * sizeof *y);
    for (size_t i = 0; i < layer->inputs; i += group)
        qsort(y + i, group, sizeof *y, falling);
}

/* Sorting both of two vectors brings them no farther apart in any p-norm
 * (Anil, Lucas, Grosse 2019). */
static double constant(const struct lip_layer *layer, enum lip_norm norm)
{
    (void)layer;
    (void)norm;
    return 1;
}

static bool max_min(const struct lip_layer *layer)
{
    return layer->group == 2 || (layer->group == 0 && layer->inputs == 2);
}

const struct lip_layer_kind lip_layer_group_sort = {
    .name = "groupsort",
    .title = "Numbers sorted within groups; groups of 2 are MaxMin",
    .role = LIP_ROLE_JOINT,
    .infer = infer,
    .eval = eval,
    .constant = constant,
    .accurate = true,
    .max_min = max_min,
    .group_name = "group",
};
