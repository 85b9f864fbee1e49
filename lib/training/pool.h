/* SPDX-License-Identifier: MIT
 *
 * The threads of a training run. */
#ifndef LIP_TRAINING_POOL_H
#define LIP_TRAINING_POOL_H

#include "base/crew.h"
#include "training/model.h"

struct lip_pool {
    struct lip_crew *crew;
    struct lip_workers workers;
};

/* Up to `threads` threads, the caller one of them; fewer where no more can be
 * started. Products of matrices are to be single-threaded
 * (lip_blas_single_threaded). Used in place: not to be copied. */
void lip_pool_begin(struct lip_pool *pool, unsigned threads,
                    struct lip_ctx *ctx);
void lip_pool_end(struct lip_pool *pool);

#endif
