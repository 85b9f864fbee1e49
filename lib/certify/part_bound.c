/* SPDX-License-Identifier: MIT
 *
 * Bounds of the parts of a classifier: which methods are run, and for how
 * long. */
#include "certify/part_bound.h"

#include "bounds/method.h"
#include "linalg/rounding.h"

#include <string.h>

/* What a prediction of seconds by operations counts on. */
static const double flops_per_second = 4e9;

/* |x|_q <= result |x|_p for n numbers. */
static double identity_norm(struct lip_norm_pair pair, size_t n)
{
    if (pair.input <= pair.output)
        return 1;
    bool by_one = pair.input - pair.output == 2;
    return by_one ? (double)n : lip_sqrt_up((double)n);
}

/* True where no layer is linear or elementwise: then the constants of the
 * layers make *bound. */
static bool only_moves(double *bound, const struct lip_network *part,
                       struct lip_norm_pair pair)
{
    *bound = identity_norm(pair, part->inputs);
    for (size_t i = 0; i < part->count; i++) {
        const struct lip_layer *layer = &part->layer[i];
        enum lip_layer_role role = layer->kind->role;
        if (role == LIP_ROLE_LINEAR || role == LIP_ROLE_ELEMENTWISE)
            return false;
        if (role == LIP_ROLE_JOINT)
            *bound =
                lip_mul_up(*bound, layer->kind->constant(layer, pair.output));
    }
    return true;
}

/* Runs one method for at most `seconds` (0: any) and keeps what is better. That
 * its time is over is no failure, as long as the caller's is not. */
static enum lip_status try_method(struct lip_proven *best,
                                  const struct lip_method *method,
                                  const struct lip_chain *chain,
                                  struct lip_norm_pair pair, double seconds,
                                  struct lip_ctx *ctx)
{
    struct lip_bound_options options = {.norm = pair, .time_limit = seconds};
    struct lip_bound bound;
    struct lip_ctx own = ctx ? *ctx : (struct lip_ctx){.budget = NULL};
    double outer = own.deadline, end = lip_now() + seconds;
    bool shorter = seconds > 0 && (outer <= 0 || end < outer);
    if (shorter)
        own.deadline = end;
    enum lip_status status =
        lip_method_run(&bound, method, chain, &options, &own);
    if (status == LIP_TIMEOUT && shorter)
        return LIP_OK;
    if (status != LIP_OK) {
        if (ctx)
            ctx->error = own.error;
        return status;
    }
    if (!bound.skipped && bound.upper_bound < best->value)
        *best = (struct lip_proven){bound.upper_bound, method->id};
    lip_bound_clear(&bound);
    return LIP_OK;
}

static enum lip_status products(struct lip_proven *best,
                                const struct lip_chain *chain,
                                struct lip_norm_pair pair, struct lip_ctx *ctx)
{
    static const char *const id[] = {"naive", "spectral"};
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < 2; i++)
        status = try_method(best, lip_method_find(id[i]), chain, pair, 0, ctx);
    return status;
}

/* Every method that is predicted to fit, cheapest first. */
static enum lip_status others(struct lip_proven *best,
                              const struct lip_chain *chain,
                              struct lip_norm_pair pair, double seconds,
                              struct lip_ctx *ctx)
{
    enum { MOST = 64 };
    const struct lip_method *method[MOST];
    struct lip_bound_options options = {.norm = pair, .time_limit = seconds};
    size_t count =
        lip_methods_auto(method, MOST, chain, &options, flops_per_second);
    double end = lip_now() + seconds;
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < count; i++) {
        double left = end - lip_now();
        if (left <= 0)
            break;
        status = try_method(best, method[i], chain, pair, left, ctx);
    }
    return status;
}

enum lip_status lip_part_bound(struct lip_proven *best,
                               const struct lip_network *part,
                               struct lip_norm_pair pair, double seconds,
                               struct lip_ctx *ctx)
{
    *best = (struct lip_proven){INFINITY, ""};
    double constant;
    if (only_moves(&constant, part, pair)) {
        *best = (struct lip_proven){constant, "identity"};
        return LIP_OK;
    }
    struct lip_chain *chain;
    enum lip_status status = lip_chain_new(&chain, part, ctx);
    if (status != LIP_OK)
        return status;
    status = products(best, chain, pair, ctx);
    if (status == LIP_OK && seconds > 0)
        status = others(best, chain, pair, seconds, ctx);
    lip_chain_free(chain);
    return status;
}

/* --- pairs of classes */

/* row = v_y - v_j, each number off by at most u of itself; false where one is
 * too large for a double. */
static bool subtract(double *row, const struct lip_tensor *weight, size_t n,
                     size_t y, size_t j, double *room)
{
    lip_tensor_widen_part(row, weight, y * n, n);
    lip_tensor_widen_part(room, weight, j * n, n);
    bool finite = true;
    for (size_t k = 0; k < n; k++) {
        row[k] -= room[k];
        finite = finite && isfinite(row[k]);
    }
    return finite;
}

/* The bound of the network with the row as its last layer. */
static enum lip_status bound_row(double *out, const struct lip_network *network,
                                 struct lip_layer *layer, size_t last,
                                 const double *row, enum lip_norm input,
                                 double seconds, struct lip_ctx *ctx)
{
    struct lip_proven best;
    struct lip_network part = *network;
    memcpy(layer, network->layer, (last + 1) * sizeof *layer);
    layer[last].weight =
        (struct lip_tensor){.dtype = LIP_F64,
                            .rank = 2,
                            .dim = {1, layer[last].inputs},
                            .data = (const unsigned char *)row};
    layer[last].bias = (struct lip_tensor){.data = NULL};
    layer[last].outputs = part.outputs = 1;
    layer[last].out = lip_shape_vector(1);
    part.layer = layer;
    part.count = last + 1;
    /* Of one output every norm is the same. */
    struct lip_norm_pair pair = {input, input};
    enum lip_status status = lip_part_bound(&best, &part, pair, seconds, ctx);
    *out = best.value;
    return status;
}

enum lip_status lip_pair_bound(double *out, const struct lip_network *network,
                               size_t last, const size_t pair_of[2],
                               enum lip_norm input, double seconds,
                               struct lip_ctx *ctx)
{
    size_t n = network->layer[last].inputs;
    struct lip_layer *layer = lip_alloc(ctx, last + 1, sizeof *layer);
    double *row = layer ? lip_alloc(ctx, n, 2 * sizeof *row) : NULL;
    enum lip_status status = LIP_OK;
    *out = INFINITY;
    if (!row)
        status = ctx ? ctx->error.status : LIP_NO_MEMORY;
    else if (subtract(row, &network->layer[last].weight, n, pair_of[0],
                      pair_of[1], row + n))
        status = bound_row(out, network, layer, last, row, input, seconds, ctx);
    lip_free(row);
    lip_free(layer);
    return status;
}
