/* SPDX-License-Identifier: MIT
 *
 * Linear layers folded into one map: the sum, over all paths of linear layers
 * from one layer (or the input) to a later one, of the products of their
 * matrices. It is never made where it is large: its rows are, one by one, from
 * the rows of the layers, with what rounding can have done to them. */
#ifndef LIP_BOUNDS_FOLD_H
#define LIP_BOUNDS_FOLD_H

#include "linalg/big.h"
#include "linalg/norm.h"
#include "network/network.h"

/* More layers are not folded into one. */
enum { LIP_MAX_FOLD = 32 };

struct lip_fold;

/* layer[layers]: linear layers and reshapes in rising order, the last one the
 * map's end, all on paths from `from`, which is none of them. Sources that are
 * neither among them nor `from` are left out of the map. The network must
 * outlive it. LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_CANCELLED, LIP_TIMEOUT;
 * LIP_UNPROVEN: the weights are so large or small that rows in doubles would
 * over- or underflow. O(entries of the layers). */
enum lip_status lip_fold_new(struct lip_fold **out,
                             const struct lip_network *network, size_t from,
                             const size_t *layer, size_t layers,
                             struct lip_ctx *ctx);
void lip_fold_free(struct lip_fold *fold);

/* Multiplications that making all rows takes at most, told from the shapes. */
double lip_fold_flops(const struct lip_network *network, size_t from,
                      const size_t *layer, size_t layers);

/* One row of the map, over the numbers of `from`. Entry j of the exact row is
 * within error * size[j] of value[j]; columns that are not listed are zero. */
struct lip_fold_row {
    size_t count;
    const size_t *column;       /* [count] */
    const double *value, *size; /* [inputs]; only the listed ones count */
    double error;
};

/* Row k; it holds until the next one. O(its share of lip_fold_flops). */
void lip_fold_row(struct lip_fold_row *row, struct lip_fold *fold, size_t k);

/* Upper bounds of three norms of the map, from one pass over its rows. */
struct lip_fold_norms {
    double one, inf;  /* largest sum of a column and of a row: exact but for
                         rounding */
    double frobenius; /* sqrt of the sum of squares */
};
enum lip_status lip_fold_norms(struct lip_fold_norms *out,
                               struct lip_fold *fold, struct lip_ctx *ctx);

/* An upper bound of |A|_{p->q} from the whole matrix, which is made:
 * 8 inputs outputs bytes, and what lip_norm_upper takes. */
enum lip_status lip_fold_matrix_norm(struct lip_big *out, struct lip_fold *fold,
                                     struct lip_norm_pair pair,
                                     struct lip_ctx *ctx);

#endif
