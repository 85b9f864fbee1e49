/* SPDX-License-Identifier: MIT
 *
 * What a token may take: the words behind its scopes in a token file. */
#ifndef LIPD_ACCESS_LIMITS_H
#define LIPD_ACCESS_LIMITS_H

#include "server/access_file.h"

/* What may stand there. */
#define LIPD_LIMITS_ARE                                                        \
    "a limit is requests=N/s, stored=BYTES, jobs=N, body=BYTES, "              \
    "memory=BYTES, time=SECONDS or flops=N, each above 0 and at most once; "   \
    "K, M, G and T behind BYTES multiply by 1024."

/* Sets one limit from its word; false where it is none, or not in its range,
 * or is set already. */
bool lipd_limit_read(struct lipd_token *token, const char *word);

#endif
