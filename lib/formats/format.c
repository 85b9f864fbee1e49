/* SPDX-License-Identifier: MIT
 *
 * The table of formats, and what to say of bytes that are none of them. */
#include "formats/format.h"

#include "formats/hdf5.h"
#include "formats/json.h"
#include "formats/mat.h"
#include "formats/npy.h"
#include "formats/npz.h"
#include "formats/onnx.h"
#include "formats/reader.h"
#include "formats/safetensors.h"
#include "formats/torch.h"

#include <stdio.h>
#include <string.h>

/* torch's files are zip files, too: it comes before npz. */
const struct lip_format *const lip_formats[] = {
    &lip_format_safetensors, &lip_format_torch, &lip_format_npz,
    &lip_format_npy,         &lip_format_mat,   &lip_format_onnx,
    &lip_format_hdf5,        &lip_format_json,  NULL,
};

void lip_read_options_default(struct lip_read_options *options)
{
    *options = (struct lip_read_options){
        .activation = lip_activation_find("relu"),
        .max_layers = 4096,
        .max_tensors = 8192,
        .max_inflated = (size_t)1 << 30,
    };
}

void lip_read_options_fill(struct lip_read_options *out,
                           const struct lip_read_options *options)
{
    struct lip_read_options standard;
    lip_read_options_default(&standard);
    *out = options ? *options : standard;
    if (!out->activation)
        out->activation = standard.activation;
    if (!out->max_layers)
        out->max_layers = standard.max_layers;
    if (!out->max_tensors)
        out->max_tensors = standard.max_tensors;
    if (!out->max_inflated)
        out->max_inflated = standard.max_inflated;
}

/* Bytes at an offset by which other formats are known. */
static const struct {
    size_t offset, size;
    const char *bytes, *sentence;
} others[] = {
    {0, 15, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e",
     "PyTorch's old form (before 1.6): load it with torch.load, and torch.save "
     "model.state_dict() with the default zip format"},
    {0, 2, "\x1f\x8b", "gzip data: unpack it first"},
    {0, 4, "\x28\xb5\x2f\xfd", "zstd data: unpack it first"},
    {0, 6,
     "\xfd"
     "7zXZ\0",
     "xz data: unpack it first"},
    {0, 3, "BZh", "bzip2 data: unpack it first"},
    {0, 8, "\x89HDF\r\n\x1a\n",
     "HDF5 (Keras .h5), for which lipschitz-h5 is not installed here: save the "
     "weights with numpy.savez"},
    {0, 7, "MATLAB ", "a MATLAB file of which the rest is missing"},
    {0, 4, "GGUF", "GGUF: convert it to safetensors"},
    {4, 4, "TFL3", "TensorFlow Lite: save the weights with numpy.savez"},
    {0, 8, "\x89PNG\r\n\x1a\n", "a PNG image, not a model"},
    {0, 3, "\xff\xd8\xff", "a JPEG image, not a model"},
    {0, 4, "%PDF", "a PDF document, not a model"},
    {0, 4,
     "\x7f"
     "ELF",
     "a program, not a model"},
    {257, 5, "ustar", "a tar archive: send one model file of it"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "a 7z archive: send one model file of it"},
    {0, 2, "--", "multipart data: say so in Content-Type, with its boundary"},
    {0, 2, "\xff\xfe", "UTF-16 text: JSON must be UTF-8"},
    {0, 2, "\xfe\xff", "UTF-16 text: JSON must be UTF-8"},
    {0, 1, "<", "XML or HTML, not a model"},
};

/* Pickle protocols 2 to 5, alone or inside an old PyTorch file. */
static bool looks_like_pickle(const unsigned char *bytes, size_t size)
{
    return size > 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
}

static const char *guess(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (size >= others[i].offset + others[i].size &&
            memcmp(bytes + others[i].offset, others[i].bytes, others[i].size) ==
                0)
            return others[i].sentence;
    if (looks_like_pickle(bytes, size))
        return "a Python pickle (.pkl, old .pt), which is code and is not "
               "run: save the weights as safetensors";
    return NULL;
}

/* "safetensors, npz, npy, json" */
static void list_formats(char *out, size_t size)
{
    size_t used = 0;
    *out = '\0';
    for (size_t i = 0; lip_formats[i] && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "",
                                 lip_formats[i]->name);
}

const struct lip_format *lip_format_detect(const unsigned char *bytes,
                                           size_t size, struct lip_ctx *ctx)
{
    char known[160];
    for (size_t i = 0; lip_formats[i]; i++)
        if (lip_formats[i]->detect(bytes, size))
            return lip_formats[i];
    list_formats(known, sizeof known);
    const char *guessed = size ? guess(bytes, size) : NULL;
    if (size == 0)
        lip_fail(ctx, LIP_UNSUPPORTED, "There are no bytes. Send a model: %s.",
                 known);
    else if (guessed)
        lip_fail(ctx, LIP_UNSUPPORTED,
                 "The bytes look like %s. Formats that are read: %s.", guessed,
                 known);
    else
        lip_fail(ctx, LIP_UNSUPPORTED,
                 "The bytes are of no format that is read. Formats that are "
                 "read: %s.",
                 known);
    return NULL;
}

enum lip_status lip_model_read(struct lip_network **out,
                               struct lip_buffer *bytes,
                               const struct lip_read_options *options,
                               struct lip_ctx *ctx)
{
    *out = NULL;
    const struct lip_format *format =
        lip_format_detect(lip_buffer_bytes(bytes), lip_buffer_size(bytes), ctx);
    return format ? format->read(out, bytes, options, ctx) : LIP_UNSUPPORTED;
}
