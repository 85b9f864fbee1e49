/* SPDX-License-Identifier: MIT
 *
 * The largest eigenvalue of a symmetric operator that is known only by what it
 * does to vectors: an estimate, from below. */
#ifndef LIP_LINALG_LANCZOS_H
#define LIP_LINALG_LANCZOS_H

#include "base/context.h"

#include <stddef.h>

/* to[n] = A from[n]. False: stop. */
typedef bool lip_apply_fn(double *to, const double *from, void *arg);

enum { LIP_LANCZOS_STEPS = 200 };

/* An estimate of lambda_max(A) for positive semidefinite A by at most `steps`
 * (<= LIP_LANCZOS_STEPS) steps of Lanczos' three-term recurrence, without
 * reorthogonalisation, ended before where it moves by less than `tolerance`
 * relatively; no bound. A Hermitian operator of n/2 numbers is one of n real
 * ones. `work` has room for 3 n numbers. O(n) a step and one product. */
double lip_lanczos_largest(size_t n, lip_apply_fn *apply, void *arg,
                           size_t steps, double tolerance, double *work);

#endif
