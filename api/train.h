/* SPDX-License-Identifier: MIT
 *
 * POST /train: from JSON to everything a training run is made of, and back.
 * The daemon reads a request to refuse it early; the job's process reads the
 * very text again that the daemon has written down. */
#ifndef API_TRAIN_H
#define API_TRAIN_H

#include "api/problem.h"
#include "api/text.h"
#include "base/digest.h"
#include "training/generate.h"
#include "training/initial.h"
#include "training/loop.h"

#include <jansson.h>

enum { API_MAX_RADII = 16, API_MAX_TRAIN_LAYERS = 256 };

enum api_data_source { API_DATA_STORED, API_DATA_INLINE, API_DATA_GENERATED };

struct api_train_request {
    enum api_data_source source;
    char dataset_id[LIP_DIGEST_TEXT]; /* STORED */
    struct lip_data *inline_data;     /* INLINE */
    const struct lip_generator *generator;
    size_t samples;
    double noise;
    uint64_t data_seed;

    bool regression;
    char model_id[LIP_DIGEST_TEXT]; /* go on from stored weights; "": layers */
    struct lip_image input;         /* of the layers; 0 channels: not given */
    struct lip_trainable *layer; /* lip_alloc memory, planned by nobody yet */
    size_t layers;
    const struct lip_initial *initial;
    const struct lip_normalisation *normalisation;
    struct lip_train_options options; /* layer_limit and direction, where set,
                                         are owned */

    double *input_limit; /* monotone: one for each input; NULL: `limit` */
    size_t input_limits;

    double split; /* the validation part of the data; 0: none */
    size_t radii;
    double radius[API_MAX_RADII];
    double time_limit; /* seconds; 0: the service's */
};

/* Reads a request. Everything that can be said without the data is checked:
 * the problem is INVALID_OPTION at the JSON pointer of the field. */
enum lip_status api_train_read(struct api_train_request *out,
                               const json_t *json, struct api_problem *problem,
                               struct lip_ctx *ctx);
void api_train_clear(struct api_train_request *request);

/* What a row of `features` numbers is to the first layer. */
struct lip_image api_train_input(const struct api_train_request *request,
                                 size_t features);

/* What the data say of the request: the last layer's outputs against classes
 * or targets, the loss, sizes. Problems point at the field. */
enum lip_status api_train_check_data(const struct api_train_request *request,
                                     const struct lip_data *data,
                                     struct api_problem *problem,
                                     struct lip_ctx *ctx);

/* The request with every default filled in, as one JSON object that
 * api_train_read takes and that means the same run to the last bit. An inline
 * data set must have become a stored one. */
void api_train_write(struct api_text *text, const char *key,
                     const struct api_train_request *request);

/* GET /constraints: the constraints with their norms, the losses, optimisers,
 * schedules, layers, initialisations, normalisations, generators, each with
 * title, parameters and citation. */
void api_constraints_write(struct api_text *text);

#endif
