/* SPDX-License-Identifier: MIT
 *
 * POST /bound: from the bytes of a request to a network and options, and from
 * bounds to the bytes of the answer. */
#ifndef API_BOUND_H
#define API_BOUND_H

#include "api/problem.h"
#include "api/text.h"
#include "bounds/method.h"
#include "formats/format.h"

enum { API_MAX_METHODS = 64, API_MAX_QUERY = 32 };

/* The query string, percent-decoded by the server. */
struct api_query {
    size_t count;
    struct {
        const char *name, *value; /* value "" where there is no '=' */
    } item[API_MAX_QUERY];
};

enum api_method_choice { API_METHODS_AUTO, API_METHODS_ALL, API_METHODS_NAMED };

/* Whether a lower bound of the true constant is asked for. By default it is
 * where methods are not named. */
enum api_lower_choice { API_LOWER_DEFAULT, API_LOWER_YES, API_LOWER_NO };

struct api_bound_request {
    struct lip_network *network;     /* NULL: model_id names a stored one */
    const struct lip_format *format; /* that it came in; NULL: none came */
    char model_id[LIP_DIGEST_TEXT];
    struct lip_bound_options options;
    enum api_method_choice choice;
    enum api_lower_choice lower_bound;
    size_t method_count; /* NAMED: in the order asked for */
    const struct lip_method *method[API_MAX_METHODS];
};

/* Reads a request in any of the body forms of the contract. `content_type` may
 * be NULL or anything: multipart/form-data is told by it, JSON envelope and
 * model file by the bytes. On failure the problem is filled, nothing is owned,
 * and the status is not LIP_OK. */
enum lip_status
api_bound_request_read(struct api_bound_request *out, struct lip_buffer *body,
                       const char *content_type, const struct api_query *query,
                       struct api_problem *problem, struct lip_ctx *ctx);
void api_bound_request_clear(struct api_bound_request *request);

/* What an answer depends on, beside the request. */
enum api_bound_standing {
    API_BOUND_FINAL,   /* nothing: more time or memory would change nothing */
    API_BOUND_LIMITED, /* the limits: methods were left out beforehand */
    API_BOUND_CUT      /* the moment: time or memory ran out on the way */
};

/* What the service allows one request to take. */
struct api_bound_limits {
    double max_bytes;   /* estimated memory of chain and methods */
    double max_flops;   /* of one named method; 0: no limit */
    double max_seconds; /* cap of time_limit */
    /* The first two are the token's own, to be said in a refusal. */
    bool own_bytes, own_flops;
    double flops_per_second; /* for `auto` and for the estimates */
    /* Hears of each bound that a method gave, as it comes; may be NULL. */
    void (*observe)(void *arg, const struct lip_bound *bound);
    void *observe_arg;
    enum api_bound_standing *standing; /* set with an answer; may be NULL */
};

/* Runs the methods of the request and writes the answer document. The answer
 * is complete with what was proven when the time limit strikes; methods that
 * had no time are listed as skipped. Failure (problem filled) where the model
 * is over a limit, memory ran out, the work was cancelled, or nothing at all
 * was proven in the time. */
enum lip_status api_bound_answer(struct api_text *text,
                                 const struct api_bound_request *request,
                                 const struct api_bound_limits *limits,
                                 struct api_problem *problem,
                                 struct lip_ctx *ctx);

/* The seconds that methods which the request names are predicted to take, from
 * the shapes alone, one after the other; 0 where it names none: `auto` and
 * `all` go by their time. Fails as api_bound_answer would before any method
 * begins. */
enum lip_status api_bound_predict(double *seconds,
                                  const struct api_bound_request *request,
                                  const struct api_bound_limits *limits,
                                  struct api_problem *problem,
                                  struct lip_ctx *ctx);

/* GET /methods. */
void api_methods_write(struct api_text *text);

#endif
