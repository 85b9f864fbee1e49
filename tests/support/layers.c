/* SPDX-License-Identifier: MIT
 *
 * Building small networks. */
#include "tests/support/layers.h"

#include <stdint.h>
#include <string.h>

/* The bits of a number that a float16 holds exactly and normally. */
static uint16_t half_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t sign = bits >> 63, exponent = bits >> 52 & 2047;
    if (exponent == 0)
        return (uint16_t)(sign << 15);
    return (uint16_t)(sign << 15 | (exponent - 1023 + 15) << 10 |
                      (bits >> 42 & 1023));
}

static void store(unsigned char *to, enum lip_dtype dtype, double value)
{
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    uint16_t half = half_bits(value), brain = (uint16_t)(bits >> 16);
    const void *from[] = {[LIP_F64] = &value,
                          [LIP_F32] = &single,
                          [LIP_F16] = &half,
                          [LIP_BF16] = &brain};
    memcpy(to, from[dtype], lip_dtype_size(dtype));
}

struct lip_tensor make_tensor(enum lip_dtype dtype, bool column_major,
                              size_t rows, size_t cols, const double *value,
                              struct lip_ctx *ctx)
{
    struct lip_tensor tensor = {.dtype = dtype,
                                .column_major = column_major,
                                .rank = cols ? 2 : 1,
                                .dim = {rows, cols}};
    size_t width = cols ? cols : 1, count = rows * width;
    size_t size = lip_dtype_size(dtype);
    unsigned char *block = lip_alloc(ctx, count, size);
    if (!block)
        return (struct lip_tensor){0};
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++) {
            size_t k = column_major ? i + j * rows : i * width + j;
            store(block + k * size, dtype, value[i * width + j]);
        }
    tensor.buffer = lip_buffer_take(block, count * size, ctx);
    if (!tensor.buffer)
        return (struct lip_tensor){0};
    tensor.data = lip_buffer_bytes(tensor.buffer);
    return tensor;
}

struct lip_layer make_dense(size_t outputs, size_t inputs, const double *weight,
                            const double *bias, struct lip_ctx *ctx)
{
    struct lip_layer layer = {.kind = &lip_layer_dense};
    layer.weight = make_tensor(LIP_F64, false, outputs, inputs, weight, ctx);
    if (bias)
        layer.bias = make_tensor(LIP_F64, false, outputs, 0, bias, ctx);
    return layer;
}

struct lip_layer make_activation(const char *name)
{
    struct lip_layer layer = {.kind = &lip_layer_activation,
                              .activation = lip_activation_find(name)};
    const struct lip_parameter *parameter = layer.activation->parameter;
    for (size_t k = 0; parameter[k].name; k++)
        layer.parameter[k] = parameter[k].fallback;
    return layer;
}

struct lip_layer make_flatten(void)
{
    return (struct lip_layer){.kind = &lip_layer_flatten};
}

enum lip_status make_network(struct lip_network **out,
                             const struct lip_layer *layer, size_t count,
                             struct lip_ctx *ctx)
{
    struct lip_layer *copy = lip_alloc(ctx, count, sizeof *copy);
    if (!copy) {
        for (size_t i = 0; i < count; i++) {
            struct lip_layer own = layer[i];
            lip_layer_clear(&own);
        }
        *out = NULL;
        return ctx->error.status;
    }
    for (size_t i = 0; i < count; i++)
        copy[i] = layer[i];
    return lip_network_new(out, copy, count, ctx);
}
