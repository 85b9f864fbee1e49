/* SPDX-License-Identifier: MIT
 *
 * Names of the library's status values. */
#include "base/status.h"

#include <stddef.h>

const char *lip_status_name(enum lip_status status)
{
    static const char *const name[] = {
        [LIP_OK] = "ok",
        [LIP_MALFORMED] = "malformed",
        [LIP_UNSUPPORTED] = "unsupported",
        [LIP_INVALID] = "invalid",
        [LIP_TOO_LARGE] = "too-large",
        [LIP_NO_MEMORY] = "no-memory",
        [LIP_CANCELLED] = "cancelled",
        [LIP_TIMEOUT] = "timeout",
        [LIP_UNPROVEN] = "unproven",
    };
    size_t i = (size_t)status;
    return i < sizeof name / sizeof *name ? name[i] : "unknown";
}
