/* SPDX-License-Identifier: MIT
 *
 * A small protobuf writer. */
#include "tests/support/onnx_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void proto_varint(struct bytes *bytes, uint64_t value)
{
    do {
        unsigned char byte =
            (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        bytes_put(bytes, &byte, 1);
        value >>= 7;
    } while (value);
}

void proto_number(struct bytes *bytes, unsigned field, uint64_t value)
{
    proto_varint(bytes, (uint64_t)field << 3);
    proto_varint(bytes, value);
}

void proto_bytes(struct bytes *bytes, unsigned field, const void *data,
                 size_t size)
{
    proto_varint(bytes, (uint64_t)field << 3 | 2);
    proto_varint(bytes, size);
    if (size)
        bytes_put(bytes, data, size);
}

void proto_text(struct bytes *bytes, unsigned field, const char *text)
{
    proto_bytes(bytes, field, text, strlen(text));
}

void proto_message(struct bytes *bytes, unsigned field, struct bytes *message)
{
    proto_bytes(bytes, field, message->data, message->size);
    bytes_clear(message);
}

/* The next word of a text, or NULL. */
static char *word(char **rest, char between)
{
    char *start = *rest;
    while (*start == between)
        start++;
    if (!*start)
        return NULL;
    char *end = strchr(start, between);
    *rest = end ? end + 1 : start + strlen(start);
    if (end)
        *end = '\0';
    return start;
}

static void put_words(struct bytes *bytes, unsigned field, const char *words)
{
    char copy[400], *rest = copy, *one;
    snprintf(copy, sizeof copy, "%s", words);
    while ((one = word(&rest, ' ')))
        proto_text(bytes, field, strcmp(one, "-") == 0 ? "" : one);
}

static void put_attribute(struct bytes *node, char *text)
{
    struct bytes attribute = {0};
    char *equal = strchr(text, '='), *value = equal + 3, *one;
    char type = equal[1];
    *equal = '\0';
    proto_text(&attribute, 1, text);
    if (type == 'i')
        proto_number(&attribute, 3, (uint64_t)strtoll(value, NULL, 10));
    if (type == 's')
        proto_text(&attribute, 4, value);
    if (type == 'f') {
        float number = strtof(value, NULL);
        proto_varint(&attribute, 2 << 3 | 5);
        bytes_put(&attribute, &number, sizeof number);
    }
    while (type == 'l' && (one = word(&value, ',')))
        proto_number(&attribute, 8, (uint64_t)strtoll(one, NULL, 10));
    proto_message(node, 5, &attribute);
}

void onnx_node(struct bytes *graph, const char *op, const char *inputs,
               const char *outputs, const char *attributes)
{
    struct bytes node = {0};
    char copy[400], *rest = copy, *one;
    put_words(&node, 1, inputs);
    put_words(&node, 2, outputs);
    proto_text(&node, 4, op);
    snprintf(copy, sizeof copy, "%s", attributes ? attributes : "");
    while ((one = word(&rest, ' ')))
        put_attribute(&node, one);
    proto_message(graph, 1, &node);
}

void onnx_reals(struct bytes *graph, const char *name, const size_t dim[4],
                const float *value)
{
    struct bytes tensor = {0};
    size_t count = 1;
    for (size_t k = 0; k < 4 && dim[k]; k++) {
        proto_number(&tensor, 1, dim[k]);
        count *= dim[k];
    }
    proto_number(&tensor, 2, 1);
    proto_text(&tensor, 8, name);
    proto_bytes(&tensor, 9, value, count * sizeof *value);
    proto_message(graph, 5, &tensor);
}

void onnx_wholes(struct bytes *graph, const char *name, size_t count,
                 const int64_t *value)
{
    struct bytes tensor = {0};
    proto_number(&tensor, 1, count);
    proto_number(&tensor, 2, 7);
    for (size_t k = 0; k < count; k++)
        proto_number(&tensor, 7, (uint64_t)value[k]);
    proto_text(&tensor, 8, name);
    proto_message(graph, 5, &tensor);
}

void onnx_input(struct bytes *graph, const char *name, const char *shape)
{
    struct bytes port = {0}, type = {0}, tensor = {0}, dims = {0};
    char copy[200], *rest = copy, *one;
    snprintf(copy, sizeof copy, "%s", shape);
    while ((one = word(&rest, ','))) {
        struct bytes dim = {0};
        if (*one == '-' || (*one >= '0' && *one <= '9'))
            proto_number(&dim, 1, (uint64_t)strtoll(one, NULL, 10));
        else
            proto_text(&dim, 2, one);
        proto_message(&dims, 1, &dim);
    }
    proto_number(&tensor, 1, 1);
    proto_message(&tensor, 2, &dims);
    proto_message(&type, 1, &tensor);
    proto_text(&port, 1, name);
    proto_message(&port, 2, &type);
    proto_message(graph, 11, &port);
}

void onnx_output(struct bytes *graph, const char *name)
{
    struct bytes port = {0};
    proto_text(&port, 1, name);
    proto_message(graph, 12, &port);
}

void onnx_finish(struct bytes *file, struct bytes *graph, int opset)
{
    struct bytes version = {0};
    proto_number(file, 1, 8);
    proto_message(file, 7, graph);
    proto_number(&version, 2, (uint64_t)opset);
    proto_message(file, 8, &version);
}
