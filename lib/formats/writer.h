/* SPDX-License-Identifier: MIT
 *
 * Model formats that are written. What is written is read back by format.h as
 * the same network, bit for bit, with the same id. A format is one file and
 * one line in the table. */
#ifndef LIP_FORMATS_WRITER_H
#define LIP_FORMATS_WRITER_H

#include "network/network.h"

struct lip_writer {
    const char *name;       /* "safetensors" */
    const char *media_type; /* "application/octet-stream" */
    const char *extension;  /* ".safetensors" */
    /* *out is lip_alloc memory of *size bytes. The metadata (NULL: none) are
     * the caller's to choose: those of the file that the network came from are
     * &network->metadata. The same arguments give the same bytes.
     * LIP_TOO_LARGE: memory, or what the format can hold; LIP_NO_MEMORY. */
    enum lip_status (*write)(unsigned char **out, size_t *size,
                             const struct lip_network *network,
                             const struct lip_metadata *metadata,
                             struct lip_ctx *ctx);
};

/* All of them, ended by NULL. */
extern const struct lip_writer *const lip_writers[];
extern const struct lip_writer lip_writer_safetensors, lip_writer_npz,
    lip_writer_onnx, lip_writer_json;

/* The writer of this name, or NULL. */
const struct lip_writer *lip_writer_find(const char *name);

#endif
