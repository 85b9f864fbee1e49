/* SPDX-License-Identifier: MIT
 *
 * Bytes that grow while a file is written. A failure sticks: whoever writes
 * looks once, at the end. */
#ifndef LIP_FORMATS_OUTPUT_H
#define LIP_FORMATS_OUTPUT_H

#include "network/tensor.h"

#include <stddef.h>
#include <stdint.h>

/* All zero but ctx is an empty output. */
struct lip_output {
    unsigned char *data;
    size_t size, capacity;
    enum lip_status status;
    struct lip_ctx *ctx;
};

/* Room for `size` more bytes, which the caller fills; NULL on failure. */
unsigned char *lip_output_room(struct lip_output *output, size_t size);

void lip_output_bytes(struct lip_output *output, const void *bytes,
                      size_t size);
void lip_output_text(struct lip_output *output, const char *text);

/* A number as `width` bytes, the lowest first. */
void lip_output_little(struct lip_output *output, uint64_t value, size_t width);

/* A JSON string in its quotes; bytes that are no UTF-8 become '?'. */
void lip_output_string(struct lip_output *output, const void *text,
                       size_t size);

/* A JSON number: the fewest of 15 to 17 digits that read back as the double,
 * which is finite. */
void lip_output_number(struct lip_output *output, double value);
void lip_output_size(struct lip_output *output, size_t value);

/* The elements as they are stored, in row-major order. */
void lip_output_tensor(struct lip_output *output,
                       const struct lip_tensor *tensor);

/* Hands the bytes over, or frees them where something failed. */
enum lip_status lip_output_finish(unsigned char **out, size_t *size,
                                  struct lip_output *output);
void lip_output_clear(struct lip_output *output);

#endif
