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

/* Larger groups are not taken apart: from about 16 on, what that gains over the
 * product of norms is not worth the steps. */
enum { MOST_SORTED = 32 };

static size_t group_of(const struct lip_layer *layer)
{
    return layer->group ? layer->group : layer->inputs;
}

/* Batcher's merge exchange of `count` numbers (Knuth, The Art of Computer
 * Programming 3, 5.2.2, algorithm M), each comparison in the first step that it
 * can be in: the pairs of one step, and how many steps there are. The function
 * is the same whatever network sorts; this one has the fewest comparisons known
 * up to 8 numbers and few steps for all. */
static size_t compare(size_t *steps, size_t count, size_t step,
                      struct lip_mirror *pair)
{
    unsigned char taken[MOST_SORTED] = {0}; /* steps, by each number */
    size_t top = 1, pairs = 0;
    *steps = 0;
    while (2 * top < count)
        top *= 2;
    for (size_t p = top; p > 0; p /= 2)
        for (size_t q = top, r = 0, d = p;; d = q - p, q /= 2, r = p) {
            for (size_t i = 0; i + d < count; i++) {
                size_t j = i + d;
                if ((i & p) != r)
                    continue;
                size_t at = taken[i] > taken[j] ? taken[i] : taken[j];
                taken[i] = taken[j] = (unsigned char)(at + 1);
                *steps = at + 1 > *steps ? at + 1 : *steps;
                if (at == step && pair)
                    pair[pairs] = (struct lip_mirror){i, j, 0.5, 0.5, 2};
                pairs += at == step;
            }
            if (q == p)
                break;
        }
    return pairs;
}

static size_t steps(const struct lip_layer *layer)
{
    size_t count = group_of(layer), steps;
    if (count > MOST_SORTED)
        return LIP_NO_STEPS;
    compare(&steps, count, 0, NULL);
    return steps;
}

static size_t mirrors(const struct lip_layer *layer, size_t step,
                      struct lip_mirror *pair)
{
    size_t group = group_of(layer), steps;
    size_t each = compare(&steps, group, step, pair);
    for (size_t k = each; pair && k < layer->inputs / group * each; k++) {
        pair[k] = pair[k - each];
        pair[k].a += group;
        pair[k].b += group;
    }
    return layer->inputs / group * each;
}

const struct lip_layer_kind lip_layer_group_sort = {
    .name = "groupsort",
    .title = "Numbers sorted within groups; groups of 2 are MaxMin",
    .role = LIP_ROLE_JOINT,
    .infer = infer,
    .eval = eval,
    .constant = constant,
    .accurate = true,
    .steps = steps,
    .mirrors = mirrors,
    .group_name = "group",
};
