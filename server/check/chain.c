/* SPDX-License-Identifier: MIT
 *
 * The chain of a network: adjacent linear layers multiplied, adjacent
 * activations composed, identities left out, an identity matrix beside an
 * activation at either end. A layer that sorts or mirrors numbers is taken
 * apart into steps that each turn pairs of numbers into p and |d|. */
#include "server/check/check.h"

#include <stdlib.h>
#include <string.h>

/* Under construction: which layers each matrix is made of, and whether the last
 * thing was an activation. */
struct builder {
    struct check *c;
    json_t *members;
    bool slopes;
};

arb_mat_struct *weight(struct check *c, const struct lip_layer *layer)
{
    size_t m = layer->outputs, n = layer->inputs;
    arb_mat_struct *w = matrix(c, (slong)m, (slong)n);
    double *value = flint_malloc(m * n * sizeof *value);
    lip_tensor_widen(value, &layer->weight);
    for (size_t k = 0; k < m * n; k++)
        arb_set_d(w->rows[k / n] + k % n, value[k]);
    flint_free(value);
    return w;
}

static arb_mat_struct *add_matrix(struct builder *b, size_t rows, size_t cols)
{
    arb_mat_struct *w = &b->c->w[b->c->links++];
    arb_mat_init(w, (slong)rows, (slong)cols);
    json_array_append_new(b->members, json_array());
    b->slopes = false;
    return w;
}

static void add_linear(struct builder *b, size_t i)
{
    struct check *c = b->c;
    arb_mat_struct *w = weight(c, &c->network->layer[i]);
    if (c->links > 0 && !b->slopes)
        w = product(c, w, &c->w[c->links - 1]);
    else
        add_matrix(b, 0, 0);
    arb_mat_swap(&c->w[c->links - 1], w);
    json_array_append_new(json_array_get(b->members, (size_t)c->links - 1),
                          json_real((double)i));
    release(c, 0);
}

struct lip_slopes slopes_of(const struct lip_layer *layer, size_t k, double *p)
{
    memcpy(p, layer->parameter, sizeof layer->parameter);
    if (layer->weight.data)
        p[0] = lip_tensor_at(&layer->weight, k);
    return layer->activation->slopes(p);
}

/* [lo, hi] of each neuron, times the range of an activation right before. */
static void add_slopes(struct builder *b, const struct lip_layer *layer)
{
    struct check *c = b->c;
    double p[LIP_MAX_PARAMETERS];
    struct lip_slopes s = slopes_of(layer, 0, p);
    size_t n = layer->outputs;
    if (!layer->weight.data && s.lo == 1 && s.hi == 1)
        return;
    if (c->links == 0)
        arb_mat_one(add_matrix(b, n, n));
    arb_mat_struct *range = &c->range[c->links - 1];
    if (!b->slopes) {
        arb_mat_init(range, 2, (slong)n);
        arb_mat_ones(range);
    }
    arb_ptr t = vector(c, 4);
    for (size_t k = 0; k < n; k++) {
        arb_ptr lo = range->rows[0] + k, hi = range->rows[1] + k;
        s = slopes_of(layer, k, p);
        for (int i = 0; i < 4; i++) {
            arb_set_d(t + i, i < 2 ? s.lo : s.hi);
            arb_mul(t + i, t + i, i % 2 ? hi : lo, c->bits);
        }
        arb_set(lo, t);
        arb_set(hi, t);
        for (int i = 1; i < 4; i++) {
            arb_min(lo, lo, t + i, c->bits);
            arb_max(hi, hi, t + i, c->bits);
        }
    }
    b->slopes = true;
    release(c, 0);
}

/* Numbers a and b as d = s a - c b in row k and p = c a + s b in row m + k, and
 * |d| and p back as a' = u (c p + s |d|), b' = u (s p - c |d|). */
struct turn {
    size_t a, b, step;
};

/* One step of a layer of n numbers: `turns` turns, c and s of each in angle[0]
 * and angle[1], the others behind them. */
static void add_step(struct builder *b, size_t n, const struct turn *turn,
                     size_t turns, arb_srcptr angle, bool exchange)
{
    struct check *c = b->c;
    if (c->links == 0 || b->slopes)
        arb_mat_one(add_matrix(b, n, n));
    arb_mat_struct *range = &c->range[c->links - 1];
    arb_mat_init(range, 2, (slong)n);
    arb_mat_ones(range);
    arb_mat_struct *in = matrix(c, (slong)n, (slong)n);
    arb_mat_struct *last = &c->w[c->links - 1];
    arb_mat_struct *out = add_matrix(b, n, n);
    unsigned char *paired = flint_calloc(n, 1);
    for (size_t k = 0; k < turns; k++) {
        size_t x = turn[k].a, y = turn[k].b;
        arb_srcptr cosine = angle + 2 * k, sine = cosine + 1;
        paired[x] = paired[y] = 1;
        arb_set_si(range->rows[0] + k, -1);
        arb_set(in->rows[k] + x, sine);
        arb_neg(in->rows[k] + y, cosine);
        arb_set(in->rows[turns + k] + x, cosine);
        arb_set(in->rows[turns + k] + y, sine);
        arb_mul_2exp_si(out->rows[x] + k, sine, exchange);
        arb_mul_2exp_si(out->rows[x] + turns + k, cosine, exchange);
        arb_mul_2exp_si(out->rows[y] + turns + k, sine, exchange);
        arb_mul_2exp_si(out->rows[y] + k, cosine, exchange);
        arb_neg(out->rows[y] + k, out->rows[y] + k);
    }
    for (size_t j = 0, k = 2 * turns; j < n; j++)
        if (!paired[j]) {
            arb_one(in->rows[k] + j);
            arb_one(out->rows[j] + k++);
        }
    flint_free(paired);
    arb_mat_swap(last, product(c, in, last));
}

/* All pairs of one turn each, by the layer's angles. */
static void add_mirrors(struct builder *b, const struct lip_layer *layer)
{
    struct check *c = b->c;
    size_t n = layer->inputs;
    struct turn *turn = flint_calloc(n / 2 + 1, sizeof *turn);
    arb_ptr angle = vector(c, (slong)n);
    for (size_t k = 0; k < n / 2; k++) {
        turn[k] = (struct turn){2 * k, 2 * k + 1, 0};
        arb_set_d(angle + 2 * k, lip_tensor_at(&layer->weight, k));
        arb_mul_2exp_si(angle + 2 * k, angle + 2 * k, -1);
        arb_sin_cos(angle + 2 * k + 1, angle + 2 * k, angle + 2 * k, c->bits);
    }
    add_step(b, n, turn, n / 2, angle, false);
    flint_free(turn);
    release(c, 0);
}

/* Knuth 5.2.2, algorithm M: exchanges that sort n numbers, each in the first
 * step in which both its numbers are free; how many. */
static size_t exchanges(struct turn *out, size_t n)
{
    size_t count = 0, first = 1;
    size_t *free_from = flint_calloc(n, sizeof *free_from);
    while (2 * first < n)
        first *= 2;
    for (size_t p = first; p > 0; p /= 2) {
        size_t q = first, r = 0, d = p;
        for (bool more = true; more;) {
            for (size_t i = 0; i + d < n; i++) {
                if ((i & p) != r)
                    continue;
                size_t u = free_from[i], v = free_from[i + d];
                size_t step = u > v ? u : v;
                out[count++] = (struct turn){i, i + d, step};
                free_from[i] = free_from[i + d] = step + 1;
            }
            more = q != p;
            d = q - p;
            q /= 2;
            r = p;
        }
    }
    flint_free(free_from);
    return count;
}

static void add_sort(struct builder *b, const struct lip_layer *layer)
{
    struct check *c = b->c;
    size_t n = layer->inputs, group = layer->group ? layer->group : n;
    if (group > 1024) {
        refuse(c, "Sorts of %zu numbers are not known here.", group);
        return;
    }
    struct turn *all = flint_calloc(group * group, sizeof *all);
    struct turn *turn = flint_calloc(n, sizeof *turn);
    size_t count = exchanges(all, group), turns = 1;
    arb_ptr half = vector(c, (slong)n + 1);
    for (size_t k = 0; k < n; k++) {
        arb_one(half + k);
        arb_mul_2exp_si(half + k, half + k, -1);
    }
    size_t mark = c->used;
    for (size_t step = 0; turns > 0; step++) {
        turns = 0;
        for (size_t g = 0; g < n; g += group)
            for (size_t k = 0; k < count; k++)
                if (all[k].step == step)
                    turn[turns++] =
                        (struct turn){g + all[k].a, g + all[k].b, step};
        if (turns > 0)
            add_step(b, n, turn, turns, half, true);
        release(c, mark);
    }
    flint_free(all);
    flint_free(turn);
    release(c, 0);
}

/* Matrices that the layers make at most: a sort of up to 2^t numbers has t (t +
 * 1) / 2 steps. */
static size_t most_links(const struct lip_network *network)
{
    size_t count = 2;
    for (size_t i = 0; i < network->count; i++)
        count += network->layer[i].kind->role == LIP_ROLE_JOINT ? 2 * 55 : 2;
    return count;
}

/* The certificate's slopes take the place of the true ones within them. */
static enum verdict widen(struct check *c, slong i, const json_t *list,
                          bool upper)
{
    arb_mat_struct *range = &c->range[i];
    size_t size = json_array_size(list), n = (size_t)arb_mat_ncols(range);
    arb_ptr said = vector(c, 1);
    bool good = size == 1 || size == n;
    for (size_t k = 0; k < n && good; k++) {
        const json_t *x = json_array_get(list, size == 1 ? 0 : k);
        arb_ptr own = range->rows[upper] + k;
        arb_set_d(said, json_number_value(x));
        good = json_is_number(x) &&
               (upper ? arb_le(own, said) : arb_le(said, own));
        arb_set(own, said);
    }
    release(c, 0);
    if (good)
        return PROVED;
    return refuse(c,
                  "The slopes of layer %ld are not within those that the "
                  "certificate lists.",
                  i + 1);
}

static void reverse(struct check *c)
{
    enum norm from = 2 - c->to;
    c->to = 2 - c->from;
    c->from = from;
    for (slong i = 0; 2 * i < c->links; i++)
        arb_mat_swap(&c->w[i], &c->w[c->links - 1 - i]);
    for (slong i = 0; 2 * i + 1 < c->links; i++)
        arb_mat_swap(&c->range[i], &c->range[c->links - 2 - i]);
    for (slong i = 0; i < c->links; i++) {
        arb_mat_swap(&c->w[i], transpose(c, &c->w[i]));
        release(c, 0);
    }
}

static enum verdict compare(struct check *c, const json_t *members)
{
    const json_t *chain = json_object_get(c->root, "chain");
    const json_t *evidence = json_object_get(c->root, "evidence");
    const json_t *slopes = json_object_get(chain, "slopes");
    enum verdict verdict = PROVED;
    if (!json_equal(members, json_object_get(chain, "matrices")))
        return refuse(c, "The layers are not merged as the certificate says.");
    for (slong i = 0; i + 1 < c->links && verdict == PROVED; i++) {
        const json_t *both = json_array_get(slopes, (size_t)i);
        verdict = widen(c, i, json_object_get(both, "lower"), false);
        if (verdict == PROVED)
            verdict = widen(c, i, json_object_get(both, "upper"), true);
    }
    if (json_is_true(json_object_get(evidence, "transposed")))
        reverse(c);
    return verdict;
}

enum verdict chain_open(struct check *c)
{
    struct builder b = {.c = c, .members = json_array()};
    const struct lip_network *network = c->network;
    c->w = flint_calloc(most_links(network), sizeof *c->w);
    c->range = flint_calloc(most_links(network), sizeof *c->range);
    for (size_t i = 0; i < network->count; i++) {
        enum lip_layer_role role = network->layer[i].kind->role;
        if (role == LIP_ROLE_LINEAR)
            add_linear(&b, i);
        else if (role == LIP_ROLE_ELEMENTWISE)
            add_slopes(&b, &network->layer[i]);
        else if (network->layer[i].kind == &lip_layer_householder)
            add_mirrors(&b, &network->layer[i]);
        else if (network->layer[i].kind == &lip_layer_group_sort)
            add_sort(&b, &network->layer[i]);
        else if (role != LIP_ROLE_RESHAPE)
            refuse(c, "Layer %zu is of a kind that is not known here.", i);
    }
    if (b.slopes)
        arb_mat_one(add_matrix(&b, network->outputs, network->outputs));
    enum verdict verdict = c->reason[0] ? REFUTED : compare(c, b.members);
    json_decref(b.members);
    return verdict;
}

void chain_close(struct check *c)
{
    release(c, 0);
    for (; c->links > 0; c->links--) {
        arb_mat_clear(&c->w[c->links - 1]);
        arb_mat_clear(&c->range[c->links - 1]);
    }
    flint_free(c->w);
    flint_free(c->range);
}
