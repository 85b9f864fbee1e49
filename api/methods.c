/* SPDX-License-Identifier: MIT
 *
 * GET /methods: the tables of what can be asked for, as they are. */
#include "api/bound.h"

#include "bounds/norms/layer_norm.h"

static void put_method(struct api_text *text, const struct lip_method *method)
{
    api_object_open(text, NULL);
    api_put_string(text, "id", method->id);
    api_put_string(text, "title", method->title);
    api_put_string(text, "formula", method->formula);
    api_put_string(text, "norms", method->norms);
    api_put_string(text, "supports", method->supports);
    api_put_string(text, "cost", method->cost_text);
    api_put_string(text, "citation", method->citation);
    api_object_close(text);
}

static void put_norm_method(struct api_text *text,
                            const struct lip_norm_method *method)
{
    api_object_open(text, NULL);
    api_put_string(text, "id", method->id);
    api_put_string(text, "title", method->title);
    api_put_string(text, "formula", method->formula);
    api_put_string(text, "citation", method->citation);
    api_object_close(text);
}

static void put_activation(struct api_text *text,
                           const struct lip_activation *activation)
{
    api_object_open(text, NULL);
    api_put_string(text, "name", activation->name);
    api_put_string(text, "formula", activation->formula);
    api_array_open(text, "parameters");
    for (const struct lip_parameter *p = activation->parameter; p->name; p++) {
        api_object_open(text, NULL);
        api_put_string(text, "name", p->name);
        api_put_number(text, "default", p->fallback);
        api_put_number(text, "minimum", p->min);
        api_put_number(text, "maximum", p->max);
        api_object_close(text);
    }
    api_array_close(text);
    api_object_close(text);
}

static void put_format(struct api_text *text, const struct lip_format *format)
{
    api_object_open(text, NULL);
    api_put_string(text, "name", format->name);
    api_put_string(text, "title", format->title);
    api_put_string(text, "media_type", format->media_type);
    api_object_close(text);
}

void api_methods_write(struct api_text *text)
{
    api_object_open(text, NULL);
    api_array_open(text, "methods");
    for (size_t i = 0; lip_methods[i]; i++)
        put_method(text, lip_methods[i]);
    api_array_close(text);
    api_array_open(text, "layer_norms");
    for (size_t i = 0; lip_norm_methods[i]; i++)
        put_norm_method(text, lip_norm_methods[i]);
    api_array_close(text);
    api_array_open(text, "activations");
    for (size_t i = 0; lip_activations[i]; i++)
        put_activation(text, lip_activations[i]);
    api_array_close(text);
    api_array_open(text, "formats");
    for (size_t i = 0; lip_formats[i]; i++)
        put_format(text, lip_formats[i]);
    api_array_close(text);
    api_object_close(text);
}
