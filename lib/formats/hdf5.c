/* SPDX-License-Identifier: MIT
 *
 * HDF5 by way of safetensors. */
#include "formats/hdf5.h"

#include "formats/safetensors.h"

#include <string.h>

static enum lip_status (*convert)(struct lip_buffer **out,
                                  struct lip_buffer *bytes,
                                  struct lip_ctx *ctx);

void lip_hdf5_set_converter(enum lip_status (*converter)(
    struct lip_buffer **out, struct lip_buffer *bytes, struct lip_ctx *ctx))
{
    convert = converter;
}

static bool detect(const unsigned char *bytes, size_t size)
{
    return convert && size >= 8 && memcmp(bytes, "\x89HDF\r\n\x1a\n", 8) == 0;
}

static enum lip_status read(struct lip_network **out, struct lip_buffer *bytes,
                            const struct lip_read_options *options,
                            struct lip_ctx *ctx)
{
    struct lip_buffer *tensors = NULL;
    *out = NULL;
    if (!convert)
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "HDF5 files are not read by this program.");
    enum lip_status status = convert(&tensors, bytes, ctx);
    if (status != LIP_OK)
        return status;
    status = lip_format_safetensors.read(out, tensors, options, ctx);
    lip_buffer_put(tensors);
    return status;
}

const struct lip_format lip_format_hdf5 = {
    .name = "hdf5",
    .title = "Keras .h5: a whole model, or the weights of dense layers",
    .media_type = "application/x-hdf5",
    .detect = detect,
    .read = read,
};
