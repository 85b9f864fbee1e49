/* SPDX-License-Identifier: MIT
 *
 * The network in training: layers whose parameters lie one after the other in
 * one array, so that optimisers and checkpoints see numbers, not layers.
 *
 * Work on a batch is cut into blocks: rows of the batch going forward and back,
 * outputs of a layer for the gradients of parameters. Their size is fixed, or
 * changes no bit (lip_product_is_own); which worker does a block does not
 * either. */
#ifndef LIP_TRAINING_MODEL_H
#define LIP_TRAINING_MODEL_H

#include "training/augment.h"
#include "training/layer.h"
#include "training/loss.h"

enum { LIP_BLOCK_ROWS = 64, LIP_BLOCK_OUTPUTS = 128, LIP_BLOCK_FEWER = 32 };

/* Runs task(arg, i) for all i < count, in any order, on any threads, and
 * returns when all are done. */
struct lip_workers {
    void (*run)(void *workers, void (*task)(void *arg, size_t i), void *arg,
                size_t count);
    void *workers;
};

/* The same, or, workers NULL, in order in this thread. */
void lip_work(const struct lip_workers *workers,
              void (*task)(void *arg, size_t i), void *arg, size_t count);

struct lip_model {
    struct lip_trainable *layer;
    size_t count, inputs, outputs;
    struct lip_image input; /* rows of data have it channel by channel */
    size_t parameters;
    float *value;    /* [parameters]: layer by layer, weights then biases */
    float *gradient; /* [parameters] */
    float *path;     /* [inputs], or NULL: path'x is added to the outputs, */
    bool opposed;    /* but taken from output 0 (training/monotone.h) */
};

/* Plans `count` layers on `inputs` numbers and makes the model of them; takes
 * the array, which came from lip_alloc, also on failure. All parameters zero.
 * LIP_INVALID, naming the layer; LIP_TOO_LARGE; LIP_NO_MEMORY. */
enum lip_status lip_model_new(struct lip_model **out,
                              struct lip_trainable *layer, size_t count,
                              size_t inputs, struct lip_ctx *ctx);

/* The same on images. */
enum lip_status lip_model_of_images(struct lip_model **out,
                                    struct lip_trainable *layer, size_t count,
                                    const struct lip_image *input,
                                    struct lip_ctx *ctx);

/* NULL is allowed. */
void lip_model_free(struct lip_model *model);

/* A batch on its way: the values between the layers. */
struct lip_batch;

/* Room for up to `rows` rows. 2 rows * (sum of widths) floats. */
enum lip_status lip_batch_new(struct lip_batch **out,
                              const struct lip_model *model, size_t rows,
                              struct lip_ctx *ctx);
void lip_batch_free(struct lip_batch *batch);

/* How the rows are moved about; each by its number in the data set. */
struct lip_moves {
    const struct lip_augment *augment;
    const struct lip_scaling *scaling; /* that the data have had */
    uint64_t seed, stream;
};

/* Rows of a data set: order[0 .. count - 1], or, order NULL, the `count` rows
 * from number `first` on. */
struct lip_rows {
    const struct lip_data *data;
    const uint32_t *order;
    size_t first, count;
    const struct lip_moves *moves; /* NULL: as they are */
};

/* The mean of the loss over the rows, at most as many as the batch has room
 * for, and its gradient in all values between the layers. Sums over rows are in
 * order. workers NULL: this thread. */
double lip_model_back(const struct lip_model *model, struct lip_batch *batch,
                      const struct lip_rows *rows,
                      const struct lip_loss_use *loss,
                      const struct lip_workers *workers);

/* Who watches gradients come. `done` hears, on any thread, that those of the
 * parameters of outputs first .. first + count - 1 of a layer are there (of
 * layers whose gradient comes in parts it hears nothing); it may
 * change the parameters: nobody needs them any more. `beside` are numbers that
 * it will look at, arrays that begin as model->value does; NULL: none. */
struct lip_watch {
    void (*done)(void *arg, const struct lip_trainable *layer, size_t first,
                 size_t count);
    void *arg;
    const float *beside[4];
};

/* After lip_model_back on the same rows: model->gradient. `watch` may be NULL.
 */
void lip_model_gradient(const struct lip_model *model,
                        const struct lip_batch *batch,
                        const struct lip_rows *rows,
                        const struct lip_watch *watch,
                        const struct lip_workers *workers);

/* Both. */
double lip_model_step(const struct lip_model *model, struct lip_batch *batch,
                      const struct lip_rows *rows,
                      const struct lip_loss_use *loss,
                      const struct lip_workers *workers);

/* What a model does on a data set. */
struct lip_score {
    double loss;     /* mean */
    double accuracy; /* share of rows whose largest output is the class's alone;
                        NAN for regression */
    double error;    /* mean squared error; NAN for classification */
};
enum lip_status
lip_model_score(struct lip_score *out, const struct lip_model *model,
                const struct lip_data *data, const struct lip_loss_use *loss,
                const struct lip_workers *workers, struct lip_ctx *ctx);

/* out[data->rows x outputs]: the model on every row. */
enum lip_status lip_model_predict(float *out, const struct lip_model *model,
                                  const struct lip_data *data,
                                  struct lip_ctx *ctx);

#endif
