/* SPDX-License-Identifier: MIT
 *
 * GET /version: which build runs, on which numerical kernels. */
#ifndef API_VERSION_H
#define API_VERSION_H

#include "api/text.h"

/* `version` is the daemon's. */
void api_version_write(struct api_text *text, const char *version);

#endif
