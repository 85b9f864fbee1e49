/* SPDX-License-Identifier: MIT
 *
 * Layer by layer, all inputs of a block together. */
#include "certify/forward.h"

#include "base/size.h"
#include "bounds/link_norm.h"
#include "certify/forward_rows.h"
#include "linalg/blas.h"

#include <stdbool.h>
#include <string.h>

/* A layer ready for use; what a kind does not need is empty. */
struct step {
    const struct lip_layer *layer;
    struct lip_matrix transposed; /* inputs x outputs */
    double *bias;
    double norm;     /* of the map: |W|, or the steepest slope */
    double absolute; /* ||W|| */
    double offset;   /* |b| */
    bool rows;       /* linear, by its rows, with `terms` of a sum at most */
    size_t terms;
    double uncertainty;
    /* An elementwise layer is evaluated with these errors, and `constant`
     * in each number. */
    struct lip_accuracy accuracy;
    double constant;
};

struct lip_forward {
    enum lip_norm norm;
    size_t inputs, outputs, widest;
    size_t count;
    struct step *step;
};

/* Larger matrices get |W|_2 <= min(|W|_F, sqrt(|W|_1 |W|_inf)): a proven
 * spectral norm takes n^3. */
static const double spectral_entries = 0x1p21;

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

double lip_vector_upper(const double *x, size_t n, enum lip_norm norm)
{
    double sum = 0;
    if (norm == LIP_NORM_INF) {
        for (size_t i = 0; i < n; i++)
            sum = fabs(x[i]) > sum ? fabs(x[i]) : sum;
        return sum;
    }
    if (norm == LIP_NORM_1) {
        for (size_t i = 0; i < n; i++)
            sum += fabs(x[i]);
        return lip_inflate(sum, n);
    }
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return lip_sqrt_up(lip_inflate(sum, n + 1));
}

/* |W|_{r->r} and ||W||_{r->r}, which are the same but for r = 2. */
static enum lip_status matrix_norms(struct step *step, enum lip_norm norm,
                                    const struct lip_link *link,
                                    struct lip_ctx *ctx)
{
    struct lip_big one, inf, two;
    struct lip_norm_pair pair = {LIP_NORM_1, LIP_NORM_1};
    enum lip_status status = lip_link_norm(&one, link, pair, ctx);
    pair.input = pair.output = LIP_NORM_INF;
    if (status == LIP_OK)
        status = lip_link_norm(&inf, link, pair, ctx);
    if (status != LIP_OK)
        return status;
    if (norm != LIP_NORM_2) {
        step->norm = lip_big_double(norm == LIP_NORM_1 ? one : inf);
        step->absolute = step->norm;
        return LIP_OK;
    }
    two = lip_big_min(lip_link_frobenius(link),
                      lip_big_sqrt(lip_big_mul(one, inf)));
    step->norm = step->absolute = lip_big_double(two);
    const struct lip_matrix *m = &link->transposed;
    if ((double)m->rows * (double)m->cols > spectral_entries)
        return LIP_OK;
    pair.input = pair.output = LIP_NORM_2;
    status = lip_link_norm(&two, link, pair, ctx);
    if (status == LIP_OK)
        step->norm = fmin(step->norm, lip_big_double(two));
    return status;
}

/* The norms come from a chain of this layer alone, whose matrix is scaled. */
static enum lip_status linear_norms(struct step *step, enum lip_norm norm,
                                    struct lip_ctx *ctx)
{
    struct lip_layer layer = *step->layer;
    layer.source = NULL;
    layer.sources = 0;
    struct lip_network alone = {.layer = &layer,
                                .count = 1,
                                .inputs = layer.inputs,
                                .outputs = layer.outputs};
    struct lip_chain *chain;
    enum lip_status status = lip_chain_new(&chain, &alone, ctx);
    if (status != LIP_OK)
        return status;
    status = matrix_norms(step, norm, &chain->link[0], ctx);
    lip_chain_free(chain);
    return status;
}

static enum lip_status take_linear(struct step *step, enum lip_norm norm,
                                   struct lip_ctx *ctx)
{
    const struct lip_layer *layer = step->layer;
    enum lip_status status = linear_norms(step, norm, ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&step->transposed, layer->inputs,
                                layer->outputs, ctx);
    if (status != LIP_OK)
        return status;
    lip_tensor_widen(step->transposed.data, &layer->weight);
    if (!layer->bias.data)
        return LIP_OK;
    step->bias = lip_alloc(ctx, layer->outputs, sizeof *step->bias);
    if (!step->bias)
        return memory(ctx);
    lip_tensor_widen(step->bias, &layer->bias);
    step->offset = lip_vector_upper(step->bias, layer->outputs, norm);
    return LIP_OK;
}

/* Other kinds than dense. */
static enum lip_status take_rows(struct step *step, enum lip_norm norm,
                                 struct lip_ctx *ctx)
{
    struct lip_forward_norms n;
    enum lip_status status = lip_forward_norms(&n, step->layer, norm, ctx);
    if (status != LIP_OK)
        return status;
    step->rows = true;
    step->terms = n.terms;
    step->norm = n.norm;
    step->absolute = n.absolute;
    step->offset = n.offset;
    step->uncertainty = n.uncertainty;
    return LIP_OK;
}

static void take_elementwise(struct step *step)
{
    const struct lip_layer *layer = step->layer;
    bool own = layer->weight.data;
    step->norm = 0;
    for (size_t k = 0; k < (own ? layer->outputs : 1); k++) {
        struct lip_slopes s = lip_layer_slopes(layer, k);
        step->norm = fmax(step->norm, fmax(fabs(s.lo), fabs(s.hi)));
    }
    step->constant = 0x1p-1000;
    if (layer->activation) {
        step->accuracy = layer->activation->accuracy;
    } else {
        step->accuracy.argument = 0x1p-48 * step->norm;
        step->constant += 0x1p-48 * layer->kind->rounding(layer);
    }
}

static bool follows(const struct lip_layer *layer, size_t i)
{
    return layer->source[0] == (i == 0 ? LIP_FROM_INPUT : i - 1);
}

static enum lip_status take(struct step *step, enum lip_norm norm, size_t i,
                            struct lip_ctx *ctx)
{
    const struct lip_layer *layer = step->layer;
    enum lip_layer_role role = layer->kind->role;
    step->norm = 1;
    if (layer->sources > 1 || (layer->sources == 1 && !follows(layer, i)))
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "Layer %zu (%s) takes numbers from elsewhere than the "
                        "layer before it: only chains of layers are evaluated "
                        "with a bound of the rounding errors.",
                        i, lip_layer_type(layer));
    if (role == LIP_ROLE_LINEAR)
        return layer->kind->row ? take_rows(step, norm, ctx)
                                : take_linear(step, norm, ctx);
    if (role == LIP_ROLE_ELEMENTWISE)
        take_elementwise(step);
    if (role == LIP_ROLE_JOINT)
        step->norm = layer->kind->constant(layer, norm);
    if (role == LIP_ROLE_ELEMENTWISE || role == LIP_ROLE_RESHAPE ||
        layer->kind->accurate)
        return LIP_OK;
    return lip_fail(ctx, LIP_UNSUPPORTED,
                    "Layer %zu (%s) cannot be evaluated with a bound of the "
                    "rounding errors.",
                    i, lip_layer_type(layer));
}

enum lip_status lip_forward_new(struct lip_forward **out,
                                const struct lip_network *network,
                                size_t layers, enum lip_norm norm,
                                struct lip_ctx *ctx)
{
    struct lip_forward *f = lip_calloc(ctx, 1, sizeof *f);
    if (!f)
        return memory(ctx);
    f->norm = norm;
    f->inputs = f->outputs = f->widest = network->inputs;
    f->step = lip_calloc(ctx, layers, sizeof *f->step);
    enum lip_status status = f->step ? LIP_OK : memory(ctx);
    for (size_t i = 0; status == LIP_OK && i < layers; i++) {
        struct step *step = &f->step[f->count++];
        step->layer = &network->layer[i];
        f->outputs = step->layer->outputs;
        f->widest = f->outputs > f->widest ? f->outputs : f->widest;
        status = take(step, norm, i, ctx);
        if (status == LIP_OK)
            status = lip_tick(ctx, "norms of layers", (double)i + 1,
                              (double)layers, NAN);
    }
    if (status != LIP_OK) {
        lip_forward_free(f);
        return status;
    }
    *out = f;
    return LIP_OK;
}

void lip_forward_free(struct lip_forward *forward)
{
    if (!forward)
        return;
    for (size_t i = 0; i < forward->count; i++) {
        lip_matrix_clear(&forward->step[i].transposed);
        lip_free(forward->step[i].bias);
    }
    lip_free(forward->step);
    lip_free(forward);
}

size_t lip_forward_outputs(const struct lip_forward *forward)
{
    return forward->outputs;
}

/* --- a block of inputs on its way */

struct block {
    double *x, *y; /* now, next: columns of the layer's numbers */
    double *error;
    size_t count;
    enum lip_norm norm;
};

/* |y' - y| where y = A x is computed from x' with |x' - x| = error. */
static double linear_error(const struct step *step, double error, double size,
                           size_t terms)
{
    double gamma = lip_gamma(terms + 2);
    /* A' for A: what it makes of the sizes, and of the sums' own errors. */
    gamma = lip_add_up(gamma, lip_mul_up(2, step->uncertainty));
    double most = lip_add_up(lip_mul_up(step->absolute, size), step->offset);
    /* Partial sums near the largest double may have overflowed. */
    double local = most < 0x1p1000 ? lip_mul_up(gamma, most) : INFINITY;
    return lip_add_up(lip_add_up(lip_mul_up(step->norm, error), local),
                      LIP_TINY);
}

static enum lip_status rows(struct block *b, const struct step *step,
                            struct lip_ctx *ctx)
{
    size_t n = step->layer->inputs;
    enum lip_status status =
        lip_forward_rows(b->y, step->layer, b->x, b->count, ctx);
    for (size_t i = 0; i < b->count; i++)
        b->error[i] = linear_error(step, b->error[i],
                                   lip_vector_upper(b->x + i * n, n, b->norm),
                                   step->terms);
    return status;
}

static void linear(struct block *b, const struct step *step)
{
    size_t n = step->layer->inputs, m = step->layer->outputs;
    struct lip_matrix x = {n, b->count, b->x}, y = {m, b->count, b->y};
    lip_gemm(&y, &step->transposed, true, &x, false);
    for (size_t i = 0; i < b->count; i++) {
        double size = lip_vector_upper(b->x + i * n, n, b->norm);
        b->error[i] = linear_error(step, b->error[i], size, n);
        if (step->bias)
            cblas_daxpy((int)m, 1, step->bias, 1, b->y + i * m, 1);
    }
}

static void elementwise(struct block *b, const struct step *step)
{
    const struct lip_layer *layer = step->layer;
    const struct lip_accuracy *accuracy = &step->accuracy;
    size_t n = layer->outputs;
    for (size_t i = 0; i < b->count; i++) {
        const double *x = b->x + i * n;
        double *y = b->y + i * n, local = LIP_TINY;
        layer->kind->eval(y, layer, x);
        if (accuracy->relative > 0)
            local =
                lip_add_up(local, lip_mul_up(accuracy->relative,
                                             lip_vector_upper(y, n, b->norm)));
        if (accuracy->argument > 0)
            local =
                lip_add_up(local, lip_mul_up(accuracy->argument,
                                             lip_vector_upper(x, n, b->norm)));
        local = lip_add_up(local, lip_mul_up((double)n, step->constant));
        b->error[i] = lip_add_up(lip_mul_up(step->norm, b->error[i]), local);
    }
}

/* Joint layers turn pairs or move numbers: 2^-44 |x| covers a mirror's sine
 * and cosine, off by 16 units in the last place, in every norm. */
static void move(struct block *b, const struct step *step)
{
    size_t n = step->layer->inputs, m = step->layer->outputs;
    bool joint = step->layer->kind->role == LIP_ROLE_JOINT;
    for (size_t i = 0; i < b->count; i++) {
        const double *x = b->x + i * n;
        step->layer->kind->eval(b->y + i * m, step->layer, x);
        if (!joint)
            continue;
        double size = lip_vector_upper(x, n, b->norm);
        double local = lip_add_up(lip_mul_up(0x1p-44, size), LIP_TINY);
        b->error[i] = lip_add_up(lip_mul_up(step->norm, b->error[i]), local);
    }
}

/* Numbers that are none, or too large: a later layer may hide it, the error
 * must not. */
static void doubt(struct block *b, size_t m)
{
    for (size_t i = 0; i < b->count; i++)
        for (size_t k = 0; k < m; k++)
            if (!isfinite(b->y[i * m + k]))
                b->error[i] = INFINITY;
}

static enum lip_status advance(struct block *b, const struct step *step,
                               struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    if (step->rows)
        status = rows(b, step, ctx);
    else if (step->transposed.data)
        linear(b, step);
    else if (step->layer->kind->role == LIP_ROLE_ELEMENTWISE)
        elementwise(b, step);
    else
        move(b, step);
    doubt(b, step->layer->outputs);
    double *x = b->x;
    b->x = b->y;
    b->y = x;
    return status;
}

enum lip_status lip_forward_run(double *y, double *error,
                                const struct lip_forward *forward,
                                const double *x, size_t count,
                                struct lip_ctx *ctx)
{
    size_t size;
    if (!lip_size_mul(&size, forward->widest, count))
        return lip_fail(ctx, LIP_TOO_LARGE, "%zu inputs are too many.", count);
    double *room = lip_alloc(ctx, size, 2 * sizeof *room);
    if (!room)
        return memory(ctx);
    struct block b = {room, room + size, error, count, forward->norm};
    memcpy(b.x, x, count * forward->inputs * sizeof *x);
    memset(error, 0, count * sizeof *error);
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < forward->count; i++) {
        status = advance(&b, &forward->step[i], ctx);
        if (status == LIP_OK)
            status = lip_tick(ctx, "evaluation", (double)i + 1,
                              (double)forward->count, NAN);
    }
    memcpy(y, b.x, count * forward->outputs * sizeof *y);
    lip_free(room);
    return status;
}

double lip_forward_bytes(const struct lip_network *network, double count)
{
    double bytes = 4096, widest = (double)network->inputs, most = 0;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        double n = (double)layer->inputs, m = (double)layer->outputs;
        widest = fmax(widest, m);
        bytes += sizeof(struct step) + 512;
        if (layer->kind->role != LIP_ROLE_LINEAR)
            continue;
        if (layer->kind->row) {
            most = fmax(most, lip_forward_rows_bytes(layer, count));
            continue;
        }
        bytes += 8 * (n + 1) * m;
        /* Its norms take it once more, and matrices of the smaller side. */
        double side = fmin(n, m);
        most =
            fmax(most,
                 8 * n * m + (n * m > spectral_entries ? 0 : 32 * side * side));
    }
    return bytes + most + 16 * widest * count;
}
