/* SPDX-License-Identifier: MIT
 *
 * The optimiser's step. An optimiser that takes each number by itself steps
 * pieces of an array side by side, and, where nobody wants to see the whole
 * gradient before, each piece as soon as its gradient is there and still in
 * the cache: the bits are the same. */
#include "training/kernel.h"
#include "training/run.h"

#include <math.h>

enum { PIECE = 1 << 15 };

static void clip_gradient(struct lip_run *run)
{
    size_t count = run->model->parameters;
    if (!(run->options.clip > 0))
        return;
    double length = sqrt(
        lip_kernel_dot(run->learned_gradient, run->learned_gradient, count));
    if (length > run->options.clip)
        lip_kernel_scale(run->learned_gradient,
                         (float)(run->options.clip / length), count);
}

/* Steps rows x cols numbers (rows = 0: a list) from `offset` on. */
static void step_part(const struct lip_run *run, size_t offset, size_t rows,
                      size_t cols)
{
    struct lip_stepped s = {.rows = rows,
                            .cols = cols,
                            .value = run->learned + offset,
                            .gradient = run->learned_gradient + offset,
                            .rate = lip_run_rate(run),
                            .number = (double)lip_run_step_number(run) + 1,
                            .options = &run->options.step,
                            .work = run->work};
    for (size_t k = 0; k < run->slots; k++)
        s.slot[k] = run->slot[k] + offset;
    run->options.optimiser->step(&s);
}

static size_t pieces_of(const struct lip_run_array *array)
{
    return (array->count + PIECE - 1) / PIECE;
}

static void step_piece(void *arg, size_t piece)
{
    const struct lip_run *run = arg;
    const struct lip_run_array *array = run->array;
    while (piece >= pieces_of(array))
        piece -= pieces_of(array++);
    size_t first = piece * PIECE, left = array->count - first;
    step_part(run, array->offset + first, array->rows ? 1 : 0,
              left < PIECE ? left : PIECE);
}

void lip_run_optimise(struct lip_run *run)
{
    clip_gradient(run);
    if (run->options.optimiser->elementwise) {
        size_t pieces = 0;
        for (size_t i = 0; i < run->arrays; i++)
            pieces += pieces_of(&run->array[i]);
        lip_work(run->workers, step_piece, run, pieces);
        return;
    }
    for (size_t i = 0; i < run->arrays; i++) {
        const struct lip_run_array *array = &run->array[i];
        step_part(run, array->offset, array->rows,
                  array->rows ? array->cols : array->count);
    }
}

bool lip_run_steps_at_once(const struct lip_run *run)
{
    return run->options.optimiser->elementwise && !(run->options.clip > 0) &&
           run->learned == run->model->value;
}

static void step_outputs(void *arg, const struct lip_trainable *layer,
                         size_t first, size_t count)
{
    const struct lip_run *run = arg;
    size_t offset = (size_t)(layer->weight - run->model->value);
    if (!layer->kind->matrix)
        return;
    step_part(run, offset + first * layer->inputs, count, layer->inputs);
    if (layer->biases)
        step_part(run, offset + layer->weights + first, 0, count);
}

struct lip_watch lip_run_watch(struct lip_run *run)
{
    struct lip_watch watch = {step_outputs, run, {run->learned}};
    for (size_t k = 0; k < run->slots; k++)
        watch.beside[k + 1] = run->slot[k];
    return watch;
}

void lip_run_step_rest(struct lip_run *run)
{
    for (size_t i = 0; i < run->model->count; i++) {
        const struct lip_trainable *layer = &run->model->layer[i];
        size_t offset = (size_t)(layer->weight - run->model->value);
        size_t count = layer->weights + layer->biases;
        if ((!layer->kind->matrix || layer->kind->parts) && count > 0)
            step_part(run, offset, 0, count);
    }
}
