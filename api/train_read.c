/* SPDX-License-Identifier: MIT
 *
 * Reading a training request: one table lists its members. */
#include "api/train_parts.h"

#include <string.h>

enum { MAX_EPOCHS = 100000, MAX_BATCH = 1 << 20, MAX_SIDE = 65536 };

static const size_t max_seed = (size_t)1 << 53; /* JSON misses none up to it */

static enum lip_status read_task(struct train_reader *r, const json_t *value,
                                 const struct train_place *at)
{
    const char *text = json_string_value(value);
    if (!value)
        return LIP_OK;
    if (!text || (strcmp(text, "classification") != 0 &&
                  strcmp(text, "regression") != 0))
        return train_refuse(r, at,
                            "\"task\" is \"classification\" or "
                            "\"regression\".");
    r->out->regression = strcmp(text, "regression") == 0;
    r->task_given = true;
    return LIP_OK;
}

/* A loss says what the task is where neither the request nor a generator does.
 */
static void guess_task(struct train_reader *r, const json_t *json)
{
    const json_t *loss = json_object_get(json, "loss");
    const char *text = json_string_value(json_object_get(loss, "type"));
    const struct lip_loss *named = text ? lip_loss_find(text) : NULL;
    if (!json_object_get(json, "task") && named)
        r->out->regression = !named->classification;
}

TRAIN_TABLE(initial_name, lip_initials)
TRAIN_TABLE(normalisation_name, lip_normalisations)

/* Weights that are there already are neither drawn nor scaled anew. */
static enum lip_status refuse_stored(struct train_reader *r,
                                     const json_t *value,
                                     const struct train_place *at)
{
    if (!value || !r->out->model_id[0])
        return LIP_OK;
    return train_refuse(r, at,
                        "A stored model goes on from its own weights "
                        "and scaling: leave this out.");
}

static enum lip_status read_initialization(struct train_reader *r,
                                           const json_t *value,
                                           const struct train_place *at)
{
    size_t row = 0;
    enum lip_status status = refuse_stored(r, value, at);
    if (status == LIP_OK && value)
        status =
            train_choose(r, &row, value, at, "initialization", initial_name);
    r->out->initial = status == LIP_OK ? lip_initials[row] : NULL;
    return status;
}

static enum lip_status read_normalization(struct train_reader *r,
                                          const json_t *value,
                                          const struct train_place *at)
{
    size_t row = 0;
    enum lip_status status = refuse_stored(r, value, at);
    if (status == LIP_OK && value)
        status = train_choose(r, &row, value, at, "normalization",
                              normalisation_name);
    r->out->normalisation = status == LIP_OK ? lip_normalisations[row] : NULL;
    return status;
}

/* Images moved about; absent: rows are taken as they are. */
static enum lip_status read_augmentation(struct train_reader *r,
                                         const json_t *value,
                                         const struct train_place *at)
{
    static const char *const known[] = {"height", "width",   "shift",
                                        "turn",   "stretch", NULL};
    struct lip_augment *augment = &r->out->options.augment;
    if (!value)
        return LIP_OK;
    struct train_place height = train_at(at, "height");
    struct train_place width = train_at(at, "width");
    enum lip_status status = train_object(r, value, at, known);
    if (status == LIP_OK)
        status = train_count_value(r, &augment->height,
                                   json_object_get(value, "height"), &height,
                                   "height", 1, MAX_SIDE);
    if (status == LIP_OK)
        status = train_count_value(r, &augment->width,
                                   json_object_get(value, "width"), &width,
                                   "width", 1, MAX_SIDE);
    if (status == LIP_OK)
        status =
            train_count(r, &augment->shift, value, at, "shift", 0, MAX_SIDE);
    if (status == LIP_OK)
        status = train_number(r, &augment->turn, value, at, "turn",
                              (struct train_range){0, 180, false, false});
    if (status == LIP_OK)
        status = train_number(r, &augment->stretch, value, at, "stretch",
                              (struct train_range){0, 0.5, false, false});
    return status;
}

static enum lip_status read_epochs(struct train_reader *r, const json_t *value,
                                   const struct train_place *at)
{
    return value ? train_count_value(r, &r->out->options.epochs, value, at,
                                     "epochs", 1, MAX_EPOCHS)
                 : LIP_OK;
}

static enum lip_status read_batch(struct train_reader *r, const json_t *value,
                                  const struct train_place *at)
{
    return value ? train_count_value(r, &r->out->options.batch, value, at,
                                     "batch_size", 1, MAX_BATCH)
                 : LIP_OK;
}

static enum lip_status read_seed(struct train_reader *r, const json_t *value,
                                 const struct train_place *at)
{
    size_t seed = 1;
    enum lip_status status = LIP_OK;
    if (value)
        status = train_count_value(r, &seed, value, at, "seed", 0, max_seed);
    r->out->options.seed = seed;
    return status;
}

static enum lip_status read_radii(struct train_reader *r, const json_t *value,
                                  const struct train_place *at)
{
    struct api_train_request *out = r->out;
    size_t count = json_array_size(value);
    enum lip_status status = LIP_OK;
    if (!value)
        return LIP_OK;
    if (!json_is_array(value) || count > API_MAX_RADII)
        return train_refuse(r, at,
                            "\"radii\" is an array of at most %d "
                            "numbers.",
                            API_MAX_RADII);
    if (count > 0 && (out->regression || out->options.constraint->free))
        return train_refuse(r, at,
                            "Certified accuracy is for classification with a "
                            "limit: leave the radii out.");
    for (size_t i = 0; status == LIP_OK && i < count; i++) {
        struct train_place place = train_at_index(at, i);
        status = train_number_value(r, &out->radius[i],
                                    json_array_get(value, i), &place, "radii",
                                    (struct train_range){0, 1e12, true, false});
    }
    out->radii = count;
    return status;
}

static enum lip_status read_validation(struct train_reader *r,
                                       const json_t *value,
                                       const struct train_place *at)
{
    static const char *const known[] = {"split", "radii", "patience", NULL};
    struct api_train_request *out = r->out;
    struct train_place radii = train_at(at, "radii");
    struct train_place patience = train_at(at, "patience");
    out->split = 0.1;
    if (!value)
        return LIP_OK;
    enum lip_status status = train_object(r, value, at, known);
    if (status == LIP_OK)
        status = train_number(r, &out->split, value, at, "split",
                              (struct train_range){0, 0.9, false, false});
    if (status == LIP_OK)
        status = read_radii(r, json_object_get(value, "radii"), &radii);
    if (status == LIP_OK)
        status = train_count(r, &out->options.patience, value, at, "patience",
                             0, MAX_EPOCHS);
    if (status == LIP_OK && out->options.patience > 0 && !(out->split > 0))
        status = train_refuse(r, &patience,
                              "Stopping early needs a validation part: set "
                              "\"split\" above 0.");
    return status;
}

static enum lip_status read_time_limit(struct train_reader *r,
                                       const json_t *value,
                                       const struct train_place *at)
{
    return value
               ? train_number_value(r, &r->out->time_limit, value, at,
                                    "time_limit",
                                    (struct train_range){0, 1e9, false, false})
               : LIP_OK;
}

/* In an order in which each finds what it depends on. */
static const struct train_member members[] = {
    {"task", read_task},
    {"dataset", train_read_data},
    {"loss", train_read_loss},
    {"model", train_read_model},
    {"initialization", read_initialization},
    {"normalization", read_normalization},
    {"constraint", train_read_constraint},
    {"optimizer", train_read_optimizer},
    {"augmentation", read_augmentation},
    {"epochs", read_epochs},
    {"batch_size", read_batch},
    {"seed", read_seed},
    {"validation", read_validation},
    {"time_limit", read_time_limit},
};

/* The shape that a generator's data will have. */
static struct lip_data generated_shape(const struct api_train_request *request)
{
    const struct lip_generator *generator = request->generator;
    return (struct lip_data){.rows = request->samples,
                             .features = generator->features,
                             .classes = generator->classes,
                             .targets = generator->targets};
}

static enum lip_status check_early(const struct api_train_request *request,
                                   struct api_problem *problem,
                                   struct lip_ctx *ctx)
{
    if (request->inline_data)
        return api_train_check_data(request, request->inline_data, problem,
                                    ctx);
    if (!request->generator)
        return LIP_OK;
    struct lip_data shape = generated_shape(request);
    return api_train_check_data(request, &shape, problem, ctx);
}

enum lip_status api_train_read(struct api_train_request *out,
                               const json_t *json, struct api_problem *problem,
                               struct lip_ctx *ctx)
{
    struct train_reader r = {out, problem, ctx, false};
    struct train_place root = {""};
    *out = (struct api_train_request){.options = lip_train_defaults()};
    guess_task(&r, json);
    enum lip_status status = train_members(&r, json, &root, members,
                                           sizeof members / sizeof *members);
    if (status == LIP_OK)
        status = check_early(out, problem, ctx);
    if (status != LIP_OK)
        api_train_clear(out);
    return status;
}

void api_train_clear(struct api_train_request *request)
{
    lip_data_free(request->inline_data);
    lip_free(request->layer);
    lip_free((void *)request->options.layer_limit);
    lip_free((void *)request->options.direction);
    lip_free(request->input_limit);
    *request = (struct api_train_request){.layer = NULL};
}
