/* SPDX-License-Identifier: MIT
 *
 * The bytes of a file while it is written. */
#include "formats/output.h"

#include "base/size.h"
#include "formats/json_string.h"
#include "formats/number.h"
#include "formats/reader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_ROOM = 4096, NUMBER = 40 };

static bool grow(struct lip_output *output, size_t needed)
{
    size_t capacity = output->capacity ? output->capacity : FIRST_ROOM;
    while (capacity < needed && lip_size_mul(&capacity, capacity, 2))
        ;
    unsigned char *data = lip_realloc(output->ctx, output->data,
                                      capacity < needed ? needed : capacity, 1);
    if (!data) {
        output->status = lip_memory_status(output->ctx);
        return false;
    }
    output->data = data;
    output->capacity = capacity < needed ? needed : capacity;
    return true;
}

unsigned char *lip_output_room(struct lip_output *output, size_t size)
{
    size_t needed;
    if (output->status != LIP_OK)
        return NULL;
    if (!lip_size_add(&needed, output->size, size)) {
        output->status = lip_fail(output->ctx, LIP_TOO_LARGE,
                                  "The file is beyond the address space.");
        return NULL;
    }
    if (needed > output->capacity && !grow(output, needed))
        return NULL;
    unsigned char *room = output->data + output->size;
    output->size = needed;
    return room;
}

void lip_output_bytes(struct lip_output *output, const void *bytes, size_t size)
{
    unsigned char *room = lip_output_room(output, size);
    if (room && size)
        memcpy(room, bytes, size);
}

void lip_output_text(struct lip_output *output, const char *text)
{
    lip_output_bytes(output, text, strlen(text));
}

void lip_output_little(struct lip_output *output, uint64_t value, size_t width)
{
    unsigned char *room = lip_output_room(output, width);
    for (size_t i = 0; room && i < width; i++)
        room[i] = (unsigned char)(value >> 8 * i & 255);
}

void lip_output_string(struct lip_output *output, const void *text, size_t size)
{
    const unsigned char *p = text;
    bool valid = lip_utf8_valid(p, size);
    lip_output_text(output, "\"");
    for (size_t i = 0, run = 0; i <= size; i++) {
        bool plain = i < size && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' &&
                     p[i] != 0x7f && (valid || p[i] < 0x80);
        if (plain)
            continue;
        lip_output_bytes(output, p + run, i - run);
        run = i + 1;
        char escape[8] = "?";
        if (i < size && p[i] < 0x80)
            snprintf(escape, sizeof escape, "\\u%04x", p[i]);
        if (i < size && (p[i] == '"' || p[i] == '\\'))
            snprintf(escape, sizeof escape, "\\%c", p[i]);
        if (i < size)
            lip_output_text(output, escape);
    }
    lip_output_text(output, "\"");
}

static bool reads_back(const char *text, size_t size, double value)
{
    const unsigned char *start = (const unsigned char *)text;
    double read = 0;
    lip_number_read(&read, start, start + size);
    return memcmp(&read, &value, sizeof value) == 0;
}

void lip_output_number(struct lip_output *output, double value)
{
    char text[NUMBER];
    int size = 0;
    if (value == 0) {
        /* "-0" is an integer to many readers, which lose its sign. */
        lip_output_text(output, signbit(value) ? "-0.0" : "0");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        size = snprintf(text, sizeof text, "%.*g", digits, value);
        if (reads_back(text, (size_t)size, value))
            break;
    }
    lip_output_bytes(output, text, (size_t)size);
}

void lip_output_size(struct lip_output *output, size_t value)
{
    char text[NUMBER];
    snprintf(text, sizeof text, "%zu", value);
    lip_output_text(output, text);
}

void lip_output_tensor(struct lip_output *output,
                       const struct lip_tensor *tensor)
{
    size_t size = lip_tensor_count(tensor) * lip_dtype_size(tensor->dtype);
    unsigned char *room = lip_output_room(output, size);
    if (room)
        lip_tensor_copy(room, tensor);
}

enum lip_status lip_output_finish(unsigned char **out, size_t *size,
                                  struct lip_output *output)
{
    *out = NULL;
    *size = 0;
    if (output->status == LIP_OK) {
        *out = output->data;
        *size = output->size;
        output->data = NULL;
    }
    enum lip_status status = output->status;
    lip_output_clear(output);
    return status;
}

void lip_output_clear(struct lip_output *output)
{
    lip_free(output->data);
    output->data = NULL;
    output->size = output->capacity = 0;
}
