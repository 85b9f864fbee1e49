/* SPDX-License-Identifier: MIT
 *
 * Layers in answers. */
#include "api/layer_write.h"

#include "bounds/method.h"

#include <math.h>
#include <string.h>

void api_norm_write(struct api_text *text, const char *key, enum lip_norm norm)
{
    if (norm == LIP_NORM_INF)
        api_put_string(text, key, lip_norm_name(norm));
    else
        api_put_count(text, key, norm == LIP_NORM_1 ? 1 : 2);
}

static void put_parameters(struct api_text *text, const struct lip_layer *layer)
{
    const struct lip_parameter *p = layer->activation->parameter;
    /* Where the first differs from neuron to neuron, the tensor has it. */
    bool in_tensor = layer->weight.data != NULL;
    for (size_t i = 0; p[i].name; i++)
        if (i > 0 || !in_tensor)
            api_put_number(text, p[i].name, layer->parameter[i]);
}

static void put_counts(struct api_text *text, const char *key,
                       const size_t *count, size_t n)
{
    api_array_open(text, key);
    for (size_t k = 0; k < n; k++)
        api_put_count(text, NULL, count[k]);
    api_array_close(text);
}

/* A layer's number, or "input". */
static void put_place(struct api_text *text, const char *key, size_t layer)
{
    if (layer == LIP_FROM_INPUT)
        api_put_string(text, key, "input");
    else
        api_put_count(text, key, layer);
}

static bool has_settings(const struct lip_layer *layer)
{
    const struct lip_layer_kind *kind = layer->kind;
    bool has = kind->parameter && kind->parameter[0].name;
    for (size_t k = 0; kind->setting && kind->setting[k].name; k++)
        has = has || layer->setting[k].count;
    return has;
}

static void put_settings(struct api_text *text, const struct lip_layer *layer)
{
    const struct lip_layer_kind *kind = layer->kind;
    if (!has_settings(layer))
        return;
    api_object_open(text, "settings");
    for (size_t k = 0; kind->setting && kind->setting[k].name; k++) {
        const struct lip_setting *setting = &layer->setting[k];
        if (!setting->count)
            continue;
        api_array_open(text, kind->setting[k].name);
        for (size_t j = 0; j < setting->count; j++)
            api_put_number(text, NULL, (double)setting->value[j]);
        api_array_close(text);
    }
    for (size_t k = 0; kind->parameter && kind->parameter[k].name; k++)
        api_put_number(text, kind->parameter[k].name, layer->parameter[k]);
    api_object_close(text);
}

/* What a chain of dense layers has no need of. */
static void put_graph(struct api_text *text, const struct lip_network *network,
                      size_t i)
{
    const struct lip_layer *layer = &network->layer[i];
    if (lip_network_is_dense(network))
        return;
    put_counts(text, "in", layer->in.dim, layer->in.rank);
    put_counts(text, "out", layer->out.dim, layer->out.rank);
    put_settings(text, layer);
    if (lip_network_is_chain(network))
        return;
    api_array_open(text, "sources");
    for (size_t k = 0; k < lip_network_sources(network, i); k++)
        put_place(text, NULL, lip_network_source(network, i, k));
    api_array_close(text);
}

static void put_norms(struct api_text *text, const struct lip_layer_norm *norm)
{
    if (!norm->method)
        return;
    api_put_upper(text, "norm", lip_big_double(norm->value));
    api_put_string(text, "norm_method", norm->method->id);
    if (norm->count < 2)
        return;
    api_array_open(text, "norms");
    for (size_t k = 0; k < norm->count; k++) {
        double value = lip_big_double(norm->tried[k].value);
        if (!isfinite(value))
            continue;
        api_object_open(text, NULL);
        api_put_string(text, "method", norm->tried[k].method->id);
        api_put_upper(text, "value", value);
        api_object_close(text);
    }
    api_array_close(text);
}

static void put_known(struct api_text *text, size_t i,
                      const struct api_layer *known)
{
    put_norms(text, &known->norm);
    if (!isnan(known->share))
        api_put_number(text, "share", known->share);
    if (!known->folded)
        return;
    api_array_open(text, "folded_with");
    for (size_t k = 0; k < known->folded->layers; k++)
        if (known->folded->layer[k] != i)
            api_put_count(text, NULL, known->folded->layer[k]);
    api_array_close(text);
}

void api_layer_write(struct api_text *text, const struct lip_network *network,
                     size_t i, const struct api_layer *known)
{
    const struct lip_layer *layer = &network->layer[i];
    api_object_open(text, NULL);
    api_put_string(text, "type", lip_layer_type(layer));
    if (layer->name[0])
        api_put_string(text, "name", layer->name);
    if (layer->weight.data)
        put_counts(text, "shape", layer->weight.dim, layer->weight.rank);
    if (layer->kind->role == LIP_ROLE_LINEAR && layer->kind->bias_name)
        api_put_bool(text, "bias", layer->bias.data != NULL);
    put_graph(text, network, i);
    if (known)
        put_known(text, i, known);
    if (layer->activation)
        put_parameters(text, layer);
    if (layer->kind->group_name && layer->group)
        api_put_count(text, layer->kind->group_name, layer->group);
    api_object_close(text);
}

/* --- products */

static void put_segment(struct api_text *text, const struct lip_segment *s)
{
    double norm = lip_big_double(s->norm);
    api_object_open(text, NULL);
    put_place(text, "from", s->from);
    put_place(text, "to", s->to);
    put_counts(text, "layers", s->layer, s->layers);
    if (isfinite(norm))
        api_put_upper(text, "norm", norm);
    api_put_string(text, "method", s->method);
    api_put_number(text, "sensitivity", s->sensitivity);
    if (!isnan(s->share))
        api_put_number(text, "share", s->share);
    api_object_close(text);
}

static void put_constants(struct api_text *text,
                          const struct lip_product *product)
{
    api_array_open(text, "constants");
    for (size_t i = 0; i < product->layers; i++) {
        if (isnan(product->constant[i]))
            continue;
        api_object_open(text, NULL);
        api_put_count(text, "layer", i);
        api_put_upper(text, "constant", product->constant[i]);
        api_put_number(text, "sensitivity", product->sensitivity[i]);
        if (!isnan(product->share[i]))
            api_put_number(text, "share", product->share[i]);
        api_object_close(text);
    }
    api_array_close(text);
}

void api_product_write(struct api_text *text, const struct lip_product *product,
                       struct lip_norm_pair norm)
{
    if (norm.input != product->p || norm.output != product->p)
        api_norm_write(text, "inner_norm", product->p);
    api_array_open(text, "segments");
    for (size_t s = 0; s < product->count; s++)
        put_segment(text, &product->segment[s]);
    api_array_close(text);
    put_constants(text, product);
}

/* --- chains */

static size_t count_passing(const struct lip_chain *chain, size_t gap)
{
    size_t count = 0;
    for (size_t k = 0; k < lip_chain_width(chain, gap + 1); k++) {
        const struct lip_slopes *s = &chain->slopes[gap][k];
        count += s->lo >= 1 && s->lo <= s->hi && s->hi <= 1;
    }
    return count;
}

static void put_closing(struct api_text *text,
                        const struct lip_closing *closing, enum lip_norm norm)
{
    api_object_open(text, "closing");
    api_put_count(text, "layer", closing->first);
    if (isfinite(closing->constant[norm]))
        api_put_upper(text, "constant", closing->constant[norm]);
    api_object_close(text);
}

void api_chain_write(struct api_text *text, const char *key,
                     const struct lip_chain *chain, enum lip_norm output)
{
    api_object_open(text, key);
    if (chain->body) {
        put_closing(text, &chain->closing, output);
        chain = chain->body;
    }
    api_put_bool(text, "unrolled", chain->unrolled);
    if (!chain->unrolled) {
        api_put_string(text, "obstacle", chain->obstacle);
        api_object_close(text);
        return;
    }
    api_array_open(text, "widths");
    for (size_t i = 0; i <= chain->count; i++)
        api_put_count(text, NULL, lip_chain_width(chain, i));
    api_array_close(text);
    api_array_open(text, "passing");
    for (size_t i = 0; i + 1 < chain->count; i++)
        api_put_count(text, NULL, count_passing(chain, i));
    api_array_close(text);
    api_object_close(text);
}
