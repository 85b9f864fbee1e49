/* SPDX-License-Identifier: MIT
 *
 * Reading MATLAB files: their variables, and the matrices in cell arrays and
 * structs, which are walked with a stack of bounded depth. */
#include "formats/mat.h"

#include "base/size.h"
#include "formats/mat_element.h"
#include "formats/reader.h"
#include "formats/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { HEADER = 128, VERSION = 124, MAX_DEPTH = 8, VARIABLE_NAME = 64 };

/* Classes of matrices that the table below speaks of by name. */
enum { FUNCTION = 16, OPAQUE = 17 };

/* A cell array or struct that is walked. */
struct frame {
    struct lip_mat_run run;
    size_t next, count;         /* of its parts */
    size_t elements;            /* a part is a field of one of them */
    const unsigned char *field; /* names of `fields` fields; NULL: a cell */
    size_t fields, field_size;
    size_t prefix; /* length of its own name */
};

struct mat {
    struct lip_tensor_list *list;
    struct lip_ctx *ctx;
    struct lip_buffer *buffer; /* that what is read lies in */
    bool big;
    char name[LIP_TENSOR_NAME]; /* of what is read */
    struct frame frame[MAX_DEPTH];
    size_t depth;
};

/* What a matrix is, before its content. */
struct matrix {
    unsigned class;
    bool complex, logical;
    size_t rank, dim[LIP_MAX_RANK], count;
    struct lip_mat_element name;
    struct lip_mat_run content;
};

static enum lip_status damaged(const struct mat *mat, const char *what)
{
    return lip_fail_at(mat->ctx, LIP_MALFORMED, LIP_AT_TENSOR, mat->name,
                       "Variable \"%.80s\" of the MATLAB file %s", mat->name,
                       what);
}

static enum lip_status cut_short(const struct mat *mat)
{
    return damaged(mat, "ends before its content does. Is the file complete?");
}

static enum lip_status refuse(const struct mat *mat, const char *what)
{
    return lip_fail_at(mat->ctx, LIP_UNSUPPORTED, LIP_AT_TENSOR, mat->name,
                       "Variable \"%.80s\" is %s", mat->name, what);
}

static enum lip_status read_dimensions(struct matrix *out,
                                       const struct lip_mat_element *element,
                                       const struct mat *mat)
{
    out->rank = element->size / 4;
    if (element->type != LIP_MAT_INT32 || element->size % 4 || out->rank < 2)
        return damaged(mat, "has no proper dimensions.");
    if (out->rank > LIP_MAX_RANK)
        return refuse(mat, "an array of more than 8 dimensions.");
    out->count = 1;
    for (size_t k = 0; k < out->rank; k++) {
        uint32_t dim = lip_mat_word(element->data + 4 * k, mat->big);
        out->dim[k] = dim;
        if (dim >> 31 || !lip_size_mul(&out->count, out->count, dim))
            return damaged(mat, "has dimensions beyond the address space.");
    }
    return LIP_OK;
}

static enum lip_status open_matrix(struct matrix *out,
                                   const struct lip_mat_element *element,
                                   const struct mat *mat)
{
    struct lip_mat_run run = {element->data, element->data + element->size,
                              mat->big};
    struct lip_mat_element flags, dims;
    memset(out, 0, sizeof *out);
    if (!lip_mat_take(&flags, &run))
        return cut_short(mat);
    if (flags.type != LIP_MAT_UINT32 || flags.size != 8)
        return damaged(mat, "has no proper flags.");
    uint32_t word = lip_mat_word(flags.data, mat->big);
    out->class = word & 255;
    out->complex = word & 0x800;
    out->logical = word & 0x200;
    if (out->class == OPAQUE) /* has no dimensions */
        return lip_mat_take(&out->name, &run) ? LIP_OK : cut_short(mat);
    if (!lip_mat_take(&dims, &run))
        return cut_short(mat);
    enum lip_status status = read_dimensions(out, &dims, mat);
    if (status == LIP_OK && !lip_mat_take(&out->name, &run))
        return cut_short(mat);
    out->content = run;
    return status;
}

/* The name of a variable or field: letters, digits and underscores. */
static enum lip_status append_name(struct mat *mat, size_t at,
                                   const unsigned char *name, size_t size)
{
    size_t n = 0;
    while (n < size && name[n])
        n++;
    bool plain = n > 0 && n < VARIABLE_NAME;
    for (size_t i = 0; i < n && plain; i++)
        plain = name[i] == '_' || (name[i] >= '0' && name[i] <= '9') ||
                (name[i] >= 'A' && name[i] <= 'Z') ||
                (name[i] >= 'a' && name[i] <= 'z');
    if (!plain)
        return damaged(mat, at ? "has a field whose name is none of MATLAB's."
                               : "has a name that is none of MATLAB's.");
    if (n >= sizeof mat->name - at)
        return damaged(mat, "has names that are too long.");
    memcpy(mat->name + at, name, n);
    mat->name[at + n] = '\0';
    return LIP_OK;
}

static enum lip_status add_numbers(struct mat *mat, const struct matrix *matrix)
{
    struct lip_mat_run run = matrix->content;
    struct lip_mat_element element;
    if (matrix->complex)
        return refuse(mat, "complex: networks are real. Leave it out.");
    if (matrix->rank > 2)
        return refuse(mat, "an array of more than two dimensions: of MATLAB "
                           "files only dense layers are read. Export networks "
                           "with others as ONNX (exportONNXNetwork).");
    if (!lip_mat_take(&element, &run))
        return cut_short(mat);
    struct lip_named_tensor *named = lip_tensor_list_add(mat->list, mat->ctx);
    if (!named)
        return lip_memory_status(mat->ctx);
    snprintf(named->name, sizeof named->name, "%s", mat->name);
    enum lip_status status =
        lip_mat_numbers(&named->tensor, &element, matrix->count, mat->big,
                        mat->buffer, named->name, mat->ctx);
    named->tensor.rank = 2;
    named->tensor.column_major = true;
    memcpy(named->tensor.dim, matrix->dim, 2 * sizeof *matrix->dim);
    return status;
}

static enum lip_status push(struct mat *mat, const struct frame *frame)
{
    if (mat->depth == MAX_DEPTH)
        return refuse(mat, "nested more than 8 levels deep. Save the matrices "
                           "as variables of their own.");
    mat->frame[mat->depth] = *frame;
    mat->frame[mat->depth++].prefix = strlen(mat->name);
    return LIP_OK;
}

static enum lip_status open_cell(struct mat *mat, const struct matrix *matrix)
{
    return push(mat, &(struct frame){.run = matrix->content,
                                     .count = matrix->count,
                                     .elements = matrix->count,
                                     .fields = 1});
}

static enum lip_status open_struct(struct mat *mat, const struct matrix *matrix)
{
    struct frame frame = {.run = matrix->content, .elements = matrix->count};
    struct lip_mat_element size, names;
    if (!lip_mat_take(&size, &frame.run) || !lip_mat_take(&names, &frame.run))
        return cut_short(mat);
    if (size.type != LIP_MAT_INT32 || size.size != 4 ||
        names.type != LIP_MAT_INT8)
        return damaged(mat, "has no proper names of fields.");
    frame.field_size = lip_mat_word(size.data, mat->big);
    if (frame.field_size == 0 || names.size % frame.field_size)
        return damaged(mat, "has no proper names of fields.");
    frame.field = names.data;
    frame.fields = names.size / frame.field_size;
    if (!lip_size_mul(&frame.count, frame.elements, frame.fields))
        return damaged(mat, "has more fields than there can be.");
    return push(mat, &frame);
}

static enum lip_status pass_over(struct mat *mat, const struct matrix *matrix)
{
    (void)mat;
    (void)matrix;
    return LIP_OK;
}

static enum lip_status object(struct mat *mat, const struct matrix *matrix)
{
    (void)matrix;
    return refuse(mat, "an object or a function: its matrices cannot be told "
                       "from the file. Export the network as ONNX "
                       "(exportONNXNetwork), or save its matrices W1, b1, ...");
}

static enum lip_status sparse(struct mat *mat, const struct matrix *matrix)
{
    (void)matrix;
    return refuse(mat, "sparse: save full(W).");
}

/* What to do with a matrix, by its class. */

static enum lip_status (*const content[])(struct mat *,
                                          const struct matrix *) = {
    [1] = open_cell,     [2] = open_struct,  [3] = object,
    [4] = pass_over,     [5] = sparse,       [6] = add_numbers,
    [7] = add_numbers,   [8] = add_numbers,  [9] = add_numbers,
    [10] = add_numbers,  [11] = add_numbers, [12] = add_numbers,
    [13] = add_numbers,  [14] = add_numbers, [15] = add_numbers,
    [FUNCTION] = object, [OPAQUE] = object,
};

static enum lip_status read_content(struct mat *mat,
                                    const struct matrix *matrix)
{
    if (matrix->class >= sizeof content / sizeof *content ||
        !content[matrix->class])
        return damaged(mat, "is of no class of MATLAB's.");
    if (matrix->class != OPAQUE && (matrix->count == 0 || matrix->logical))
        return LIP_OK;
    return content[matrix->class](mat, matrix);
}

/* Puts the place of part `next` of a frame behind the frame's name. */
static enum lip_status name_part(struct mat *mat, const struct frame *frame)
{
    size_t at = frame->prefix, left = sizeof mat->name - at;
    size_t element = frame->next / frame->fields + 1;
    int used = frame->field && frame->elements == 1
                   ? snprintf(mat->name + at, left, ".")
                   : snprintf(mat->name + at, left, ".%zu%s", element,
                              frame->field ? "." : "");
    if ((size_t)used >= left)
        return damaged(mat, "has names that are too long.");
    if (!frame->field)
        return LIP_OK;
    return append_name(mat, at + (size_t)used,
                       frame->field +
                           frame->next % frame->fields * frame->field_size,
                       frame->field_size);
}

/* The next part of the innermost frame, or its end. */
static enum lip_status step(struct mat *mat)
{
    struct frame *frame = &mat->frame[mat->depth - 1];
    struct lip_mat_element element;
    struct matrix matrix;
    mat->name[frame->prefix] = '\0';
    if (frame->next == frame->count) {
        mat->depth--;
        return LIP_OK;
    }
    enum lip_status status = name_part(mat, frame);
    if (status != LIP_OK)
        return status;
    if (!lip_mat_take(&element, &frame->run))
        return cut_short(mat);
    frame->next++;
    if (element.type != LIP_MAT_MATRIX)
        return damaged(mat, "is no matrix.");
    if (element.size == 0) /* a part that was never set */
        return LIP_OK;
    status = open_matrix(&matrix, &element, mat);
    return status == LIP_OK ? read_content(mat, &matrix) : status;
}

static enum lip_status read_variable(struct mat *mat,
                                     const struct lip_mat_element *element)
{
    struct matrix matrix;
    snprintf(mat->name, sizeof mat->name, "?");
    enum lip_status status = open_matrix(&matrix, element, mat);
    /* What functions and objects need: a variable without a name. */
    if (status == LIP_OK && matrix.name.size == 0)
        return LIP_OK;
    if (status == LIP_OK)
        status = append_name(mat, 0, matrix.name.data, matrix.name.size);
    if (status == LIP_OK)
        status = read_content(mat, &matrix);
    while (status == LIP_OK && mat->depth)
        status = step(mat);
    return status;
}

/* A variable that may be packed; *room is what may still be inflated. */
static enum lip_status read_element(struct mat *mat,
                                    const struct lip_mat_element *element,
                                    size_t *room)
{
    struct lip_buffer *whole = mat->buffer;
    struct lip_mat_element inner = *element;
    if (element->type == LIP_MAT_COMPRESSED) {
        enum lip_status status =
            lip_mat_inflate(&mat->buffer, element, mat->big, *room, mat->ctx);
        if (status != LIP_OK) {
            mat->buffer = whole;
            return status;
        }
        size_t size = lip_buffer_size(mat->buffer);
        const unsigned char *bytes = lip_buffer_bytes(mat->buffer);
        struct lip_mat_run run = {bytes, bytes + size, mat->big};
        bool there = lip_mat_take(&inner, &run);
        *room -= there ? inner.size : 0;
    }
    enum lip_status status = LIP_OK;
    if (inner.type == LIP_MAT_MATRIX)
        status = read_variable(mat, &inner);
    if (mat->buffer != whole)
        lip_buffer_put(mat->buffer);
    mat->buffer = whole;
    return status;
}

static enum lip_status check_header(bool *big, const unsigned char *bytes,
                                    size_t size, struct lip_ctx *ctx)
{
    if (size < HEADER)
        return lip_fail_at(ctx, LIP_MALFORMED, LIP_AT_BYTE, "0",
                           "The header of a MATLAB file has 128 bytes; there "
                           "are %zu. Is the file complete?",
                           size);
    *big = bytes[VERSION + 2] == 'M';
    if (bytes[VERSION + !*big] == 2)
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "The file is a MATLAB file of level 7.3, which is "
                        "HDF5 and is not read. Save it with save(..., "
                        "'-v7').");
    return LIP_OK;
}

enum lip_status lip_mat_read(struct lip_tensor_list *list,
                             struct lip_buffer *bytes,
                             const struct lip_read_options *options,
                             struct lip_ctx *ctx)
{
    struct lip_read_options filled;
    const unsigned char *begin = lip_buffer_bytes(bytes);
    size_t size = lip_buffer_size(bytes), room;
    struct mat mat = {.list = list, .ctx = ctx, .buffer = bytes};
    lip_read_options_fill(&filled, options);
    room = filled.max_inflated;
    enum lip_status status = check_header(&mat.big, begin, size, ctx);
    if (status != LIP_OK)
        return status;
    list->no_lists = true;
    struct lip_mat_run run = {begin + HEADER, begin + size, mat.big};
    while (run.at < run.end && status == LIP_OK) {
        struct lip_mat_element element;
        char where[24];
        snprintf(where, sizeof where, "%td", run.at - begin);
        if (!lip_mat_take(&element, &run))
            return lip_fail_at(ctx, LIP_MALFORMED, LIP_AT_BYTE, where,
                               "The MATLAB variable at byte %s is longer than "
                               "the file. Is the file complete?",
                               where);
        status = read_element(&mat, &element, &room);
        if (status == LIP_OK)
            status = lip_tick(ctx, "reading MATLAB variables",
                              (double)(run.at - begin), (double)size, NAN);
    }
    return status;
}

/* Level 5 and, to be refused with the remedy, 7.3, in either byte order. */
static bool detect(const unsigned char *bytes, size_t size)
{
    if (size < HEADER || bytes[0] < ' ')
        return false;
    const unsigned char *p = bytes + VERSION;
    return (p[0] == 0 && (p[1] == 1 || p[1] == 2) && p[2] == 'I' &&
            p[3] == 'M') ||
           (p[1] == 0 && (p[0] == 1 || p[0] == 2) && p[2] == 'M' &&
            p[3] == 'I');
}

static enum lip_status read(struct lip_network **out, struct lip_buffer *bytes,
                            const struct lip_read_options *options,
                            struct lip_ctx *ctx)
{
    return lip_weights_read(out, bytes, options, ctx, lip_mat_read);
}

const struct lip_format lip_format_mat = {
    .name = "mat",
    .title = "MATLAB level 5 (-v6, -v7): weights in matrices, cell arrays or "
             "structs",
    .media_type = "application/x-matlab-data",
    .weights_only = true,
    .detect = detect,
    .read = read,
};
