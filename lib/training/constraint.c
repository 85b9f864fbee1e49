/* SPDX-License-Identifier: MIT
 *
 * The table of constraints, and which norms each can do. */
#include "training/constraint.h"

#include "training/constraints/list.h"

#include <stdio.h>
#include <string.h>

#define ROW(id) &lip_constraint_##id,
const struct lip_constraint *const lip_constraints[] = {
    LIP_EACH_CONSTRAINT(ROW) NULL,
};
#undef ROW

const struct lip_constraint *lip_constraint_find(const char *name)
{
    for (size_t i = 0; lip_constraints[i]; i++)
        if (strcmp(lip_constraints[i]->name, name) == 0)
            return lip_constraints[i];
    return NULL;
}

bool lip_supports_easy(struct lip_norm_pair pair)
{
    return lip_norm_pair_easy(pair);
}

bool lip_supports_spectral(struct lip_norm_pair pair)
{
    return pair.input == LIP_NORM_2 && pair.output == LIP_NORM_2;
}

struct lip_norm_pair lip_constraint_pair(struct lip_norm_pair pair, bool first)
{
    return (struct lip_norm_pair){first ? pair.input : pair.output,
                                  pair.output};
}

static bool does(const struct lip_constraint *constraint,
                 struct lip_norm_pair pair)
{
    if (constraint->monotone && pair.input != LIP_NORM_1)
        return false;
    return constraint->supports(lip_constraint_pair(pair, true)) &&
           constraint->supports(lip_constraint_pair(pair, false));
}

enum lip_status lip_constraint_check(const struct lip_constraint *constraint,
                                     struct lip_norm_pair pair,
                                     struct lip_ctx *ctx)
{
    if (does(constraint, pair))
        return LIP_OK;
    char list[160] = "";
    size_t used = 0;
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        for (int q = 0; q < LIP_NORM_COUNT; q++) {
            struct lip_norm_pair other = {(enum lip_norm)p, (enum lip_norm)q};
            if (!does(constraint, other) || used >= sizeof list)
                continue;
            int n = snprintf(list + used, sizeof list - used, "%s%s to %s",
                             used ? ", " : "", lip_norm_name(other.input),
                             lip_norm_name(other.output));
            used += n > 0 ? (size_t)n : 0;
        }
    return lip_fail(ctx, LIP_INVALID,
                    "The constraint %s cannot keep the norm from %s to %s. It "
                    "can do: %s.",
                    constraint->name, lip_norm_name(pair.input),
                    lip_norm_name(pair.output), list);
}
