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

/* Read all options of a query, or one of a JSON object. An option that is
 * unknown, given twice, of the wrong type or out of range gives LIP_INVALID
 * with the problem filled; out of memory gives LIP_NO_MEMORY. Pointers in
 * messages are relative to the object. */
enum lip_status api_options_query(struct api_options *options,
                                  const struct api_query *query);
enum lip_status api_options_member(struct api_options *options,
                                   const char *name, const json_t *value);

/* Joins the activation and its parameters. */
enum lip_status api_options_finish(struct api_options *options);

/* True where an option was given that only speaks of files that hold weights
 * and no more: activation, its parameters, layout. */
bool api_options_for_weights(const struct api_options *options);

/* Fills the problem and gives LIP_NO_MEMORY: for the calls of jansson that fail
 * in no other way. */
enum lip_status api_out_of_memory(struct api_problem *problem);

#endif
