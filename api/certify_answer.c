/* SPDX-License-Identifier: MIT
 *
 * The answer of POST /certify. A radius is never rounded up. */
#include "api/certify.h"

#include "api/bound_write.h"
#include "certify/radius.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* What is known once the work is done. */
struct result {
    const struct api_certify_request *request;
    const struct lip_radius_rule *rule;
    const struct lip_prediction *prediction;
    const double *logits; /* NULL: not asked for */
    double seconds;
};

/* Refuses with a sentence of two counts. */
#define REFUSE(problem, where, ...)                                            \
    (api_problem_set_at(problem, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,   \
                        where, __VA_ARGS__),                                   \
     LIP_INVALID)

static enum lip_status check_labels(const struct api_certify_request *request,
                                    struct api_problem *problem)
{
    size_t outputs = request->network->outputs;
    size_t classes = outputs > 1 ? outputs : 2;
    char where[40] = "/dataset";
    for (size_t i = 0; i < request->labels; i++) {
        if (request->label[i] < classes)
            continue;
        if (!request->dataset_id[0])
            snprintf(where, sizeof where, "/labels/%zu", i);
        return REFUSE(problem, where,
                      "Label %zu is %u: the model has the classes 0 to %zu.", i,
                      (unsigned)request->label[i], classes - 1);
    }
    return LIP_OK;
}

static enum lip_status check(const struct api_certify_request *request,
                             struct api_problem *problem)
{
    const struct lip_network *network = request->network;
    const char *where = request->dataset_id[0] ? "/dataset" : "/inputs/0";
    double numbers = (double)request->count *
                     (2 + (request->logits ? (double)network->outputs : 0));
    if (request->columns != network->inputs)
        return REFUSE(problem, where,
                      "Each input has %zu numbers, the model takes %zu.",
                      request->columns, network->inputs);
    if (numbers > API_CERTIFY_NUMBERS)
        return REFUSE(problem, request->dataset_id[0] ? where : "/inputs",
                      "The answer to %zu inputs would have %.0f numbers, over "
                      "the limit of %d: send fewer at a time%s.",
                      request->count, numbers, API_CERTIFY_NUMBERS,
                      request->logits ? ", or say \"logits\": false" : "");
    return check_labels(request, problem);
}

/* --- the document */

static void put_norm(struct api_text *text, const char *key, enum lip_norm norm)
{
    if (norm == LIP_NORM_INF)
        api_put_string(text, key, lip_norm_name(norm));
    else
        api_put_count(text, key, norm == LIP_NORM_1 ? 1 : 2);
}

static void put_proven(struct api_text *text, const char *key, double value,
                       const char *method)
{
    if (!isfinite(value))
        return;
    api_object_open(text, key);
    api_put_upper(text, "value", value);
    api_put_string(text, "method", method);
    api_put_bool(text, "certified", true);
    api_object_close(text);
}

static void put_predictions(struct api_text *text, const struct result *result)
{
    size_t outputs = result->request->network->outputs;
    api_array_open(text, "predictions");
    for (size_t i = 0; i < result->request->count; i++) {
        const struct lip_prediction *p = &result->prediction[i];
        api_object_open(text, NULL);
        api_put_count(text, "class", p->label);
        /* No input changes the class: every number is a radius. */
        api_put_lower(text, "radius", fmin(p->radius, DBL_MAX));
        if (result->logits) {
            api_array_open(text, "logits");
            for (size_t k = 0; k < outputs; k++)
                api_put_number(text, NULL, result->logits[i * outputs + k]);
            api_array_close(text);
        }
        api_object_close(text);
    }
    api_array_close(text);
}

/* The part of the inputs whose class is right and, where radius >= 0, whose
 * radius is larger. */
static double accuracy(const struct result *result, double radius)
{
    const struct api_certify_request *request = result->request;
    size_t right = 0;
    for (size_t i = 0; i < request->count; i++)
        right += result->prediction[i].label == request->label[i] &&
                 result->prediction[i].radius > radius;
    return (double)right / (double)request->count;
}

static void put_accuracy(struct api_text *text, const struct result *result)
{
    const struct api_certify_request *request = result->request;
    if (request->labels == 0)
        return;
    api_put_number(text, "accuracy", accuracy(result, -1));
    if (request->radii == 0)
        return;
    api_array_open(text, "certified_accuracy");
    for (size_t i = 0; i < request->radii; i++) {
        api_object_open(text, NULL);
        api_put_number(text, "radius", request->radius[i]);
        api_put_number(text, "accuracy", accuracy(result, request->radius[i]));
        api_object_close(text);
    }
    api_array_close(text);
}

static void put_answer(struct api_text *text, const struct result *result)
{
    const struct api_certify_request *request = result->request;
    const char *method;
    api_object_open(text, NULL);
    api_model_write(text, "model", request->network);
    api_object_open(text, "norm");
    put_norm(text, "input", request->norm.input);
    put_norm(text, "output", request->norm.output);
    api_object_close(text);
    double value = lip_radius_lipschitz(result->rule, &method);
    put_proven(text, "lipschitz", value, method);
    value = lip_radius_whole(result->rule, &method);
    put_proven(text, "network_lipschitz", value, method);
    put_predictions(text, result);
    put_accuracy(text, result);
    api_put_number(text, "seconds", round(1e6 * result->seconds) / 1e6);
    api_object_close(text);
}

/* --- the work */

static enum lip_status failed(struct api_problem *problem, struct lip_ctx *ctx,
                              enum lip_status status)
{
    ctx->error.status = status;
    api_problem_from_error(problem, &ctx->error);
    return status;
}

static enum lip_status predict(struct api_text *text, struct result *result,
                               double start, struct lip_ctx *ctx)
{
    const struct api_certify_request *request = result->request;
    size_t outputs = request->network->outputs;
    struct lip_prediction *prediction =
        lip_alloc(ctx, request->count, sizeof *prediction);
    double *logits = NULL;
    enum lip_status status = prediction ? LIP_OK : ctx->error.status;
    if (status == LIP_OK && request->logits) {
        logits = lip_alloc(ctx, request->count, outputs * sizeof *logits);
        status = logits ? LIP_OK : ctx->error.status;
    }
    if (status == LIP_OK)
        status = lip_radius_predict(prediction, logits, result->rule,
                                    request->x, request->count, ctx);
    if (status == LIP_OK) {
        result->prediction = prediction;
        result->logits = logits;
        result->seconds = lip_now() - start;
        put_answer(text, result);
    }
    lip_free(logits);
    lip_free(prediction);
    return status;
}

enum lip_status api_certify_answer(struct api_text *text,
                                   const struct api_certify_request *request,
                                   double max_bytes, double max_seconds,
                                   struct api_problem *problem,
                                   struct lip_ctx *ctx)
{
    double start = lip_now(), outer = ctx->deadline;
    struct lip_radius_rule *rule = NULL;
    enum lip_status status = check(request, problem);
    if (status != LIP_OK)
        return status;
    /* Other networks are refused in words, before any memory is needed. */
    double bytes = lip_network_is_dense(request->network)
                       ? lip_radius_bytes(request->network)
                       : 0;
    if (max_bytes > 0 && bytes > max_bytes) {
        api_problem_set(problem, API_PROBLEM_MODEL_TOO_LARGE,
                        "Radii of this model are estimated to need %.3g bytes "
                        "of memory, over the limit of %.3g.",
                        bytes, max_bytes);
        return LIP_TOO_LARGE;
    }
    if (max_seconds > 0 && (outer <= 0 || start + max_seconds < outer))
        ctx->deadline = start + max_seconds;
    double seconds = request->seconds;
    if (max_seconds > 0)
        seconds = fmin(seconds, max_seconds / 2);
    status =
        lip_radius_new(&rule, request->network, request->norm, seconds, ctx);
    struct result result = {.request = request, .rule = rule};
    if (status == LIP_OK)
        status = predict(text, &result, start, ctx);
    lip_radius_free(rule);
    ctx->deadline = outer;
    return status == LIP_OK ? LIP_OK : failed(problem, ctx, status);
}
