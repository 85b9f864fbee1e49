/* SPDX-License-Identifier: MIT
 *
 * Rounding mode and subnormal numbers, asked of the control register and
 * tried out: a library linked with -ffast-math sets the bits behind our back
 * when it is loaded. */
#include "base/float.h"

#include <fenv.h>
#include <float.h>

#if defined(__x86_64__)
#include <xmmintrin.h>

/* MXCSR: flush to zero, denormals are zero, rounding control. */
enum { FLUSH = 1 << 15, DENORMALS_ARE_ZERO = 1 << 6, ROUNDING = 3 << 13 };

static bool register_ready(void)
{
    return !(_mm_getcsr() & (FLUSH | DENORMALS_ARE_ZERO | ROUNDING));
}
#else
static bool register_ready(void)
{
    return true; /* the arithmetic below decides */
}
#endif

static bool subnormals_kept(void)
{
    volatile double smallest = DBL_MIN, half = 0.5, two = 2;
    volatile double subnormal = smallest * half;
    volatile double back = subnormal * two;
    return subnormal > 0 && back >= smallest && back <= smallest;
}

/* 1 + u/2 and 1 + 3u/2 with u = 2^-52: to nearest gives 1 and 1 + 2u. */
static bool rounds_to_nearest(void)
{
    volatile double one = 1, u = DBL_EPSILON;
    volatile double low = one + u * 0.5, high = one + u * 1.5;
    volatile double minus = -one - u * 0.5;
    return low <= 1 && high >= 1 + 2 * u && minus >= -1;
}

bool lip_float_ready(void)
{
    return fegetround() == FE_TONEAREST && register_ready() &&
           subnormals_kept() && rounds_to_nearest();
}
