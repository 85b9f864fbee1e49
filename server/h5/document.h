/* SPDX-License-Identifier: MIT
 *
 * What lipschitz-h5 writes: a safetensors file, whose metadata has the layers
 * where the model's file has them. */
#ifndef LIPD_H5_DOCUMENT_H
#define LIPD_H5_DOCUMENT_H

#include "server/h5/file.h"

#include <jansson.h>

/* A tensor to be written: data of the file with its axes in another order,
 * axis a of what is written being axis[a] of what is read, under another
 * shape; or numbers of ours. */
struct lipd_h5_tensor {
    char name[256];
    struct lipd_h5_data data;
    const double *number; /* NULL: those of data */
    size_t axis[LIPD_H5_RANK];
    size_t rank, dim[LIPD_H5_RANK];
};

struct lipd_h5_document {
    struct lipd_h5_tensor *tensor;
    size_t count, capacity;
    json_t *layers; /* array, or NULL: weights only */
    size_t bytes, most;
};

/* Appends a tensor of this name with its data's axes and shape as they are. */
struct lipd_h5_tensor *lipd_h5_add(struct lipd_h5_document *document,
                                   const char *name,
                                   const struct lipd_h5_data *data);

/* Appends a list of `count` numbers, which is copied. */
struct lipd_h5_tensor *lipd_h5_add_numbers(struct lipd_h5_document *document,
                                           const char *name,
                                           const double *number, size_t count);

/* Writes all of it to standard output. */
void lipd_h5_write(const struct lipd_h5_document *document);

/* An object that jansson made; ends the process where it has no memory. */
json_t *lipd_h5_json(json_t *value);

#endif
