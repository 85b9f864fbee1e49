/* SPDX-License-Identifier: MIT
 *
 * Model files. The format is told from the bytes, never from a name. Each
 * format is one file that defines one descriptor, and one line in the table in
 * format.c. */
#ifndef LIP_FORMATS_FORMAT_H
#define LIP_FORMATS_FORMAT_H

#include "network/network.h"

#include <stdbool.h>
#include <stddef.h>

/* Limits that readers hold before they ask for memory. Zero fields take the
 * defaults of lip_read_options_default. */
struct lip_read_options {
    /* For files that hold weights only: what stands between the linear
     * layers. NULL: relu with its default parameters. */
    const struct lip_activation *activation;
    double parameter[LIP_MAX_PARAMETERS];
    bool weight_is_inputs_by_outputs; /* layout=io: y = x W + b */
    /* JSON that says which layers their tensors make, as files of ours have it
     * in their metadata; NULL: a chain of dense layers. Stays the caller's. */
    struct lip_buffer *layers;
    size_t max_layers;   /* 4096 */
    size_t max_tensors;  /* 8192 */
    size_t max_inflated; /* bytes out of a compressed file, 1 GiB */
};

void lip_read_options_default(struct lip_read_options *options);

struct lip_format {
    const char *name;       /* "safetensors" */
    const char *title;      /* one line for people */
    const char *media_type; /* preferred Content-Type */
    bool weights_only;      /* files may hold tensors without their layers */
    bool (*detect)(const unsigned char *bytes, size_t size);
    /* Reads a whole model. `bytes` stays the caller's: a reader that keeps
     * views into it takes a hold of its own. */
    enum lip_status (*read)(struct lip_network **out, struct lip_buffer *bytes,
                            const struct lip_read_options *options,
                            struct lip_ctx *ctx);
};

/* All formats, ended by NULL. */
extern const struct lip_format *const lip_formats[];

/* The format of these bytes, or NULL with LIP_UNSUPPORTED recorded: the
 * sentence names what the bytes look like (gzip, HDF5, pickle, ONNX, ...)
 * where that is known, and the formats that are read. */
const struct lip_format *lip_format_detect(const unsigned char *bytes,
                                           size_t size, struct lip_ctx *ctx);

/* Detects and reads. */
enum lip_status lip_model_read(struct lip_network **out,
                               struct lip_buffer *bytes,
                               const struct lip_read_options *options,
                               struct lip_ctx *ctx);

#endif
