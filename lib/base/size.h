/* SPDX-License-Identifier: MIT
 *
 * Checked arithmetic on sizes. Every size that comes from outside passes
 * through these before memory is asked for. Each returns false, and leaves
 * *out alone, where the exact result does not fit. */
#ifndef LIP_BASE_SIZE_H
#define LIP_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>

static inline bool lip_size_mul(size_t *out, size_t a, size_t b)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

static inline bool lip_size_add(size_t *out, size_t a, size_t b)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

#endif
