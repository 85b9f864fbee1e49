/* SPDX-License-Identifier: MIT
 *
 * The first layer of the block recursion where it has far more neurons than
 * inputs, as a convolution has: by the inputs. With half widths h of the
 * slopes, A the neurons with multipliers, P what passes (slopes [1, 1]), the
 * same elimination in another order is
 *
 *     N = I - W_A^T h^2 Lambda W_A,   J = W' [m W_A; W_P],
 *     S' = J N^-1 J^T + W'_A Lambda^-1 W'_A^T,
 *
 * W' the next matrix, W'_A its columns of A: what is factored is as large as
 * the inputs are many. J does not depend on Lambda, and W'_A is sparse where it
 * is a convolution. S' grows where N or Lambda falls. */
#ifndef LIP_BOUNDS_FRONT_H
#define LIP_BOUNDS_FRONT_H

#include "linalg/matrix.h"
#include "network/chain.h"

#include <stdbool.h>

struct lip_front {
    bool used;
    const struct lip_chain *chain;
    struct lip_matrix w;       /* W: neurons x inputs */
    struct lip_matrix j;       /* J: next x inputs */
    double j_error;            /* of it, in F-norm */
    struct lip_matrix scaled;  /* work: as w */
    struct lip_matrix n, r, y; /* work: inputs square, inputs square, as j */
    double *d, *vector;        /* work: neurons, inputs */
    size_t *first, *row; /* W'_A by columns: the entries of neuron k are */
    double *value;       /* first[k] .. first[k + 1] - 1 */
    double most; /* of the last step: larger multipliers count as that */
};

/* Whether a chain is treated so: one that was unrolled, of some depth, with
 * twice as many neurons as inputs. */
bool lip_front_applies(const struct lip_chain *chain);

/* Empty where it does not apply. 2 inputs n n' flops. LIP_NO_MEMORY,
 * LIP_TOO_LARGE. */
enum lip_status lip_front_new(struct lip_front *out,
                              const struct lip_chain *chain,
                              struct lip_ctx *ctx);
void lip_front_clear(struct lip_front *front);
double lip_front_bytes(const struct lip_chain *chain);
/* Of one step, taking an eighth of W'_A to be there. */
double lip_front_flops(const struct lip_chain *chain);

/* S^ of the next layer (upper triangle) times 2^(2 power), which is about 1 /
 * the least Lambda, and how far off it is at most in Loewner order; false where
 * N is not proven positive definite. lambda[n] in units of the stored matrices.
 */
bool lip_front_step(struct lip_matrix *s, double *sigma, int *power,
                    struct lip_front *front, const double *lambda);

#endif
