/* SPDX-License-Identifier: MIT
 *
 * Facts about a model that travel with it and mean nothing to readers: pairs
 * of text. */
#ifndef LIP_NETWORK_METADATA_H
#define LIP_NETWORK_METADATA_H

#include "base/context.h"

#include <stddef.h>

/* Bounds of what is kept of a file, and of what a file of ours may hold. */
enum {
    LIP_METADATA_ITEMS = 64,
    LIP_METADATA_NAME = 128,      /* bytes with the NUL */
    LIP_METADATA_VALUE = 1 << 14, /* bytes with the NUL */
};

struct lip_metadatum {
    const char *name, *value;
};

struct lip_metadata {
    size_t count;
    const struct lip_metadatum *item;
};

/* Appends copies of a name and a value to a set that is all zero or was made by
 * this function alone. What is past the bounds is left out without a word. */
enum lip_status lip_metadata_add(struct lip_metadata *metadata,
                                 const char *name, const char *value,
                                 struct lip_ctx *ctx);

/* The value of this name, or NULL. */
const char *lip_metadata_find(const struct lip_metadata *metadata,
                              const char *name);

/* Frees a set made by lip_metadata_add; it is all zero afterwards. */
void lip_metadata_clear(struct lip_metadata *metadata);

#endif
