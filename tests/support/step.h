/* SPDX-License-Identifier: MIT
 *
 * The invariants of one step of the block recursion (recursion.h), proven in
 * ball arithmetic on the stored matrices; a test fails where one does not
 * hold. */
#ifndef LIP_TESTS_SUPPORT_STEP_H
#define LIP_TESTS_SUPPORT_STEP_H

#include "bounds/recursion.h"
#include "tests/support/exact.h"

/* S^ + sigma I, both triangles, exact; out is initialised here. */
void step_gram(arb_mat_t out, const struct lip_recursion *rec);

/* a - b is positive definite. */
bool step_lies_above(const arb_mat_t a, const arb_mat_t b);

/* R^T R <= M, in the coordinates of the step that was just taken; `gram` is
 * S^ + sigma I before it, and is destroyed. */
void step_check_factor(const struct lip_recursion *rec, arb_mat_t gram,
                       const double *lo, const double *hi);

/* |Y - R^-T D^-1 W^T|_F <= sigma at the end, the Gram matrix of that <= S^ +
 * sigma I before. */
void step_check_solution(const struct lip_recursion *rec);

#endif
