/* SPDX-License-Identifier: MIT
 *
 * The training run: epochs of shuffled mini-batches. What it does depends on
 * the options, the model, the data and the seed alone, not on when it was
 * stopped and went on, nor on how many threads worked. */
#ifndef LIP_TRAINING_LOOP_H
#define LIP_TRAINING_LOOP_H

#include "training/constraint.h"
#include "training/model.h"
#include "training/normalise.h"
#include "training/optimiser.h"
#include "training/schedule.h"

struct lip_train_options {
    struct lip_loss_use loss;
    const struct lip_optimiser *optimiser;
    struct lip_step_options step;
    double rate; /* peak learning rate */
    const struct lip_schedule *schedule;
    struct lip_augment augment;
    double clip; /* largest l2 norm of the gradient; 0: any */
    const struct lip_constraint *constraint;
    size_t every; /* steps between two mends; 0: the constraint's own */
    struct lip_norm_pair pair;
    double limit; /* of the whole network, in raw units */
    /* Limits of the matrices one by one, `layer_limits` of them, whose product
     * the network's limit allows; NULL: each gets the same. */
    const double *layer_limit;
    size_t layer_limits;
    /* Monotone: for each of `directions` inputs 1, the outputs rise with it,
     * -1, they fall, or 0, it is free. Of two classes the second rises. */
    const signed char *direction;
    size_t directions;
    size_t epochs, batch;
    size_t patience; /* epochs without a better validation loss before the
                        run stops and the best model is taken; 0: never */
    uint64_t seed;
};

/* Sensible values for everything: sgd 0.1 with Nesterov momentum, one-cycle,
 * hinge, rank-one clip, l2 limit 1, 20 epochs of batches of 128. */
struct lip_train_options lip_train_defaults(void);

/* An epoch that ended. */
struct lip_epoch {
    size_t number; /* from 1 */
    double rate;
    double loss;                 /* mean over the epoch's steps */
    struct lip_score validation; /* NAN where there is no validation part */
    double norm; /* product of the layers' proven norms as they stand; NAN
                    where there is no constraint */
};

/* Hears of every epoch; returns false to stop the run (LIP_CANCELLED). The run
 * can be saved from within. */
typedef bool lip_epoch_fn(void *arg, const struct lip_epoch *epoch);

struct lip_run;

/* A run at its start. Options, model, data and scaling are used, not taken,
 * and must outlive the run; `scaling` has been applied to both sets.
 * validation may be NULL. The model's parameters become the run's: initialise
 * them before. LIP_INVALID in words; LIP_TOO_LARGE; LIP_NO_MEMORY. */
enum lip_status
lip_run_new(struct lip_run **out, const struct lip_train_options *options,
            struct lip_model *model, const struct lip_data *training,
            const struct lip_data *validation,
            const struct lip_scaling *scaling, struct lip_ctx *ctx);
void lip_run_free(struct lip_run *run);

/* Threads to share the work; NULL: this one. Changes no bit of the result. */
void lip_run_share(struct lip_run *run, const struct lip_workers *workers);

/* Goes on to the end. ctx->progress hears of steps ("train", step, steps,
 * NAN). LIP_CANCELLED and LIP_TIMEOUT leave the run between two steps: call
 * again, or save it. LIP_INVALID: the loss or a weight stopped being finite;
 * the error names the epoch, the model is the last good one (the end of the
 * epoch before) and the run is over: lip_run_finish may be called. */
enum lip_status lip_run_go(struct lip_run *run, lip_epoch_fn *hear, void *arg,
                           struct lip_ctx *ctx);

/* Where the run stands. */
struct lip_run_place {
    size_t epoch, step; /* complete epochs; steps into the next */
    size_t steps;       /* of an epoch */
    bool over, diverged, stopped_early;
};
struct lip_run_place lip_run_where(const struct lip_run *run);

/* All that is needed to go on to the same bits, in a block from lip_alloc that
 * the caller frees: version, digest of options, shapes and data, counters,
 * parameters, slots, warm vectors, best and last good model; a SHA-256 at the
 * end. The first call also takes the digest of the data. */
enum lip_status lip_run_save(unsigned char **out, size_t *size,
                             struct lip_run *run, struct lip_ctx *ctx);

/* Puts a run made from the same options, model, data into a saved state.
 * LIP_MALFORMED: cut or altered bytes, or those of another run; the run is
 * then as it was. */
enum lip_status lip_run_restore(struct lip_run *run, const unsigned char *bytes,
                                size_t size, struct lip_ctx *ctx);

/* What a finished run proves. */
struct lip_outcome {
    double norm;      /* proven bound of the served model: product of norms;
                         NAN without a constraint */
    double layer[64]; /* of the first 64 matrices, proven */
    size_t layers;
};

/* The model to serve: the best (early stopping) or last one, each matrix
 * projected exactly onto its limit, the scaling in front as a dense layer. The
 * product of the norms of all its layers, rounded up, is at most the limit.
 * The trained model's own parameters change with it. LIP_UNPROVEN,
 * LIP_UNSUPPORTED (a layer that cannot be served), LIP_NO_MEMORY. */
enum lip_status lip_run_finish(struct lip_network **network,
                               struct lip_outcome *outcome, struct lip_run *run,
                               struct lip_ctx *ctx);

#endif
