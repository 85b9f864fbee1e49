/* SPDX-License-Identifier: MIT
 *
 * none: weights go where they like. */
#include "training/constraints/list.h"

const struct lip_constraint lip_constraint_none = {
    .name = "none",
    .title = "No limit",
    .free = true,
    .supports = lip_supports_easy,
};
