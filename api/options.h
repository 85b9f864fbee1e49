/* SPDX-License-Identifier: MIT
 *
 * The options of a bound request: norm, methods, limits, and how a file that
 * holds weights only is read. They come in the query, in a JSON object, or
 * both, under the same names. */
#ifndef API_OPTIONS_H
#define API_OPTIONS_H

#include "api/bound.h"

#include <jansson.h>

enum { API_MAX_PARAMETERS = 8 };

/* Options as far as they have been read. */
struct api_options {
    struct api_bound_request *request; /* gets options, choice and methods */
    struct api_problem *problem;
    struct lip_read_options read; /* filled by api_options_finish */
    unsigned seen;                /* one bit per known option */
    /* Numbers that belong to the activation, which may be named later. */
    size_t parameter_count;
    struct {
        const char *name;
        double value;
        char where[200];
        bool in_query;
    } parameter[API_MAX_PARAMETERS];
};

/* Defaults: norm 2, method choice `auto`. */
void api_options_init(struct api_options *options,
                      struct api_bound_request *request,
                      struct api_problem *problem);

/* Each reads all options of its source. An option that is unknown, given
 * twice, of the wrong type or out of range gives LIP_INVALID with the problem
 * filled; out of memory gives LIP_NO_MEMORY. Of the object, a member "model"
 * is left alone. `root` is the JSON pointer of the object. */
enum lip_status api_options_query(struct api_options *options,
                                  const struct api_query *query);
enum lip_status api_options_object(struct api_options *options,
                                   const json_t *object, const char *root);

/* Joins the activation and its parameters. */
enum lip_status api_options_finish(struct api_options *options);

/* True where an option was given that only speaks of files that hold weights
 * and no more: activation, its parameters, layout. */
bool api_options_for_weights(const struct api_options *options);

/* Fills the problem from a format string and gives LIP_NO_MEMORY: for the
 * calls of jansson, which fail in no other way. */
enum lip_status api_out_of_memory(struct api_problem *problem);

#endif
