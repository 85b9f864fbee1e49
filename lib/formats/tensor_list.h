/* SPDX-License-Identifier: MIT
 *
 * What a file of tensors holds while it is read: a bounded, growing list of
 * them, and what the file says of itself. */
#ifndef LIP_FORMATS_TENSOR_LIST_H
#define LIP_FORMATS_TENSOR_LIST_H

#include "network/metadata.h"
#include "network/tensor.h"

/* Where files of ours say which layers their tensors make: in the metadata of
 * safetensors the array of layers; in npz an array of bytes, the document
 * {"layers": [...], "metadata": {...}}. */
#define LIP_LAYERS_KEY "lipschitzd.layers"
#define LIP_NPZ_DOCUMENT "lipschitzd"

enum { LIP_TENSOR_NAME = 256 };

struct lip_named_tensor {
    char name[LIP_TENSOR_NAME];
    struct lip_tensor tensor;
    bool taken; /* by a layer */
};

/* All zero but `limit` is an empty list of at most `limit` tensors. */
struct lip_tensor_list {
    struct lip_named_tensor *item;
    size_t count, capacity, limit;
    bool no_lists; /* the file has only matrices: a bias is one row or column */
    struct lip_buffer *layers; /* their JSON, where the file has it, or NULL */
    struct lip_metadata metadata;
};

/* Appends an entry, all zero, which the next call may move. NULL with the
 * error recorded where the list is full or memory is short. */
struct lip_named_tensor *lip_tensor_list_add(struct lip_tensor_list *list,
                                             struct lip_ctx *ctx);

/* Sorts by name. LIP_INVALID where a name occurs twice. O(n log n). */
enum lip_status lip_tensor_list_sort(struct lip_tensor_list *list,
                                     struct lip_ctx *ctx);

/* The tensor of this name in a sorted list, or NULL. O(log n). */
struct lip_named_tensor *lip_tensor_list_find(struct lip_tensor_list *list,
                                              const char *name);

/* Lets go of all that the list holds. */
void lip_tensor_list_clear(struct lip_tensor_list *list);

#endif
