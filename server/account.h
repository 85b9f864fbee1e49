/* SPDX-License-Identifier: MIT
 *
 * What remains of a request that is over: a line of the log, and counters. */
#ifndef LIPD_ACCOUNT_H
#define LIPD_ACCOUNT_H

#include "server/request.h"

#include <stdint.h>

struct lipd_account {
    const struct lipd_request *request;
    const char *path;  /* as it was asked for, without the query */
    uint64_t received; /* bytes of its body */
    double seconds;
    bool complete; /* the answer went out whole */
};

/* Neither the query nor any header field but the ids is in the line. */
void lipd_account_log(const struct lipd_account *account);

void lipd_account_count(const struct lipd_account *account);

#endif
