/* SPDX-License-Identifier: MIT
 *
 * Rows of folded maps. Row k begins as the unit vector of the last layer's
 * number k and is pulled back, layer by layer, to where the map begins:
 * x' A_v A_w ... from the left. Next to each sum of products goes the sum of
 * their absolute values, times which the sum can be off by a relative error
 * that is counted on the way. */
#include "bounds/fold.h"

#include "linalg/blas.h"
#include "linalg/matrix.h"
#include "network/operator.h"

#include <float.h>
#include <string.h>

/* The numbers of one layer of the fold, or of where it begins. */
struct slot {
    size_t layer; /* or LIP_FROM_INPUT */
    size_t width;
    struct lip_operator op; /* column NULL: a reshape, or the begin */
    double *value, *size;   /* [width]: zero but where `seen` */
    bool *seen;
    size_t *touched, count; /* the columns that are */
    size_t *to, *first;     /* slots of its sources, SIZE_MAX: left out; and
                               where they end among its inputs */
    size_t sources;
    double roundings;   /* of each number of this row so far */
    double uncertainty; /* of the layers that it came through */
};

struct lip_fold {
    const struct lip_network *network;
    size_t slots; /* layers + 1; the last is where the map begins */
    struct slot *slot;
    size_t outputs, inputs;
};

static enum lip_status no_memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

static size_t width_of(const struct lip_network *network, size_t layer)
{
    return layer == LIP_FROM_INPUT ? network->inputs
                                   : network->layer[layer].outputs;
}

/* Where layer `wanted` stands in the list; layers for `from`, SIZE_MAX where it
 * is neither. */
static size_t find(const size_t *layer, size_t layers, size_t from,
                   size_t wanted)
{
    if (wanted == from)
        return layers;
    for (size_t i = 0; i < layers; i++)
        if (layer[i] == wanted)
            return i;
    return SIZE_MAX;
}

static enum lip_status fill_slot(struct lip_fold *fold, struct slot *slot,
                                 size_t from, const size_t *layer,
                                 size_t layers, struct lip_ctx *ctx)
{
    const struct lip_network *network = fold->network;
    size_t n = slot->width = width_of(network, slot->layer);
    slot->value = lip_calloc(ctx, n, sizeof *slot->value);
    slot->size = slot->value ? lip_calloc(ctx, n, sizeof *slot->size) : NULL;
    slot->seen = slot->size ? lip_calloc(ctx, n, sizeof *slot->seen) : NULL;
    slot->touched =
        slot->seen ? lip_alloc(ctx, n, sizeof *slot->touched) : NULL;
    if (!slot->touched)
        return no_memory(ctx);
    if (slot == &fold->slot[layers])
        return LIP_OK;
    const struct lip_layer *l = &network->layer[slot->layer];
    slot->sources = lip_network_sources(network, slot->layer);
    slot->to = lip_alloc(ctx, slot->sources, sizeof *slot->to);
    slot->first =
        slot->to ? lip_alloc(ctx, slot->sources, sizeof *slot->first) : NULL;
    if (!slot->first)
        return no_memory(ctx);
    size_t end = 0;
    for (size_t j = 0; j < slot->sources; j++) {
        size_t source = lip_network_source(network, slot->layer, j);
        slot->to[j] = find(layer, layers, from, source);
        slot->first[j] = end;
        end += width_of(network, source);
    }
    return l->kind->role == LIP_ROLE_LINEAR
               ? lip_operator_new(&slot->op, l, ctx)
               : LIP_OK;
}

/* Exponents of the largest and the smallest entry of a layer's matrix. */
static enum lip_status range_of(struct slot *slot, int *most, int *least,
                                struct lip_ctx *ctx)
{
    double hi = 0, lo = INFINITY;
    for (size_t k = 0; k < slot->width; k++) {
        size_t n = lip_operator_row(&slot->op, k);
        for (size_t j = 0; j < n; j++) {
            double x = fabs(slot->op.value[j]);
            hi = fmax(hi, x);
            lo = x > 0 && x < lo ? x : lo;
        }
        if (k % 1024 == 0) {
            enum lip_status status = lip_tick(ctx, "folding layers", (double)k,
                                              (double)slot->width, NAN);
            if (status != LIP_OK)
                return status;
        }
    }
    *most = *least = 0;
    if (hi == 0)
        return LIP_OK;
    frexp(hi, most);
    frexp(lo, least);
    return LIP_OK;
}

/* No product of one entry of each layer can over- or underflow, then: sums of
 * such products neither, as 2^60 of them are not formed. */
static enum lip_status check_range(struct lip_fold *fold, struct lip_ctx *ctx)
{
    long most = 60, least = 0;
    for (size_t i = 0; i + 1 < fold->slots; i++) {
        int hi, lo;
        if (!fold->slot[i].op.column)
            continue;
        enum lip_status status = range_of(&fold->slot[i], &hi, &lo, ctx);
        if (status != LIP_OK)
            return status;
        most += hi > 0 ? hi : 0;
        least += lo < 0 ? lo - 1 : 0;
    }
    return most < 1000 && least > -1000
               ? LIP_OK
               : lip_fail(ctx, LIP_UNPROVEN,
                          "The weights of layers in a row are too large or "
                          "too small to be multiplied in doubles.");
}

enum lip_status lip_fold_new(struct lip_fold **out,
                             const struct lip_network *network, size_t from,
                             const size_t *layer, size_t layers,
                             struct lip_ctx *ctx)
{
    struct lip_fold *fold = *out = lip_calloc(ctx, 1, sizeof *fold);
    if (!fold)
        return no_memory(ctx);
    fold->network = network;
    fold->slot = lip_calloc(ctx, layers + 1, sizeof *fold->slot);
    enum lip_status status = fold->slot ? LIP_OK : no_memory(ctx);
    fold->slots = fold->slot ? layers + 1 : 0;
    for (size_t i = 0; status == LIP_OK && i <= layers; i++) {
        fold->slot[i].layer = i < layers ? layer[i] : from;
        status = fill_slot(fold, &fold->slot[i], from, layer, layers, ctx);
    }
    if (status == LIP_OK) {
        fold->outputs = fold->slot[layers - 1].width;
        fold->inputs = fold->slot[layers].width;
        status = check_range(fold, ctx);
    }
    if (status == LIP_OK)
        return LIP_OK;
    lip_fold_free(fold);
    *out = NULL;
    return status;
}

void lip_fold_free(struct lip_fold *fold)
{
    if (!fold)
        return;
    for (size_t i = 0; i < fold->slots; i++) {
        struct slot *slot = &fold->slot[i];
        lip_operator_clear(&slot->op);
        lip_free(slot->value);
        lip_free(slot->size);
        lip_free(slot->seen);
        lip_free(slot->touched);
        lip_free(slot->to);
        lip_free(slot->first);
    }
    lip_free(fold->slot);
    lip_free(fold);
}

static size_t fan_in(const struct lip_layer *layer)
{
    if (layer->kind->role != LIP_ROLE_LINEAR)
        return 1;
    return layer->kind->row ? layer->fan_in : layer->inputs;
}

double lip_fold_flops(const struct lip_network *network, size_t from,
                      const size_t *layer, size_t layers)
{
    double entries[LIP_MAX_FOLD] = {0}, flops = 0;
    if (layers > LIP_MAX_FOLD)
        return INFINITY;
    entries[layers - 1] = 1;
    for (size_t i = layers; i-- > 0;) {
        const struct lip_layer *l = &network->layer[layer[i]];
        double pulled = entries[i] * (double)fan_in(l);
        flops += pulled;
        for (size_t j = 0; j < lip_network_sources(network, layer[i]); j++) {
            size_t source = lip_network_source(network, layer[i], j);
            size_t to = find(layer, layers, from, source);
            if (to < layers)
                entries[to] = fmin(entries[to] + pulled,
                                   (double)width_of(network, source));
        }
    }
    return flops * (double)width_of(network, layer[layers - 1]);
}

/* --- one row */

static void forget(struct slot *slot)
{
    for (size_t k = 0; k < slot->count; k++) {
        size_t j = slot->touched[k];
        slot->value[j] = slot->size[j] = 0;
        slot->seen[j] = false;
    }
    slot->count = 0;
    slot->roundings = slot->uncertainty = 0;
}

static void add(struct slot *to, size_t j, double value, double size)
{
    if (!to->seen[j]) {
        to->seen[j] = true;
        to->touched[to->count++] = j;
    }
    to->value[j] += value;
    to->size[j] += size;
}

/* The slot of column c of a layer's inputs; c becomes the column there. */
static struct slot *source_of(struct lip_fold *fold, const struct slot *slot,
                              size_t *c)
{
    size_t j = slot->sources - 1;
    while (slot->first[j] > *c)
        j--;
    if (slot->to[j] == SIZE_MAX)
        return NULL;
    *c -= slot->first[j];
    return &fold->slot[slot->to[j]];
}

/* x' -> x' A for one layer, into the slots of its sources. */
static void pull(struct lip_fold *fold, struct slot *slot)
{
    for (size_t t = 0; t < slot->count; t++) {
        size_t k = slot->touched[t], column = k;
        double value = 1, *entry = &value;
        const size_t *where = &column;
        size_t n = 1;
        if (slot->op.column) {
            n = lip_operator_row(&slot->op, k);
            where = slot->op.column;
            entry = slot->op.value;
        }
        for (size_t j = 0; j < n; j++) {
            size_t c = where[j];
            struct slot *to = source_of(fold, slot, &c);
            if (to)
                add(to, c, slot->value[k] * entry[j],
                    slot->size[k] * fabs(entry[j]));
        }
    }
}

/* Each number of a source has had a product of every number of this layer
 * added to it, at most once a source. */
static void count_errors(struct lip_fold *fold, const struct slot *slot)
{
    double u = slot->op.uncertainty;
    u = u > 0 ? lip_div_up(u, lip_down(1 - u)) : 0;
    u = lip_add_up(lip_add_up(slot->uncertainty, u),
                   lip_mul_up(slot->uncertainty, u));
    for (size_t j = 0; j < slot->sources; j++) {
        if (slot->to[j] == SIZE_MAX)
            continue;
        struct slot *to = &fold->slot[slot->to[j]];
        /* The largest of the consumers', and their additions one after the
         * other: the sum is more than both. */
        to->roundings += slot->roundings + (double)slot->count + 1;
        to->uncertainty = fmax(to->uncertainty, u);
    }
}

/* |computed - exact| <= (u + gamma_k) sum |products|, and that sum is at most
 * (1 + gamma_2k) times the computed one. */
static double error_of(const struct slot *slot)
{
    if (!(slot->roundings < 0x1p40) || !(slot->uncertainty < 1))
        return INFINITY;
    size_t k = (size_t)slot->roundings + 2;
    double e = lip_add_up(slot->uncertainty,
                          lip_mul_up(lip_gamma(k), 1 + slot->uncertainty));
    return lip_mul_up(e, lip_up(1 + lip_gamma(2 * k)));
}

void lip_fold_row(struct lip_fold_row *row, struct lip_fold *fold, size_t k)
{
    struct slot *begin = &fold->slot[fold->slots - 1];
    forget(begin);
    add(&fold->slot[fold->slots - 2], k, 1, 1);
    for (size_t i = fold->slots - 1; i-- > 0;) {
        struct slot *slot = &fold->slot[i];
        pull(fold, slot);
        count_errors(fold, slot);
        forget(slot);
    }
    *row = (struct lip_fold_row){.count = begin->count,
                                 .column = begin->touched,
                                 .value = begin->value,
                                 .size = begin->size,
                                 .error = error_of(begin)};
}

/* --- norms */

/* Nothing is known of the rows: what is below would be 0 times infinity. */
static enum lip_status unknown(struct lip_ctx *ctx)
{
    return lip_fail(ctx, LIP_UNPROVEN,
                    "Rounding errors of folded layers are too large.");
}

static enum lip_status tick(struct lip_ctx *ctx, const struct lip_fold *fold,
                            size_t k)
{
    return k % 256 ? LIP_OK
                   : lip_tick(ctx, "norms of folded layers", (double)k,
                              (double)fold->outputs, NAN);
}

enum lip_status lip_fold_norms(struct lip_fold_norms *out,
                               struct lip_fold *fold, struct lip_ctx *ctx)
{
    double *column = lip_calloc(ctx, fold->inputs, sizeof *column);
    double inf = 0, squares = 0;
    enum lip_status status = column ? LIP_OK : no_memory(ctx);
    for (size_t k = 0; status == LIP_OK && k < fold->outputs; k++) {
        struct lip_fold_row row;
        double sum = 0;
        lip_fold_row(&row, fold, k);
        if (!isfinite(row.error)) {
            status = unknown(ctx);
            break;
        }
        for (size_t t = 0; t < row.count; t++) {
            size_t j = row.column[t];
            double x = fabs(row.value[j]) + row.error * row.size[j];
            column[j] += x;
            sum += x;
        }
        inf = fmax(inf, sum == 0 ? 0 : lip_inflate(sum, row.count + 3));
        for (size_t t = 0; t < row.count; t++) {
            size_t j = row.column[t];
            double x = fabs(row.value[j]) + row.error * row.size[j];
            squares += x * x;
        }
        status = tick(ctx, fold, k);
    }
    double one = 0;
    for (size_t j = 0; status == LIP_OK && j < fold->inputs; j++)
        one = fmax(one, column[j]);
    size_t products = fold->inputs * fold->outputs;
    *out = (struct lip_fold_norms){0};
    if (inf > 0)
        *out = (struct lip_fold_norms){
            .one = lip_inflate(one, fold->outputs + 3),
            .inf = inf,
            .frobenius = lip_sqrt_up(lip_inflate(squares, products + 8))};
    lip_free(column);
    return status;
}

/* Fills the transpose, divided by 2^exponent so that its largest entry is
 * below 1, and the sum of squares of what its entries may be off by. */
static enum lip_status fill_matrix(struct lip_matrix *at, double *radius,
                                   struct lip_fold *fold, struct lip_ctx *ctx)
{
    double squares = 0;
    enum lip_status status = LIP_OK;
    memset(at->data, 0, at->rows * at->cols * sizeof *at->data);
    for (size_t k = 0; status == LIP_OK && k < fold->outputs; k++) {
        struct lip_fold_row row;
        lip_fold_row(&row, fold, k);
        for (size_t t = 0; t < row.count; t++) {
            size_t j = row.column[t];
            at->data[j + k * at->rows] = row.value[j];
            double r = row.error * row.size[j];
            squares += r * r;
        }
        status = tick(ctx, fold, k);
    }
    *radius = lip_sqrt_up(lip_inflate(squares, at->rows * at->cols + 8));
    return status;
}

/* Brings the largest entry into [1/2, 1) by a power of two, which it returns;
 * what small ones lose by that is less than LIP_TINY together. */
static long normalise(struct lip_matrix *at)
{
    double most = 0;
    size_t count = at->rows * at->cols;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(at->data[i]));
    int e = 0;
    frexp(most, &e);
    for (size_t i = 0; e && i < count; i++)
        at->data[i] = ldexp(at->data[i], -e);
    return e;
}

enum lip_status lip_fold_matrix_norm(struct lip_big *out, struct lip_fold *fold,
                                     struct lip_norm_pair pair,
                                     struct lip_ctx *ctx)
{
    struct lip_matrix at = {0};
    double radius = 0, norm = 0;
    enum lip_status status =
        lip_matrix_new(&at, fold->inputs, fold->outputs, ctx);
    if (status == LIP_OK)
        status = fill_matrix(&at, &radius, fold, ctx);
    if (status == LIP_OK && !isfinite(radius))
        status = unknown(ctx);
    if (status == LIP_OK) {
        long e = normalise(&at);
        status = lip_norm_upper(&norm, &at, pair, ctx);
        double off = lip_mul_up(lip_norm_per_spectral(pair, at.rows, at.cols),
                                lip_up(LIP_TINY));
        struct lip_big slack = lip_big_mul(
            lip_big_make(radius, 0),
            lip_big_make(lip_norm_per_spectral(pair, at.rows, at.cols), 0));
        *out = lip_big_add(lip_big_make(lip_add_up(norm, off), e), slack);
    }
    lip_matrix_clear(&at);
    return status;
}
