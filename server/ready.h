/* SPDX-License-Identifier: MIT
 *
 * Whether the daemon takes work, and if not, why not. */
#ifndef LIPD_READY_H
#define LIPD_READY_H

#include "server/service.h"

#include "api/text.h"

/* Writes {"ready": true} or {"ready": false, "reasons": [{"code", "detail"}]}.
 * True where it is ready. Waits for no disk and no database but for the file
 * system's own figures. */
bool lipd_ready_write(struct api_text *text, struct lipd_service *service);

#endif
