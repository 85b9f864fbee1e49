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
    const struct lip_parameter *parameter = lip_layer_parameters(layer);
    size_t count = 0;
    while (parameter && parameter[count].name)
        count++;
    lip_digest_u64(hash, count - first);
    for (size_t k = first; k < count; k++)
        lip_digest_double(hash, layer->parameter[k]);
    if (layer->kind->group_name)
        lip_digest_u64(hash, layer->group ? layer->group : layer->inputs);
}

static void add_sources(struct sha256_ctx *hash,
                        const struct lip_network *network, size_t i)
{
    size_t count = lip_network_sources(network, i);
    lip_digest_u64(hash, count);
    for (size_t k = 0; k < count; k++)
        lip_digest_u64(hash, lip_network_source(network, i, k));
}

static void add_settings(struct sha256_ctx *hash, const struct lip_layer *layer)
{
    const struct lip_setting_kind *kind = layer->kind->setting;
    for (size_t k = 0; kind && kind[k].name; k++) {
        const struct lip_setting *setting = &layer->setting[k];
        lip_digest_u64(hash, setting->count);
        for (size_t j = 0; j < setting->count; j++)
            lip_digest_u64(hash, (uint64_t)setting->value[j]);
    }
}

/* `first`: the first version of the form. */
static enum lip_status add_layer(struct sha256_ctx *hash,
                                 const struct lip_network *network, size_t i,
                                 bool first, struct lip_ctx *ctx)
{
    const struct lip_layer *layer = &network->layer[i];
    add_text(hash, lip_layer_type(layer));
    if (!first)
        add_sources(hash, network, i);
    add_parameters(hash, layer);
    if (!first)
        add_settings(hash, layer);
    enum lip_status status = LIP_OK;
    int parts = first ? LIP_PART_BIAS + 1 : LIP_PARTS;
    for (int part = 0; part < parts && status == LIP_OK; part++)
        status = add_tensor(
            hash, lip_layer_tensor_const(layer, (enum lip_part)part), ctx);
    return status;
}

/* Whether the first version of the form tells it from all others. */
static bool is_first(const struct lip_network *network)
{
    for (size_t i = 0; i < network->count; i++)
        if (network->layer[i].kind->setting)
            return false;
    return lip_network_is_dense(network);
}

enum lip_status lip_network_identify(struct lip_network *network,
                                     struct lip_ctx *ctx)
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    bool first = is_first(network);
    add_text(&hash, first ? "lipschitz network 1" : "lipschitz network 2");
    lip_digest_u64(&hash, network->count);
    for (size_t i = 0; i < network->count; i++) {
        enum lip_status status = add_layer(&hash, network, i, first, ctx);
        if (status != LIP_OK)
            return status;
    }
    lip_digest_text(network->id, &hash);
    return LIP_OK;
}
