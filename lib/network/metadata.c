/* SPDX-License-Identifier: MIT
 *
 * Pairs of text: few, so that a list does. */
#include "network/metadata.h"

#include <string.h>

static enum lip_status out_of_memory(const struct lip_ctx *ctx)
{
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

enum lip_status lip_metadata_add(struct lip_metadata *metadata,
                                 const char *name, const char *value,
                                 struct lip_ctx *ctx)
{
    if (metadata->count == LIP_METADATA_ITEMS ||
        strlen(name) >= LIP_METADATA_NAME ||
        strlen(value) >= LIP_METADATA_VALUE)
        return LIP_OK;
    struct lip_metadatum *item = lip_realloc(ctx, (void *)metadata->item,
                                             metadata->count + 1, sizeof *item);
    if (!item)
        return out_of_memory(ctx);
    metadata->item = item;
    struct lip_metadatum pair = {lip_strdup(ctx, name), lip_strdup(ctx, value)};
    if (!pair.name || !pair.value) {
        lip_free((void *)pair.name);
        lip_free((void *)pair.value);
        return out_of_memory(ctx);
    }
    item[metadata->count++] = pair;
    return LIP_OK;
}

const char *lip_metadata_find(const struct lip_metadata *metadata,
                              const char *name)
{
    for (size_t i = 0; i < metadata->count; i++)
        if (strcmp(metadata->item[i].name, name) == 0)
            return metadata->item[i].value;
    return NULL;
}

void lip_metadata_clear(struct lip_metadata *metadata)
{
    for (size_t i = 0; i < metadata->count; i++) {
        lip_free((void *)metadata->item[i].name);
        lip_free((void *)metadata->item[i].value);
    }
    lip_free((void *)metadata->item);
    *metadata = (struct lip_metadata){0};
}
