/* SPDX-License-Identifier: MIT
 *
 * What every bound method must do, asked of one method: survive memory that
 * runs out at any point, stop when told to, answer zero for constant networks,
 * scale with each layer. */
#ifndef LIP_TESTS_SUPPORT_METHODS_H
#define LIP_TESTS_SUPPORT_METHODS_H

#include "bounds/method.h"

#include <check.h>

/* Adds the common tests to a test case; all norms that apply are tried. */
void add_method_tests(TCase *tc, const char *method);

/* The methods that are one formula, not an iteration that stops at a
 * tolerance; ended by NULL. */
extern const char *const direct_methods[];

/* Whether it says nothing of chains of dense layers, only of images. */
bool is_for_images(const struct lip_method *method);

/* Pair number i of nine. */
struct lip_norm_pair nth_pair(int i);

#endif
