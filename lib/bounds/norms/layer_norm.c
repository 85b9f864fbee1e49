/* SPDX-License-Identifier: MIT
 *
 * The table of ways, and the least of what they give. */
#include "bounds/norms/layer_norm.h"

#include "bounds/norms/ways.h"

/* Exact ones first, cheapest first. */
const struct lip_norm_method *const lip_norm_methods[] = {
    &lip_norm_window,         &lip_norm_rows,
    &lip_norm_orthogonal,     &lip_norm_unrolled,
    &lip_norm_symbol,         &lip_norm_gram,
    &lip_norm_fantastic_four, &lip_norm_schur,
    &lip_norm_frobenius,      NULL};

double lip_norm_entries(const struct lip_layer *layer)
{
    size_t fan = layer->kind->row ? layer->fan_in : layer->inputs;
    return (double)layer->outputs * (double)fan;
}

enum lip_status lip_norm_memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

double lip_norm_widen(double value, double error)
{
    if (error == 0)
        return value;
    if (!(error < 0.5))
        return INFINITY;
    return lip_mul_up(value, lip_add_up(1, lip_div_up(error, 1 - error)));
}

static void offer(struct lip_layer_norm *out,
                  const struct lip_norm_method *method, struct lip_big value)
{
    out->tried[out->count].method = method;
    out->tried[out->count++].value = value;
    if (!out->method || lip_big_less(value, out->value)) {
        out->method = method;
        out->value = value;
    }
}

/* A way that came to nothing or does not have the memory leaves the others. */
static bool passes(enum lip_status status)
{
    return status == LIP_UNPROVEN || status == LIP_TOO_LARGE;
}

/* Ways that only people who want to see all of them ask for: where a better one
 * has said something they are never less but by chance. */
static bool worse(const struct lip_norm_method *method)
{
    return method == &lip_norm_gram || method == &lip_norm_schur ||
           method == &lip_norm_frobenius || method == &lip_norm_fantastic_four;
}

static enum lip_status none(struct lip_ctx *ctx)
{
    return lip_fail(ctx, LIP_UNPROVEN,
                    "no bound of this layer's norm could be proven within the "
                    "largest double and the memory allowed.");
}

enum lip_status lip_layer_norm(struct lip_layer_norm *out,
                               const struct lip_layer *layer, enum lip_norm p,
                               double flops, bool all, struct lip_ctx *ctx)
{
    *out = (struct lip_layer_norm){0};
    if (layer->kind->role == LIP_ROLE_RESHAPE) {
        offer(out, &lip_norm_orthogonal, lip_big_make(1, 0));
        return LIP_OK;
    }
    for (int k = 0; lip_norm_methods[k]; k++) {
        const struct lip_norm_method *method = lip_norm_methods[k];
        struct lip_big value;
        if ((!all && worse(method) && out->method) ||
            !method->applies(layer, p, flops))
            continue;
        enum lip_status status = method->run(&value, layer, p, ctx);
        if (status == LIP_OK)
            offer(out, method, value);
        else if (!passes(status))
            return status;
        else
            lip_error_clear(ctx);
        if (status == LIP_OK && method->exact && !all)
            break;
    }
    return out->method ? LIP_OK : none(ctx);
}
