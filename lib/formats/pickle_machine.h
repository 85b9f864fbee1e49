/* SPDX-License-Identifier: MIT
 *
 * The part of the pickle machine that knows no opcode: its stack, its memo and
 * the bytes it reads. Failures are recorded; each function gives their
 * status. */
#ifndef LIP_FORMATS_PICKLE_MACHINE_H
#define LIP_FORMATS_PICKLE_MACHINE_H

#include "formats/pickle.h"

struct lip_machine {
    struct lip_pickle *out;
    const unsigned char *start, *at, *end;
    uint32_t *stack;
    size_t depth, stack_capacity;
    uint32_t *memo; /* the value's number and 1; 0: not set */
    size_t memo_capacity, memoized;
    bool stopped;
    struct lip_ctx *ctx;
};

/* LIP_MALFORMED at the place that is read. */
enum lip_status lip_machine_fail(struct lip_machine *m, const char *what);

/* The block with room for more than `count` elements; NULL, and the block as
 * it was, without memory. */
void *lip_machine_grown(void *block, size_t *capacity, size_t count,
                        size_t size, struct lip_ctx *ctx);

/* The stack. What is popped is no mark; LIP_TOO_LARGE beyond 2^20 values. */
enum lip_status lip_machine_push(struct lip_machine *m, uint32_t value);
enum lip_status lip_machine_push_new(struct lip_machine *m,
                                     const struct lip_pickle_value *value);
enum lip_status lip_machine_push_type(struct lip_machine *m, unsigned type);
enum lip_status lip_machine_pop(uint32_t *out, struct lip_machine *m);

/* Appends an item to a value. */
enum lip_status lip_machine_add(struct lip_machine *m, uint32_t owner,
                                uint32_t key, uint32_t value);

/* Where the values above the topmost mark begin. */
enum lip_status lip_machine_find_mark(size_t *out, struct lip_machine *m);

/* Bytes that are still to be read; a little-endian number of n <= 8 of them; as
 * many as a number of `width` bytes in front of them says; a line. */
static inline size_t lip_machine_left(const struct lip_machine *m)
{
    return (size_t)(m->end - m->at);
}
enum lip_status lip_machine_number(uint64_t *out, struct lip_machine *m,
                                   size_t n);
enum lip_status lip_machine_bytes(const char **out, size_t *size,
                                  struct lip_machine *m, size_t width);
enum lip_status lip_machine_line(struct lip_machine *m);

#endif
