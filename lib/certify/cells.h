/* SPDX-License-Identifier: MIT
 *
 * The cells of a small network of straight pieces: sets of points at which
 * each neuron is on a given piece, on which f is affine. The cell with the
 * largest Jacobian may be so thin that no random line meets it; but whether a
 * cell has an inside, and its middle, is a linear programme:
 *
 *     maximise t  subject to  a_i^T x + |a_i| t <= b_i  for all sides i. */
#ifndef LIP_CERTIFY_CELLS_H
#define LIP_CERTIFY_CELLS_H

#include "certify/walk.h"

struct lip_cells {
    struct lip_walk *walk;
    size_t sides;          /* at most, two for each neuron */
    unsigned char *piece;  /* [neurons]: the cell, stage after stage */
    double *affine, *next; /* what a stage gets: [widest][inputs + 1] */
    double *side, *limit;  /* a_i / |a_i| [sides][inputs], b_i / |a_i| */
    double *table;         /* of the linear programme */
    double *point;         /* [inputs] */
    double reach;          /* t goes no further than this */
};

/* Whether a network is small enough: the tables take O(neurons inputs) numbers,
 * a step of the linear programme as many operations. */
bool lip_cells_fit(const struct lip_stages *stages);

/* Bytes that lip_cells_new and a search of cells ask for, at most. */
double lip_cells_bytes(void);

/* LIP_NO_MEMORY, LIP_TOO_LARGE. */
enum lip_status lip_cells_new(struct lip_cells *out, struct lip_walk *walk,
                              struct lip_ctx *ctx);
void lip_cells_clear(struct lip_cells *cells);

/* The cell of the point where the walk is. */
void lip_cells_here(struct lip_cells *cells);

/* Pieces that neuron k has, counted over all stages; and the slope of one of
 * them, put in the place of the walk's slope there, which is returned. */
size_t lip_cells_pieces(const struct lip_cells *cells, size_t k);
double lip_cells_set_slope(struct lip_cells *cells, size_t k,
                           unsigned char piece);

/* Finds a point well inside the cell `piece`: false where it has no inside
 * that doubles can tell. cells->point is the point. */
bool lip_cells_middle(struct lip_cells *cells);

#endif
