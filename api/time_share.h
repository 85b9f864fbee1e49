/* SPDX-License-Identifier: MIT
 *
 * How the time of a request is shared among methods that run one after the
 * other, the dearest ones not last: for those that are expected to need little
 * that is kept, the others share alike what is left, and whoever takes less
 * leaves it to those behind. As expectations may be wrong, nobody gets less
 * than an equal part. */
#ifndef API_TIME_SHARE_H
#define API_TIME_SHARE_H

#include <stddef.h>

/* What the first of `count` >= 1 methods may take of `left` seconds, where they
 * are expected to take seconds[count] (infinite or not known, NaN: allowed),
 * which count twice. O(count^2). */
double api_time_share(const double *seconds, size_t count, double left);

#endif
