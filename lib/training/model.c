/* SPDX-License-Identifier: MIT
 *
 * The network in training: planning it, and a batch going through it. */
#include "training/model.h"

#include "base/size.h"
#include "training/kernel.h"
#include "training/monotone.h"
#include "training/product.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

static enum lip_status plan_layer(struct lip_trainable *layer, size_t i,
                                  const struct lip_image *in,
                                  struct lip_ctx *ctx)
{
    struct lip_ctx own = {0};
    enum lip_status status = lip_trainable_plan(layer, in, &own);
    if (status == LIP_OK)
        return LIP_OK;
    char where[24];
    snprintf(where, sizeof where, "%zu", i);
    return lip_fail_at(ctx, status, LIP_AT_LAYER, where, "Layer %zu (%s): %s",
                       i, layer->kind->name, own.error.detail);
}

static enum lip_status plan(struct lip_model *model, struct lip_ctx *ctx)
{
    const struct lip_image *in = &model->input;
    bool fits = true;
    if (model->count == 0 || model->inputs == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "The model has no layers or no inputs. Add a dense "
                        "layer.");
    for (size_t i = 0; i < model->count; i++) {
        struct lip_trainable *layer = &model->layer[i];
        enum lip_status status = plan_layer(layer, i, in, ctx);
        if (status != LIP_OK)
            return status;
        fits =
            fits &&
            lip_size_add(&model->parameters, model->parameters,
                         layer->weights) &&
            lip_size_add(&model->parameters, model->parameters, layer->biases);
        in = &layer->out;
    }
    model->outputs = model->layer[model->count - 1].outputs;
    if (in->channels > 1 && in->height * in->width > 1)
        return lip_fail(ctx, LIP_INVALID,
                        "The model ends with an image of %zu channels: add a "
                        "flatten layer.",
                        in->channels);
    if (!fits)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "The model has more parameters than the address space "
                        "can hold.");
    return LIP_OK;
}

static void place_parameters(struct lip_model *model)
{
    float *value = model->value, *gradient = model->gradient;
    for (size_t i = 0; i < model->count; i++) {
        struct lip_trainable *layer = &model->layer[i];
        layer->weight = value;
        layer->bias = value + layer->weights;
        layer->weight_gradient = gradient;
        layer->bias_gradient = gradient + layer->weights;
        value += layer->weights + layer->biases;
        gradient += layer->weights + layer->biases;
    }
}

enum lip_status lip_model_new(struct lip_model **out,
                              struct lip_trainable *layer, size_t count,
                              size_t inputs, struct lip_ctx *ctx)
{
    struct lip_image input = lip_image_vector(inputs);
    return lip_model_of_images(out, layer, count, &input, ctx);
}

enum lip_status lip_model_of_images(struct lip_model **out,
                                    struct lip_trainable *layer, size_t count,
                                    const struct lip_image *input,
                                    struct lip_ctx *ctx)
{
    *out = NULL;
    struct lip_model *model = lip_calloc(ctx, 1, sizeof *model);
    if (!model) {
        lip_free(layer);
        return memory(ctx);
    }
    *model = (struct lip_model){.layer = layer,
                                .count = count,
                                .inputs = input->channels * input->height *
                                          input->width,
                                .input = *input};
    enum lip_status status = plan(model, ctx);
    if (status == LIP_OK) {
        model->value = lip_calloc(ctx, model->parameters, sizeof *model->value);
        model->gradient =
            lip_calloc(ctx, model->parameters, sizeof *model->gradient);
        if (!model->value || !model->gradient)
            status = memory(ctx);
    }
    if (status != LIP_OK) {
        lip_model_free(model);
        return status;
    }
    place_parameters(model);
    *out = model;
    return LIP_OK;
}

void lip_model_free(struct lip_model *model)
{
    if (!model)
        return;
    lip_free(model->layer);
    lip_free(model->value);
    lip_free(model->gradient);
    lip_free(model->path);
    lip_free(model);
}

/* value[i] goes into layer i, value[count] is the output; slope[i] is the
 * gradient of the loss in value[i]. */
struct lip_batch {
    size_t room, count;
    size_t *width;
    float **value, **slope;
    double *loss; /* of each row */
    float *numbers;
};

static size_t width_at(const struct lip_model *model, size_t i)
{
    return i == 0 ? model->inputs : model->layer[i - 1].outputs;
}

static void place_values(struct lip_batch *batch, const struct lip_model *model)
{
    float *at = batch->numbers;
    for (size_t i = 0; i <= model->count; i++) {
        batch->width[i] = width_at(model, i);
        batch->value[i] = at;
        batch->slope[i] = at + batch->room * batch->width[i];
        at += 2 * batch->room * batch->width[i];
    }
}

enum lip_status lip_batch_new(struct lip_batch **out,
                              const struct lip_model *model, size_t rows,
                              struct lip_ctx *ctx)
{
    size_t sum = 0, floats = 0, ends = model->count + 1;
    *out = NULL;
    bool fits = rows > 0;
    for (size_t i = 0; i < ends; i++)
        fits = fits && lip_size_add(&sum, sum, width_at(model, i));
    if (!fits || !lip_size_mul(&floats, sum, 2) ||
        !lip_size_mul(&floats, floats, rows))
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "A batch of %zu rows does not fit the address space.",
                        rows);
    struct lip_batch *batch = lip_calloc(ctx, 1, sizeof *batch);
    if (!batch)
        return memory(ctx);
    batch->room = rows;
    batch->count = ends;
    batch->width = lip_calloc(ctx, ends, sizeof *batch->width);
    batch->value = lip_calloc(ctx, ends, sizeof *batch->value);
    batch->slope = lip_calloc(ctx, ends, sizeof *batch->slope);
    batch->loss = lip_calloc(ctx, rows, sizeof *batch->loss);
    batch->numbers = lip_alloc(ctx, floats, sizeof *batch->numbers);
    if (!batch->width || !batch->value || !batch->slope || !batch->loss ||
        !batch->numbers) {
        lip_batch_free(batch);
        return memory(ctx);
    }
    place_values(batch, model);
    *out = batch;
    return LIP_OK;
}

void lip_batch_free(struct lip_batch *batch)
{
    if (!batch)
        return;
    lip_free(batch->width);
    lip_free(batch->value);
    lip_free(batch->slope);
    lip_free(batch->loss);
    lip_free(batch->numbers);
    lip_free(batch);
}

/* What the tasks of one step share. */
struct step {
    const struct lip_model *model;
    struct lip_batch *batch;
    const struct lip_rows *rows;
    const struct lip_loss_use *loss;
    size_t block; /* rows of a block */
    size_t front; /* layers that have been done for all rows */
};

static size_t row_number(const struct lip_rows *rows, size_t i)
{
    return rows->order ? rows->order[i] : rows->first + i;
}

enum { AHEAD = 2, LINE = 64, MOST = 64 };

/* Rows lie anywhere in memory: the next ones are asked for in time. */
static void fetch(const float *row, size_t n)
{
    for (size_t i = 0; i < n * sizeof *row && i < MOST * LINE; i += LINE)
        __builtin_prefetch((const char *)row + i);
}

/* From channel by channel to pixel by pixel. */
static void turn(float *to, const float *from, const struct lip_image *image,
                 size_t count)
{
    size_t area = image->height * image->width, n = image->channels;
    for (size_t i = 0; i < count; i++, to += n * area, from += n * area)
        for (size_t c = 0; c < n; c++)
            for (size_t t = 0; t < area; t++)
                to[t * n + c] = from[c * area + t];
}

static void gather(const struct step *step, size_t first, size_t count)
{
    const struct lip_data *data = step->rows->data;
    size_t n = data->features;
    const struct lip_image *image = &step->model->input;
    bool turned = image->channels > 1 && image->height * image->width > 1;
    /* Nobody needs the gradient in the input: there is room. */
    float *value = step->batch->value[0] + first * n;
    float *to = turned ? step->batch->slope[0] + first * n : value;
    const struct lip_moves *moves = step->rows->moves;
    for (size_t i = first; i < first + count; i++, to += n) {
        size_t row = row_number(step->rows, i);
        if (moves)
            lip_augment_row(to, data->x + row * n, n, moves->augment,
                            moves->scaling, moves->seed, moves->stream, row);
        else
            memcpy(to, data->x + row * n, n * sizeof *to);
        if (i + AHEAD < first + count)
            fetch(data->x + row_number(step->rows, i + AHEAD) * n, n);
    }
    if (turned)
        turn(value, step->batch->slope[0] + first * n, image, count);
}

static void forward(const struct step *step, size_t first, size_t count)
{
    const struct lip_batch *batch = step->batch;
    if (!step->front)
        gather(step, first, count);
    for (size_t i = step->front; i + 1 < batch->count; i++) {
        const struct lip_trainable *layer = &step->model->layer[i];
        layer->kind->forward(layer,
                             batch->value[i + 1] + first * batch->width[i + 1],
                             batch->value[i] + first * batch->width[i], count);
    }
    if (step->model->path)
        lip_monotone_add(step->model,
                         batch->value[batch->count - 1] +
                             first * step->model->outputs,
                         batch->value[0] + first * step->model->inputs, count);
}

/* Losses of the rows, and their gradients in the outputs. */
static void judge(const struct step *step, size_t first, size_t count)
{
    const struct lip_data *data = step->rows->data;
    struct lip_batch *batch = step->batch;
    size_t n = step->model->outputs, last = batch->count - 1;
    for (size_t i = first; i < first + count; i++) {
        size_t row = row_number(step->rows, i);
        struct lip_target target = {data->label ? data->label[row] : 0,
                                    data->y ? data->y + row * data->targets
                                            : NULL};
        batch->loss[i] = step->loss->loss->row(batch->slope[last] + i * n,
                                               batch->value[last] + i * n, n,
                                               &target, step->loss->parameter);
    }
    lip_kernel_scale(batch->slope[last] + first * n,
                     1 / (float)step->rows->count, count * n);
}

/* Nobody needs the gradient in the input of the first layer that learns. */
static size_t first_learning(const struct lip_model *model)
{
    size_t i = 0;
    while (i < model->count && !model->layer[i].kind->gradient)
        i++;
    return i;
}

static void backward(const struct step *step, size_t first, size_t count)
{
    const struct lip_batch *batch = step->batch;
    size_t lowest = first_learning(step->model);
    for (size_t i = batch->count - 1; i-- > lowest + 1;) {
        const struct lip_trainable *layer = &step->model->layer[i];
        size_t in = first * batch->width[i], out = first * batch->width[i + 1];
        layer->kind->backward(layer, batch->slope[i] + in,
                              batch->slope[i + 1] + out, batch->value[i] + in,
                              batch->value[i + 1] + out, count);
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void forward_task(void *arg, size_t block)
{
    const struct step *step = arg;
    size_t first = block * step->block;
    size_t count = smaller(step->block, step->rows->count - first);
    forward(step, first, count);
    judge(step, first, count);
}

static void step_task(void *arg, size_t block)
{
    const struct step *step = arg;
    size_t first = block * step->block;
    size_t count = smaller(step->block, step->rows->count - first);
    forward(step, first, count);
    judge(step, first, count);
    backward(step, first, count);
}

static size_t block_outputs(void)
{
    return lip_product_is_own() ? LIP_BLOCK_FEWER : LIP_BLOCK_OUTPUTS;
}

static size_t gradient_blocks(const struct lip_trainable *layer)
{
    if (!layer->kind->gradient)
        return 0;
    if (layer->kind->parts)
        return layer->kind->parts(layer);
    return (layer->outputs + block_outputs() - 1) / block_outputs();
}

/* What the tasks of a gradient share. */
struct gradient {
    const struct lip_model *model;
    const struct lip_batch *batch;
    size_t rows;
    const struct lip_watch *watch;
};

/* Outputs whose gradient is still in the nearest cache when it is listened to.
 */
enum { FEW = 8 };

static void announce(const struct gradient *all,
                     const struct lip_trainable *layer, size_t first,
                     size_t count)
{
    if (!all->watch || !layer->kind->matrix)
        return;
    size_t offset = (size_t)(layer->weight - all->model->value);
    for (size_t k = 0; k < 4 && all->watch->beside[k]; k++)
        lip_product_soon(all->watch->beside[k] + offset + first * layer->inputs,
                         count * layer->inputs);
}

static void gradient_task(void *arg, size_t block)
{
    const struct gradient *all = arg;
    size_t i = 0;
    while (block >= gradient_blocks(&all->model->layer[i]))
        block -= gradient_blocks(&all->model->layer[i++]);
    const struct lip_trainable *layer = &all->model->layer[i];
    if (layer->kind->parts) {
        layer->kind->gradient(layer, block, 1, all->batch->slope[i + 1],
                              all->batch->value[i], all->rows);
        return;
    }
    size_t first = block * block_outputs();
    size_t count = smaller(block_outputs(), layer->outputs - first);
    size_t grain = all->watch && lip_product_is_own() ? FEW : count;
    for (size_t end = first + count, part; first < end; first += part) {
        part = smaller(grain, end - first);
        announce(all, layer, first, part);
        layer->kind->gradient(layer, first, part, all->batch->slope[i + 1],
                              all->batch->value[i], all->rows);
        if (all->watch)
            all->watch->done(all->watch->arg, layer, first, part);
    }
}

void lip_work(const struct lip_workers *workers,
              void (*task)(void *arg, size_t i), void *arg, size_t count)
{
    if (workers) {
        workers->run(workers->workers, task, arg, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        task(arg, i);
}

/* All rows of a step through `task`, in blocks. Where bits do not depend on the
 * cut, one thread alone takes larger ones. */
static void work_rows(struct step *step, void (*task)(void *arg, size_t i),
                      const struct lip_workers *workers)
{
    size_t rows = step->rows->count;
    bool alone = !workers && lip_product_is_own();
    step->block = alone ? 4 * LIP_BLOCK_ROWS : LIP_BLOCK_ROWS;
    lip_work(workers, task, step, (rows + step->block - 1) / step->block);
}

static void gather_task(void *arg, size_t block)
{
    const struct step *step = arg;
    size_t first = block * step->block;
    gather(step, first, smaller(step->block, step->rows->count - first));
}

static void front_task(void *arg, size_t block)
{
    const struct step *step = arg;
    const struct lip_trainable *layer = step->model->layer;
    size_t first = block * block_outputs();
    layer->kind->forward_some(
        layer, step->batch->value[1], step->batch->value[0], first,
        smaller(block_outputs(), layer->outputs - first), step->rows->count);
}

/* The first layer by outputs: a thread needs those weights that it will find
 * the gradient of, and has them in its own cache. Only where cutting changes no
 * bit. */
static void work_front(struct step *step, const struct lip_workers *workers)
{
    const struct lip_trainable *layer = step->model->layer;
    if (!workers || !lip_product_is_own() || !layer->kind->forward_some ||
        gradient_blocks(layer) < 2)
        return;
    work_rows(step, gather_task, workers);
    lip_work(workers, front_task, step, gradient_blocks(layer));
    step->front = 1;
}

double lip_model_back(const struct lip_model *model, struct lip_batch *batch,
                      const struct lip_rows *rows,
                      const struct lip_loss_use *loss,
                      const struct lip_workers *workers)
{
    struct step step = {model, batch, rows, loss, 0, 0};
    double sum = 0;
    work_front(&step, workers);
    work_rows(&step, step_task, workers);
    for (size_t i = 0; i < rows->count; i++)
        sum += batch->loss[i];
    return sum / (double)rows->count;
}

void lip_model_gradient(const struct lip_model *model,
                        const struct lip_batch *batch,
                        const struct lip_rows *rows,
                        const struct lip_watch *watch,
                        const struct lip_workers *workers)
{
    struct gradient all = {model, batch, rows->count, watch};
    size_t blocks = 0;
    for (size_t i = 0; i < model->count; i++)
        blocks += gradient_blocks(&model->layer[i]);
    lip_work(workers, gradient_task, &all, blocks);
}

double lip_model_step(const struct lip_model *model, struct lip_batch *batch,
                      const struct lip_rows *rows,
                      const struct lip_loss_use *loss,
                      const struct lip_workers *workers)
{
    double mean = lip_model_back(model, batch, rows, loss, workers);
    lip_model_gradient(model, batch, rows, NULL, workers);
    return mean;
}

/* The class's output is above all others: a tie is wrong. */
static bool is_right(const float *z, size_t n, uint32_t label)
{
    for (size_t j = 0; j < n; j++)
        if (j != label && !(z[label] > z[j]))
            return false;
    return true;
}

static double squared_error(const float *z, const float *y, size_t n)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += ((double)z[j] - (double)y[j]) * ((double)z[j] - (double)y[j]);
    return sum / (double)n;
}

/* Sums, to be divided by the number of rows at the end. */
static void add_scores(struct lip_score *out, const struct step *step)
{
    const struct lip_data *data = step->rows->data;
    size_t n = step->model->outputs;
    const float *z = step->batch->value[step->batch->count - 1];
    for (size_t i = 0; i < step->rows->count; i++, z += n) {
        size_t row = row_number(step->rows, i);
        out->loss += step->batch->loss[i];
        if (data->label)
            out->accuracy += is_right(z, n, data->label[row]);
        else
            out->error += squared_error(z, data->y + row * n, n);
    }
}

enum { SCORE_ROWS = 4 * LIP_BLOCK_ROWS };

enum lip_status
lip_model_score(struct lip_score *out, const struct lip_model *model,
                const struct lip_data *data, const struct lip_loss_use *loss,
                const struct lip_workers *workers, struct lip_ctx *ctx)
{
    struct lip_batch *batch;
    enum lip_status status = lip_batch_new(&batch, model, SCORE_ROWS, ctx);
    if (status != LIP_OK)
        return status;
    *out = (struct lip_score){0, data->label ? 0 : NAN, data->y ? 0 : NAN};
    for (size_t i = 0; i < data->rows; i += SCORE_ROWS) {
        struct lip_rows rows = {data, NULL, i,
                                smaller(SCORE_ROWS, data->rows - i), NULL};
        struct step step = {model, batch, &rows, loss, 0, 0};
        work_rows(&step, forward_task, workers);
        add_scores(out, &step);
    }
    out->loss /= (double)data->rows;
    out->accuracy /= (double)data->rows;
    out->error /= (double)data->rows;
    lip_batch_free(batch);
    return LIP_OK;
}

enum lip_status lip_model_predict(float *out, const struct lip_model *model,
                                  const struct lip_data *data,
                                  struct lip_ctx *ctx)
{
    struct lip_batch *batch;
    enum lip_status status = lip_batch_new(&batch, model, SCORE_ROWS, ctx);
    if (status != LIP_OK)
        return status;
    size_t n = model->outputs;
    for (size_t i = 0; i < data->rows; i += SCORE_ROWS) {
        struct lip_rows rows = {data, NULL, i,
                                smaller(SCORE_ROWS, data->rows - i), NULL};
        struct step step = {model, batch, &rows, NULL, 0, 0};
        forward(&step, 0, rows.count);
        memcpy(out + i * n, batch->value[model->count],
               rows.count * n * sizeof *out);
    }
    lip_batch_free(batch);
    return LIP_OK;
}
