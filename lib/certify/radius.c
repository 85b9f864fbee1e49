/* SPDX-License-Identifier: MIT
 *
 * The rule (bounds, and what is known of the last layer), and predictions by
 * it. */
#include "certify/radius.h"

#include "base/size.h"
#include "certify/forward.h"
#include "certify/part_bound.h"
#include "linalg/big.h"
#include "linalg/blas.h"
#include "network/chain.h"

#include <stdint.h>
#include <stdio.h>

enum { BLOCK = 256, MOST_TABLED = 1024, MOST_PAIRED = 32 };

struct lip_radius_rule {
    struct lip_forward *head; /* h */
    size_t inputs, outputs, features;
    enum lip_norm norm, dual; /* q, q* */
    struct lip_matrix v;      /* features x outputs: column j is v_j */
    double *bias;             /* c; NULL: none */
    size_t classes;           /* outputs; 2 where that is 1 */
    double *size;             /* [classes] |v_j|_q* */
    double *apart;            /* [classes^2] |v_y - v_j|_q*, or NULL */
    struct lip_chain *last;   /* v scaled, where there is no table */
    struct lip_proven part, whole;
    double cap;    /* of what any z_y - z_j moves by, for |dx|_p = 1 */
    double *moves; /* [classes^2] the same of each pair, or NULL */
};

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

/* --- bounds */

/* Layers [0, count) as a network of their own. */
static struct lip_network part_of(const struct lip_network *network,
                                  size_t count)
{
    struct lip_network part = *network;
    part.count = count;
    part.outputs = count ? network->layer[count - 1].outputs : network->inputs;
    return part;
}

/* sup of |dz_y - dz_j| for |dz|_q = 1. */
static double spread(enum lip_norm q)
{
    return q == LIP_NORM_1 ? 1 : q == LIP_NORM_INF ? 2 : lip_sqrt_up(2);
}

static enum lip_status bound_all(struct lip_radius_rule *rule,
                                 const struct lip_network *network, size_t last,
                                 struct lip_norm_pair pair, double seconds,
                                 struct lip_ctx *ctx)
{
    struct lip_network part = part_of(network, last);
    rule->whole = (struct lip_proven){INFINITY, ""};
    rule->cap = INFINITY;
    enum lip_status status =
        lip_part_bound(&rule->part, &part, pair, seconds / 3, ctx);
    if (status == LIP_OK && seconds > 0)
        status = lip_part_bound(&rule->whole, network, pair, seconds / 3, ctx);
    if (status == LIP_OK && network->outputs > 1)
        rule->cap = lip_mul_up(spread(pair.output), rule->whole.value);
    else
        rule->cap = rule->whole.value;
    if (status == LIP_OK && !isfinite(rule->part.value) && !isfinite(rule->cap))
        return lip_fail(ctx, LIP_UNPROVEN,
                        "No finite bound of the layers before the last was "
                        "proven.");
    return status;
}

/* --- the last layer */

/* |column y - column j|_q*, rounded up; y or j == SIZE_MAX stands for zero.
 * A difference of doubles is off by u of itself. */
static double difference(const struct lip_link *link, enum lip_norm dual,
                         size_t y, size_t j)
{
    const struct lip_matrix *m = &link->transposed;
    const double *a = y == SIZE_MAX ? NULL : m->data + y * m->rows;
    const double *b = j == SIZE_MAX ? NULL : m->data + j * m->rows;
    double sum = 0;
    for (size_t k = 0; k < m->rows; k++) {
        double d = fabs((a ? a[k] : 0) - (b ? b[k] : 0));
        if (dual == LIP_NORM_INF)
            sum = d > sum ? d : sum;
        else
            sum += dual == LIP_NORM_1 ? d : d * d;
    }
    /* Entries that were too small to be scaled count in the radius. */
    double lost = lip_mul_up(lip_up(sqrt((double)m->rows)), 2 * link->radius);
    if (sum == 0) { /* equal, or all squares underflowed */
        bool equal = true;
        for (size_t k = 0; equal && k < m->rows; k++)
            equal = (a ? a[k] : 0) - (b ? b[k] : 0) == 0;
        if (equal && lost == 0)
            return 0;
    }
    double norm = lip_inflate(sum, m->rows + 4);
    if (dual == LIP_NORM_2)
        norm = lip_sqrt_up(norm);
    struct lip_big big = lip_big_make(lip_add_up(norm, lost), link->exponent);
    return lip_big_double(big);
}

/* Class k's column; with one output, class 0 has none. */
static size_t column_of(const struct lip_radius_rule *rule, size_t k)
{
    if (rule->outputs > 1)
        return k;
    return k == 0 ? SIZE_MAX : 0;
}

static double apart(const struct lip_radius_rule *rule, size_t y, size_t j)
{
    if (rule->apart)
        return rule->apart[y * rule->classes + j];
    return difference(&rule->last->link[0], rule->dual, column_of(rule, y),
                      column_of(rule, j));
}

static enum lip_status fill_table(struct lip_radius_rule *rule,
                                  struct lip_ctx *ctx)
{
    size_t n = rule->classes;
    const struct lip_link *link = &rule->last->link[0];
    if (n > MOST_TABLED)
        return LIP_OK;
    double *table = lip_calloc(ctx, n * n, sizeof *table);
    if (!table)
        return memory(ctx);
    rule->apart = table;
    enum lip_status status = LIP_OK;
    for (size_t y = 0; status == LIP_OK && y < n; y++) {
        for (size_t j = 0; j < y; j++)
            table[y * n + j] = table[j * n + y] = difference(
                link, rule->dual, column_of(rule, y), column_of(rule, j));
        status = lip_tick(ctx, "pairs of classes", (double)y, (double)n, NAN);
    }
    lip_chain_free(rule->last);
    rule->last = NULL;
    return status;
}

static enum lip_status take_last(struct lip_radius_rule *rule,
                                 const struct lip_layer *layer,
                                 struct lip_ctx *ctx)
{
    struct lip_layer copy = *layer;
    copy.source = NULL;
    copy.sources = 0;
    struct lip_network alone = {.layer = &copy,
                                .count = 1,
                                .inputs = layer->inputs,
                                .outputs = layer->outputs};
    rule->features = layer->inputs;
    rule->outputs = layer->outputs;
    rule->classes = layer->outputs > 1 ? layer->outputs : 2;
    enum lip_status status =
        lip_matrix_new(&rule->v, layer->inputs, layer->outputs, ctx);
    if (status == LIP_OK)
        status = lip_chain_new(&rule->last, &alone, ctx);
    if (status != LIP_OK)
        return status;
    lip_tensor_widen(rule->v.data, &layer->weight);
    rule->size = lip_alloc(ctx, rule->classes, sizeof *rule->size);
    if (layer->bias.data)
        rule->bias = lip_alloc(ctx, layer->outputs, sizeof *rule->bias);
    if (!rule->size || (layer->bias.data && !rule->bias))
        return memory(ctx);
    if (rule->bias)
        lip_tensor_widen(rule->bias, &layer->bias);
    for (size_t k = 0; k < rule->classes; k++)
        rule->size[k] = difference(&rule->last->link[0], rule->dual,
                                   column_of(rule, k), SIZE_MAX);
    return fill_table(rule, ctx);
}

/* Every pair of classes by itself, each with its share of the time. */
static enum lip_status bound_pairs(struct lip_radius_rule *rule,
                                   const struct lip_network *network,
                                   size_t last, enum lip_norm input,
                                   double seconds, struct lip_ctx *ctx)
{
    size_t n = rule->classes, left = n * (n - 1) / 2;
    double end = lip_now() + seconds;
    if (seconds <= 0 || rule->outputs < 2 || n > MOST_PAIRED)
        return LIP_OK;
    rule->moves = lip_calloc(ctx, n * n, sizeof *rule->moves);
    if (!rule->moves)
        return memory(ctx);
    enum lip_status status = LIP_OK;
    for (size_t y = 0; status == LIP_OK && y < n; y++)
        for (size_t j = 0; status == LIP_OK && j < y; j++, left--) {
            double share = (end - lip_now()) / (double)left, value;
            status = lip_pair_bound(&value, network, last, (size_t[]){y, j},
                                    input, share > 0 ? share : 0, ctx);
            /* The difference of the rows was rounded. */
            double rounded = lip_mul_up(
                LIP_UNIT,
                lip_mul_up(2, lip_mul_up(rule->part.value, apart(rule, y, j))));
            rule->moves[y * n + j] = rule->moves[j * n + y] =
                lip_add_up(value, rounded);
        }
    return status;
}

/* Chains only: parts of a graph are no networks. */
static enum lip_status check_chain(const struct lip_network *network,
                                   struct lip_ctx *ctx)
{
    size_t i = 0;
    if (lip_network_is_chain(network))
        return LIP_OK;
    while (i + 1 < network->count && lip_network_sources(network, i) == 1 &&
           lip_network_source(network, i, 0) == (i ? i - 1 : LIP_FROM_INPUT))
        i++;
    return lip_fail(ctx, LIP_UNSUPPORTED,
                    "Certified radii are computed for chains of layers; layer "
                    "%zu (%s) takes numbers from elsewhere than the layer "
                    "before it. POST /bound bounds the model as a whole.",
                    i, lip_layer_type(&network->layer[i]));
}

/* The number of the last layer but for reshapes, which must be dense. */
static enum lip_status find_last(size_t *out, const struct lip_network *network,
                                 struct lip_ctx *ctx)
{
    size_t i = network->count - 1;
    while (i > 0 && network->layer[i].kind->role == LIP_ROLE_RESHAPE)
        i--;
    *out = i;
    const struct lip_layer *layer = &network->layer[i];
    if (layer->kind == &lip_layer_dense)
        return LIP_OK;
    char where[24];
    snprintf(where, sizeof where, "%zu", i);
    return lip_fail_at(ctx, LIP_UNSUPPORTED, LIP_AT_LAYER, where,
                       "The last layer is %s: certified radii need a dense "
                       "last layer. Leave out what only rescales the logits, "
                       "such as a last sigmoid: the class stays the same.",
                       lip_layer_type(layer));
}

enum lip_status lip_radius_new(struct lip_radius_rule **out,
                               const struct lip_network *network,
                               struct lip_norm_pair pair, double seconds,
                               struct lip_ctx *ctx)
{
    size_t last;
    enum lip_status status = check_chain(network, ctx);
    if (status == LIP_OK)
        status = find_last(&last, network, ctx);
    if (status != LIP_OK)
        return status;
    struct lip_radius_rule *rule = lip_calloc(ctx, 1, sizeof *rule);
    if (!rule)
        return memory(ctx);
    rule->inputs = network->inputs;
    rule->norm = pair.output;
    rule->dual = lip_norm_dual(pair.output);
    status = bound_all(rule, network, last, pair, seconds, ctx);
    if (status == LIP_OK)
        status = lip_forward_new(&rule->head, network, last, pair.output, ctx);
    if (status == LIP_OK)
        status = take_last(rule, &network->layer[last], ctx);
    if (status == LIP_OK)
        status = bound_pairs(rule, network, last, pair.input, seconds / 3, ctx);
    if (status != LIP_OK) {
        lip_radius_free(rule);
        return status;
    }
    *out = rule;
    return LIP_OK;
}

void lip_radius_free(struct lip_radius_rule *rule)
{
    if (!rule)
        return;
    lip_forward_free(rule->head);
    lip_matrix_clear(&rule->v);
    lip_chain_free(rule->last);
    lip_free(rule->bias);
    lip_free(rule->size);
    lip_free(rule->apart);
    lip_free(rule->moves);
    lip_free(rule);
}

double lip_radius_bytes(const struct lip_network *network)
{
    double classes = (double)network->outputs, widest = 0;
    for (size_t i = 0; i < network->count; i++)
        widest = fmax(widest, (double)network->layer[i].inputs);
    double table = fmin(classes, MOST_TABLED);
    return lip_forward_bytes(network, BLOCK) + 2 * lip_chain_bytes(network) +
           8 * table * table + 8 * BLOCK * (classes + widest + 1);
}

double lip_radius_lipschitz(const struct lip_radius_rule *rule,
                            const char **method)
{
    *method = rule->part.method;
    return rule->part.value;
}

double lip_radius_whole(const struct lip_radius_rule *rule, const char **method)
{
    *method = rule->whole.method;
    return rule->whole.value;
}

/* --- predictions */

/* One input: its logits, and what the errors depend on. */
struct point {
    const double *z; /* [outputs] */
    double error;    /* |h' - h|_q */
    double size;     /* |h'|_q */
};

static double logit(const struct lip_radius_rule *rule, const struct point *p,
                    size_t k)
{
    if (rule->outputs > 1)
        return p->z[k];
    return k == 0 ? 0 : p->z[0];
}

static double offset(const struct lip_radius_rule *rule, size_t k)
{
    size_t column = column_of(rule, k);
    return rule->bias && column != SIZE_MAX ? fabs(rule->bias[column]) : 0;
}

/* How far z'_y - z'_j may be off. */
static double doubt(const struct lip_radius_rule *rule, const struct point *p,
                    size_t y, size_t j, double between)
{
    double sizes = lip_add_up(rule->size[y], rule->size[j]);
    double terms = lip_add_up(lip_mul_up(sizes, p->size),
                              lip_add_up(offset(rule, y), offset(rule, j)));
    double own = lip_mul_up(lip_gamma(rule->features + 2), terms);
    double inherited = lip_mul_up(between, p->error);
    return lip_add_up(lip_add_up(own, inherited), LIP_TINY);
}

static double radius(const struct lip_radius_rule *rule, const struct point *p,
                     size_t y)
{
    double least = INFINITY;
    for (size_t j = 0; j < rule->classes; j++) {
        if (j == y)
            continue;
        double between = apart(rule, y, j);
        double margin = lip_down(logit(rule, p, y) - logit(rule, p, j));
        margin = lip_down(margin - doubt(rule, p, y, j, between));
        if (!(margin > 0))
            return 0;
        double moves = fmin(lip_mul_up(rule->part.value, between), rule->cap);
        if (rule->moves)
            moves = fmin(moves, rule->moves[y * rule->classes + j]);
        double r = moves > 0 ? lip_div_down(margin, moves) : INFINITY;
        least = fmin(least, r);
    }
    return least;
}

static size_t largest(const struct lip_radius_rule *rule, const struct point *p)
{
    size_t y = 0;
    for (size_t k = 1; k < rule->classes; k++)
        if (logit(rule, p, k) > logit(rule, p, y))
            y = k;
    return y;
}

static enum lip_status check_finite(const double *z, size_t count, size_t input,
                                    struct lip_ctx *ctx)
{
    for (size_t k = 0; k < count; k++)
        if (!isfinite(z[k]))
            return lip_fail(ctx, LIP_UNPROVEN,
                            "Logit %zu of input %zu is too large for a "
                            "double.",
                            k, input);
    return LIP_OK;
}

/* Memory of a block; z is used where the caller wants no logits. */
struct room {
    double *h, *z, *error;
};

static enum lip_status predict_block(struct lip_prediction *prediction,
                                     double *z, const struct room *room,
                                     const struct lip_radius_rule *rule,
                                     const double *x, size_t first,
                                     size_t count, struct lip_ctx *ctx)
{
    enum lip_status status =
        lip_forward_run(room->h, room->error, rule->head, x, count, ctx);
    if (status != LIP_OK)
        return status;
    struct lip_matrix h = {rule->features, count, room->h};
    struct lip_matrix logits = {rule->outputs, count, z};
    lip_gemm(&logits, &rule->v, true, &h, false);
    for (size_t i = 0; status == LIP_OK && i < count; i++) {
        struct point p = {z + i * rule->outputs, room->error[i],
                          lip_vector_upper(room->h + i * rule->features,
                                           rule->features, rule->norm)};
        for (size_t k = 0; rule->bias && k < rule->outputs; k++)
            z[i * rule->outputs + k] += rule->bias[k];
        status = check_finite(p.z, rule->outputs, first + i, ctx);
        size_t y = largest(rule, &p);
        prediction[i] = (struct lip_prediction){y, radius(rule, &p, y)};
    }
    return status;
}

enum lip_status lip_radius_predict(struct lip_prediction *prediction,
                                   double *logits,
                                   const struct lip_radius_rule *rule,
                                   const double *x, size_t count,
                                   struct lip_ctx *ctx)
{
    size_t one = rule->features + rule->outputs + 1;
    size_t most = count < BLOCK ? count : BLOCK;
    double *memory_of_block = lip_alloc(ctx, one, most * sizeof *x);
    if (!memory_of_block)
        return memory(ctx);
    struct room room = {.h = memory_of_block};
    room.z = room.h + most * rule->features;
    room.error = room.z + most * rule->outputs;
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < count; i += BLOCK) {
        size_t n = count - i < BLOCK ? count - i : BLOCK;
        double *z = logits ? logits + i * rule->outputs : room.z;
        status = predict_block(prediction + i, z, &room, rule,
                               x + i * rule->inputs, i, n, ctx);
    }
    lip_free(memory_of_block);
    return status;
}
