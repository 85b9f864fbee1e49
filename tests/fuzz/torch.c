/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a PyTorch file, or, where they do not begin as a zip file, as
 * the pickle in one: behind a right checksum, which no fuzzer guesses. */
#include "formats/torch.h"

#include "tests/fuzz/reader.h"

#include <zlib.h>

enum { STORAGES = 4, STORAGE = 64, ROOM = 4096 };

struct archive {
    uint8_t *data;
    size_t size;
    uint8_t directory[ROOM];
    size_t directory_size;
    unsigned count;
};

static void put(uint8_t *out, size_t *size, const void *data, size_t n)
{
    if (n)
        memcpy(out + *size, data, n);
    *size += n;
}

static void number(uint8_t *out, size_t *size, uint64_t value, int width)
{
    for (int i = 0; i < width; i++, value >>= 8)
        out[(*size)++] = (uint8_t)value;
}

/* What local header and directory entry have in common. */
static void put_common(uint8_t *out, size_t *size, const char *name,
                       const void *data, size_t n)
{
    number(out, size, 0, 2 + 2 + 2 + 2 + 2);
    number(out, size, crc32(crc32(0, NULL, 0), data, (uInt)n), 4);
    number(out, size, n, 4);
    number(out, size, n, 4);
    number(out, size, strlen(name), 2);
    number(out, size, 0, 2);
}

static void add(struct archive *a, const char *name, const void *data, size_t n)
{
    size_t begin = a->size;
    put(a->data, &a->size, "PK\3\4", 4);
    put_common(a->data, &a->size, name, data, n);
    put(a->data, &a->size, name, strlen(name));
    put(a->data, &a->size, data, n);
    put(a->directory, &a->directory_size, "PK\1\2\0\0", 6);
    put_common(a->directory, &a->directory_size, name, data, n);
    number(a->directory, &a->directory_size, 0, 2 + 2 + 2 + 4);
    number(a->directory, &a->directory_size, begin, 4);
    put(a->directory, &a->directory_size, name, strlen(name));
    a->count++;
}

static void finish(struct archive *a)
{
    size_t begin = a->size;
    put(a->data, &a->size, a->directory, a->directory_size);
    put(a->data, &a->size, "PK\5\6\0\0\0\0", 8);
    number(a->data, &a->size, a->count, 2);
    number(a->data, &a->size, a->count, 2);
    number(a->data, &a->size, a->directory_size, 4);
    number(a->data, &a->size, begin, 4);
    number(a->data, &a->size, 0, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t numbers[STORAGE];
    struct archive a = {0};
    if (size > 1 << 20 || (size > 1 && memcmp(data, "PK", 2) == 0))
        return read_model(&lip_format_torch, data, size);
    for (size_t i = 0; i < STORAGE; i++)
        numbers[i] = (uint8_t)(i * 37 % 64);
    a.data = malloc(size + 2 * ROOM);
    HOLDS(a.data);
    add(&a, "x/data.pkl", data, size);
    for (int i = 0; i < STORAGES; i++) {
        char name[] = "x/data/0";
        name[7] = (char)('0' + i);
        add(&a, name, numbers, STORAGE);
    }
    finish(&a);
    read_model(&lip_format_torch, a.data, a.size);
    free(a.data);
    return 0;
}
