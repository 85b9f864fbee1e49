/* SPDX-License-Identifier: MIT
 *
 * What a bound is proven from, in the form a certificate carries: the theorem
 * that it is an instance of, and numbers that make the instance easy to check.
 * Everything is said of the true weights, so that no scaling has to be known.
 */
#ifndef LIP_BOUNDS_EVIDENCE_H
#define LIP_BOUNDS_EVIDENCE_H

#include "linalg/big.h"
#include "linalg/norm.h"
#include "network/chain.h"

#include <stdbool.h>

struct lip_theorem {
    const char *id;        /* final: certificates name it */
    const char *statement; /* one or two sentences, complete */
    const char *citation;
    const char *numbers; /* what the rows of the evidence are */
};

/* In the order: a factor is zero; product of norms; norm of the product of
 * absolute weights; averaged recursion; block recursion. The last is of lower
 * bounds, whose evidence is a pair of points. */
extern const struct lip_theorem lip_theorem_constant, lip_theorem_product,
    lip_theorem_absolute, lip_theorem_averaged, lip_theorem_recursion,
    lip_theorem_quotient;

/* The numbers of a row are exact: m 2^e. */
struct lip_evidence_row {
    size_t count;
    struct lip_big *value;
};

struct lip_evidence {
    const struct lip_theorem *theorem;
    bool transposed;     /* applied to the transposed chain in the dual norms */
    size_t norms;        /* links + 1, or 0 */
    enum lip_norm *norm; /* before the first matrix, ..., after the last */
    size_t layers;       /* of slopes; 0: those of the chain */
    struct lip_slopes **slopes; /* wider ones that were used instead */
    size_t rows;
    struct lip_evidence_row *row;
};

/* Evidence with empty rows, and with room for `norms` norms. LIP_NO_MEMORY. */
enum lip_status lip_evidence_new(struct lip_evidence **out,
                                 const struct lip_theorem *theorem, size_t rows,
                                 size_t norms, struct lip_ctx *ctx);

/* Gives a row room for `count` numbers, all zero. LIP_NO_MEMORY. */
enum lip_status lip_evidence_row_new(struct lip_evidence *evidence, size_t row,
                                     size_t count, struct lip_ctx *ctx);

/* NULL is allowed. */
void lip_evidence_free(struct lip_evidence *evidence);

#endif
