/* SPDX-License-Identifier: MIT
 *
 * The bucket fills as time goes by; nothing runs in between. */
#include "server/access_rate.h"

#include <math.h>

static double room(const struct lipd_rate *rate)
{
    return rate->per_second > 1 ? rate->per_second : 1;
}

bool lipd_rate_take(struct lipd_rate *rate, double now, unsigned *retry_after)
{
    if (rate->per_second <= 0)
        return true;
    if (rate->when <= 0)
        rate->left = room(rate);
    else
        rate->left = fmin(room(rate),
                          rate->left + (now - rate->when) * rate->per_second);
    rate->when = now;
    if (rate->left >= 1) {
        rate->left -= 1;
        return true;
    }
    double wait = ceil((1 - rate->left) / rate->per_second);
    *retry_after = wait < 1 ? 1 : wait < 86400 ? (unsigned)wait : 86400;
    return false;
}
