/* SPDX-License-Identifier: MIT
 *
 * For a process that parses what it does not trust: what it may still do. */
#ifndef LIPD_SANDBOX_H
#define LIPD_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* Limits of this process, for good: `memory` bytes of address space, `output`
 * bytes of a file, `seconds` of processor time; no new file, no process, no
 * core file. It dies with the thread that started it. */
bool lipd_sandbox_limit(size_t memory, size_t output, unsigned seconds);

/* From here on the process may compute, take memory, read and write what it
 * has open, and exit. Any other system call kills it: SIGSYS. Linux on x86-64
 * and aarch64; false elsewhere, or where the kernel refuses. */
bool lipd_sandbox_enter(void);

#endif
