/* SPDX-License-Identifier: MIT
 *
 * The theorem "difference-quotient": L >= |f(x) - f(y)|_q / |x - y|_p. The
 * network is evaluated at both points at once, the columns of one matrix. */
#include "server/check/check.h"

#include <math.h>

/* W X + b */
static void linear(struct check *c, arb_mat_t x, const struct lip_layer *layer)
{
    arb_ptr bias = vector(c, 1);
    arb_mat_swap(x, product(c, weight(c, layer), x));
    for (size_t k = 0; layer->bias.data && k < layer->outputs; k++) {
        arb_set_d(bias, lip_tensor_at(&layer->bias, k));
        arb_add(x->rows[k], x->rows[k], bias, c->bits);
        arb_add(x->rows[k] + 1, x->rows[k] + 1, bias, c->bits);
    }
}

/* phi of the midpoint. */
static bool value_of(struct check *c, arb_t y, const arb_t x,
                     const struct lip_activation *activation, const double *p)
{
    struct lip_piece piece[LIP_MAX_PIECES];
    if (!activation->pieces)
        return curve_at(y, x, activation->name, p, c->bits);
    size_t n = activation->pieces(piece, p);
    while (n > 1 && arf_cmp_d(arb_midref(x), piece[n - 1].from) < 0)
        n--;
    arb_set_d(y, piece[n - 1].slope);
    arb_mul(y, y, x, c->bits);
    arb_t offset;
    arb_init(offset);
    arb_set_d(offset, piece[n - 1].offset);
    arb_add(y, y, offset, c->bits);
    arb_clear(offset);
    return true;
}

/* phi of a ball: as phi is continuous, the radius grows with the steepest
 * slope at most, wherever the kinks are. */
static bool apply(struct check *c, arb_t x, const struct lip_layer *layer,
                  size_t k)
{
    double p[LIP_MAX_PARAMETERS];
    struct lip_slopes s = slopes_of(layer, k, p);
    arb_ptr t = vector(c, 3);
    arb_get_rad_arb(t, x);
    arb_set_d(t + 1, fmax(fabs(s.lo), fabs(s.hi)));
    arb_mul(t, t, t + 1, c->bits);
    mag_zero(arb_radref(x));
    if (!value_of(c, t + 2, x, layer->activation, p))
        return false;
    arb_swap(x, t + 2);
    arb_add_error(x, t);
    return true;
}

/* |column 0 - column 1|_p */
static void distance(struct check *c, arb_t out, const arb_mat_t x, enum norm p)
{
    slong n = arb_mat_nrows(x);
    arb_ptr gap = vector(c, n);
    for (slong k = 0; k < n; k++)
        arb_sub(gap + k, x->rows[k], x->rows[k] + 1, c->bits);
    norm_of(out, gap, n, p, c->bits);
}

/* Both columns of rows first .. first + count - 1 in falling order: max and min
 * of neighbours, over and over. The max of two balls holds the max of any two
 * numbers in them. */
static void sort(struct check *c, arb_mat_struct *x, size_t first, size_t count)
{
    size_t mark = c->used;
    arb_ptr low = vector(c, 1);
    for (size_t round = 0; round < count; round++)
        for (size_t k = first + round % 2; k + 1 < first + count; k += 2)
            for (size_t side = 0; side < 2; side++) {
                arb_ptr a = x->rows[k] + side, b = x->rows[k + 1] + side;
                arb_min(low, a, b, c->bits);
                arb_max(a, a, b, c->bits);
                arb_swap(b, low);
            }
    release(c, mark);
}

static void sort_groups(struct check *c, arb_mat_struct *x,
                        const struct lip_layer *layer)
{
    size_t group = layer->group ? layer->group : layer->inputs;
    for (size_t k = 0; k < layer->inputs; k += group)
        sort(c, x, k, group);
}

/* z where v'z > 0, else z - 2 (v'z) v: that is z + (|v'z| - v'z) v. */
static void mirror(struct check *c, arb_mat_struct *x,
                   const struct lip_layer *layer)
{
    arb_ptr v = vector(c, 4), size = v + 2, t = v + 3;
    for (size_t k = 0; k < layer->inputs; k += 2)
        for (size_t side = 0; side < 2; side++) {
            arb_ptr a = x->rows[k] + side, b = x->rows[k + 1] + side;
            arb_set_d(t, lip_tensor_at(&layer->weight, k / 2));
            arb_mul_2exp_si(t, t, -1);
            arb_sin_cos(v, v + 1, t, c->bits);
            arb_neg(v + 1, v + 1);
            arb_mul(t, v, a, c->bits);
            arb_addmul(t, v + 1, b, c->bits);
            arb_abs(size, t);
            arb_sub(size, size, t, c->bits);
            arb_addmul(a, v, size, c->bits);
            arb_addmul(b, v + 1, size, c->bits);
        }
}

enum verdict quotient_check(struct check *c)
{
    const struct lip_network *network = c->network;
    slong n = (slong)network->inputs;
    arb_mat_struct *x = matrix(c, n, 2);
    arb_ptr from = vector(c, 1), to = vector(c, 1);
    size_t mark = c->used;
    for (slong side = 0; side < 2; side++) {
        arb_ptr point = evidence_row(c, side, n);
        for (slong k = 0; point && k < n; k++)
            arb_set(x->rows[k] + side, point + k);
    }
    distance(c, from, x, c->from);
    if (c->reason[0] || !arb_is_positive(from))
        return refuse(c, "The two points are one.");
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        release(c, mark);
        if (layer->kind->role == LIP_ROLE_LINEAR)
            linear(c, x, layer);
        else if (layer->kind == &lip_layer_group_sort)
            sort_groups(c, x, layer);
        else if (layer->kind == &lip_layer_householder)
            mirror(c, x, layer);
        else if (layer->kind->role != LIP_ROLE_RESHAPE && !layer->activation)
            return refuse(c, "Layer %zu cannot be evaluated.", i);
        for (size_t k = 0; layer->activation && k < 2 * layer->outputs; k++) {
            if (!apply(c, x->rows[k / 2] + k % 2, layer, k / 2))
                return refuse(c, "The activation of layer %zu is unknown.", i);
            release(c, mark);
        }
    }
    distance(c, to, x, c->to);
    arb_mul(from, from, c->claim, c->bits);
    return at_most(from, to);
}
