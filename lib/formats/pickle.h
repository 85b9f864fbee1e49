/* SPDX-License-Identifier: MIT
 *
 * Python pickles as data: what a pickle would build, without building it.
 * Nothing is looked up, called or executed. A call that the pickle asks for
 * (os.system("...") just as OrderedDict()) becomes a value that says which
 * function, with which arguments; what it means is the reader's business. */
#ifndef LIP_FORMATS_PICKLE_H
#define LIP_FORMATS_PICKLE_H

#include "base/context.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lip_pickle_type {
    LIP_PICKLE_NONE,
    LIP_PICKLE_BOOL,
    LIP_PICKLE_INT,
    LIP_PICKLE_NUMBER, /* a float, or an integer beyond 64 bits */
    LIP_PICKLE_STRING,
    LIP_PICKLE_BYTES,
    LIP_PICKLE_TUPLE,
    LIP_PICKLE_LIST, /* sets as well */
    LIP_PICKLE_DICT,
    LIP_PICKLE_GLOBAL,     /* a name; see lip_pickle_is_global */
    LIP_PICKLE_CALL,       /* callee(argument), and items put into it */
    LIP_PICKLE_PERSISTENT, /* argument: the id */
    LIP_PICKLE_MARK        /* never seen outside */
};

/* Values go by their numbers in `value`; containers may hold themselves. */
struct lip_pickle_value {
    enum lip_pickle_type type;
    uint32_t first, last, count; /* items: numbers in `item`, from 1; 0: none */
    uint32_t callee, argument;   /* CALL and PERSISTENT */
    int64_t integer;             /* INT, BOOL */
    const char *text;            /* STRING, BYTES; GLOBAL: two lines, or NULL
                                  * where its items are the two */
    size_t size;
};

/* An element, or a key and its value; `next` is 0 at the end. */
struct lip_pickle_item {
    uint32_t key, value, next;
};

struct lip_pickle {
    struct lip_pickle_value *value;
    size_t values, value_capacity;
    struct lip_pickle_item *item; /* item[0] is not used */
    size_t items, item_capacity;
    uint32_t root;
};

/* Reads one pickle of protocol 2 to 5. Memory and time are linear in `size`,
 * which is at most 16 MiB: values are referred to, never copied.
 * LIP_MALFORMED; LIP_UNSUPPORTED: an opcode of other protocols;
 * LIP_TOO_LARGE: the stack or the memo is. To be cleared, also after a
 * failure. */
enum lip_status lip_pickle_read(struct lip_pickle *out,
                                const unsigned char *bytes, size_t size,
                                struct lip_ctx *ctx);
void lip_pickle_clear(struct lip_pickle *pickle);

/* Item number i of a value, counted from 0: the number of its value; false
 * where there are not so many. O(i). */
bool lip_pickle_at(uint32_t *out, const struct lip_pickle *pickle,
                   uint32_t value, uint32_t i);

/* Whether the value is the global of this name: "torch FloatStorage". */
bool lip_pickle_is_global(const struct lip_pickle *pickle, uint32_t value,
                          const char *name);

/* "torch.nn.modules.linear.Linear" into text[size], "" where the value is no
 * global; returns text. */
const char *lip_pickle_name(char *text, size_t size,
                            const struct lip_pickle *pickle, uint32_t value);

#endif
