/* SPDX-License-Identifier: MIT
 *
 * A token bucket: so many requests a second, and a second's worth (at least
 * one) at once. */
#ifndef LIPD_ACCESS_RATE_H
#define LIPD_ACCESS_RATE_H

#include <stdbool.h>

struct lipd_rate {
    double per_second; /* 0: no limit */
    double left, when; /* requests left at that time; when 0: not used yet */
};

/* Takes one at the time `now` (which never goes back); false, with the whole
 * seconds (at least 1) after which there is one again, where none is left. */
bool lipd_rate_take(struct lipd_rate *rate, double now, unsigned *retry_after);

#endif
