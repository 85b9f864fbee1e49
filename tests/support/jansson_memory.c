/* SPDX-License-Identifier: MIT
 *
 * jansson's memory, counted and made to fail. */
#include "tests/support/jansson_memory.h"

#include <jansson.h>
#include <stdlib.h>

static long left = -1, blocks;

static void *take(size_t size)
{
    if (left == 0)
        return NULL;
    left -= left > 0;
    void *block = malloc(size);
    blocks += block != NULL;
    return block;
}

static void give(void *block)
{
    blocks -= block != NULL;
    free(block);
}

void jansson_count_memory(void)
{
    json_set_alloc_funcs(take, give);
}

void jansson_fail_after(long n)
{
    left = n;
}

void jansson_fail_never(void)
{
    left = -1;
}

long jansson_blocks(void)
{
    return blocks;
}
