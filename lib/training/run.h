/* SPDX-License-Identifier: MIT
 *
 * What a training run is made of, for the files that implement loop.h. */
#ifndef LIP_TRAINING_RUN_H
#define LIP_TRAINING_RUN_H

#include "training/loop.h"

enum { LIP_SLOTS = 3 };

/* What can change while it runs, and is saved. */
struct lip_run_counters {
    uint64_t epoch, step; /* complete epochs; steps into the next */
    uint64_t stale;       /* epochs since the best one */
    uint64_t over, diverged, stopped_early, has_best;
    double loss; /* sum over the steps of this epoch */
    double best; /* validation loss of the best model */
};

/* A parameter array: `offset` into the model's. Matrices come with what their
 * constraint sees (run_array.c). */
struct lip_run_array {
    size_t offset, count;
    size_t rows, cols; /* rows = 0: no matrix */
    const struct lip_trainable *layer;
    bool constrained;
    struct lip_constrained matrix;
    double stretch; /* the layer's norm is at most so many times `matrix`'s */
    bool phased;    /* `matrix` is a kernel in phases, with room of its own */
};

struct lip_run {
    struct lip_train_options options;
    struct lip_model *model;
    const struct lip_data *training, *validation;
    const struct lip_scaling *scaling;
    const struct lip_workers *workers;

    struct lip_run_counters at;
    char origin[LIP_DIGEST_TEXT]; /* of all that the run is made from; "": not
                                     asked for yet */
    size_t steps, slots, every;
    double fixed;  /* proven norm of all that is not a matrix */
    double beside; /* and of the path beside them; 0: none */

    size_t arrays;
    struct lip_run_array *array;
    /* What the optimiser moves: the model's own numbers, or the free ones that
     * those are a function of. */
    float *learned, *learned_gradient;
    float *slot[LIP_SLOTS];
    float *good, *best; /* learned numbers at the end of good and best epochs */
    float *warm;
    size_t warm_count;
    float *work;

    struct lip_batch *batch;
    uint32_t *order;
};

/* Sets array->matrix, whose pair is there, for a layer of this limit. */
void lip_run_array_see(struct lip_run_array *array,
                       const struct lip_constraint *constraint, double limit);

/* Floats of run->work that the projection of a constrained array wants. */
size_t lip_run_array_room(const struct lip_run_array *array);

/* What the constraint does, on the run's numbers; and the approximate and exact
 * projection onto the limit, and the proven norm of the layer. */
enum lip_status lip_run_array_map(const struct lip_run *run,
                                  const struct lip_run_array *array,
                                  struct lip_ctx *ctx);
enum lip_status lip_run_array_pull(const struct lip_run *run,
                                   const struct lip_run_array *array,
                                   struct lip_ctx *ctx);
enum lip_status lip_run_array_mend(const struct lip_run *run,
                                   const struct lip_run_array *array,
                                   struct lip_ctx *ctx);
enum lip_status lip_run_array_project(const struct lip_run *run,
                                      const struct lip_run_array *array,
                                      struct lip_ctx *ctx);
enum lip_status lip_run_array_finish(double *norm, const struct lip_run *run,
                                     const struct lip_run_array *array,
                                     struct lip_ctx *ctx);
enum lip_status lip_run_array_norm(double *norm, const struct lip_run *run,
                                   const struct lip_run_array *array,
                                   struct lip_ctx *ctx);

/* W from V for every mapped matrix, and the numbers that are not mapped
 * copied; nothing where the constraint does not map. It moves warm vectors, so
 * it happens at fixed places only: before a step, at the end of an epoch and of
 * the run. */
enum lip_status lip_run_map(struct lip_run *run, struct lip_ctx *ctx);

/* The bound of the model whose layers' norms multiply to `layers`. */
double lip_run_norm(const struct lip_run *run, double layers);

/* Every matrix that is not mapped onto its limit, all but exactly. */
enum lip_status lip_run_project(struct lip_run *run, struct lip_ctx *ctx);

/* Steps done so far, and the learning rate of the next. */
size_t lip_run_step_number(const struct lip_run *run);
double lip_run_rate(const struct lip_run *run);

/* All learned numbers a step along, by the whole gradient, which is clipped. */
void lip_run_optimise(struct lip_run *run);

/* True where a number may be stepped as soon as its own gradient is there: by
 * a watch for the matrices and their biases, and by lip_run_step_rest for all
 * others, afterwards. */
bool lip_run_steps_at_once(const struct lip_run *run);
struct lip_watch lip_run_watch(struct lip_run *run);
void lip_run_step_rest(struct lip_run *run);

#endif
