/* SPDX-License-Identifier: MIT
 *
 * Memory that is counted against a budget. Blocks are aligned to 64 bytes (a
 * cache line, and what AVX-512 wants). A block remembers its budget, so that
 * it can be freed from anywhere; the budget must outlive its blocks. */
#ifndef LIP_BASE_MEMORY_H
#define LIP_BASE_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct lip_ctx;

/* `fail_after` < 0: never (set it so with lip_budget_init); otherwise that
 * many allocations succeed and every later one fails: tests use it. */
struct lip_budget {
    _Atomic size_t limit; /* bytes; 0: unlimited */
    _Atomic size_t used, peak;
    _Atomic size_t refused; /* how often it did not have what was asked for */
    _Atomic long fail_after;
    /* Asked before an allocation fails that would make `used` this large:
     * whether it raised the limit. From any thread; NULL: nobody is. */
    bool (*grow)(struct lip_budget *budget, size_t used);
};

void lip_budget_init(struct lip_budget *budget, size_t limit);

/* count * size bytes, uninitialised; NULL with the error recorded where the
 * product overflows, the budget does not have them (LIP_TOO_LARGE, with both
 * figures) or malloc fails (LIP_NO_MEMORY). Zero bytes give a valid block. */
void *lip_alloc(struct lip_ctx *ctx, size_t count, size_t size);

/* The same, all bytes zero. */
void *lip_calloc(struct lip_ctx *ctx, size_t count, size_t size);

/* Resizes a block from lip_alloc (or NULL); on failure the old block stays
 * valid and NULL is returned. Large blocks move by remapping, not copying. */
void *lip_realloc(struct lip_ctx *ctx, void *block, size_t count, size_t size);

/* A counted copy of a string. */
char *lip_strdup(struct lip_ctx *ctx, const char *text);

/* Frees a block; NULL is allowed. */
void lip_free(void *block);

#endif
