/* SPDX-License-Identifier: MIT
 *
 * The header field Prefer (RFC 7240), as far as it is heeded here. */
#ifndef LIPD_PREFER_H
#define LIPD_PREFER_H

#include <stdbool.h>

struct lipd_prefer {
    bool async; /* respond-async: a job and 202 */
    /* wait=N without it: the answer itself, after at most so many seconds, and
     * no 202; 0: not said. */
    unsigned wait;
};

/* `field` is the value of the field; NULL: not sent. Of a preference that comes
 * twice the first counts; what is not known or not well formed is passed over,
 * as preferences are. */
void lipd_prefer_read(struct lipd_prefer *out, const char *field);

#endif
