/* SPDX-License-Identifier: MIT
 *
 * The loop: steps, epochs, what happens between them. */
#include "training/loop.h"

#include "training/random.h"
#include "training/run.h"

#include <math.h>
#include <string.h>

enum lip_status lip_run_map(struct lip_run *run, struct lip_ctx *ctx)
{
    const struct lip_constraint *constraint = run->options.constraint;
    if (!constraint->mapped)
        return LIP_OK;
    for (size_t i = 0; i < run->arrays; i++) {
        const struct lip_run_array *array = &run->array[i];
        enum lip_status status = LIP_OK;
        if (array->constrained)
            status = lip_run_array_map(run, array, ctx);
        else
            memcpy(run->model->value + array->offset,
                   run->learned + array->offset,
                   array->count * sizeof *run->learned);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}

static enum lip_status pull(struct lip_run *run, struct lip_ctx *ctx)
{
    const struct lip_constraint *constraint = run->options.constraint;
    if (!constraint->mapped)
        return LIP_OK;
    for (size_t i = 0; i < run->arrays; i++) {
        const struct lip_run_array *array = &run->array[i];
        enum lip_status status = LIP_OK;
        if (array->constrained)
            status = lip_run_array_pull(run, array, ctx);
        else
            memcpy(run->learned_gradient + array->offset,
                   run->model->gradient + array->offset,
                   array->count * sizeof *run->learned);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}

static enum lip_status mend(struct lip_run *run, struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < run->arrays; i++)
        if (run->array[i].constrained)
            status = lip_run_array_mend(run, &run->array[i], ctx);
    return status;
}

static void mend_layers(struct lip_run *run)
{
    for (size_t i = 0; i < run->model->count; i++) {
        const struct lip_trainable *layer = &run->model->layer[i];
        if (layer->kind->mend)
            layer->kind->mend(layer, run->learned +
                                         (layer->weight - run->model->value));
    }
}

enum lip_status lip_run_project(struct lip_run *run, struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    if (run->options.constraint->mapped)
        return LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < run->arrays; i++)
        if (run->array[i].constrained)
            status = lip_run_array_project(run, &run->array[i], ctx);
    return status;
}

size_t lip_run_step_number(const struct lip_run *run)
{
    return run->at.epoch * run->steps + run->at.step;
}

double lip_run_rate(const struct lip_run *run)
{
    double total = (double)run->options.epochs * (double)run->steps;
    return run->options.rate * run->options.schedule->factor(
                                   (double)lip_run_step_number(run) / total);
}

static enum lip_status diverged(struct lip_run *run, struct lip_ctx *ctx)
{
    size_t bytes = run->model->parameters * sizeof *run->good;
    memcpy(run->learned, run->good, bytes);
    run->at.over = run->at.diverged = 1;
    lip_error_clear(ctx);
    return lip_fail(ctx, LIP_INVALID,
                    "Training diverged in epoch %zu: a loss or a weight "
                    "stopped being a finite number. Lower the learning rate "
                    "(%g). The model at the end of the epoch before is kept.",
                    (size_t)run->at.epoch + 1, run->options.rate);
}

/* A status that means numbers went astray. */
static enum lip_status outcome(struct lip_run *run, enum lip_status status,
                               struct lip_ctx *ctx)
{
    return status == LIP_INVALID ? diverged(run, ctx) : status;
}

static enum lip_status take_step(struct lip_run *run, struct lip_ctx *ctx)
{
    size_t first = run->at.step * run->options.batch;
    size_t left = run->training->rows - first;
    struct lip_moves moves = {
        &run->options.augment, run->scaling, run->options.seed,
        LIP_STREAM_AUGMENT + run->at.epoch * LIP_STREAM_COUNT};
    struct lip_rows rows = {
        run->training, run->order + first, 0,
        left < run->options.batch ? left : run->options.batch,
        lip_augment_acts(&run->options.augment) ? &moves : NULL};
    enum lip_status status = lip_run_map(run, ctx);
    if (status != LIP_OK)
        return outcome(run, status, ctx);
    double loss = lip_model_back(run->model, run->batch, &rows,
                                 &run->options.loss, run->workers);
    if (!isfinite(loss))
        return diverged(run, ctx);
    if (lip_run_steps_at_once(run)) {
        struct lip_watch watch = lip_run_watch(run);
        lip_model_gradient(run->model, run->batch, &rows, &watch, run->workers);
        lip_run_step_rest(run);
    } else {
        lip_model_gradient(run->model, run->batch, &rows, NULL, run->workers);
        status = pull(run, ctx);
        lip_run_optimise(run);
    }
    mend_layers(run);
    bool due = run->every && (lip_run_step_number(run) + 1) % run->every == 0;
    if (status == LIP_OK && due && run->options.constraint->mend)
        status = mend(run, ctx);
    run->at.loss += loss;
    run->at.step++;
    return outcome(run, status, ctx);
}

static bool all_finite(const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* The product of the matrices' proven norms and of all the rest. */
static enum lip_status measure(double *norm, struct lip_run *run,
                               struct lip_ctx *ctx)
{
    *norm = run->options.constraint->free ? NAN : run->fixed;
    for (size_t i = 0; i < run->arrays; i++) {
        double own;
        if (!run->array[i].constrained)
            continue;
        enum lip_status status =
            lip_run_array_norm(&own, run, &run->array[i], ctx);
        if (status != LIP_OK)
            return status;
        *norm = lip_mul_up(*norm, own);
    }
    *norm = lip_run_norm(run, *norm);
    return LIP_OK;
}

/* Keeps the model if it is the best so far; true when patience is at an end. */
static bool judge(struct lip_run *run, double loss)
{
    if (run->options.patience == 0)
        return false;
    if (run->at.has_best && !(loss < run->at.best))
        return ++run->at.stale >= run->options.patience;
    memcpy(run->best, run->learned, run->model->parameters * sizeof *run->best);
    run->at.best = loss;
    run->at.has_best = 1;
    run->at.stale = 0;
    return false;
}

static enum lip_status end_epoch(struct lip_run *run, struct lip_epoch *epoch,
                                 struct lip_ctx *ctx)
{
    size_t count = run->model->parameters;
    enum lip_status status = lip_run_map(run, ctx);
    if (status == LIP_OK)
        status = lip_run_project(run, ctx);
    if (status == LIP_OK && !all_finite(run->learned, count))
        status = LIP_INVALID;
    if (status == LIP_OK)
        status = measure(&epoch->norm, run, ctx);
    epoch->rate = lip_run_rate(run);
    epoch->validation = (struct lip_score){NAN, NAN, NAN};
    if (status == LIP_OK && run->validation)
        status =
            lip_model_score(&epoch->validation, run->model, run->validation,
                            &run->options.loss, run->workers, ctx);
    if (status == LIP_OK && run->validation &&
        !isfinite(epoch->validation.loss))
        status = LIP_INVALID;
    if (status != LIP_OK)
        return outcome(run, status, ctx);
    epoch->loss = run->at.loss / (double)run->steps;
    memcpy(run->good, run->learned, count * sizeof *run->good);
    bool enough = judge(run, epoch->validation.loss);
    run->at.step = 0;
    run->at.loss = 0;
    epoch->number = ++run->at.epoch;
    run->at.stopped_early = enough && run->at.epoch < run->options.epochs;
    run->at.over = enough || run->at.epoch == run->options.epochs;
    return LIP_OK;
}

static enum lip_status run_epoch(struct lip_run *run, struct lip_epoch *epoch,
                                 struct lip_ctx *ctx)
{
    double total = (double)run->options.epochs * (double)run->steps;
    lip_draw_permutation(run->order, (uint32_t)run->training->rows,
                         run->options.seed,
                         LIP_STREAM_SHUFFLE + run->at.epoch * LIP_STREAM_COUNT);
    while (run->at.step < run->steps) {
        enum lip_status status = lip_tick(
            ctx, "train", (double)lip_run_step_number(run), total, NAN);
        if (status == LIP_OK)
            status = take_step(run, ctx);
        if (status != LIP_OK)
            return status;
    }
    return end_epoch(run, epoch, ctx);
}

enum lip_status lip_run_go(struct lip_run *run, lip_epoch_fn *hear, void *arg,
                           struct lip_ctx *ctx)
{
    while (!run->at.over) {
        struct lip_epoch epoch = {0};
        enum lip_status status = run_epoch(run, &epoch, ctx);
        if (status != LIP_OK)
            return status;
        if (hear && !hear(arg, &epoch) && !run->at.over)
            return lip_fail(ctx, LIP_CANCELLED,
                            "Training was stopped after epoch %zu.",
                            epoch.number);
    }
    return LIP_OK;
}

struct lip_run_place lip_run_where(const struct lip_run *run)
{
    return (struct lip_run_place){
        run->at.epoch,     run->at.step,          run->steps,
        run->at.over != 0, run->at.diverged != 0, run->at.stopped_early != 0};
}
