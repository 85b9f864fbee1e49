/* SPDX-License-Identifier: MIT
 *
 * One tensor is in memory at a time. */
#include "server/h5/document.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_TENSORS = 8192 };

json_t *lipd_h5_json(json_t *value)
{
    if (!value)
        lipd_h5_fail(LIPD_H5_TOO_LARGE,
                     "The HDF5 file needs more memory than it may have.");
    return value;
}

static struct lipd_h5_tensor *append(struct lipd_h5_document *document,
                                     const char *name, size_t bytes)
{
    if (document->count == MAX_TENSORS)
        lipd_h5_fail(LIPD_H5_TOO_LARGE,
                     "The HDF5 file has more than %d tensors.", MAX_TENSORS);
    if (document->count == document->capacity) {
        size_t capacity = document->capacity ? 2 * document->capacity : 16;
        struct lipd_h5_tensor *larger = lipd_h5_alloc(capacity, sizeof *larger);
        if (document->count)
            memcpy(larger, document->tensor, document->count * sizeof *larger);
        free(document->tensor);
        document->tensor = larger;
        document->capacity = capacity;
    }
    if (bytes > document->most - document->bytes)
        lipd_h5_fail(LIPD_H5_TOO_LARGE,
                     "The tensors of the HDF5 file have more than %zu bytes.",
                     document->most);
    document->bytes += bytes;
    struct lipd_h5_tensor *tensor = &document->tensor[document->count++];
    memset(tensor, 0, sizeof *tensor);
    if (strlen(name) >= sizeof tensor->name)
        lipd_h5_fail(LIPD_H5_INVALID,
                     "The name \"%.80s...\" is longer than %zu bytes.", name,
                     sizeof tensor->name - 1);
    memcpy(tensor->name, name, strlen(name) + 1);
    return tensor;
}

struct lipd_h5_tensor *lipd_h5_add(struct lipd_h5_document *document,
                                   const char *name,
                                   const struct lipd_h5_data *data)
{
    struct lipd_h5_tensor *tensor =
        append(document, name, data->count * data->width);
    tensor->data = *data;
    tensor->rank = data->rank;
    for (size_t k = 0; k < data->rank; k++) {
        tensor->axis[k] = k;
        tensor->dim[k] = data->dim[k];
    }
    return tensor;
}

struct lipd_h5_tensor *lipd_h5_add_numbers(struct lipd_h5_document *document,
                                           const char *name,
                                           const double *number, size_t count)
{
    double *copy = lipd_h5_alloc(count, sizeof *copy);
    memcpy(copy, number, count * sizeof *copy);
    struct lipd_h5_tensor *tensor =
        append(document, name, count * sizeof *copy);
    tensor->data = (struct lipd_h5_data){
        .width = sizeof *copy, .rank = 1, .dim = {count}, .count = count};
    tensor->number = copy;
    tensor->rank = 1;
    tensor->dim[0] = count;
    return tensor;
}

/* --- writing */

static void put(const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size) {
        ssize_t n = write(STDOUT_FILENO, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            lipd_h5_fail(LIPD_H5_FAILED, "The output cannot be written.");
        at += n;
        size -= (size_t)n;
    }
}

static json_t *describe(const struct lipd_h5_tensor *tensor, size_t offset)
{
    json_t *shape = lipd_h5_json(json_array());
    for (size_t k = 0; k < tensor->rank; k++)
        json_array_append_new(shape, json_integer((json_int_t)tensor->dim[k]));
    size_t end = offset + tensor->data.count * tensor->data.width;
    return lipd_h5_json(json_pack("{s:s, s:o, s:[I, I]}", "dtype",
                                  tensor->data.width == 8 ? "F64" : "F32",
                                  "shape", shape, "data_offsets",
                                  (json_int_t)offset, (json_int_t)end));
}

static char *dump(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    if (!text)
        lipd_h5_fail(LIPD_H5_TOO_LARGE,
                     "The HDF5 file needs more memory than it may have.");
    return text;
}

static char *make_header(const struct lipd_h5_document *document)
{
    json_t *header = lipd_h5_json(json_object());
    size_t offset = 0;
    if (document->layers) {
        char *layers = dump(document->layers);
        json_object_set_new(
            header, "__metadata__",
            lipd_h5_json(json_pack("{s:s}", "lipschitzd.layers", layers)));
        free(layers);
    }
    for (size_t i = 0; i < document->count; i++) {
        const struct lipd_h5_tensor *tensor = &document->tensor[i];
        if (json_object_get(header, tensor->name))
            lipd_h5_fail(LIPD_H5_INVALID,
                         "The HDF5 file has two tensors \"%.80s\".",
                         tensor->name);
        json_object_set_new(header, tensor->name, describe(tensor, offset));
        offset += tensor->data.count * tensor->data.width;
    }
    char *text = dump(header);
    json_decref(header);
    return text;
}

/* The numbers with the axes in the tensor's order. */
static void *turned(void *numbers, const struct lipd_h5_tensor *tensor)
{
    const struct lipd_h5_data *data = &tensor->data;
    size_t stride[LIPD_H5_RANK], index[LIPD_H5_RANK] = {0}, step = 1, at = 0;
    bool same = true;
    for (size_t k = data->rank; k-- > 0;) {
        stride[k] = step;
        step *= data->dim[k];
        same = same && tensor->axis[k] == k;
    }
    if (same)
        return numbers;
    char *out = lipd_h5_alloc(data->count, data->width);
    for (size_t i = 0; i < data->count; i++) {
        memcpy(out + i * data->width, (char *)numbers + at * data->width,
               data->width);
        for (size_t a = data->rank; a-- > 0;) {
            size_t k = tensor->axis[a];
            at += stride[k];
            if (++index[a] < data->dim[k])
                break;
            at -= stride[k] * data->dim[k];
            index[a] = 0;
        }
    }
    free(numbers);
    return out;
}

static void put_numbers(const struct lipd_h5_tensor *tensor)
{
    if (tensor->number) {
        put(tensor->number, tensor->data.count * sizeof *tensor->number);
        return;
    }
    void *numbers = turned(lipd_h5_numbers(&tensor->data), tensor);
    put(numbers, tensor->data.count * tensor->data.width);
    free(numbers);
}

void lipd_h5_write(const struct lipd_h5_document *document)
{
    unsigned char length[8];
    char *header = make_header(document);
    uint64_t size = strlen(header);
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(size >> 8 * i);
    put(length, sizeof length);
    put(header, size);
    for (size_t i = 0; i < document->count; i++)
        put_numbers(&document->tensor[i]);
}
