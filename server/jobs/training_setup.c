/* SPDX-License-Identifier: MIT
 *
 * From a request to a training run at its start. Everything here follows from
 * the request and the data alone, so that a job that is tried again begins
 * with the same run. */
#include "server/jobs/training.h"

#include "api/train_model.h"
#include "server/dataset_store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool failed(struct lipd_training *t)
{
    api_problem_from_error(t->problem, &t->ctx->error);
    lip_error_clear(t->ctx);
    return false;
}

/* What the library refuses at this point is the request's fault. */
static bool refused(struct lipd_training *t)
{
    bool invalid = t->ctx->error.status == LIP_INVALID;
    failed(t);
    if (invalid)
        t->problem->code = API_PROBLEM_INVALID_OPTION;
    return false;
}

/* --- data */

/* It stays open, to be read once more at the end. */
static bool open_stored(struct lipd_training *t)
{
    char complaint[300];
    struct lipd_dataset_store *store = lipd_dataset_store_read_only(
        t->child->config->data_dir, complaint, sizeof complaint);
    if (!store) {
        api_problem_set(t->problem, API_PROBLEM_INTERNAL, "%s", complaint);
        return false;
    }
    t->data_file = lipd_dataset_open(store, t->request.dataset_id, t->problem);
    lipd_dataset_store_close(store);
    if (t->data_file < 0 && t->problem->code == API_PROBLEM_NOT_FOUND) {
        t->problem->place = LIP_AT_POINTER;
        snprintf(t->problem->where, sizeof t->problem->where, "/dataset/id");
    }
    return t->data_file >= 0;
}

/* The caller's, but for inline data, which the request keeps: `owned`. */
static bool load(struct lipd_training *t, struct lip_data **out, bool *owned)
{
    const struct api_train_request *request = &t->request;
    *owned = request->source != API_DATA_INLINE;
    *out = request->inline_data;
    if (request->source == API_DATA_STORED)
        return lipd_dataset_load_file(out, t->data_file, t->request.dataset_id,
                                      t->problem, t->ctx);
    if (request->source == API_DATA_GENERATED &&
        lip_generate(out, request->generator, request->samples, request->noise,
                     request->data_seed, t->ctx) != LIP_OK)
        return failed(t);
    return true;
}

static bool deal(struct lipd_training *t, const struct lip_data *data,
                 struct lip_data **first, struct lip_data **second)
{
    return lip_data_split(first, second, data, t->request.split,
                          t->request.options.seed, t->ctx) == LIP_OK ||
           refused(t);
}

bool lipd_training_parts(struct lipd_training *t, struct lip_data **first,
                         struct lip_data **second)
{
    struct lip_data *data;
    bool owned;
    *first = *second = NULL;
    if (!load(t, &data, &owned))
        return false;
    bool dealt = deal(t, data, first, second);
    if (owned)
        lip_data_free(data);
    return dealt;
}

static bool take_data(struct lipd_training *t)
{
    struct lip_data *data;
    bool owned;
    if (!load(t, &data, &owned))
        return false;
    if (t->request.source == API_DATA_STORED)
        memcpy(t->data_id, t->request.dataset_id, sizeof t->data_id);
    else
        lip_data_digest(t->data_id, data);
    t->rows = data->rows;
    t->features = data->features;
    t->classes = data->classes;
    t->targets = data->targets;
    bool dealt =
        api_train_check_data(&t->request, data, t->problem, t->ctx) == LIP_OK &&
        deal(t, data, &t->training, &t->validation);
    if (owned)
        lip_data_free(data);
    return dealt;
}

/* --- the model */

/* lip_model_new takes the layers. */
static bool make_model(struct lipd_training *t)
{
    struct api_train_request *request = &t->request;
    size_t count = request->layers;
    struct lip_trainable *layer =
        lip_calloc(t->ctx, count, sizeof *request->layer);
    if (!layer)
        return failed(t);
    memcpy(layer, request->layer, count * sizeof *layer);
    struct lip_image input = api_train_input(request, t->training->features);
    return lip_model_of_images(&t->model, layer, count, &input, t->ctx) ==
               LIP_OK ||
           refused(t);
}

static bool begin_anew(struct lipd_training *t)
{
    const struct api_train_request *request = &t->request;
    if (!take_data(t))
        return false;
    if (lip_scaling_fit(&t->scaling, request->normalisation, t->training,
                        t->ctx) != LIP_OK)
        return failed(t);
    if (request->input_limit &&
        lip_scaling_share(&t->scaling, request->input_limit,
                          t->training->features, t->ctx) != LIP_OK)
        return failed(t);
    return make_model(t) &&
           (lip_initialise(t->model, request->initial, request->options.seed,
                           t->ctx) == LIP_OK ||
            failed(t));
}

/* The layers of a stored model stand in for those of the request before the
 * data are held against them. */
static bool go_on(struct lipd_training *t)
{
    struct lip_network *network =
        lipd_child_model(t->child, t->request.model_id, t->problem);
    if (!network)
        return false;
    bool made = api_train_model_layers(&t->request, &t->scaling, network,
                                       t->problem, t->ctx) == LIP_OK &&
                take_data(t) && make_model(t);
    if (made)
        api_train_model_weights(t->model, network);
    lip_network_free(network);
    return made;
}

/* --- the run */

/* What each layer may stretch, multiplied: the limit of a network whose layers
 * have limits of their own. */
static double product_of_shares(const struct lipd_training *t)
{
    const struct lip_train_options *options = &t->request.options;
    struct lip_norm_pair same = {options->pair.input, options->pair.input};
    double product = lip_scaling_norm(&t->scaling, same);
    bool first = true;
    for (size_t i = 0; i < t->model->count; i++) {
        const struct lip_trainable *layer = &t->model->layer[i];
        double slope = 1;
        if (layer->kind->matrix)
            first = false;
        else
            layer->kind->contracts(&slope, layer,
                                   first ? options->pair.input
                                         : options->pair.output);
        product *= slope;
    }
    for (size_t i = 0; i < options->layer_limits; i++)
        product *= options->layer_limit[i];
    return product;
}

static bool make_run(struct lipd_training *t)
{
    struct lip_train_options *options = &t->request.options;
    if (options->layer_limit && !(options->limit > 0))
        options->limit = product_of_shares(t);
    t->limit = options->constraint->free ? 0 : options->limit;
    lip_scaling_apply(t->training, &t->scaling);
    if (t->validation)
        lip_scaling_apply(t->validation, &t->scaling);
    if (lip_run_new(&t->run, options, t->model, t->training, t->validation,
                    &t->scaling, t->ctx) != LIP_OK)
        return refused(t);
    lip_pool_begin(&t->pool, t->child->threads, t->ctx);
    lip_run_share(t->run, &t->pool.workers);
    return true;
}

/* The earlier of the request's limit, less what was used up before, and the
 * service's. */
static void set_deadline(struct lipd_training *t)
{
    double limit = t->request.time_limit;
    t->deadline = t->ctx->deadline;
    if (!(limit > 0))
        return;
    double own = t->began + limit - t->before;
    if (!(t->deadline > 0) || own < t->deadline)
        t->deadline = own;
}

bool lipd_training_begin(struct lipd_training *t)
{
    t->began = lip_now();
    if (api_train_read(&t->request, t->child->request, t->problem, t->ctx) !=
        LIP_OK)
        return false;
    if (t->request.source == API_DATA_STORED && !open_stored(t))
        return false;
    if (!t->request.model_id[0])
        lipd_child_confine(t->child);
    bool made = t->request.model_id[0] ? go_on(t) : begin_anew(t);
    if (!made || !make_run(t) || !lipd_training_restore(t))
        return false;
    set_deadline(t);
    return true;
}

void lipd_training_clear(struct lipd_training *t)
{
    if (t->pool.crew)
        lip_pool_end(&t->pool);
    lip_run_free(t->run);
    lip_model_free(t->model);
    lip_scaling_clear(&t->scaling);
    lip_data_free(t->training);
    lip_data_free(t->validation);
    lip_free(t->row);
    if (t->data_file >= 0)
        close(t->data_file);
    api_train_clear(&t->request);
}
