/* SPDX-License-Identifier: MIT
 *
 * The parts that the reader of PyTorch files is made of. */
#ifndef LIP_FORMATS_TORCH_PARTS_H
#define LIP_FORMATS_TORCH_PARTS_H

#include "formats/pickle.h"
#include "formats/tensor_list.h"
#include "formats/zip_view.h"

struct lip_torch_reader {
    struct lip_tensor_list *list;
    struct lip_buffer *bytes;
    struct lip_zip_view zip;
    const char *folder; /* of the entries: "archive/" */
    size_t folder_size;
    struct lip_pickle pickle;
    size_t may_copy; /* bytes that are left of the limit */
    bool has_layers; /* somebody says which layers the tensors make */
    struct lip_ctx *ctx;
};

static inline const struct lip_pickle_value *
lip_torch_value(const struct lip_torch_reader *r, uint32_t value)
{
    return &r->pickle.value[value];
}

/* What a value is: a call of the global of this name; this text; a tensor,
 * perhaps inside of a parameter. */
bool lip_torch_is_call(const struct lip_torch_reader *r, uint32_t value,
                       const char *name);
bool lip_torch_is_string(const struct lip_torch_reader *r, uint32_t value,
                         const char *text);
bool lip_torch_is_tensor(const struct lip_torch_reader *r, uint32_t value);

/* Records that the tensor of this name is at fault. */
enum lip_status lip_torch_refuse(const struct lip_torch_reader *r,
                                 const char *name, enum lip_status status,
                                 const char *what);

/* The zip entry that is called this in the file's folder; NULL: none. */
struct lip_zip_entry *lip_torch_find_entry(struct lip_torch_reader *r,
                                           const char *folder, const char *name,
                                           size_t size);

/* Appends the tensor that the value is, unless it holds integers. */
enum lip_status lip_torch_add_tensor(struct lip_torch_reader *r,
                                     const char *name, uint32_t value);

#endif
