/* SPDX-License-Identifier: MIT
 *
 * Widening numbers as NumPy stores them. */
#include "api/dataset_element.h"

#include "network/element.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

static uint64_t little(const unsigned char *in, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, in, size);
    return le64toh(value);
}

/* Whole numbers of a width; the type extends the sign. */
#define WHOLE(name, type)                                                      \
    static void widen_##name(double *out, const unsigned char *in,             \
                             size_t count)                                     \
    {                                                                          \
        for (size_t i = 0; i < count; i++)                                     \
            out[i] =                                                           \
                (double)(type)little(in + i * sizeof(type), sizeof(type));     \
    }
WHOLE(u1, uint8_t)
WHOLE(u2, uint16_t)
WHOLE(u4, uint32_t)
WHOLE(u8, uint64_t)
WHOLE(i1, int8_t)
WHOLE(i2, int16_t)
WHOLE(i4, int32_t)
WHOLE(i8, int64_t)

static void widen_f8(double *out, const unsigned char *in, size_t count)
{
    lip_element_f64.widen(out, in, count);
}

static void widen_f4(double *out, const unsigned char *in, size_t count)
{
    lip_element_f32.widen(out, in, count);
}

static void widen_f2(double *out, const unsigned char *in, size_t count)
{
    lip_element_f16.widen(out, in, count);
}

static const struct api_element elements[] = {
    {"f4", 4, false, widen_f4}, {"f8", 8, false, widen_f8},
    {"f2", 2, false, widen_f2}, {"u1", 1, true, widen_u1},
    {"i8", 8, true, widen_i8},  {"i4", 4, true, widen_i4},
    {"i2", 2, true, widen_i2},  {"i1", 1, true, widen_i1},
    {"u2", 2, true, widen_u2},  {"u4", 4, true, widen_u4},
    {"u8", 8, true, widen_u8},  {"b1", 1, true, widen_u1},
};

const struct api_element *api_element_find(const char *descr)
{
    if (!*descr || !strchr("<>|", *descr))
        return NULL;
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (!strcmp(descr + 1, elements[i].name))
            return *descr != '|' || elements[i].size == 1 ? &elements[i] : NULL;
    return NULL;
}

void api_element_swap(unsigned char *bytes, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++, bytes += size)
        for (size_t k = 0; k < size / 2; k++) {
            unsigned char byte = bytes[k];
            bytes[k] = bytes[size - 1 - k];
            bytes[size - 1 - k] = byte;
        }
}
