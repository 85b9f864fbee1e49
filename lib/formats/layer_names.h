/* SPDX-License-Identifier: MIT
 *
 * Which layer goes by which name. */
#ifndef LIP_FORMATS_LAYER_NAMES_H
#define LIP_FORMATS_LAYER_NAMES_H

#include "network/network.h"

/* The network's input, where layers say what they take their numbers from. */
#define LIP_INPUT_NAME "input"

/* Sorted; points into the layers, which must stay where they are. */
struct lip_layer_names {
    struct lip_named_layer {
        const char *name;
        size_t index;
    } * item;
    size_t count;
};

/* LIP_NO_MEMORY, LIP_TOO_LARGE. O(n log n). */
enum lip_status lip_layer_names_new(struct lip_layer_names *out,
                                    const struct lip_layer *layer, size_t count,
                                    struct lip_ctx *ctx);
void lip_layer_names_clear(struct lip_layer_names *names);

/* How many layers have this name, 2 for more; *index the first. O(log n). */
size_t lip_layer_names_find(size_t *index, const struct lip_layer_names *names,
                            const char *name);

#endif
