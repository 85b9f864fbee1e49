/* SPDX-License-Identifier: MIT
 *
 * TLS as the daemon's operator has asked for it, and what he is told of it. */
#ifndef LIPD_TLS_START_H
#define LIPD_TLS_START_H

#include "server/config.h"

struct lipd_tls;

/* Where the configuration has secrets, nobody else of the daemon's user gets at
 * its memory: no core file, no debugger, no /proc. */
void lipd_hide_memory(const struct lipd_config *config);

/* *out is NULL where no certificate is configured. False with a sentence. */
bool lipd_tls_start(struct lipd_tls **out, const struct lipd_config *config,
                    char *complaint, size_t complaint_size);

/* Reads the files again; the log says what came of it. NULL is allowed. */
void lipd_tls_again(struct lipd_tls *tls, const struct lipd_config *config);

#endif
