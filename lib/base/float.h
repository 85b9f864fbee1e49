/* SPDX-License-Identifier: MIT
 *
 * The floating-point environment every proof in this library rests on. */
#ifndef LIP_BASE_FLOAT_H
#define LIP_BASE_FLOAT_H

#include <stdbool.h>

/* True where the calling thread rounds to nearest and keeps subnormal numbers
 * (neither flushes results to zero nor reads inputs as zero). A program that
 * proves bounds asks once at its start, before it makes threads, which
 * inherit the environment. */
bool lip_float_ready(void);

#endif
