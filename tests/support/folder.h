/* SPDX-License-Identifier: MIT
 *
 * A folder of a test's own, in memory where the machine has such a place: a
 * sync costs nothing there. */
#ifndef LIP_TESTS_SUPPORT_FOLDER_H
#define LIP_TESTS_SUPPORT_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

enum { FOLDER_NAME = 64 };

/* Makes one and writes its name; removes one with all that is in it. A failure
 * ends the running test. */
void folder_make(char out[FOLDER_NAME]);
void folder_remove(const char *folder);

/* FOLDER/NAME as bytes. */
void folder_write(const char *folder, const char *name, const void *bytes,
                  size_t size);
/* A text, NUL-terminated, in malloc memory, or NULL where there is no such
 * file. */
char *folder_read(const char *folder, const char *name);
bool folder_has(const char *folder, const char *name);
/* Is it there, and for nobody but its owner? */
bool folder_private(const char *folder, const char *name);

#endif
