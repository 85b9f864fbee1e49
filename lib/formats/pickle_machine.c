/* SPDX-License-Identifier: MIT
 *
 * Everything that grows is bounded, everything that is read is there. */
#include "formats/pickle_machine.h"

#include "formats/reader.h"

#include <stdio.h>
#include <string.h>

enum { MAX_STACK = 1 << 20 };

enum lip_status lip_machine_fail(struct lip_machine *m, const char *what)
{
    char where[32];
    snprintf(where, sizeof where, "%zu", (size_t)(m->at - m->start));
    return lip_fail_at(m->ctx, LIP_MALFORMED, LIP_AT_BYTE, where,
                       "The pickle is damaged before its byte %s: %s.", where,
                       what);
}

/* --- memory */

void *lip_machine_grown(void *block, size_t *capacity, size_t count,
                        size_t size, struct lip_ctx *ctx)
{
    if (count < *capacity)
        return block;
    size_t wanted = *capacity ? 2 * *capacity : 64;
    while (wanted <= count)
        wanted *= 2;
    void *larger = lip_realloc(ctx, block, wanted, size);
    if (larger)
        *capacity = wanted;
    return larger;
}

enum lip_status lip_machine_push(struct lip_machine *m, uint32_t value)
{
    if (m->depth == MAX_STACK)
        return lip_fail(m->ctx, LIP_TOO_LARGE,
                        "The pickle needs a stack of more than %d values.",
                        MAX_STACK);
    uint32_t *stack = lip_machine_grown(m->stack, &m->stack_capacity, m->depth,
                                        sizeof *stack, m->ctx);
    if (!stack)
        return lip_memory_status(m->ctx);
    m->stack = stack;
    m->stack[m->depth++] = value;
    return LIP_OK;
}

enum lip_status lip_machine_push_new(struct lip_machine *m,
                                     const struct lip_pickle_value *value)
{
    struct lip_pickle *out = m->out;
    struct lip_pickle_value *values = lip_machine_grown(
        out->value, &out->value_capacity, out->values, sizeof *values, m->ctx);
    if (!values)
        return lip_memory_status(m->ctx);
    out->value = values;
    out->value[out->values] = *value;
    return lip_machine_push(m, (uint32_t)out->values++);
}

enum lip_status lip_machine_push_type(struct lip_machine *m, unsigned type)
{
    return lip_machine_push_new(
        m, &(struct lip_pickle_value){.type = (enum lip_pickle_type)type});
}

enum lip_status lip_machine_pop(uint32_t *out, struct lip_machine *m)
{
    *out = 0;
    if (m->depth == 0)
        return lip_machine_fail(m, "its stack is empty");
    *out = m->stack[--m->depth];
    if (m->out->value[*out].type == LIP_PICKLE_MARK)
        return lip_machine_fail(m, "a mark stands where a value should");
    return LIP_OK;
}

enum lip_status lip_machine_add(struct lip_machine *m, uint32_t owner,
                                uint32_t key, uint32_t value)
{
    struct lip_pickle *out = m->out;
    struct lip_pickle_item *items = lip_machine_grown(
        out->item, &out->item_capacity, out->items, sizeof *items, m->ctx);
    if (!items)
        return lip_memory_status(m->ctx);
    out->item = items;
    uint32_t number = (uint32_t)out->items++;
    out->item[number] = (struct lip_pickle_item){key, value, 0};
    struct lip_pickle_value *o = &out->value[owner];
    if (o->last)
        out->item[o->last].next = number;
    else
        o->first = number;
    o->last = number;
    o->count++;
    return LIP_OK;
}

enum lip_status lip_machine_find_mark(size_t *out, struct lip_machine *m)
{
    size_t i = m->depth;
    while (i > 0 && m->out->value[m->stack[i - 1]].type != LIP_PICKLE_MARK)
        i--;
    *out = i;
    return i > 0 ? LIP_OK : lip_machine_fail(m, "a mark is missing");
}

/* --- reading */

enum lip_status lip_machine_number(uint64_t *out, struct lip_machine *m,
                                   size_t n)
{
    *out = 0;
    if (lip_machine_left(m) < n)
        return lip_machine_fail(m, "it ends there");
    for (size_t i = n; i-- > 0;)
        *out = *out << 8 | m->at[i];
    m->at += n;
    return LIP_OK;
}

enum lip_status lip_machine_bytes(const char **out, size_t *size,
                                  struct lip_machine *m, size_t width)
{
    uint64_t length;
    enum lip_status status = lip_machine_number(&length, m, width);
    if (status == LIP_OK && length > lip_machine_left(m))
        status = lip_machine_fail(m, "a text goes on beyond its end");
    if (status != LIP_OK)
        return status;
    *out = (const char *)m->at;
    *size = length;
    m->at += length;
    return LIP_OK;
}

enum lip_status lip_machine_line(struct lip_machine *m)
{
    const unsigned char *end = memchr(m->at, '\n', lip_machine_left(m));
    if (!end)
        return lip_machine_fail(m, "a name does not end");
    m->at = end + 1;
    return LIP_OK;
}
