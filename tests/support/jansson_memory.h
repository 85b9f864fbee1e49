/* SPDX-License-Identifier: MIT
 *
 * jansson's memory, counted and made to fail. */
#ifndef LIP_TESTS_SUPPORT_JANSSON_MEMORY_H
#define LIP_TESTS_SUPPORT_JANSSON_MEMORY_H

/* To be called before jansson is used. */
void jansson_count_memory(void);

/* The next n allocations succeed, every later one fails. */
void jansson_fail_after(long n);
void jansson_fail_never(void);

/* Blocks that are not freed yet. */
long jansson_blocks(void);

#endif
