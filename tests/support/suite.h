/* SPDX-License-Identifier: MIT
 *
 * The end of every test program's main. */
#ifndef LIP_TESTS_SUPPORT_SUITE_H
#define LIP_TESTS_SUPPORT_SUITE_H

#include <check.h>

/* Runs the suite, with verbosity from CK_VERBOSITY. Returns the exit status of
 * the program: 0 where every test passed, 1 otherwise. */
int run_suite(Suite *suite);

#endif
