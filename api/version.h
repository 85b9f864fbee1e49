/* SPDX-License-Identifier: MIT
 *
 * Which version this is, and GET /version: which build runs, on which
 * numerical kernels. The Makefile reads the version here. */
#ifndef API_VERSION_H
#define API_VERSION_H

#include "api/text.h"

#define API_VERSION "0.1.0"

void api_version_write(struct api_text *text);

#endif
