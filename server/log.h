/* SPDX-License-Identifier: MIT
 *
 * Log lines: one JSON object each, on standard error, written by one call so
 * that lines of several threads do not mix. */
#ifndef LIPD_LOG_H
#define LIPD_LOG_H

#include "api/text.h"

enum lipd_log_level { LIPD_DEBUG, LIPD_INFO, LIPD_WARNING, LIPD_ERROR };

/* Lines below the level are not written. To be called before threads start;
 * `name` is one of debug, info, warning, error. */
void lipd_log_level(const char *name);

bool lipd_log_on(enum lipd_log_level level);

/* Where lines go: a file descriptor, standard error at first. For tests. */
void lipd_log_to(int fd);

/* One line with the given event and message. */
void lipd_log(enum lipd_log_level level, const char *event, const char *format,
              ...) __attribute__((format(printf, 3, 4)));

/* A line with members of its own: open, api_put_... into it, close. A line
 * longer than 8 KiB is dropped. */
void lipd_log_open(struct api_text *line, enum lipd_log_level level,
                   const char *event);
void lipd_log_close(struct api_text *line);

#endif
