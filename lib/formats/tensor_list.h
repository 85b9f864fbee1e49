/* SPDX-License-Identifier: MIT
 *
 * The named tensors of a file while it is read: a bounded, growing list. */
#ifndef LIP_FORMATS_TENSOR_LIST_H
#define LIP_FORMATS_TENSOR_LIST_H

#include "network/tensor.h"

enum { LIP_TENSOR_NAME = 256 };

struct lip_named_tensor {
    char name[LIP_TENSOR_NAME];
    struct lip_tensor tensor;
};

/* All zero but `limit` is an empty list of at most `limit` tensors. */
struct lip_tensor_list {
    struct lip_named_tensor *item;
    size_t count, capacity, limit;
};

/* Appends an entry, all zero, which the next call may move. NULL with the
 * error recorded where the list is full or memory is short. */
struct lip_named_tensor *lip_tensor_list_add(struct lip_tensor_list *list,
                                             struct lip_ctx *ctx);

/* Sorts by name. LIP_INVALID where a name occurs twice. O(n log n). */
enum lip_status lip_tensor_list_sort(struct lip_tensor_list *list,
                                     struct lip_ctx *ctx);

/* Lets go of all tensors and the list. */
void lip_tensor_list_clear(struct lip_tensor_list *list);

#endif
