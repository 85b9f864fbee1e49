/* SPDX-License-Identifier: MIT
 *
 * The JSON writer of the answers writes the log too: one place escapes. */
#include "server/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192 };

static const char *const level_names[] = {"debug", "info", "warning", "error"};
static enum lipd_log_level least = LIPD_INFO;
static int target = STDERR_FILENO;

void lipd_log_level(const char *name)
{
    for (int i = 0; i < 4; i++)
        if (!strcmp(name, level_names[i]))
            least = (enum lipd_log_level)i;
}

bool lipd_log_on(enum lipd_log_level level)
{
    return level >= least;
}

void lipd_log_to(int fd)
{
    target = fd;
}

/* "2026-11-21T00:04:09.123Z" */
static void write_time(char *out, size_t size)
{
    struct timespec now;
    struct tm day;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &day);
    size_t length = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &day);
    snprintf(out + length, size - length, ".%03ldZ",
             (long)(now.tv_nsec / 1000000));
}

void lipd_log_open(struct api_text *line, enum lipd_log_level level,
                   const char *event)
{
    char time[40];
    write_time(time, sizeof time);
    api_text_init(line, LINE_MAX_BYTES, NULL);
    api_object_open(line, NULL);
    api_put_string(line, "time", time);
    api_put_string(line, "level", level_names[level]);
    api_put_string(line, "event", event);
}

void lipd_log_close(struct api_text *line)
{
    size_t size;
    api_object_close(line);
    char *data = api_text_take(line, &size);
    if (!data)
        return;
    struct iovec parts[2] = {{data, size}, {"\n", 1}};
    /* Nobody is left to tell where the log itself cannot be written. */
    ssize_t written = writev(target, parts, 2);
    (void)written;
    lip_free(data);
}

void lipd_log(enum lipd_log_level level, const char *event, const char *format,
              ...)
{
    if (!lipd_log_on(level))
        return;
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct api_text line;
    lipd_log_open(&line, level, event);
    api_put_string(&line, "message", message);
    lipd_log_close(&line);
}
