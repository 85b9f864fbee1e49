/* SPDX-License-Identifier: MIT
 *
 * The canonical form of a model, hashed. Numbers go to the hash in strips of
 * thousands: a call for each would take longer than the hashing. */
#include "network/id.h"

#include "base/digest.h"

#include <endian.h>
#include <string.h>

static void add_text(struct sha256_ctx *hash, const char *text)
{
    lip_digest_u64(hash, strlen(text));
    sha256_update(hash, strlen(text), (const uint8_t *)text);
}

/* Adding +0 turns -0 into +0 and leaves every other number as it is. */
static void make_canonical(double *value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double sum = value[i] + 0.0;
        uint64_t bits;
        memcpy(&bits, &sum, sizeof bits);
        bits = htole64(bits);
        memcpy(&value[i], &bits, sizeof bits);
    }
}

static enum lip_status add_numbers(struct sha256_ctx *hash,
                                   const struct lip_tensor *tensor,
                                   struct lip_ctx *ctx)
{
    size_t count = lip_tensor_count(tensor), strip = lip_tensor_strip(tensor);
    if (strip > count)
        strip = count;
    double *value = lip_alloc(ctx, strip, sizeof *value);
    if (!value)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    for (size_t i = 0; i < count; i += strip) {
        size_t n = count - i < strip ? count - i : strip;
        lip_tensor_widen_part(value, tensor, i, n);
        make_canonical(value, n);
        sha256_update(hash, n * sizeof *value, (const uint8_t *)value);
    }
    lip_free(value);
    return LIP_OK;
}

static enum lip_status add_tensor(struct sha256_ctx *hash,
                                  const struct lip_tensor *tensor,
                                  struct lip_ctx *ctx)
{
    lip_digest_u64(hash, tensor->data != NULL);
    if (!tensor->data)
        return LIP_OK;
    lip_digest_u64(hash, tensor->rank);
    for (size_t k = 0; k < tensor->rank; k++)
        lip_digest_u64(hash, tensor->dim[k]);
    return add_numbers(hash, tensor, ctx);
}

static void add_parameters(struct sha256_ctx *hash,
                           const struct lip_layer *layer)
{
    size_t first = layer->activation && layer->weight.data ? 1 : 0;
    size_t count = 0;
    if (layer->activation)
        while (layer->activation->parameter[count].name)
            count++;
    lip_digest_u64(hash, count - first);
    for (size_t k = first; k < count; k++)
        lip_digest_double(hash, layer->parameter[k]);
    if (layer->kind->group_name)
        lip_digest_u64(hash, layer->group ? layer->group : layer->inputs);
}

static enum lip_status add_layer(struct sha256_ctx *hash,
                                 const struct lip_layer *layer,
                                 struct lip_ctx *ctx)
{
    add_text(hash, lip_layer_type(layer));
    add_parameters(hash, layer);
    enum lip_status status = add_tensor(hash, &layer->weight, ctx);
    return status == LIP_OK ? add_tensor(hash, &layer->bias, ctx) : status;
}

enum lip_status lip_network_identify(struct lip_network *network,
                                     struct lip_ctx *ctx)
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    add_text(&hash, "lipschitz network 1");
    lip_digest_u64(&hash, network->count);
    for (size_t i = 0; i < network->count; i++) {
        enum lip_status status = add_layer(&hash, &network->layer[i], ctx);
        if (status != LIP_OK)
            return status;
    }
    lip_digest_text(network->id, &hash);
    return LIP_OK;
}
