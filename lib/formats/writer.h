/* SPDX-License-Identifier: MIT
 *
 * Model formats that are written. What is written is read back by format.h as
 * the same network, bit for bit, with the same id. A format is one file and
 * one line in the table. */
#ifndef LIP_FORMATS_WRITER_H
#define LIP_FORMATS_WRITER_H

#include "network/network.h"

/* Facts about a model that travel with it and mean nothing to readers: pairs
 * of text. */
struct lip_metadata {
    size_t count;
    const struct lip_metadatum {
        const char *name, *value;
    } * item;
};

struct lip_writer {
    const char *name;       /* "safetensors" */
    const char *media_type; /* "application/octet-stream" */
    const char *extension;  /* ".safetensors" */
    /* *out is lip_alloc memory of *size bytes. LIP_TOO_LARGE, LIP_NO_MEMORY. */
    enum lip_status (*write)(unsigned char **out, size_t *size,
                             const struct lip_network *network,
                             const struct lip_metadata *metadata,
                             struct lip_ctx *ctx);
};

/* All of them, ended by NULL. */
extern const struct lip_writer *const lip_writers[];

const struct lip_writer *lip_writer_find(const char *name);

#endif
