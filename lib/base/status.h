/* SPDX-License-Identifier: MIT
 *
 * What a library call can come back with. Failure is a value: nothing in the
 * library prints, exits or aborts on input. */
#ifndef LIP_BASE_STATUS_H
#define LIP_BASE_STATUS_H

enum lip_status {
    LIP_OK = 0,
    LIP_MALFORMED,   /* the bytes do not follow the format they claim */
    LIP_UNSUPPORTED, /* well formed, but a feature we do not offer */
    LIP_INVALID,     /* understood but wrong: shapes, non-finite numbers */
    LIP_TOO_LARGE,   /* over a limit: bytes, depth, count, memory */
    LIP_NO_MEMORY,   /* the machine refused an allocation within the limit */
    LIP_CANCELLED,   /* the progress callback asked to stop */
    LIP_TIMEOUT,     /* the deadline passed before there was an answer */
    LIP_UNPROVEN     /* no bound that is both finite and proven was found */
};

/* Short lower-case name of a status ("malformed"), never NULL. */
const char *lip_status_name(enum lip_status status);

#endif
