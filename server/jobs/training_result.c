/* SPDX-License-Identifier: MIT
 *
 * The end of a training job: the model that is served, the bound that the
 * library proves of it, as POST /bound would, and what it does on the data. */
#include "server/jobs/training.h"

#include "api/bound_write.h"
#include "api/version.h"
#include "certify/radius.h"
#include "formats/writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { METRICS_ROWS = 256, RESULT_MAX = 16 << 20 };

/* Which methods prove the model: those that take so many operations together.
 * Not what fits a time on this machine: the same job gives the same result,
 * where it is interrupted and goes on elsewhere, too. The time there is for
 * them is so long that only a machine without any room cuts them off. */
static const double proof_speed = 2e10, proof_seconds = 10, patience = 60;

/* What is known of a part of the data. */
struct part {
    struct lip_score score;
    size_t rows;
    double certified[API_MAX_RADII];
};

struct finish {
    struct lipd_training *t;
    enum lipd_train_end end;
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_chain *chain;
    size_t bounds;
    struct lip_bound bound[API_MAX_METHODS];
    const struct lip_bound *best;
    struct part training, validation;
};

static bool failed(struct finish *f)
{
    api_problem_from_error(f->t->problem, &f->t->ctx->error);
    lip_error_clear(f->t->ctx);
    return false;
}

/* --- the proof */

static struct lip_bound_options bound_options(const struct finish *f,
                                              double seconds)
{
    return (struct lip_bound_options){.norm = f->t->request.options.pair,
                                      .time_limit = seconds};
}

/* A method that had no time, or found nothing, leaves the others standing. */
static bool run_method(struct finish *f, const struct lip_method *method,
                       double end)
{
    struct lip_bound *bound = &f->bound[f->bounds];
    double left = end > 0 ? end - lip_now() : 0;
    struct lip_bound_options options = bound_options(f, left);
    if (end > 0 && !(left > 0))
        return true;
    f->t->ctx->deadline = end;
    enum lip_status status =
        lip_method_run(bound, method, f->chain, &options, f->t->ctx);
    f->t->ctx->deadline = 0;
    bool harmless = status == LIP_TIMEOUT || status == LIP_UNPROVEN ||
                    status == LIP_TOO_LARGE;
    if (status != LIP_OK && !harmless)
        return failed(f);
    lip_error_clear(f->t->ctx);
    f->bounds += status == LIP_OK;
    f->best = api_bound_best(f->bound, f->bounds);
    return true;
}

static bool has_run(const struct finish *f, const struct lip_method *method)
{
    size_t i = 0;
    while (i < f->bounds && f->bound[i].method != method)
        i++;
    return i < f->bounds;
}

static bool good_enough(const struct finish *f)
{
    double limit = f->t->limit;
    return f->best && (!(limit > 0) || f->best->upper_bound <= limit);
}

/* The product of the layers' norms that the run has proven stands in the place
 * of the method that multiplies norms: for norms from p to q, of which that one
 * says nothing where a model is too large to be unrolled. */
static void take_product(struct finish *f)
{
    const struct lip_method *naive = lip_method_find("naive");
    size_t i = 0;
    while (i < f->bounds && f->bound[i].method != naive)
        i++;
    if (i == f->bounds && i == API_MAX_METHODS)
        i--;
    f->bounds = i < f->bounds ? f->bounds : i + 1;
    lip_bound_clear(&f->bound[i]);
    f->bound[i] = (struct lip_bound){.method = naive,
                                     .upper_bound = f->outcome.norm,
                                     .optimum_at_least = NAN};
    f->best = &f->bound[i];
}

static bool within_limit(struct finish *f)
{
    if (good_enough(f))
        return true;
    if (f->t->limit > 0 && f->outcome.norm <= f->t->limit) {
        take_product(f);
        return true;
    }
    if (f->best)
        api_problem_set(f->t->problem, API_PROBLEM_UNPROVEN,
                        "The bound %.17g that was proven of the trained model "
                        "is above the limit %.17g.",
                        f->best->upper_bound, f->t->limit);
    else
        api_problem_set(f->t->problem, API_PROBLEM_UNPROVEN,
                        "No bound of the trained model could be proven.");
    return false;
}

/* Those that have time; then, cheapest first, what it takes to come within the
 * limit, however long that is. Somebody who cancels waits, so that little more
 * than products of norms is tried. */
static bool run_methods(struct finish *f)
{
    const struct lip_method *method[API_MAX_METHODS];
    bool brief = f->end == LIPD_TRAIN_CANCELLED;
    double seconds = brief ? proof_seconds / 50 : proof_seconds;
    double end = lip_now() + (brief ? seconds : patience);
    struct lip_bound_options options = bound_options(f, seconds);
    size_t count = lip_methods_auto(method, API_MAX_METHODS, f->chain, &options,
                                    proof_speed);
    for (size_t i = 0; i < count; i++)
        if (!run_method(f, method[i], end))
            return false;
    for (size_t i = 0; lip_methods[i] && !good_enough(f); i++)
        if (!has_run(f, lip_methods[i]) && !run_method(f, lip_methods[i], 0))
            return false;
    return true;
}

static bool prove(struct finish *f)
{
    if (lip_chain_new(&f->chain, f->network, f->t->ctx) != LIP_OK)
        return failed(f);
    return run_methods(f) && within_limit(f);
}

/* --- metrics */

static bool score(struct finish *f, struct part *part,
                  const struct lip_data *data)
{
    struct lipd_training *t = f->t;
    part->rows = data->rows;
    return lip_model_score(&part->score, t->model, data,
                           &t->request.options.loss, &t->pool.workers,
                           t->ctx) == LIP_OK ||
           failed(f);
}

/* A radius above r keeps the class wherever the input moves by r. */
static void count_certified(struct part *part,
                            const struct api_train_request *request,
                            const struct lip_prediction *prediction,
                            const struct lip_data *data, size_t first,
                            size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < request->radii; k++)
            part->certified[k] +=
                prediction[i].label == data->label[first + i] &&
                prediction[i].radius > request->radius[k];
}

static bool certify_rows(struct finish *f, struct part *part,
                         const struct lip_radius_rule *rule,
                         const struct lip_data *data, double *x)
{
    struct lip_prediction prediction[METRICS_ROWS];
    size_t n = data->features, count;
    for (size_t first = 0; first < data->rows; first += count) {
        count = data->rows - first;
        if (count > METRICS_ROWS)
            count = METRICS_ROWS;
        for (size_t k = 0; k < count * n; k++)
            x[k] = data->x[first * n + k];
        if (lip_radius_predict(prediction, NULL, rule, x, count, f->t->ctx) !=
            LIP_OK)
            return failed(f);
        count_certified(part, &f->t->request, prediction, data, first, count);
    }
    for (size_t k = 0; k < f->t->request.radii; k++)
        part->certified[k] /= (double)data->rows;
    return true;
}

static bool certify_part(struct finish *f, struct part *part,
                         const struct lip_radius_rule *rule,
                         const struct lip_data *data)
{
    double *x = lip_calloc(f->t->ctx, data->features, METRICS_ROWS * sizeof *x);
    if (!x)
        return failed(f);
    bool done = certify_rows(f, part, rule, data, x);
    lip_free(x);
    return done;
}

/* Radii are those of raw inputs: the parts are made once more where training
 * has scaled them. */
static bool certify_parts(struct finish *f, const struct lip_radius_rule *rule)
{
    struct lipd_training *t = f->t;
    struct lip_data *first = t->training, *second = t->validation;
    bool scaled = t->scaling.scale != NULL;
    if (scaled && !lipd_training_parts(t, &first, &second))
        return false;
    bool done = certify_part(f, &f->training, rule, first) &&
                (!second || certify_part(f, &f->validation, rule, second));
    if (scaled) {
        lip_data_free(first);
        lip_data_free(second);
    }
    return done;
}

static bool certify(struct finish *f)
{
    struct lip_radius_rule *rule;
    double seconds = f->end == LIPD_TRAIN_CANCELLED ? 0 : patience;
    if (f->t->request.radii == 0)
        return true;
    if (lip_radius_new(&rule, f->network, f->t->request.options.pair, seconds,
                       f->t->ctx) != LIP_OK)
        return failed(f);
    bool done = certify_parts(f, rule);
    lip_radius_free(rule);
    return done;
}

static bool measure(struct finish *f)
{
    struct lipd_training *t = f->t;
    return score(f, &f->training, t->training) &&
           (!t->validation || score(f, &f->validation, t->validation)) &&
           certify(f);
}

/* --- the document */

static void put_part(struct api_text *text, const char *key,
                     const struct part *part,
                     const struct api_train_request *request)
{
    api_object_open(text, key);
    api_put_count(text, "rows", part->rows);
    lipd_training_put(text, "loss", part->score.loss);
    lipd_training_put(text, "accuracy", part->score.accuracy);
    lipd_training_put(text, "error", part->score.error);
    if (request->radii) {
        api_array_open(text, "certified_accuracy");
        for (size_t k = 0; k < request->radii; k++) {
            api_object_open(text, NULL);
            api_put_number(text, "radius", request->radius[k]);
            api_put_number(text, "accuracy", part->certified[k]);
            api_object_close(text);
        }
        api_array_close(text);
    }
    api_object_close(text);
}

static void put_row(struct api_text *text, const struct lipd_train_row *row)
{
    api_object_open(text, NULL);
    api_put_count(text, "epoch", (uint64_t)row->epoch);
    api_put_number(text, "learning_rate", row->rate);
    lipd_training_put_row(text, row);
    api_object_close(text);
}

static void put_norm(struct api_text *text, const char *key, enum lip_norm norm)
{
    if (norm == LIP_NORM_INF)
        api_put_string(text, key, lip_norm_name(norm));
    else
        api_put_count(text, key, norm == LIP_NORM_1 ? 1 : 2);
}

static void put_bounds(struct api_text *text, const struct finish *f)
{
    struct lip_norm_pair pair = f->t->request.options.pair;
    struct api_bound_result result = {.network = f->network,
                                      .norm = pair,
                                      .bound = f->bound,
                                      .count = f->bounds};
    api_bound_one_write(text, "bound", &result, f->best);
    api_bounds_write(text, &result);
    api_object_open(text, "norm");
    put_norm(text, "input", pair.input);
    put_norm(text, "output", pair.output);
    api_object_close(text);
    if (f->t->limit > 0)
        api_put_number(text, "requested_lipschitz", f->t->limit);
}

static void put_data(struct api_text *text, const struct lipd_training *t)
{
    api_object_open(text, "data");
    api_put_string(text, "id", t->data_id);
    api_put_count(text, "rows", t->rows);
    api_put_count(text, "features", t->features);
    if (t->classes)
        api_put_count(text, "classes", t->classes);
    else
        api_put_count(text, "targets", t->targets);
    api_object_close(text);
}

static const char *end_name(enum lipd_train_end end)
{
    static const char *const name[] = {
        [LIPD_TRAIN_COMPLETED] = "completed",
        [LIPD_TRAIN_STOPPED_EARLY] = "stopped-early",
        [LIPD_TRAIN_CANCELLED] = "cancelled",
        [LIPD_TRAIN_DIVERGED] = "diverged",
        [LIPD_TRAIN_TIME_LIMIT] = "time-limit",
    };
    return name[end];
}

static void put_result(struct api_text *text, const struct finish *f)
{
    const struct lipd_training *t = f->t;
    api_object_open(text, NULL);
    api_put_string(text, "model_id", f->network->id);
    api_put_string(text, "ended", end_name(f->end));
    put_bounds(text, f);
    api_object_open(text, "metrics");
    put_part(text, "train", &f->training, &t->request);
    if (t->validation)
        put_part(text, "validation", &f->validation, &t->request);
    api_object_close(text);
    api_array_open(text, "history");
    for (size_t i = 0; i < t->row_count; i++)
        put_row(text, &t->row[i]);
    api_array_close(text);
    put_data(text, t);
    api_put_count(text, "seed", t->request.options.seed);
    api_put_count(text, "epochs", lip_run_where(t->run).epoch);
    api_put_string(text, "version", API_VERSION);
    api_put_number(text, "seconds",
                   round(1e6 * lipd_training_seconds(t)) / 1e6);
    api_object_close(text);
}

static bool write_result(struct finish *f)
{
    struct api_text text;
    size_t size;
    api_text_init(&text, RESULT_MAX, f->t->ctx);
    put_result(&text, f);
    char *json = api_text_take(&text, &size);
    if (!json)
        return failed(f);
    bool written =
        lipd_child_write(f->t->child, "result.json", json, size, f->t->problem);
    lip_free(json);
    return written;
}

/* --- the model file */

static bool request_digest(char out[LIP_DIGEST_TEXT], struct finish *f)
{
    struct sha256_ctx hash;
    struct api_text text;
    size_t size;
    api_text_init(&text, RESULT_MAX, f->t->ctx);
    api_train_write(&text, NULL, &f->t->request);
    char *json = api_text_take(&text, &size);
    if (!json)
        return failed(f);
    sha256_init(&hash);
    sha256_update(&hash, size, (const uint8_t *)json);
    lip_digest_text(out, &hash);
    lip_free(json);
    return true;
}

/* A decimal that is not below the bound, as every bound that is sent. */
static void upper_text(char *out, size_t size, double value)
{
    struct api_text text;
    size_t length;
    api_text_init(&text, 64, NULL);
    api_put_upper(&text, NULL, value);
    char *json = api_text_take(&text, &length);
    snprintf(out, size, "%s", json ? json : "");
    lip_free(json);
}

/* What goes with the model says how to make it again. Its bytes depend on no
 * clock: of the bounds only the product of the layers' norms is there. */
static bool add_facts(struct lip_metadata *facts, struct finish *f)
{
    const struct lipd_training *t = f->t;
    const struct lip_train_options *options = &t->request.options;
    char limit[40], bound[40], norm[16], seed[24], digest[LIP_DIGEST_TEXT];
    if (!request_digest(digest, f))
        return false;
    snprintf(limit, sizeof limit, "%.17g", t->limit);
    snprintf(norm, sizeof norm, "%s,%s", lip_norm_name(options->pair.input),
             lip_norm_name(options->pair.output));
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)options->seed);
    upper_text(bound, sizeof bound, f->outcome.norm);
    const struct lip_metadatum fact[] = {
        {"constraint", options->constraint->name},
        {"norm", norm},
        {"requested_lipschitz", t->limit > 0 ? limit : NULL},
        {"proven_lipschitz", isfinite(f->outcome.norm) ? bound : NULL},
        {"data", t->data_id},
        {"seed", seed},
        {"request", digest},
        {"version", API_VERSION},
    };
    for (size_t i = 0; i < sizeof fact / sizeof *fact; i++)
        if (fact[i].value && lip_metadata_add(facts, fact[i].name,
                                              fact[i].value, t->ctx) != LIP_OK)
            return failed(f);
    return true;
}

static bool write_model(struct finish *f)
{
    struct lip_metadata facts = {.count = 0};
    struct lipd_training *t = f->t;
    unsigned char *bytes = NULL;
    size_t size;
    const char *id = f->network->id;
    bool written = add_facts(&facts, f);
    if (written && lip_writer_safetensors.write(&bytes, &size, f->network,
                                                &facts, t->ctx) != LIP_OK)
        written = failed(f);
    written =
        written &&
        lipd_child_write(t->child, "model", bytes, size, t->problem) &&
        lipd_child_write(t->child, "model.id", id, strlen(id), t->problem);
    lip_free(bytes);
    lip_metadata_clear(&facts);
    return written;
}

bool lipd_training_finish(struct lipd_training *t, enum lipd_train_end end,
                          char id[LIP_DIGEST_TEXT])
{
    double outer = t->ctx->deadline;
    struct finish *f = lip_calloc(t->ctx, 1, sizeof *f);
    if (!f) {
        api_problem_from_error(t->problem, &t->ctx->error);
        return false;
    }
    f->t = t;
    f->end = end;
    t->ctx->deadline = 0; /* training has used it up, this is short */
    bool done =
        lip_run_finish(&f->network, &f->outcome, t->run, t->ctx) == LIP_OK ||
        failed(f);
    done = done && prove(f) && measure(f) && write_model(f) && write_result(f);
    if (done)
        memcpy(id, f->network->id, LIP_DIGEST_TEXT);
    t->ctx->deadline = outer;
    for (size_t i = 0; i < f->bounds; i++)
        lip_bound_clear(&f->bound[i]);
    lip_chain_free(f->chain);
    lip_network_free(f->network);
    lip_free(f);
    return done;
}
