/* SPDX-License-Identifier: MIT
 *
 * lipschitzd --probe: the health check of a container without curl. */
#ifndef LIPD_PROBE_H
#define LIPD_PROBE_H

#include "server/config.h"

#include <stdbool.h>
#include <stddef.h>

/* Asks the daemon of this configuration for GET /healthz, over TLS where it has
 * a certificate, which is not looked at; looks whether a worker, which may
 * listen nowhere, still goes round. 0 where it is well, else 1 with a sentence.
 */
int lipd_probe(const struct lipd_config *config, char *complaint,
               size_t complaint_size);

#endif
