/* SPDX-License-Identifier: MIT
 *
 * The opcodes of pickles (Lib/pickletools.py describes them), which make values
 * that stand for objects in the place of objects. */
#include "formats/pickle_machine.h"

#include "formats/reader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SIZE = 16 << 20, MAX_MEMO = 1 << 22, TICK = 1 << 16 /* opcodes */ };

/* --- plain values */

static enum lip_status op_mark(struct lip_machine *m, unsigned argument)
{
    (void)argument;
    return lip_machine_push_type(m, LIP_PICKLE_MARK);
}

static enum lip_status op_constant(struct lip_machine *m, unsigned type)
{
    return lip_machine_push_type(m, type);
}

static enum lip_status op_bool(struct lip_machine *m, unsigned value)
{
    return lip_machine_push_new(
        m, &(struct lip_pickle_value){.type = LIP_PICKLE_BOOL,
                                      .integer = (int)value});
}

/* BININT1 and 2 are unsigned, BININT is not. */
static enum lip_status op_int(struct lip_machine *m, unsigned width)
{
    uint64_t number;
    enum lip_status status = lip_machine_number(&number, m, width);
    if (status != LIP_OK)
        return status;
    int64_t value =
        width == 4 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number;
    return lip_machine_push_new(
        m,
        &(struct lip_pickle_value){.type = LIP_PICKLE_INT, .integer = value});
}

static enum lip_status op_float(struct lip_machine *m, unsigned argument)
{
    uint64_t number;
    (void)argument;
    enum lip_status status = lip_machine_number(&number, m, 8);
    return status == LIP_OK ? lip_machine_push_type(m, LIP_PICKLE_NUMBER)
                            : status;
}

/* Two's complement of as many bytes as the number in front says. */
static enum lip_status op_long(struct lip_machine *m, unsigned width)
{
    const char *bytes;
    size_t size;
    enum lip_status status = lip_machine_bytes(&bytes, &size, m, width);
    if (status != LIP_OK)
        return status;
    if (size > 8)
        return lip_machine_push_type(m, LIP_PICKLE_NUMBER);
    uint64_t number = size && bytes[size - 1] < 0 ? UINT64_MAX : 0;
    for (size_t i = size; i-- > 0;)
        number = number << 8 | (unsigned char)bytes[i];
    return lip_machine_push_new(
        m, &(struct lip_pickle_value){.type = LIP_PICKLE_INT,
                                      .integer = (int64_t)number});
}

static enum lip_status op_text(struct lip_machine *m, unsigned width,
                               unsigned type)
{
    struct lip_pickle_value value = {.type = (enum lip_pickle_type)type};
    enum lip_status status =
        lip_machine_bytes(&value.text, &value.size, m, width);
    return status == LIP_OK ? lip_machine_push_new(m, &value) : status;
}

static enum lip_status op_string(struct lip_machine *m, unsigned width)
{
    return op_text(m, width, LIP_PICKLE_STRING);
}

static enum lip_status op_bytes(struct lip_machine *m, unsigned width)
{
    return op_text(m, width, LIP_PICKLE_BYTES);
}

/* --- containers */

/* Takes the values from `begin` on off the stack and makes a tuple or list of
 * them, without what lies `below` it: the mark. */
static enum lip_status collect(struct lip_machine *m, size_t begin,
                               size_t below, enum lip_pickle_type type)
{
    size_t end = m->depth;
    uint32_t owner = (uint32_t)m->out->values;
    enum lip_status status = lip_machine_push_type(m, type);
    for (size_t i = begin; i < end && status == LIP_OK; i++)
        status = m->out->value[m->stack[i]].type == LIP_PICKLE_MARK
                     ? lip_machine_fail(m, "a mark stands where a value should")
                     : lip_machine_add(m, owner, 0, m->stack[i]);
    if (status != LIP_OK)
        return status;
    m->depth = begin - below;
    return lip_machine_push(m, owner);
}

static enum lip_status op_tuple(struct lip_machine *m, unsigned count)
{
    if (m->depth < count)
        return lip_machine_fail(m, "its stack is empty");
    return collect(m, m->depth - count, 0, LIP_PICKLE_TUPLE);
}

static enum lip_status op_collect(struct lip_machine *m, unsigned type)
{
    size_t begin;
    enum lip_status status = lip_machine_find_mark(&begin, m);
    return status == LIP_OK ? collect(m, begin, 1, (enum lip_pickle_type)type)
                            : status;
}

/* The container under position `begin` of the stack. */
static enum lip_status owner_at(uint32_t *out, struct lip_machine *m,
                                size_t begin, enum lip_pickle_type type)
{
    if (begin == 0)
        return lip_machine_fail(m, "its stack is empty");
    *out = m->stack[begin - 1];
    enum lip_pickle_type found = m->out->value[*out].type;
    if (found == type || found == LIP_PICKLE_CALL)
        return LIP_OK;
    return lip_machine_fail(m, "items are put into what holds none");
}

static enum lip_status append(struct lip_machine *m, size_t begin, size_t below)
{
    uint32_t owner;
    enum lip_status status =
        owner_at(&owner, m, begin - below, LIP_PICKLE_LIST);
    for (size_t i = begin; i < m->depth && status == LIP_OK; i++)
        status = lip_machine_add(m, owner, 0, m->stack[i]);
    m->depth = begin - below;
    return status;
}

static enum lip_status set_items(struct lip_machine *m, size_t begin,
                                 size_t below)
{
    uint32_t owner;
    enum lip_status status =
        owner_at(&owner, m, begin - below, LIP_PICKLE_DICT);
    if (status == LIP_OK && (m->depth - begin) % 2)
        return lip_machine_fail(m, "a key has no value");
    for (size_t i = begin; i < m->depth && status == LIP_OK; i += 2)
        status = lip_machine_add(m, owner, m->stack[i], m->stack[i + 1]);
    m->depth = begin - below;
    return status;
}

/* One value is appended, or set under a key. */
static enum lip_status op_one(struct lip_machine *m, unsigned pair)
{
    uint32_t top;
    size_t count = 1 + pair;
    if (m->depth < count)
        return lip_machine_fail(m, "its stack is empty");
    for (size_t i = 0; i < count; i++) {
        enum lip_status status = lip_machine_pop(&top, m);
        if (status != LIP_OK)
            return status;
    }
    m->depth += count;
    return pair ? set_items(m, m->depth - count, 0)
                : append(m, m->depth - count, 0);
}

static enum lip_status op_many(struct lip_machine *m, unsigned pair)
{
    size_t begin;
    enum lip_status status = lip_machine_find_mark(&begin, m);
    if (status != LIP_OK)
        return status;
    return pair ? set_items(m, begin, 1) : append(m, begin, 1);
}

static enum lip_status op_dict(struct lip_machine *m, unsigned argument)
{
    size_t begin;
    (void)argument;
    enum lip_status status = lip_machine_find_mark(&begin, m);
    if (status != LIP_OK)
        return status;
    /* The dictionary takes the place of the mark, under its items. */
    size_t end = m->depth;
    status = lip_machine_push_type(m, LIP_PICKLE_DICT);
    if (status != LIP_OK)
        return status;
    m->stack[begin - 1] = m->stack[end];
    m->depth = end;
    return set_items(m, begin, 0);
}

/* --- objects */

static enum lip_status op_global(struct lip_machine *m, unsigned argument)
{
    struct lip_pickle_value value = {.type = LIP_PICKLE_GLOBAL,
                                     .text = (const char *)m->at};
    (void)argument;
    enum lip_status status = lip_machine_line(m);
    if (status == LIP_OK)
        status = lip_machine_line(m);
    if (status != LIP_OK)
        return status;
    value.size = (size_t)((const char *)m->at - value.text) - 1;
    return lip_machine_push_new(m, &value);
}

/* Module and name come from the stack: they are kept as a list of the two. */
static enum lip_status op_stack_global(struct lip_machine *m, unsigned argument)
{
    uint32_t name, module;
    (void)argument;
    enum lip_status status = lip_machine_pop(&name, m);
    if (status == LIP_OK)
        status = lip_machine_pop(&module, m);
    if (status != LIP_OK)
        return status;
    if (m->out->value[name].type != LIP_PICKLE_STRING ||
        m->out->value[module].type != LIP_PICKLE_STRING)
        return lip_machine_fail(m, "the name of a global is no text");
    status = lip_machine_push_type(m, LIP_PICKLE_GLOBAL);
    uint32_t owner = (uint32_t)m->out->values - 1;
    if (status == LIP_OK)
        status = lip_machine_add(m, owner, 0, module);
    return status == LIP_OK ? lip_machine_add(m, owner, 0, name) : status;
}

/* REDUCE, NEWOBJ and NEWOBJ_EX, which has one argument more. */
static enum lip_status op_call(struct lip_machine *m, unsigned more)
{
    uint32_t named;
    struct lip_pickle_value value = {.type = LIP_PICKLE_CALL};
    enum lip_status status = more ? lip_machine_pop(&named, m) : LIP_OK;
    if (status == LIP_OK)
        status = lip_machine_pop(&value.argument, m);
    if (status == LIP_OK)
        status = lip_machine_pop(&value.callee, m);
    return status == LIP_OK ? lip_machine_push_new(m, &value) : status;
}

/* The state of an object is of no use to anybody here. */
static enum lip_status op_build(struct lip_machine *m, unsigned argument)
{
    uint32_t state, object;
    (void)argument;
    enum lip_status status = lip_machine_pop(&state, m);
    if (status == LIP_OK)
        status = lip_machine_pop(&object, m);
    return status == LIP_OK ? lip_machine_push(m, object) : status;
}

static enum lip_status op_persistent(struct lip_machine *m, unsigned argument)
{
    struct lip_pickle_value value = {.type = LIP_PICKLE_PERSISTENT};
    (void)argument;
    enum lip_status status = lip_machine_pop(&value.argument, m);
    return status == LIP_OK ? lip_machine_push_new(m, &value) : status;
}

/* --- stack and memo */

static enum lip_status op_pop(struct lip_machine *m, unsigned argument)
{
    (void)argument;
    if (m->depth == 0)
        return lip_machine_fail(m, "its stack is empty");
    m->depth--;
    return LIP_OK;
}

static enum lip_status op_pop_mark(struct lip_machine *m, unsigned argument)
{
    size_t begin;
    (void)argument;
    enum lip_status status = lip_machine_find_mark(&begin, m);
    if (status == LIP_OK)
        m->depth = begin - 1;
    return status;
}

static enum lip_status op_duplicate(struct lip_machine *m, unsigned argument)
{
    uint32_t top;
    (void)argument;
    enum lip_status status = lip_machine_pop(&top, m);
    if (status == LIP_OK)
        status = lip_machine_push(m, top);
    return status == LIP_OK ? lip_machine_push(m, top) : status;
}

static enum lip_status remember(struct lip_machine *m, uint64_t slot)
{
    uint32_t top;
    enum lip_status status = lip_machine_pop(&top, m);
    if (status != LIP_OK)
        return status;
    m->depth++;
    if (slot >= MAX_MEMO)
        return lip_fail(m->ctx, LIP_TOO_LARGE,
                        "The pickle remembers more than %d values.", MAX_MEMO);
    size_t had = m->memo_capacity;
    uint32_t *memo = lip_machine_grown(m->memo, &m->memo_capacity, slot,
                                       sizeof *memo, m->ctx);
    if (!memo)
        return lip_memory_status(m->ctx);
    m->memo = memo;
    memset(m->memo + had, 0, (m->memo_capacity - had) * sizeof *m->memo);
    m->memoized += m->memo[slot] == 0;
    m->memo[slot] = top + 1;
    return LIP_OK;
}

static enum lip_status op_put(struct lip_machine *m, unsigned width)
{
    uint64_t slot;
    enum lip_status status = lip_machine_number(&slot, m, width);
    return status == LIP_OK ? remember(m, slot) : status;
}

static enum lip_status op_memoize(struct lip_machine *m, unsigned argument)
{
    (void)argument;
    return remember(m, m->memoized);
}

static enum lip_status op_get(struct lip_machine *m, unsigned width)
{
    uint64_t slot;
    enum lip_status status = lip_machine_number(&slot, m, width);
    if (status != LIP_OK)
        return status;
    if (slot >= m->memo_capacity || !m->memo[slot])
        return lip_machine_fail(m, "it asks for a value that it has not kept");
    return lip_machine_push(m, m->memo[slot] - 1);
}

/* --- the program */

static enum lip_status op_protocol(struct lip_machine *m, unsigned argument)
{
    uint64_t protocol;
    (void)argument;
    enum lip_status status = lip_machine_number(&protocol, m, 1);
    if (status == LIP_OK && (protocol < 2 || protocol > 5))
        return lip_fail(m->ctx, LIP_UNSUPPORTED,
                        "The pickle is of protocol %u. Protocols 2 to 5 are "
                        "read: save it with torch.save's own.",
                        (unsigned)protocol);
    return status;
}

static enum lip_status op_frame(struct lip_machine *m, unsigned argument)
{
    uint64_t size;
    (void)argument;
    return lip_machine_number(&size, m, 8);
}

static enum lip_status op_stop(struct lip_machine *m, unsigned argument)
{
    (void)argument;
    m->stopped = true;
    return lip_machine_pop(&m->out->root, m);
}

/* Opcodes by their byte. */
static const struct {
    enum lip_status (*run)(struct lip_machine *m, unsigned argument);
    unsigned argument;
} operation[256] = {
    [0x80] = {op_protocol, 0},
    [0x95] = {op_frame, 0},
    ['.'] = {op_stop, 0},
    ['('] = {op_mark, 0},
    ['0'] = {op_pop, 0},
    ['1'] = {op_pop_mark, 0},
    ['2'] = {op_duplicate, 0},
    ['N'] = {op_constant, LIP_PICKLE_NONE},
    [0x88] = {op_bool, 1},
    [0x89] = {op_bool, 0},
    ['K'] = {op_int, 1},
    ['M'] = {op_int, 2},
    ['J'] = {op_int, 4},
    ['G'] = {op_float, 0},
    [0x8a] = {op_long, 1},
    [0x8b] = {op_long, 4},
    [0x8c] = {op_string, 1},
    ['X'] = {op_string, 4},
    [0x8d] = {op_string, 8},
    ['U'] = {op_string, 1},
    ['T'] = {op_string, 4},
    ['C'] = {op_bytes, 1},
    ['B'] = {op_bytes, 4},
    [0x8e] = {op_bytes, 8},
    [0x96] = {op_bytes, 8},
    [')'] = {op_tuple, 0},
    [0x85] = {op_tuple, 1},
    [0x86] = {op_tuple, 2},
    [0x87] = {op_tuple, 3},
    ['t'] = {op_collect, LIP_PICKLE_TUPLE},
    ['l'] = {op_collect, LIP_PICKLE_LIST},
    [0x91] = {op_collect, LIP_PICKLE_LIST}, /* a frozen set */
    ['d'] = {op_dict, 0},
    [']'] = {op_constant, LIP_PICKLE_LIST},
    [0x8f] = {op_constant, LIP_PICKLE_LIST}, /* a set */
    ['}'] = {op_constant, LIP_PICKLE_DICT},
    ['a'] = {op_one, 0},
    ['s'] = {op_one, 1},
    ['e'] = {op_many, 0},
    [0x90] = {op_many, 0},
    ['u'] = {op_many, 1},
    ['c'] = {op_global, 0},
    [0x93] = {op_stack_global, 0},
    ['R'] = {op_call, 0},
    [0x81] = {op_call, 0},
    [0x92] = {op_call, 1},
    ['b'] = {op_build, 0},
    ['Q'] = {op_persistent, 0},
    ['q'] = {op_put, 1},
    ['r'] = {op_put, 4},
    [0x94] = {op_memoize, 0},
    ['h'] = {op_get, 1},
    ['j'] = {op_get, 4},
};

static enum lip_status run(struct lip_machine *m)
{
    enum lip_status status = LIP_OK;
    size_t size = lip_machine_left(m);
    for (size_t steps = 1; status == LIP_OK && !m->stopped; steps++) {
        if (lip_machine_left(m) == 0)
            return lip_machine_fail(m, "it ends there");
        unsigned char code = *m->at++;
        if (!operation[code].run)
            return lip_fail(m->ctx, LIP_UNSUPPORTED,
                            "The pickle has an instruction (0x%02x) that is "
                            "not in protocols 2 to 5 of state dicts. Save "
                            "model.state_dict() with torch.save.",
                            code);
        status = operation[code].run(m, operation[code].argument);
        if (status == LIP_OK && steps % TICK == 0)
            status = lip_tick(m->ctx, "reading the pickle",
                              (double)(m->at - m->start), (double)size, NAN);
    }
    return status;
}

enum lip_status lip_pickle_read(struct lip_pickle *out,
                                const unsigned char *bytes, size_t size,
                                struct lip_ctx *ctx)
{
    struct lip_machine m = {.out = out,
                            .start = bytes,
                            .at = bytes,
                            .end = bytes + size,
                            .ctx = ctx};
    memset(out, 0, sizeof *out);
    out->items = 1;
    if (size > MAX_SIZE)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "The pickle is longer than %d bytes; a state dict has "
                        "some hundred bytes for each tensor.",
                        MAX_SIZE);
    enum lip_status status = run(&m);
    lip_free(m.stack);
    lip_free(m.memo);
    return status;
}

void lip_pickle_clear(struct lip_pickle *pickle)
{
    lip_free(pickle->value);
    lip_free(pickle->item);
    memset(pickle, 0, sizeof *pickle);
}

bool lip_pickle_at(uint32_t *out, const struct lip_pickle *pickle,
                   uint32_t value, uint32_t i)
{
    uint32_t number = pickle->value[value].first;
    while (number && i-- > 0)
        number = pickle->item[number].next;
    if (number)
        *out = pickle->item[number].value;
    return number;
}

static bool is_text(const struct lip_pickle_value *value, const char *text,
                    size_t size)
{
    return value->size == size && memcmp(value->text, text, size) == 0;
}

bool lip_pickle_is_global(const struct lip_pickle *pickle, uint32_t value,
                          const char *name)
{
    const struct lip_pickle_value *v = &pickle->value[value];
    size_t size = strlen(name), module = strcspn(name, " ");
    uint32_t first, second;
    if (v->type != LIP_PICKLE_GLOBAL)
        return false;
    if (v->text) /* the two lines of GLOBAL */
        return v->size == size && v->text[module] == '\n' &&
               memcmp(v->text, name, module) == 0 &&
               memcmp(v->text + module + 1, name + module + 1,
                      size - module - 1) == 0;
    return lip_pickle_at(&first, pickle, value, 0) &&
           lip_pickle_at(&second, pickle, value, 1) &&
           is_text(&pickle->value[first], name, module) &&
           is_text(&pickle->value[second], name + module + 1,
                   size - module - 1);
}

const char *lip_pickle_name(char *text, size_t size,
                            const struct lip_pickle *pickle, uint32_t value)
{
    const struct lip_pickle_value *v = &pickle->value[value];
    const char *newline = v->text ? memchr(v->text, '\n', v->size) : NULL;
    uint32_t first, second;
    *text = '\0';
    if (newline) {
        int module = (int)(newline - v->text), name = (int)v->size - module - 1;
        snprintf(text, size, "%.*s.%.*s", module, v->text, name, newline + 1);
    } else if (v->type == LIP_PICKLE_GLOBAL &&
               lip_pickle_at(&first, pickle, value, 0) &&
               lip_pickle_at(&second, pickle, value, 1)) {
        const struct lip_pickle_value *a = &pickle->value[first],
                                      *b = &pickle->value[second];
        snprintf(text, size, "%.*s.%.*s", (int)a->size, a->text, (int)b->size,
                 b->text);
    }
    return text;
}
