/* SPDX-License-Identifier: MIT
 *
 * Climbs over the pieces of a small network: sweeps along lines, and flips of
 * single neurons and pairs of them. */
#include "certify/search_parts.h"

#include "linalg/random.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Lines without gain before a climb gives up; pieces of one line. */
enum { PATIENCE = 4, PIECES = 64 };

/* --- sweeps along a line */

/* Walks from x along the line to the end of all pieces, and offers a point in
 * the middle of each. */
static void sweep_one_way(struct lip_search *s, const double *x,
                          const double *line, double way, int pieces)
{
    size_t n = lip_search_inputs(s);
    double size = lip_length(x, n) / lip_length(line, n);
    double t = 0, nudge = 1e-9 * size;
    for (int i = 0; i < pieces && lip_search_more(s); i++) {
        memcpy(s->point, x, n * sizeof *x);
        cblas_daxpy((int)n, way * t, line, 1, s->point, 1);
        lip_walk_to(&s->walk, s->point, 0);
        lip_walk_tangent(&s->walk, line);
        double length = lip_walk_free(&s->walk, way);
        bool end = !isfinite(length);
        double middle = end ? fmax(t, size) : length / 2;
        cblas_daxpy((int)n, way * middle, line, 1, s->point, 1);
        if (length > lip_search_thin * size)
            lip_search_offer(s, s->point, lip_walk_norm(&s->walk, 3, 1e-3));
        if (end)
            return;
        t += length + fmax(nudge, 1e-9 * t);
    }
}

static void sweep(struct lip_search *s, const double *line, int pieces)
{
    size_t n = lip_search_inputs(s);
    if (!(lip_length(line, n) > 0))
        return;
    memcpy(s->start, s->here.x, n * sizeof *line);
    sweep_one_way(s, s->start, line, 1, pieces);
    sweep_one_way(s, s->start, line, -1, pieces);
}

/* The gradient of the number that goes into a random neuron: a line across
 * that neuron's kink. */
static bool neuron_line(struct lip_search *s, double *line)
{
    const struct lip_stages *stages = s->walk.stages;
    if (stages->neurons == 0)
        return false;
    size_t k = lip_random_next(&s->seed) % stages->neurons, i = 0;
    while (stages->stage[i].weight || k >= stages->stage[i].outputs) {
        k -= stages->stage[i].weight ? 0 : stages->stage[i].outputs;
        i++;
    }
    lip_walk_to(&s->walk, s->here.x, 0);
    lip_walk_pull(&s->walk, i, k);
    memcpy(line, s->walk.adjoint, stages->inputs * sizeof *line);
    return true;
}

/* A line worth sweeping through the point of this restart. */
static void choose_line(struct lip_search *s, double *line)
{
    size_t n = lip_search_inputs(s);
    double kind = lip_search_uniform(s);
    if (kind < 0.05) {
        memcpy(line, s->here.x, n * sizeof *line);
        return;
    }
    if (kind < 0.1 && s->best.value > s->here.value) {
        for (size_t k = 0; k < n; k++)
            line[k] = s->best.x[k] - s->here.x[k];
        return;
    }
    if (kind < 0.4 && neuron_line(s, line))
        return;
    if (kind < 0.6) {
        double window = exp2(-6 * lip_search_uniform(s));
        lip_walk_to(&s->walk, s->here.x, window);
        lip_walk_norm(&s->walk, 2, 1e-3);
        memcpy(line, lip_walk_gradient(&s->walk, window), n * sizeof *line);
        return;
    }
    lip_search_direction(s, line, n);
    if (kind < 0.8)
        cblas_daxpy((int)n, 1, s->here.v, 1, line, 1);
}

/* --- cells */

/* Puts the cell that differs by a flip in the place of the walk's; back again
 * with the flip that comes back. */
static struct lip_flip turn(struct lip_search *s, const struct lip_flip *flip,
                            int count)
{
    struct lip_flip back = *flip;
    for (int i = 0; i < count; i++) {
        size_t k = flip->neuron[i];
        back.piece[i] = s->cells.piece[k];
        s->cells.piece[k] = flip->piece[i];
        lip_cells_set_slope(&s->cells, k, flip->piece[i]);
    }
    return back;
}

static void turn_back(struct lip_search *s, const struct lip_flip *back,
                      int count)
{
    for (int i = count; i-- > 0;) {
        s->cells.piece[back->neuron[i]] = back->piece[i];
        lip_cells_set_slope(&s->cells, back->neuron[i], back->piece[i]);
    }
}

/* The norm in the cell a flip away, whether or not there is such a cell. */
static double flipped_value(struct lip_search *s, const struct lip_flip *flip,
                            int count)
{
    memcpy(s->walk.v, s->here.v, lip_search_inputs(s) * sizeof *s->here.v);
    struct lip_flip back = turn(s, flip, count);
    double value = lip_walk_norm(&s->walk, 2, 1e-3);
    turn_back(s, &back, count);
    return value;
}

/* Goes to the middle of the cell a flip away, if there is one and it is
 * better. */
static bool move(struct lip_search *s, const struct lip_flip *flip, int count)
{
    double before = s->here.value;
    struct lip_flip back = turn(s, flip, count);
    bool inside = lip_cells_middle(&s->cells);
    turn_back(s, &back, count);
    if (!inside)
        return false;
    memcpy(s->walk.v, s->here.v, lip_search_inputs(s) * sizeof *s->here.v);
    lip_search_try(s, s->cells.point, 4);
    bool better = s->here.value > before * (1 + 1e-12);
    lip_walk_to(&s->walk, s->here.x, 0);
    lip_cells_here(&s->cells);
    return better;
}

/* Another piece for neuron k, the `number`-th of them. */
static bool other_piece(const struct lip_search *s, size_t k, size_t number,
                        unsigned char *out)
{
    size_t pieces = lip_cells_pieces(&s->cells, k);
    if (number + 1 >= pieces)
        return false;
    *out = (unsigned char)((s->cells.piece[k] + 1 + number) % pieces);
    return true;
}

static int by_value(const void *a, const void *b)
{
    double x = ((const struct lip_flip *)a)->value;
    double y = ((const struct lip_flip *)b)->value;
    return (x < y) - (x > y);
}

/* Tries the flips of one neuron, the most promising first. */
static bool flip_one(struct lip_search *s)
{
    size_t count = 0;
    for (size_t k = 0; k < s->walk.stages->neurons && lip_search_more(s); k++) {
        struct lip_flip f = {.neuron = {k}};
        for (size_t j = 0; other_piece(s, k, j, &f.piece[0]); j++) {
            f.value = flipped_value(s, &f, 1);
            if (f.value > s->here.value * (1 + 1e-9))
                s->flip[count++] = f;
        }
    }
    qsort(s->flip, count, sizeof *s->flip, by_value);
    for (size_t i = 0; i < count && lip_search_more(s); i++)
        if (move(s, &s->flip[i], 1))
            return true;
    return false;
}

/* Tries flips of two neurons, in an order that begins at random. */
static bool flip_two(struct lip_search *s)
{
    size_t n = s->walk.stages->neurons, first = lip_random_next(&s->seed) % n;
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n && lip_search_more(s); k++) {
            struct lip_flip f = {.neuron = {(first + i) % n, (first + k) % n}};
            if (!other_piece(s, f.neuron[0], 0, &f.piece[0]) ||
                !other_piece(s, f.neuron[1], 0, &f.piece[1]))
                continue;
            f.value = flipped_value(s, &f, 2);
            if (f.value > s->here.value * (1 + 1e-9) && move(s, &f, 2))
                return true;
        }
    return false;
}

static void climb_cells(struct lip_search *s)
{
    s->cells.reach = fmax(s->unit, s->offset);
    lip_walk_to(&s->walk, s->here.x, 0);
    lip_cells_here(&s->cells);
    while (lip_search_more(s) && (flip_one(s) || flip_two(s)))
        ;
}

/* Lines through the point of this restart until PATIENCE of them in a row
 * found nothing better. */
void lip_search_climb(struct lip_search *s)
{
    for (int failures = 0; failures < PATIENCE && lip_search_more(s);
         failures++) {
        double before = s->here.value;
        choose_line(s, s->line);
        memcpy(s->walk.v, s->here.v, lip_search_inputs(s) * sizeof *s->here.v);
        sweep(s, s->line, PIECES);
        if (s->here.value > before * (1 + 1e-12))
            failures = -1;
    }
    if (s->here.value > 0)
        climb_cells(s);
}
