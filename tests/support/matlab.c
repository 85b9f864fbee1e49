/* SPDX-License-Identifier: MIT
 *
 * The cell array `weights` of a MATLAB level 5 MAT-file: a header of 128
 * bytes, then elements of a tag (type, size) and data padded to 8 bytes. A
 * matrix is an element made of elements: flags, dimensions, name, content. A
 * compressed element holds another one, deflated. Trusted files only. */
#include "tests/support/golden.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MI_MATRIX = 14, MI_COMPRESSED = 15, MI_DOUBLE = 9, CELL_CLASS = 1 };

struct bytes {
    const unsigned char *at, *end;
};

struct element {
    uint32_t type;
    struct bytes data;
};

static uint32_t word(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

/* The next element; small ones keep their data in the tag. */
static struct element take(struct bytes *from)
{
    ck_assert_int_ge(from->end - from->at, 8);
    uint32_t type = word(from->at), size = word(from->at + 4);
    const unsigned char *data = from->at + 8;
    if (type >> 16) {
        size = type >> 16;
        type &= 0xffff;
        data = from->at + 4;
        from->at += 8;
    } else {
        bool packed = type == MI_COMPRESSED;
        ck_assert_int_le(size, from->end - data);
        from->at = data + (packed ? size : (size + 7) / 8 * 8);
    }
    return (struct element){type, {data, data + size}};
}

/* The matrix inside a compressed element; *block is to be freed. */
static struct element inflated(struct element packed, unsigned char **block)
{
    size_t in = (size_t)(packed.data.end - packed.data.at);
    unsigned long size = 64 * in + 65536;
    *block = malloc(size);
    ck_assert_ptr_nonnull(*block);
    ck_assert_int_eq(uncompress(*block, &size, packed.data.at, in), Z_OK);
    struct bytes all = {*block, *block + size};
    return take(&all);
}

struct matlab_matrix {
    unsigned class;
    size_t rows, cols;
    char name[64];
    struct bytes content;
};

static struct matlab_matrix open_matrix(struct element e)
{
    struct matlab_matrix m = {0};
    ck_assert_uint_eq(e.type, MI_MATRIX);
    struct bytes in = e.data;
    m.class = take(&in).data.at[0];
    struct element dims = take(&in), name = take(&in);
    m.rows = word(dims.data.at);
    m.cols = word(dims.data.at + 4);
    size_t length = (size_t)(name.data.end - name.data.at);
    ck_assert_uint_lt(length, sizeof m.name);
    memcpy(m.name, name.data.at, length);
    m.content = in;
    return m;
}

/* Column-major doubles into a matrix by rows. */
static void add_weight(struct plain *net, struct matlab_matrix m)
{
    struct element e = take(&m.content);
    size_t i = net->links++;
    ck_assert_uint_eq(e.type, MI_DOUBLE);
    ck_assert_uint_eq((size_t)(e.data.end - e.data.at), 8 * m.rows * m.cols);
    ck_assert(i == 0 || net->width[i] == m.cols);
    net->width[i] = m.cols;
    net->width[i + 1] = m.rows;
    net->weight[i] = malloc(8 * m.rows * m.cols);
    ck_assert_ptr_nonnull(net->weight[i]);
    for (size_t c = 0; c < m.cols; c++)
        for (size_t r = 0; r < m.rows; r++)
            memcpy(&net->weight[i][r * m.cols + c],
                   e.data.at + 8 * (r + c * m.rows), 8);
}

static bool read_variable(struct plain *net, struct element e)
{
    unsigned char *block = NULL;
    if (e.type == MI_COMPRESSED)
        e = inflated(e, &block);
    struct matlab_matrix m = open_matrix(e);
    bool found = strcmp(m.name, "weights") == 0;
    if (found) {
        ck_assert_uint_eq(m.class, CELL_CLASS);
        for (size_t i = 0; i < m.rows * m.cols; i++)
            add_weight(net, open_matrix(take(&m.content)));
    }
    free(block);
    return found;
}

void matlab_weights(struct plain *net, const char *path)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s cannot be opened", path);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    unsigned char *all = malloc(size);
    ck_assert_ptr_nonnull(all);
    ck_assert_uint_eq(fread(all, 1, size, file), size);
    fclose(file);
    *net = (struct plain){.activation = "relu"};
    struct bytes in = {all + 128, all + size};
    while (in.at < in.end && !read_variable(net, take(&in)))
        ;
    ck_assert_uint_gt(net->links, 0);
    free(all);
}
