/* SPDX-License-Identifier: MIT
 *
 * The list of named tensors. */
#include "formats/tensor_list.h"

#include <stdlib.h>
#include <string.h>

struct lip_named_tensor *lip_tensor_list_add(struct lip_tensor_list *list,
                                             struct lip_ctx *ctx)
{
    if (list->count == list->limit) {
        lip_fail(ctx, LIP_TOO_LARGE, "The file has more than %zu tensors.",
                 list->limit);
        return NULL;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        struct lip_named_tensor *item =
            lip_realloc(ctx, list->item, capacity, sizeof *item);
        if (!item)
            return NULL;
        list->item = item;
        list->capacity = capacity;
    }
    struct lip_named_tensor *last = &list->item[list->count++];
    return memset(last, 0, sizeof *last);
}

static int by_name(const void *a, const void *b)
{
    const struct lip_named_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

enum lip_status lip_tensor_list_sort(struct lip_tensor_list *list,
                                     struct lip_ctx *ctx)
{
    if (list->count)
        qsort(list->item, list->count, sizeof *list->item, by_name);
    for (size_t i = 1; i < list->count; i++)
        if (by_name(&list->item[i - 1], &list->item[i]) == 0)
            return lip_fail_at(
                ctx, LIP_INVALID, LIP_AT_TENSOR, list->item[i].name,
                "Tensor \"%.80s\" occurs twice.", list->item[i].name);
    return LIP_OK;
}

static int name_against_item(const void *name, const void *item)
{
    return strcmp(name, ((const struct lip_named_tensor *)item)->name);
}

struct lip_named_tensor *lip_tensor_list_find(struct lip_tensor_list *list,
                                              const char *name)
{
    if (!list->count)
        return NULL;
    return bsearch(name, list->item, list->count, sizeof *list->item,
                   name_against_item);
}

void lip_tensor_list_clear(struct lip_tensor_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        lip_tensor_clear(&list->item[i].tensor);
    lip_free(list->item);
    lip_buffer_put(list->layers);
    lip_metadata_clear(&list->metadata);
    memset(list, 0, sizeof *list);
}
