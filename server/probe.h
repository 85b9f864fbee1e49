/* SPDX-License-Identifier: MIT
 *
 * lipschitzd --probe: the health check of a container without curl. */
#ifndef LIPD_PROBE_H
#define LIPD_PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* Asks the daemon at this --listen address for GET /healthz, over TLS where it
 * has a certificate, which is not looked at. 0 where it says 200 within three
 * seconds, else 1 with a sentence. */
int lipd_probe(const char *listen, bool tls, char *complaint,
               size_t complaint_size);

#endif
