/* SPDX-License-Identifier: MIT
 *
 * Which files a process may reach, whatever path it names them by: Linux's
 * Landlock, where the kernel has it (5.13 and later). */
#ifndef LIPD_LANDLOCK_H
#define LIPD_LANDLOCK_H

#include <stdbool.h>

/* The version of the kernel's interface; 0: it has none. */
int lipd_landlock_version(void);

/* From here on the thread, and those that it starts, reach the files in this
 * folder (a descriptor) and no others: they may be read, made, written, renamed
 * inside it and removed. What is open stays open. No TCP ports and no signals
 * to others where the version knows of them. False where it is not in force:
 * no such kernel, or new privileges are not given up (PR_SET_NO_NEW_PRIVS). */
bool lipd_landlock_enter(int folder);

#endif
