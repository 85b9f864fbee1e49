/* SPDX-License-Identifier: MIT
 *
 * A counted allocation is a 64-byte header, which keeps the size and the
 * budget, followed by the caller's bytes. */
#include "base/memory.h"

#include "base/context.h"
#include "base/size.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64 };

/* `raw` is what malloc gave: the header sits on the first cache line after. */
struct header {
    struct lip_budget *budget;
    size_t size;
    void *raw;
};

_Static_assert(sizeof(struct header) <= ALIGNMENT, "header fits its line");

void lip_budget_init(struct lip_budget *budget, size_t limit)
{
    atomic_init(&budget->limit, limit);
    budget->grow = NULL;
    atomic_init(&budget->used, 0);
    atomic_init(&budget->peak, 0);
    atomic_init(&budget->refused, 0);
    atomic_init(&budget->fail_after, -1);
}

static struct header *header_of(void *block)
{
    return (struct header *)((char *)block - ALIGNMENT);
}

static bool fits(struct lip_budget *budget, size_t used)
{
    size_t limit = atomic_load(&budget->limit);
    return !limit || used <= limit ||
           (budget->grow && budget->grow(budget, used));
}

/* Books `size` more bytes, or records why not. */
static bool take(struct lip_ctx *ctx, struct lip_budget *budget, size_t size)
{
    if (!budget)
        return true;
    long left = atomic_load(&budget->fail_after);
    if (left == 0) {
        lip_fail(ctx, LIP_NO_MEMORY, "Out of memory.");
        return false;
    }
    if (left > 0)
        atomic_fetch_sub(&budget->fail_after, 1);
    size_t used = atomic_fetch_add(&budget->used, size) + size;
    if (used < size || !fits(budget, used)) {
        atomic_fetch_sub(&budget->used, size);
        atomic_fetch_add(&budget->refused, 1);
        lip_fail(ctx, LIP_TOO_LARGE,
                 "This needs at least %zu bytes of memory, over the limit of "
                 "%zu. Send a smaller model or raise the limit.",
                 used, atomic_load(&budget->limit));
        return false;
    }
    size_t peak = atomic_load(&budget->peak);
    while (used > peak &&
           !atomic_compare_exchange_weak(&budget->peak, &peak, used))
        ;
    return true;
}

static void give(struct lip_budget *budget, size_t size)
{
    if (budget)
        atomic_fetch_sub(&budget->used, size);
}

/* Asks for huge pages inside a large block: a matrix of 8 MB then costs four
 * faults and not two thousand. Only whole huge pages of the block itself, so
 * that no memory is taken that was not asked for. Advice: failure is none. */
static void advise(void *raw, size_t padded)
{
    enum { HUGE = 2 << 20 };
    uintptr_t start = ((uintptr_t)raw + HUGE - 1) & ~(uintptr_t)(HUGE - 1);
    uintptr_t end = ((uintptr_t)raw + padded) & ~(uintptr_t)(HUGE - 1);
    if (padded >= 2 * (size_t)HUGE && end > start)
        madvise((void *)start, end - start, MADV_HUGEPAGE);
}

/* Places header and block inside `raw`, which has two lines to spare. */
static void *place(void *raw, struct lip_budget *budget, size_t size)
{
    uintptr_t start = (uintptr_t)raw + ALIGNMENT;
    uintptr_t block = (start + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1);
    struct header *h = header_of((void *)block);
    *h = (struct header){budget, size, raw};
    return (void *)block;
}

void *lip_alloc(struct lip_ctx *ctx, size_t count, size_t size)
{
    struct lip_budget *budget = ctx ? ctx->budget : NULL;
    size_t bytes, padded;
    if (!lip_size_mul(&bytes, count, size) ||
        !lip_size_add(&padded, bytes, 2 * ALIGNMENT)) {
        lip_fail(ctx, LIP_TOO_LARGE,
                 "%zu items of %zu bytes are more than the address space.",
                 count, size);
        return NULL;
    }
    if (!take(ctx, budget, padded))
        return NULL;
    void *raw = malloc(padded);
    if (!raw) {
        give(budget, padded);
        lip_fail(ctx, LIP_NO_MEMORY, "Out of memory (%zu bytes).", padded);
        return NULL;
    }
    advise(raw, padded);
    return place(raw, budget, bytes);
}

void *lip_calloc(struct lip_ctx *ctx, size_t count, size_t size)
{
    void *block = lip_alloc(ctx, count, size);
    if (block)
        memset(block, 0, count * size);
    return block;
}

void *lip_realloc(struct lip_ctx *ctx, void *block, size_t count, size_t size)
{
    if (!block)
        return lip_alloc(ctx, count, size);
    struct header old = *header_of(block);
    size_t bytes, padded, before = old.size + 2 * ALIGNMENT;
    if (!lip_size_mul(&bytes, count, size) ||
        !lip_size_add(&padded, bytes, 2 * ALIGNMENT)) {
        lip_fail(ctx, LIP_TOO_LARGE,
                 "%zu items of %zu bytes are more than the address space.",
                 count, size);
        return NULL;
    }
    if (padded > before && !take(ctx, old.budget, padded - before))
        return NULL;
    size_t offset = (size_t)((char *)block - (char *)old.raw);
    void *raw = realloc(old.raw, padded);
    if (!raw) {
        if (padded > before)
            give(old.budget, padded - before);
        lip_fail(ctx, LIP_NO_MEMORY, "Out of memory (%zu bytes).", padded);
        return NULL;
    }
    if (padded < before)
        give(old.budget, before - padded);
    /* realloc may change the block's distance to a line: slide it back. */
    uintptr_t start = (uintptr_t)raw + ALIGNMENT;
    uintptr_t line = (start + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1);
    size_t keep = bytes < old.size ? bytes : old.size;
    if ((char *)line != (char *)raw + offset)
        memmove((void *)line, (char *)raw + offset, keep);
    return place(raw, old.budget, bytes);
}

char *lip_strdup(struct lip_ctx *ctx, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = lip_alloc(ctx, size, 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

void lip_free(void *block)
{
    if (!block)
        return;
    struct header h = *header_of(block);
    give(h.budget, h.size + 2 * ALIGNMENT);
    free(h.raw);
}
