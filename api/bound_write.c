/* SPDX-License-Identifier: MIT
 *
 * The answer document of POST /bound. All but the times is the same in every
 * run. */
#include "api/bound_write.h"

#include "api/certificate.h"
#include "api/layer_write.h"

#include <math.h>
#include <string.h>

/* Microseconds are all that a clock reading says. */
static void put_seconds(struct api_text *text, double seconds)
{
    api_put_number(text, "seconds", round(1e6 * seconds) / 1e6);
}

static void put_metadata(struct api_text *text,
                         const struct lip_metadata *metadata)
{
    api_object_open(text, "metadata");
    for (size_t i = 0; i < metadata->count; i++)
        api_put_string(text, metadata->item[i].name, metadata->item[i].value);
    api_object_close(text);
}

static void put_model(struct api_text *text, const char *key,
                      const struct lip_network *network,
                      const struct api_layer *layer,
                      const struct lip_metadata *metadata)
{
    api_object_open(text, key);
    api_put_string(text, "id", network->id);
    api_put_count(text, "inputs", network->inputs);
    api_put_count(text, "outputs", network->outputs);
    api_put_count(text, "parameters", network->parameters);
    api_array_open(text, "layers");
    for (size_t i = 0; i < network->count; i++)
        api_layer_write(text, network, i, layer ? &layer[i] : NULL);
    api_array_close(text);
    if (metadata && metadata->count)
        put_metadata(text, metadata);
    api_object_close(text);
}

void api_model_write(struct api_text *text, const char *key,
                     const struct lip_network *network)
{
    put_model(text, key, network, NULL, &network->metadata);
}

static const char *state_name(enum lip_bound_state state)
{
    static const char *const name[] = {
        [LIP_BOUND_CONVERGED] = "converged",
        [LIP_BOUND_TIME_LIMIT] = "time-limit",
        [LIP_BOUND_ITERATION_LIMIT] = "iteration-limit",
    };
    return name[state];
}

static void put_details(struct api_text *text, const struct lip_bound *bound)
{
    if (bound->detail_count == 0)
        return;
    api_array_open(text, "details");
    for (size_t i = 0; i < bound->detail_count; i++) {
        const struct lip_bound_detail *d = &bound->detail[i];
        api_object_open(text, NULL);
        api_put_string(text, "rule", d->rule);
        if (!isnan(d->parameter))
            api_put_number(text, "parameter", d->parameter);
        api_put_upper(text, "upper_bound", d->upper_bound);
        api_object_close(text);
    }
    api_array_close(text);
}

void api_bound_one_write(struct api_text *text, const char *key,
                         const struct api_bound_result *result,
                         const struct lip_bound *bound)
{
    api_object_open(text, key);
    api_put_string(text, "method", bound->method->id);
    if (bound->skipped) {
        api_put_string(text, "skipped", bound->reason);
        api_object_close(text);
        return;
    }
    api_put_upper(text, "upper_bound", bound->upper_bound);
    api_put_bool(text, "certified", true);
    put_seconds(text, bound->seconds);
    if (!isnan(bound->optimum_at_least))
        api_put_lower(text, "optimum_at_least", bound->optimum_at_least);
    if (bound->state != LIP_BOUND_NONE) {
        api_put_count(text, "iterations", bound->iterations);
        api_put_string(text, "status", state_name(bound->state));
    }
    put_details(text, bound);
    if (bound->product)
        api_product_write(text, bound->product, result->norm);
    if (result->certificates)
        api_certificate_write(text, "certificate", result->network,
                              result->chain, result->norm, bound);
    api_object_close(text);
}

void api_bounds_write(struct api_text *text,
                      const struct api_bound_result *result)
{
    api_array_open(text, "bounds");
    for (size_t i = 0; i < result->count; i++)
        api_bound_one_write(text, NULL, result, &result->bound[i]);
    api_array_close(text);
}

const struct lip_bound *api_bound_best(const struct lip_bound *bound,
                                       size_t count)
{
    const struct lip_bound *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (!bound[i].skipped &&
            (!best || bound[i].upper_bound < best->upper_bound))
            best = &bound[i];
    return best;
}

static void put_lower_bound(struct api_text *text,
                            const struct api_bound_result *result)
{
    const struct lip_lower_bound *lower = result->lower;
    api_object_open(text, "lower_bound");
    api_put_lower(text, "value", lower->value);
    api_put_string(text, "method", lower->method);
    if (result->certificates)
        api_certificate_write_lower(text, "certificate", result->network,
                                    result->norm, lower);
    api_object_close(text);
}

void api_bound_write(struct api_text *text,
                     const struct api_bound_result *result)
{
    const struct lip_bound *best = api_bound_best(result->bound, result->count);
    api_object_open(text, NULL);
    put_model(text, "model", result->network, result->layer, NULL);
    api_object_open(text, "norm");
    api_norm_write(text, "input", result->norm.input);
    api_norm_write(text, "output", result->norm.output);
    api_object_close(text);
    if (result->chain && (!result->chain->dense || result->chain->body))
        api_chain_write(text, "chain", result->chain, result->norm.output);
    api_bounds_write(text, result);
    if (best) {
        api_object_open(text, "best");
        api_put_string(text, "method", best->method->id);
        api_put_upper(text, "upper_bound", best->upper_bound);
        api_object_close(text);
    }
    if (result->lower)
        put_lower_bound(text, result);
    put_seconds(text, result->seconds);
    api_object_close(text);
}
