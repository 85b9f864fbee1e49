/* SPDX-License-Identifier: MIT
 *
 * Model files written in memory, right or wrong in a chosen place, and read.
 * What cannot happen (no memory) ends the test program. */
#ifndef LIP_TESTS_SUPPORT_FILES_H
#define LIP_TESTS_SUPPORT_FILES_H

#include "formats/format.h"

#include <stdint.h>

/* Growing bytes; all zero is empty. */
struct bytes {
    unsigned char *data;
    size_t size, capacity;
};

void bytes_put(struct bytes *bytes, const void *data, size_t size);
void bytes_text(struct bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* `width` low bytes of the value, least first. */
void bytes_little(struct bytes *bytes, uint64_t value, int width);
void bytes_clear(struct bytes *bytes);

/* An array of at most two dimensions to be written. */
struct array {
    const char *name;
    size_t rank, dim[2];
    const double *value; /* by rows */
};

/* A safetensors file of these arrays; dtype "F64" or "F32". */
void bytes_safetensors(struct bytes *bytes, const struct array *array,
                       size_t count, const char *dtype);
/* header and data as they are, under the right length. */
void bytes_safetensors_raw(struct bytes *bytes, const char *header,
                           const void *data, size_t size);

/* An npy file, descr "<f8", ">f8", "<f4" or ">f4", by rows or columns. */
void bytes_npy(struct bytes *bytes, const struct array *array,
               const char *descr, bool fortran);
/* The dictionary and data as they are. */
void bytes_npy_raw(struct bytes *bytes, int version, const char *dictionary,
                   const void *data, size_t size);

/* One file of a zip archive. */
struct entry {
    const char *name;
    const void *data;
    size_t size;
};

/* A zip file; method as ZIP_CM_STORE of zip.h, password NULL: not encrypted. */
void bytes_zip(struct bytes *bytes, const struct entry *entry, size_t count,
               int method, const char *password);
/* An npz file of these arrays as "<f8" or "<f4". */
void bytes_npz(struct bytes *bytes, const struct array *array, size_t count,
               const char *descr, int method);

/* The whole file, or false where there is none. */
bool bytes_load(struct bytes *bytes, const char *path);

/* Reads a model from a copy of the bytes, which is freed again. */
enum lip_status read_bytes(struct lip_network **out, const struct bytes *bytes,
                           const struct lip_read_options *options,
                           struct lip_ctx *ctx);

/* Bytes that must be refused, and how: status, place, and a part of the
 * sentence (any of them; where NULL: not looked at). Fails the running test
 * otherwise, or where a byte stays allocated. */
struct refusal {
    enum lip_status status;
    enum lip_place place;
    const char *where, *says;
};
void must_refuse(const struct bytes *bytes, const struct refusal *refusal,
                 const struct lip_read_options *options);

/* The id of the model that the bytes are; fails the running test where they
 * are none or something stays allocated. */
void model_id(char out[LIP_DIGEST_TEXT], const struct bytes *bytes,
              const struct lip_read_options *options);

/* Makes the 1st, 2nd, ... allocation of a read fail: each must give
 * LIP_NO_MEMORY and leave nothing behind, until the read succeeds. */
void must_survive_lack_of_memory(const struct bytes *bytes);

/* Every proper beginning of the bytes and every single bit flipped: whatever
 * comes of it, nothing is left behind and a failure has its sentence. Cuts
 * must be refused. */
void must_survive_damage(const struct bytes *bytes);

#endif
