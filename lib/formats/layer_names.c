/* SPDX-License-Identifier: MIT
 *
 * A sorted list of the names of layers. */
#include "formats/layer_names.h"

#include "formats/reader.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    const struct lip_named_layer *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

enum lip_status lip_layer_names_new(struct lip_layer_names *out,
                                    const struct lip_layer *layer, size_t count,
                                    struct lip_ctx *ctx)
{
    *out = (struct lip_layer_names){0};
    out->item = lip_alloc(ctx, count, sizeof *out->item);
    if (!out->item)
        return lip_memory_status(ctx);
    for (size_t i = 0; i < count; i++)
        if (*layer[i].name)
            out->item[out->count++] =
                (struct lip_named_layer){layer[i].name, i};
    qsort(out->item, out->count, sizeof *out->item, by_name);
    return LIP_OK;
}

void lip_layer_names_clear(struct lip_layer_names *names)
{
    lip_free(names->item);
    *names = (struct lip_layer_names){0};
}

/* The first item that does not come before the name. */
static size_t first_not_before(const struct lip_layer_names *names,
                               const char *name)
{
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(names->item[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t lip_layer_names_find(size_t *index, const struct lip_layer_names *names,
                            const char *name)
{
    size_t first = first_not_before(names, name), n = 0;
    while (n < 2 && first + n < names->count &&
           strcmp(names->item[first + n].name, name) == 0)
        n++;
    if (n)
        *index = names->item[first].index;
    return n;
}
