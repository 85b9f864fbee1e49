/* SPDX-License-Identifier: MIT
 *
 * Setting up a training run: checking what it is asked to do, dividing the
 * limit among the layers, and all memory that it will need. */
#include "training/monotone.h"
#include "training/random.h"
#include "training/run.h"

#include <math.h>
#include <string.h>

/* The share of the limit that rounding may eat up in the proof. */
static const double slack = 0x1p-26;

struct lip_train_options lip_train_defaults(void)
{
    const struct lip_optimiser *sgd = lip_optimiser_find("sgd");
    return (struct lip_train_options){
        .loss = lip_loss_defaults(lip_loss_find("hinge")),
        .optimiser = sgd,
        .step = sgd->fallback,
        .rate = sgd->rate,
        .schedule = lip_schedule_find("one-cycle"),
        .constraint = lip_constraint_find("rank-one-clip"),
        .pair = {LIP_NORM_2, LIP_NORM_2},
        .limit = 1,
        .epochs = 20,
        .batch = 128,
        .seed = 1,
    };
}

static enum lip_status check_counts(const struct lip_train_options *options,
                                    struct lip_ctx *ctx)
{
    if (options->epochs == 0 || options->epochs > 1000000)
        return lip_fail(ctx, LIP_INVALID,
                        "There are to be %zu epochs: choose 1 to 1000000.",
                        options->epochs);
    if (options->batch == 0 || options->batch > 1 << 20)
        return lip_fail(ctx, LIP_INVALID,
                        "A batch is to have %zu rows: choose 1 to 1048576.",
                        options->batch);
    if (!(options->rate > 0 && options->rate <= 1e6))
        return lip_fail(ctx, LIP_INVALID,
                        "The learning rate is %g: it must be above 0 and at "
                        "most 1e6.",
                        options->rate);
    if (!(options->clip >= 0 && isfinite(options->clip)))
        return lip_fail(ctx, LIP_INVALID,
                        "The gradient is to be clipped at %g: choose a finite "
                        "number above 0, or 0 for not at all.",
                        options->clip);
    return LIP_OK;
}

static enum lip_status check_limit(const struct lip_train_options *options,
                                   struct lip_ctx *ctx)
{
    if (options->constraint->free)
        return LIP_OK;
    if (!(options->limit >= 1e-6 && options->limit <= 1e12))
        return lip_fail(ctx, LIP_INVALID,
                        "The limit of the Lipschitz constant is %g: it must "
                        "lie between 1e-6 and 1e12.",
                        options->limit);
    return lip_constraint_check(options->constraint, options->pair, ctx);
}

static enum lip_status check_data(const struct lip_run *run,
                                  struct lip_ctx *ctx)
{
    const struct lip_data *other = run->validation;
    if (run->training->features != run->model->inputs)
        return lip_fail(ctx, LIP_INVALID,
                        "The model has %zu inputs, the data set %zu features: "
                        "they must be as many.",
                        run->model->inputs, run->training->features);
    if (other && (other->features != run->training->features ||
                  other->classes != run->training->classes ||
                  other->targets != run->training->targets))
        return lip_fail(ctx, LIP_INVALID,
                        "The validation part has another shape than the "
                        "training part.");
    if (run->options.patience > 0 && !other)
        return lip_fail(ctx, LIP_INVALID,
                        "Stopping early needs a validation part.");
    enum lip_status status = lip_loss_check(&run->options.loss, run->training,
                                            run->model->outputs, ctx);
    if (status == LIP_OK && run->options.constraint->monotone)
        status = lip_monotone_check(&run->options, run->model,
                                    run->training->classes > 0, ctx);
    return status;
}

static enum lip_status check(const struct lip_run *run, struct lip_ctx *ctx)
{
    enum lip_status status = check_counts(&run->options, ctx);
    if (status == LIP_OK)
        status = check_limit(&run->options, ctx);
    if (status == LIP_OK)
        status = lip_step_options_check(&run->options.step, ctx);
    if (status == LIP_OK)
        status = lip_augment_check(&run->options.augment,
                                   run->training->features, ctx);
    if (status == LIP_OK)
        status = check_data(run, ctx);
    return status;
}

/* What the scaling and the layers without a matrix can stretch: layers before
 * the first matrix in the norm of the input, the others in that of the output.
 */
static enum lip_status measure_fixed(struct lip_run *run, size_t *matrices,
                                     struct lip_ctx *ctx)
{
    struct lip_norm_pair pair = run->options.pair;
    struct lip_norm_pair same = {pair.input, pair.input};
    run->fixed = run->scaling ? lip_scaling_norm(run->scaling, same) : 1;
    *matrices = 0;
    for (size_t i = 0; i < run->model->count; i++) {
        const struct lip_trainable *layer = &run->model->layer[i];
        double slope = 1;
        if (layer->kind->matrix) {
            ++*matrices;
            continue;
        }
        enum lip_norm norm = *matrices ? pair.output : pair.input;
        if (!layer->kind->contracts(&slope, layer, norm))
            return lip_fail(ctx, LIP_INVALID,
                            "Layer %zu (%s) keeps no distances in the %s-norm: "
                            "choose another activation or norm.",
                            i, layer->kind->name, lip_norm_name(norm));
        run->fixed = lip_mul_up(run->fixed, slope);
    }
    return LIP_OK;
}

static enum lip_status check_shares(const struct lip_run *run, size_t matrices,
                                    struct lip_ctx *ctx)
{
    const struct lip_train_options *options = &run->options;
    double product = run->fixed;
    if (options->layer_limits != matrices)
        return lip_fail(ctx, LIP_INVALID,
                        "There are %zu limits for %zu layers with weights: "
                        "give one for each.",
                        options->layer_limits, matrices);
    for (size_t i = 0; i < matrices; i++) {
        double limit = options->layer_limit[i];
        if (!(limit >= 1e-12 && limit <= 1e12))
            return lip_fail(ctx, LIP_INVALID,
                            "The limit of layer %zu is %g: it must lie between "
                            "1e-12 and 1e12.",
                            i, limit);
        product *= limit;
    }
    if (product <= options->limit * (1 + 1e-9))
        return LIP_OK;
    return lip_fail(ctx, LIP_INVALID,
                    "The limits of the layers multiply to %g with what "
                    "scaling and activations stretch, over the limit %g of the "
                    "network.",
                    product, options->limit);
}

double lip_run_norm(const struct lip_run *run, double layers)
{
    return run->beside > 0 ? lip_add_up(layers, run->beside) : layers;
}

/* The limits of the first matrix and of each other. */
struct share {
    double first, other;
};

static enum lip_status check_share(const struct share *share,
                                   struct lip_ctx *ctx)
{
    if (share->first >= 1e-12 && share->first <= 1e12)
        return LIP_OK;
    return lip_fail(ctx, LIP_INVALID,
                    "The limit leaves %g for each matrix, beyond what float32 "
                    "weights can hold: change the limit or the scaling.",
                    share->first);
}

/* Half of the limit for the path beside the layers, half for the layers: the
 * first matrix gets all of it, the others 1, so that with the path inside the
 * norms of the layers multiply to the limit too. */
static enum lip_status share_monotone(struct lip_run *run, struct share *share,
                                      struct lip_ctx *ctx)
{
    struct lip_norm_pair same = {LIP_NORM_1, LIP_NORM_1};
    double scale = run->scaling ? lip_scaling_norm(run->scaling, same) : 1;
    float r = (float)(run->options.limit * (1 - 2 * slack) / (2 * scale));
    r = nextafterf(r, 0);
    *share = (struct share){(double)r * scale / run->fixed * (1 - slack), 1};
    run->beside = lip_mul_up(scale, (double)r);
    enum lip_status status = check_share(share, ctx);
    if (status == LIP_OK)
        status = lip_monotone_begin(run->model, run->options.direction, r,
                                    run->training->classes > 0, ctx);
    return status;
}

/* Each matrix gets the same share, (limit / fixed)^(1/matrices), unless each
 * has its own. */
static enum lip_status share_limit(struct lip_run *run, struct share *share,
                                   struct lip_ctx *ctx)
{
    size_t matrices;
    *share = (struct share){INFINITY, INFINITY};
    lip_free(run->model->path);
    run->model->path = NULL;
    if (run->options.constraint->free)
        return LIP_OK;
    enum lip_status status = measure_fixed(run, &matrices, ctx);
    if (status != LIP_OK)
        return status;
    if (matrices == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "The model has no layer with weights. Add a dense "
                        "layer.");
    if (run->options.layer_limit)
        return check_shares(run, matrices, ctx);
    if (run->options.constraint->monotone)
        return share_monotone(run, share, ctx);
    double rest = run->options.limit * (1 - slack) / run->fixed;
    share->first = share->other = pow(rest, 1 / (double)matrices);
    return check_share(share, ctx);
}

/* Two arrays a layer at most: weights, biases. */
static void list_arrays(struct lip_run *run, const struct share *share)
{
    size_t offset = 0;
    const double *own = run->options.layer_limit;
    bool first = true;
    for (size_t i = 0; i < run->model->count; i++) {
        const struct lip_trainable *layer = &run->model->layer[i];
        struct lip_run_array weights = {
            .offset = offset, .count = layer->weights, .layer = layer};
        if (layer->kind->matrix) {
            weights.rows = layer->rows;
            weights.cols = layer->cols;
            weights.constrained = !run->options.constraint->free;
            weights.matrix.pair = lip_constraint_pair(run->options.pair, first);
            double limit = own && weights.constrained ? *own++ * (1 - slack)
                           : first                    ? share->first
                                                      : share->other;
            lip_run_array_see(&weights, run->options.constraint, limit);
            first = false;
        }
        if (layer->weights)
            run->array[run->arrays++] = weights;
        offset += layer->weights;
        if (layer->biases)
            run->array[run->arrays++] = (struct lip_run_array){
                .offset = offset, .count = layer->biases};
        offset += layer->biases;
    }
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t rounded(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

/* Floats of work that serve the constraint, the projection at the end of
 * epochs and the optimiser, one array at a time; a mapped constraint keeps its
 * own between map and pull. */
static size_t measure_work(const struct lip_run *run, size_t *kept)
{
    const struct lip_constraint *constraint = run->options.constraint;
    size_t shared = 0;
    *kept = 0;
    for (size_t i = 0; i < run->arrays; i++) {
        const struct lip_run_array *array = &run->array[i];
        size_t rows = array->rows, cols = array->cols, own = 0;
        if (rows && run->options.optimiser->work)
            shared = larger(shared, run->options.optimiser->work(rows, cols));
        if (!array->constrained)
            continue;
        if (constraint->work)
            own = constraint->work(&array->matrix);
        if (constraint->mapped)
            *kept += rounded(own);
        else
            shared = larger(shared, own);
        if (array->phased)
            *kept += rounded(4 * array->matrix.rows * array->matrix.cols);
        shared = larger(shared, lip_run_array_room(array));
    }
    return rounded(shared);
}

static size_t measure_warm(const struct lip_run *run)
{
    const struct lip_constraint *constraint = run->options.constraint;
    size_t sum = 0;
    for (size_t i = 0; i < run->arrays; i++)
        if (run->array[i].constrained && constraint->warm)
            sum += constraint->warm(&run->array[i].matrix);
    return sum;
}

/* Room for the numbers of a kernel in phases; returns what is left. */
static float *place_phases(struct lip_constrained *matrix, float *room)
{
    size_t count = matrix->rows * matrix->cols;
    matrix->weight = room;
    matrix->gradient = room + count;
    matrix->free = room + 2 * count;
    matrix->free_gradient = room + 3 * count;
    return room + rounded(4 * count);
}

/* Gives every constrained matrix its places. */
static void place(struct lip_run *run, size_t shared)
{
    const struct lip_constraint *constraint = run->options.constraint;
    float *warm = run->warm, *work = run->work;
    float *kept = run->work + shared;
    for (size_t i = 0; i < run->arrays; i++) {
        struct lip_run_array *array = &run->array[i];
        struct lip_constrained *matrix = &array->matrix;
        if (!array->constrained)
            continue;
        matrix->weight = run->model->value + array->offset;
        matrix->gradient = run->model->gradient + array->offset;
        matrix->free = run->learned + array->offset;
        matrix->free_gradient = run->learned_gradient + array->offset;
        if (array->phased)
            kept = place_phases(matrix, kept);
        matrix->warm = warm;
        matrix->work = constraint->mapped ? kept : work;
        if (constraint->warm)
            warm += constraint->warm(matrix);
        if (constraint->mapped && constraint->work)
            kept += rounded(constraint->work(matrix));
    }
}

static float *floats(size_t count, bool *failed, struct lip_ctx *ctx)
{
    float *block = *failed ? NULL : lip_calloc(ctx, count, sizeof *block);
    *failed = *failed || !block;
    return block;
}

static bool allocate(struct lip_run *run, size_t *shared, struct lip_ctx *ctx)
{
    size_t count = run->model->parameters, kept;
    bool failed = false;
    run->slots = run->options.optimiser->slots(&run->options.step);
    for (size_t k = 0; k < run->slots; k++)
        run->slot[k] = floats(count, &failed, ctx);
    run->good = floats(count, &failed, ctx);
    run->best = floats(run->options.patience ? count : 0, &failed, ctx);
    run->learned = run->model->value;
    run->learned_gradient = run->model->gradient;
    if (run->options.constraint->mapped) {
        run->learned = floats(count, &failed, ctx);
        run->learned_gradient = floats(count, &failed, ctx);
    }
    *shared = measure_work(run, &kept);
    run->work = floats(*shared + kept, &failed, ctx);
    run->warm_count = measure_warm(run);
    run->warm = floats(run->warm_count, &failed, ctx);
    if (!failed)
        run->order = lip_calloc(ctx, run->training->rows, sizeof *run->order);
    return !failed && run->order;
}

static void begin(struct lip_run *run, size_t shared)
{
    size_t bytes = run->model->parameters * sizeof *run->good;
    place(run, shared);
    for (size_t i = 0; i < run->warm_count; i++)
        run->warm[i] =
            (float)lip_draw_normal(run->options.seed, LIP_STREAM_WARM, i);
    if (run->learned != run->model->value)
        memcpy(run->learned, run->model->value, bytes);
    memcpy(run->good, run->learned, bytes);
}

enum lip_status
lip_run_new(struct lip_run **out, const struct lip_train_options *options,
            struct lip_model *model, const struct lip_data *training,
            const struct lip_data *validation,
            const struct lip_scaling *scaling, struct lip_ctx *ctx)
{
    struct share share;
    size_t shared;
    *out = NULL;
    struct lip_run *run = lip_calloc(ctx, 1, sizeof *run);
    if (!run)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    run->options = *options;
    run->model = model;
    run->training = training;
    run->validation = validation;
    run->scaling = scaling;
    run->every = options->every ? options->every : options->constraint->every;
    enum lip_status status = check(run, ctx);
    if (status == LIP_OK) {
        run->steps = (training->rows + options->batch - 1) / options->batch;
        status = share_limit(run, &share, ctx);
    }
    if (status == LIP_OK)
        status = lip_batch_new(&run->batch, model, options->batch, ctx);
    if (status == LIP_OK) {
        run->array = lip_calloc(ctx, 2 * model->count, sizeof *run->array);
        status = run->array ? LIP_OK : LIP_NO_MEMORY;
    }
    if (status == LIP_OK) {
        list_arrays(run, &share);
        status = allocate(run, &shared, ctx) ? LIP_OK : LIP_NO_MEMORY;
    }
    if (status == LIP_OK) {
        begin(run, shared);
        *out = run;
    } else {
        lip_run_free(run);
    }
    return status == LIP_NO_MEMORY && ctx ? ctx->error.status : status;
}

void lip_run_free(struct lip_run *run)
{
    if (!run)
        return;
    if (run->model && run->learned != run->model->value) {
        lip_free(run->learned);
        lip_free(run->learned_gradient);
    }
    for (size_t k = 0; k < LIP_SLOTS; k++)
        lip_free(run->slot[k]);
    lip_free(run->good);
    lip_free(run->best);
    lip_free(run->warm);
    lip_free(run->work);
    lip_free(run->order);
    lip_free(run->array);
    lip_batch_free(run->batch);
    lip_free(run);
}

void lip_run_share(struct lip_run *run, const struct lip_workers *workers)
{
    run->workers = workers;
}
