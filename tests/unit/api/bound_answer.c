/* SPDX-License-Identifier: MIT
 *
 * Methods made for the test stand for real ones, so that each way a method can
 * end is seen. Properties: the answer has what was proven, exactly and in the
 * order asked for; every limit is held before the work; what ran out of time
 * is said to have; every document follows the published schema. */
#include "api/bound.h"

#include "tests/support/contract.h"
#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static struct lip_network *network;
static struct api_bound_request request;
static struct api_bound_limits limits;
static struct api_problem problem;

static void setup(void)
{
    static const double first[] = {1, -2, 0.5, 3}, second[] = {1, 1};
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    struct lip_layer layer[] = {
        make_dense(2, 2, first, second, &ctx),
        make_activation("leaky-relu"),
        make_dense(1, 2, second, NULL, &ctx),
    };
    ck_assert_int_eq(make_network(&network, layer, 3, &ctx), LIP_OK);
    request = (struct api_bound_request){
        .network = network,
        .options = {.norm = {LIP_NORM_2, LIP_NORM_2}},
        .choice = API_METHODS_NAMED,
    };
    limits = (struct api_bound_limits){.max_bytes = 1e9,
                                       .max_flops = 1e12,
                                       .max_seconds = 60,
                                       .flops_per_second = 1e9};
    memset(&problem, 0, sizeof problem);
}

static void teardown(void)
{
    lip_network_free(network);
    ck_assert_uint_eq(budget.used, 0);
}

/* --- methods of the test */

static bool applies(const struct lip_chain *chain,
                    const struct lip_bound_options *options, char *reason,
                    size_t size)
{
    (void)chain, (void)options, (void)reason, (void)size;
    return true;
}

static bool refuses(const struct lip_chain *chain,
                    const struct lip_bound_options *options, char *reason,
                    size_t size)
{
    (void)chain, (void)options;
    snprintf(reason, size, "The model has no \"convolution\".");
    return false;
}

static struct lip_cost cheap(const struct lip_chain *chain,
                             const struct lip_bound_options *options)
{
    (void)chain, (void)options;
    return (struct lip_cost){10, 10};
}

static struct lip_cost long_work(const struct lip_chain *chain,
                                 const struct lip_bound_options *options)
{
    (void)chain, (void)options;
    return (struct lip_cost){1e13, 10};
}

static struct lip_cost wide_work(const struct lip_chain *chain,
                                 const struct lip_bound_options *options)
{
    (void)chain, (void)options;
    return (struct lip_cost){10, 1e10};
}

static int runs;
static double seen_time_limit;

static enum lip_status run_plain(struct lip_bound *bound,
                                 const struct lip_chain *chain,
                                 const struct lip_bound_options *options,
                                 struct lip_ctx *c)
{
    (void)chain, (void)c;
    runs++;
    seen_time_limit = options->time_limit;
    bound->upper_bound = 0.1; /* needs rounding up in decimal */
    return LIP_OK;
}

static enum lip_status run_iterative(struct lip_bound *bound,
                                     const struct lip_chain *chain,
                                     const struct lip_bound_options *options,
                                     struct lip_ctx *c)
{
    (void)chain, (void)options, (void)c;
    bound->upper_bound = 0.05;
    bound->state = LIP_BOUND_TIME_LIMIT;
    bound->iterations = 84;
    bound->optimum_at_least = 0.3;
    bound->detail_count = 2;
    bound->detail[0] = (struct lip_bound_detail){"first", NAN, 0.2};
    bound->detail[1] = (struct lip_bound_detail){"second", 1.5, 0.05};
    return LIP_OK;
}

/* Runs until the deadline. */
static enum lip_status run_forever(struct lip_bound *bound,
                                   const struct lip_chain *chain,
                                   const struct lip_bound_options *options,
                                   struct lip_ctx *c)
{
    (void)bound, (void)chain, (void)options;
    enum lip_status s;
    do
        s = lip_tick(c, "waiting", 0, 1, NAN);
    while (s == LIP_OK);
    return s;
}

static enum lip_status run_unproven(struct lip_bound *bound,
                                    const struct lip_chain *chain,
                                    const struct lip_bound_options *options,
                                    struct lip_ctx *c)
{
    (void)bound, (void)chain, (void)options;
    return lip_fail(c, LIP_UNPROVEN, "Nothing finite.");
}

static enum lip_status run_wide(struct lip_bound *bound,
                                const struct lip_chain *chain,
                                const struct lip_bound_options *options,
                                struct lip_ctx *c)
{
    (void)chain, (void)options;
    void *block = lip_alloc(c, 1, (size_t)1 << 40);
    lip_free(block);
    bound->upper_bound = 1;
    return block ? LIP_OK : LIP_TOO_LARGE;
}

/* Does without memory that it does not get. */
static enum lip_status run_modest(struct lip_bound *bound,
                                  const struct lip_chain *chain,
                                  const struct lip_bound_options *options,
                                  struct lip_ctx *c)
{
    (void)chain, (void)options;
    lip_free(lip_alloc(c, 1, (size_t)1 << 40));
    lip_error_clear(c);
    bound->upper_bound = 1;
    return LIP_OK;
}

static enum lip_status run_slowly(struct lip_bound *bound,
                                  const struct lip_chain *chain,
                                  const struct lip_bound_options *options,
                                  struct lip_ctx *c)
{
    (void)chain, (void)options, (void)c;
    usleep(100000);
    bound->upper_bound = 1;
    return LIP_OK;
}

static const struct lip_method plain = {
    .id = "plain", .applies = applies, .cost = cheap, .run = run_plain};
static const struct lip_method iterative = {
    .id = "iterative", .applies = applies, .cost = cheap, .run = run_iterative};
static const struct lip_method forever = {
    .id = "forever", .applies = applies, .cost = cheap, .run = run_forever};
static const struct lip_method unproven = {
    .id = "unproven", .applies = applies, .cost = cheap, .run = run_unproven};
static const struct lip_method other = {
    .id = "other", .applies = refuses, .cost = long_work, .run = run_plain};
static const struct lip_method slow = {
    .id = "slow", .applies = applies, .cost = long_work, .run = run_plain};
static const struct lip_method endless = {
    .id = "endless", .applies = applies, .cost = long_work, .run = run_forever};
static const struct lip_method whole = {.id = "whole",
                                        .applies = applies,
                                        .cost = long_work,
                                        .run = run_plain,
                                        .whole = true};
static const struct lip_method wide = {
    .id = "wide", .applies = applies, .cost = wide_work, .run = run_plain};
static const struct lip_method greedy = {
    .id = "greedy", .applies = applies, .cost = cheap, .run = run_wide};

static const struct lip_method modest = {
    .id = "modest", .applies = applies, .cost = cheap, .run = run_modest};
static const struct lip_method slowly = {
    .id = "slowly", .applies = applies, .cost = cheap, .run = run_slowly};

static void ask(const struct lip_method *method)
{
    request.method[request.method_count++] = method;
}

static char *answer_text(enum lip_status *status)
{
    struct api_text text;
    size_t size;
    api_text_init(&text, 1 << 20, &ctx);
    *status = api_bound_answer(&text, &request, &limits, &problem, &ctx);
    return api_text_take(&text, &size);
}

/* The answer, which must be one, held against the schema. */
static json_t *answer(void)
{
    enum lip_status s;
    char *text = answer_text(&s);
    ck_assert_msg(s == LIP_OK, "%s", problem.detail);
    ck_assert_ptr_nonnull(text);
    contract_add("BoundAnswer", text);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(root);
    lip_free(text);
    return root;
}

static void ck_fails(enum lip_status expected, const char *name)
{
    enum lip_status s;
    char *text = answer_text(&s);
    lip_free(text);
    ck_assert_int_eq(s, expected);
    ck_assert_str_eq(api_problem_name(problem.code), name);
    ck_assert_uint_gt(strlen(problem.detail), 10);
    struct api_text t;
    size_t size;
    api_text_init(&t, 10000, NULL);
    api_problem_write(&t, &problem, "id");
    text = api_text_take(&t, &size);
    contract_add("Problem", text);
    lip_free(text);
}

static json_t *bound_of(const json_t *root, size_t i, const char *method)
{
    json_t *bound = json_array_get(json_object_get(root, "bounds"), i);
    ck_assert_str_eq(json_string_value(json_object_get(bound, "method")),
                     method);
    return bound;
}

static void ck_skipped(const json_t *root, size_t i, const char *method,
                       const char *reason)
{
    json_t *bound = bound_of(root, i, method);
    ck_assert_uint_eq(json_object_size(bound), 2);
    const char *said = json_string_value(json_object_get(bound, "skipped"));
    ck_assert_ptr_nonnull(said);
    ck_assert_msg(strstr(said, reason) != NULL, "%s", said);
}

static double number(const json_t *object, const char *key)
{
    ck_assert_msg(json_is_number(json_object_get(object, key)), "%s", key);
    return json_number_value(json_object_get(object, key));
}

START_TEST(test_model)
{
    ask(&plain);
    json_t *root = answer(), *model = json_object_get(root, "model");
    json_t *expected = json_pack(
        "{s:s,s:i,s:i,s:i,s:[{s:s,s:[ii],s:b},{s:s,s:f},{s:s,s:[ii],s:b}]}",
        "id", network->id, "inputs", 2, "outputs", 1, "parameters", 8, "layers",
        "type", "dense", "shape", 2, 2, "bias", 1, "type", "leaky-relu",
        "negative_slope", network->layer[1].parameter[0], "type", "dense",
        "shape", 1, 2, "bias", 0);
    ck_assert_ptr_nonnull(expected);
    ck_assert(json_equal(model, expected));
    json_decref(expected);
    json_decref(root);
}
END_TEST

START_TEST(test_bounds)
{
    ask(&plain);
    ask(&iterative);
    ask(&other);
    json_t *root = answer();
    ck_assert_uint_eq(json_array_size(json_object_get(root, "bounds")), 3);
    json_t *b = bound_of(root, 0, "plain");
    ck_assert_uint_eq(json_object_size(b), 4);
    ck_assert_double_eq(number(b, "upper_bound"), 0.1);
    ck_assert(json_is_true(json_object_get(b, "certified")));
    ck_assert_double_ge(number(b, "seconds"), 0);
    b = bound_of(root, 1, "iterative");
    ck_assert_uint_eq(json_object_size(b), 8);
    ck_assert_double_eq(number(b, "upper_bound"), 0.05);
    ck_assert_double_eq(number(b, "optimum_at_least"), 0.3);
    ck_assert_double_eq(number(b, "iterations"), 84);
    ck_assert_str_eq(json_string_value(json_object_get(b, "status")),
                     "time-limit");
    json_t *details =
        json_pack("[{s:s,s:f},{s:s,s:f,s:f}]", "rule", "first", "upper_bound",
                  0.2, "rule", "second", "parameter", 1.5, "upper_bound", 0.05);
    ck_assert(json_equal(json_object_get(b, "details"), details));
    json_decref(details);
    ck_skipped(root, 2, "other", "The model has no \"convolution\".");
    json_t *best = json_object_get(root, "best");
    ck_assert_str_eq(json_string_value(json_object_get(best, "method")),
                     "iterative");
    ck_assert_double_eq(number(best, "upper_bound"), 0.05);
    ck_assert_double_ge(number(root, "seconds"), 0);
    ck_assert_uint_eq(json_object_size(root), 5);
    json_decref(root);
}
END_TEST

/* 0.1 and 0.05 lie above the doubles they stand for, 0.3 below: printed to the
 * nearest digits some of them would be wrong. */
START_TEST(test_sides_in_the_text)
{
    ask(&plain);
    ask(&iterative);
    enum lip_status s;
    char *text = answer_text(&s);
    ck_assert_ptr_nonnull(strstr(text, "\"upper_bound\":0.10000000000000001,"));
    ck_assert_ptr_nonnull(
        strstr(text, "\"optimum_at_least\":0.29999999999999998,"));
    lip_free(text);
}
END_TEST

START_TEST(test_norms)
{
    static const struct {
        struct lip_norm_pair pair;
        const char *text;
    } row[] = {
        {{LIP_NORM_2, LIP_NORM_2}, "{\"input\":2,\"output\":2}"},
        {{LIP_NORM_1, LIP_NORM_INF}, "{\"input\":1,\"output\":\"inf\"}"},
        {{LIP_NORM_INF, LIP_NORM_1}, "{\"input\":\"inf\",\"output\":1}"}};
    ask(&plain);
    for (size_t i = 0; i < 3; i++) {
        request.options.norm = row[i].pair;
        json_t *root = answer(), *norm = json_loads(row[i].text, 0, NULL);
        ck_assert(json_equal(json_object_get(root, "norm"), norm));
        json_decref(norm);
        json_decref(root);
    }
}
END_TEST

/* Apart from the times, two answers are the same bytes. */
START_TEST(test_same_again)
{
    request.choice = API_METHODS_ALL;
    json_t *a = answer(), *b = answer();
    json_t *both[] = {a, b};
    for (int k = 0; k < 2; k++) {
        size_t i;
        json_t *bound;
        json_object_del(both[k], "seconds");
        json_array_foreach(json_object_get(both[k], "bounds"), i, bound)
            json_object_del(bound, "seconds");
    }
    ck_assert(json_equal(a, b));
    json_decref(a);
    json_decref(b);
}
END_TEST

/* Every real method appears, in the table's order, for all and for auto. */
START_TEST(test_all_and_auto)
{
    for (int k = 0; k < 2; k++) {
        request.choice = k ? API_METHODS_ALL : API_METHODS_AUTO;
        json_t *root = answer(), *bounds = json_object_get(root, "bounds");
        size_t i = 0;
        for (; lip_methods[i]; i++)
            bound_of(root, i, lip_methods[i]->id);
        ck_assert_uint_eq(json_array_size(bounds), i);
        ck_assert_ptr_nonnull(json_object_get(root, "best"));
        json_decref(root);
    }
}
END_TEST

/* Layers have their norms in answers to auto and all, where one norm measures
 * both sides. */
START_TEST(test_layer_norms)
{
    static const struct {
        enum api_method_choice choice;
        struct lip_norm_pair pair;
        double norm; /* of the last layer, (1 1); 0: none */
    } row[] = {
        {API_METHODS_ALL, {LIP_NORM_2, LIP_NORM_2}, 1.4142135623730951},
        {API_METHODS_AUTO, {LIP_NORM_INF, LIP_NORM_INF}, 2},
        {API_METHODS_ALL, {LIP_NORM_1, LIP_NORM_1}, 1},
        {API_METHODS_ALL, {LIP_NORM_1, LIP_NORM_INF}, 0},
        {API_METHODS_NAMED, {LIP_NORM_2, LIP_NORM_2}, 0},
    };
    ask(&plain);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        request.choice = row[i].choice;
        request.options.norm = row[i].pair;
        json_t *root = answer();
        json_t *layers =
            json_object_get(json_object_get(root, "model"), "layers");
        json_t *norm = json_object_get(json_array_get(layers, 2), "norm");
        ck_assert_ptr_null(json_object_get(json_array_get(layers, 1), "norm"));
        ck_assert_int_eq(norm != NULL, row[i].norm > 0);
        if (norm)
            ck_assert_double_eq_tol(json_number_value(norm), row[i].norm,
                                    1e-12);
        json_decref(root);
    }
}
END_TEST

START_TEST(test_best_is_the_least)
{
    request.choice = API_METHODS_ALL;
    json_t *root = answer(), *bound;
    double least = INFINITY;
    size_t i;
    json_array_foreach(json_object_get(root, "bounds"), i,
                       bound) if (json_object_get(bound, "upper_bound")) least =
        fmin(least, number(bound, "upper_bound"));
    ck_assert_double_eq(number(json_object_get(root, "best"), "upper_bound"),
                        least);
    json_decref(root);
}
END_TEST

/* A limit of work too small for anything: all lists every method as skipped,
 * with both figures. */
START_TEST(test_all_over_the_limit)
{
    request.choice = API_METHODS_ALL;
    limits.max_flops = 0.5;
    json_t *root = answer();
    for (size_t i = 0; lip_methods[i]; i++)
        ck_skipped(root, i, lip_methods[i]->id, "");
    ck_skipped(root, 0, lip_methods[0]->id, "over the limit of 0.5");
    ck_assert_ptr_null(json_object_get(root, "best"));
    json_decref(root);
}
END_TEST

START_TEST(test_named_over_the_limit)
{
    runs = 0;
    ask(&plain);
    ask(&slow);
    ck_fails(LIP_TOO_LARGE, "model-too-large");
    ck_assert_ptr_nonnull(strstr(problem.detail, "\"slow\""));
    ck_assert_ptr_nonnull(strstr(problem.detail, "1e+13"));
    ck_assert_ptr_nonnull(strstr(problem.detail, "1e+12"));
    request.method[1] = &wide;
    ck_fails(LIP_TOO_LARGE, "model-too-large");
    ck_assert_ptr_nonnull(strstr(problem.detail, "1e+10"));
    ck_assert_ptr_nonnull(strstr(problem.detail, "1e+09"));
    ck_assert_int_eq(runs, 0); /* before any work */
    limits.max_flops = limits.max_bytes = 0;
    request.method[1] = &slow;
    json_decref(answer());
    ck_assert_int_eq(runs, 2);
}
END_TEST

START_TEST(test_model_over_the_limit)
{
    request.choice = API_METHODS_ALL;
    limits.max_bytes = 10;
    ck_fails(LIP_TOO_LARGE, "model-too-large");
    ck_assert_ptr_nonnull(strstr(problem.detail, "over the limit of 10."));
}
END_TEST

START_TEST(test_time_limit)
{
    ask(&plain);
    ask(&forever);
    ask(&iterative);
    request.options.time_limit = 0.05;
    double start = lip_now();
    json_t *root = answer();
    ck_assert_double_lt(lip_now() - start, 5);
    ck_assert_double_eq(number(bound_of(root, 0, "plain"), "upper_bound"), 0.1);
    ck_skipped(root, 1, "forever", "no time left");
    ck_skipped(root, 2, "iterative", "no time left");
    json_decref(root);
}
END_TEST

/* One that would take hours leaves the next one its part, and no more than
 * that is lost. */
START_TEST(test_dear_methods_share_the_time)
{
    ask(&plain);
    ask(&endless);
    ask(&slow);
    limits.max_flops = 0;
    request.options.time_limit = 0.4;
    double start = lip_now();
    json_t *root = answer();
    ck_assert_double_lt(lip_now() - start, 5);
    ck_assert_double_eq(number(bound_of(root, 0, "plain"), "upper_bound"), 0.1);
    ck_skipped(root, 1, "endless", "share of the time limit");
    ck_assert_double_eq(number(bound_of(root, 2, "slow"), "upper_bound"), 0.1);
    ck_assert_double_le(seen_time_limit, 0.4);
    ck_assert_double_eq(ctx.deadline, 0);
    json_decref(root);
}
END_TEST

/* What gives nothing before it is done is not begun where it cannot end; the
 * same with time for it is. */
START_TEST(test_hopeless_methods_are_not_begun)
{
    ask(&plain);
    ask(&whole);
    limits.max_flops = limits.max_seconds = 0;
    request.options.time_limit = 100;
    limits.flops_per_second = 1e13 / 600; /* it would take 600 s */
    runs = 0;
    json_t *root = answer();
    ck_skipped(root, 1, "whole", "It is expected to take about 6e+02 s");
    ck_assert_int_eq(runs, 1);
    json_decref(root);
    limits.flops_per_second = 1e13 / 300;
    root = answer();
    ck_assert_double_eq(number(bound_of(root, 1, "whole"), "upper_bound"), 0.1);
    json_decref(root);
    request.options.time_limit = 0; /* no limit: whatever it takes */
    limits.flops_per_second = 1;
    root = answer();
    ck_assert_double_eq(number(bound_of(root, 1, "whole"), "upper_bound"), 0.1);
    json_decref(root);
}
END_TEST

START_TEST(test_nothing_in_time)
{
    ask(&forever);
    ask(&plain);
    request.options.time_limit = 0.01;
    ck_fails(LIP_TIMEOUT, "time-limit");
}
END_TEST

/* A bound that takes next to nothing is there however short the time was,
 * unless other methods were asked for. */
START_TEST(test_nearly_free)
{
    request.choice = API_METHODS_ALL;
    request.options.time_limit = 1e-9;
    json_t *root = answer();
    ck_assert_double_gt(number(json_object_get(root, "best"), "upper_bound"),
                        0);
    json_decref(root);
    request.choice = API_METHODS_AUTO;
    json_decref(answer());
    request.choice = API_METHODS_NAMED;
    ask(&plain);
    ck_fails(LIP_TIMEOUT, "time-limit");
}
END_TEST

/* The server's maximum and the caller's deadline hold whatever the client
 * asks for; the caller's deadline is as it was afterwards. */
START_TEST(test_caps)
{
    ask(&plain);
    request.options.time_limit = 1e9;
    limits.max_seconds = 7;
    json_decref(answer());
    ck_assert_double_eq(ctx.deadline, 0);
    ck_assert_double_le(seen_time_limit, 7);
    ck_assert_double_gt(seen_time_limit, 1);
    request.options.time_limit = 0;
    json_decref(answer());
    ck_assert_double_le(seen_time_limit, 7);
    ck_assert_double_gt(seen_time_limit, 1);
    double deadline = ctx.deadline = lip_now() + 3;
    json_decref(answer());
    ck_assert_double_le(seen_time_limit, 3);
    ck_assert_double_eq(ctx.deadline, deadline);
    ctx.deadline = 0;
    limits.max_seconds = 0;
    json_decref(answer());
    ck_assert_double_eq(seen_time_limit, 0);
}
END_TEST

/* Auto leaves out what its estimate says cannot be done in time. */
START_TEST(test_auto_and_time)
{
    request.choice = API_METHODS_AUTO;
    request.options.time_limit = 30;
    limits.flops_per_second = 1e-9;
    ck_fails(LIP_TIMEOUT, "time-limit");
}
END_TEST

static bool stop(void *arg, const struct lip_progress *progress)
{
    (void)arg, (void)progress;
    return false;
}

START_TEST(test_cancelled)
{
    ask(&plain);
    ask(&forever);
    ctx.progress = stop;
    ck_fails(LIP_CANCELLED, "time-limit");
}
END_TEST

START_TEST(test_unproven)
{
    ask(&unproven);
    ask(&plain);
    json_t *root = answer();
    ck_skipped(root, 0, "unproven", "Nothing finite.");
    bound_of(root, 1, "plain");
    json_decref(root);
}
END_TEST

START_TEST(test_only_skipped)
{
    ask(&other);
    json_t *root = answer();
    ck_skipped(root, 0, "other", "convolution");
    ck_assert_ptr_null(json_object_get(root, "best"));
    json_decref(root);
}
END_TEST

START_TEST(test_over_the_budget)
{
    /* What was forgiven before is not what is told. */
    ask(&unproven);
    ask(&greedy);
    budget.limit = 1 << 20;
    ck_fails(LIP_TOO_LARGE, "model-too-large");
    ck_assert_ptr_nonnull(strstr(problem.detail, "1048576"));
}
END_TEST

static void observe(void *arg, const struct lip_bound *bound)
{
    strcat(arg, bound->method->id);
}

START_TEST(test_observer)
{
    char heard[100] = "";
    limits.observe = observe;
    limits.observe_arg = heard;
    ask(&plain);
    ask(&other);
    ask(&iterative);
    json_decref(answer());
    ck_assert_str_eq(heard, "plainiterative");
}
END_TEST

/* What an answer depends on, that is: who else may have it. */
static enum api_bound_standing standing(void)
{
    enum api_bound_standing out = API_BOUND_CUT;
    limits.standing = &out;
    json_decref(answer());
    limits.standing = NULL;
    return out;
}

START_TEST(test_standing)
{
    ask(&plain);
    ask(&other);
    ask(&unproven);
    ck_assert_int_eq(standing(), API_BOUND_FINAL);
    /* `auto` leaves out what it expects to take too long: that follows from the
     * limits. */
    request.choice = API_METHODS_AUTO;
    request.method_count = 0;
    request.lower_bound = API_LOWER_NO; /* which takes its time */
    request.options.time_limit = 50;
    ck_assert_int_eq(standing(), API_BOUND_FINAL);
    limits.flops_per_second = 1;
    ck_assert_int_eq(standing(), API_BOUND_LIMITED);
    limits.flops_per_second = 1e9;
    request.choice = API_METHODS_ALL;
    ck_assert_int_eq(standing(), API_BOUND_FINAL);
    limits.max_flops = 5000;
    ck_assert_int_eq(standing(), API_BOUND_LIMITED);
}
END_TEST

/* What `auto` leaves out because a part of the time went by before it began
 * follows from that moment. */
START_TEST(test_standing_of_a_late_start)
{
    request.choice = API_METHODS_AUTO;
    request.lower_bound = API_LOWER_NO;
    request.options.time_limit = 50;
    while (standing() == API_BOUND_FINAL)
        limits.flops_per_second /= 2;
    ck_assert_int_eq(standing(), API_BOUND_LIMITED);
    limits.flops_per_second *= 2; /* more than 25 s for all of them */
    ck_assert_int_eq(standing(), API_BOUND_FINAL);
    ctx.deadline = lip_now() + 12;
    ck_assert_int_eq(standing(), API_BOUND_CUT);
    ctx.deadline = 0;
}
END_TEST

START_TEST(test_standing_of_what_is_cut_off)
{
    ask(&plain);
    ask(&iterative); /* says that time ended it */
    ck_assert_int_eq(standing(), API_BOUND_CUT);
    request.method[1] = &forever;
    request.options.time_limit = 0.05;
    ck_assert_int_eq(standing(), API_BOUND_CUT);
    /* The one that comes after it had no time. */
    request.method[0] = &slowly;
    request.method[1] = &plain;
    ck_assert_int_eq(standing(), API_BOUND_CUT);
    request.options.time_limit = 0;
    ck_assert_int_eq(standing(), API_BOUND_FINAL);
    /* One that took a good part of what it had may have planned for it. */
    request.method_count = 1;
    request.options.time_limit = 0.3;
    ck_assert_int_eq(standing(), API_BOUND_CUT);
    /* Memory that was missing, whatever was done without it. */
    request.options.time_limit = 0;
    request.method[0] = &modest;
    budget.limit = 1 << 20;
    ck_assert_int_eq(standing(), API_BOUND_CUT);
    budget.limit = 0;
}
END_TEST

/* Only what is named counts, and not what does not apply; before anything runs,
 * what an answer would fail for is said. */
START_TEST(test_prediction)
{
    double seconds;
    runs = 0;
    ask(&plain);
    ask(&other);
    ck_assert_int_eq(
        api_bound_predict(&seconds, &request, &limits, &problem, &ctx), LIP_OK);
    ck_assert_double_eq(seconds, 10 / limits.flops_per_second);
    limits.max_flops = 0;
    ask(&slow);
    ck_assert_int_eq(
        api_bound_predict(&seconds, &request, &limits, &problem, &ctx), LIP_OK);
    ck_assert_double_eq_tol(seconds, (1e13 + 10) / limits.flops_per_second,
                            1e-6);
    limits.max_flops = 1e12;
    ck_assert_int_eq(
        api_bound_predict(&seconds, &request, &limits, &problem, &ctx),
        LIP_TOO_LARGE);
    ck_assert_int_eq(problem.code, API_PROBLEM_MODEL_TOO_LARGE);
    request.choice = API_METHODS_ALL;
    ck_assert_int_eq(
        api_bound_predict(&seconds, &request, &limits, &problem, &ctx), LIP_OK);
    ck_assert(seconds == 0);
    ck_assert_int_eq(runs, 0);
}
END_TEST

START_TEST(test_failing_allocations)
{
    request.choice = API_METHODS_ALL;
    for (long n = 0;; n++) {
        enum lip_status s;
        size_t before = budget.used;
        lip_error_clear(&ctx);
        atomic_store(&budget.fail_after, n);
        char *text = answer_text(&s);
        atomic_store(&budget.fail_after, -1);
        lip_free(text);
        ck_assert_uint_eq(budget.used, before);
        if (s == LIP_OK) {
            ck_assert_ptr_nonnull(text);
            ck_assert_int_gt(n, 3);
            break;
        }
        ck_assert_int_eq(s, LIP_NO_MEMORY);
        ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    }
}
END_TEST

START_TEST(test_answer_too_long)
{
    struct api_text text;
    ask(&plain);
    api_text_init(&text, 100, &ctx);
    ck_assert_int_eq(api_bound_answer(&text, &request, &limits, &problem, &ctx),
                     LIP_TOO_LARGE);
    api_text_clear(&text);
}
END_TEST

START_TEST(test_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/bound_answer");
    TCase *t = tcase_create("bound_answer");
    tcase_set_timeout(t, 60);
    tcase_add_unchecked_fixture(t, contract_open, NULL);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_model);
    tcase_add_test(t, test_bounds);
    tcase_add_test(t, test_sides_in_the_text);
    tcase_add_test(t, test_norms);
    tcase_add_test(t, test_same_again);
    tcase_add_test(t, test_all_and_auto);
    tcase_add_test(t, test_layer_norms);
    tcase_add_test(t, test_best_is_the_least);
    tcase_add_test(t, test_all_over_the_limit);
    tcase_add_test(t, test_named_over_the_limit);
    tcase_add_test(t, test_model_over_the_limit);
    tcase_add_test(t, test_time_limit);
    tcase_add_test(t, test_dear_methods_share_the_time);
    tcase_add_test(t, test_hopeless_methods_are_not_begun);
    tcase_add_test(t, test_nothing_in_time);
    tcase_add_test(t, test_nearly_free);
    tcase_add_test(t, test_caps);
    tcase_add_test(t, test_auto_and_time);
    tcase_add_test(t, test_cancelled);
    tcase_add_test(t, test_unproven);
    tcase_add_test(t, test_only_skipped);
    tcase_add_test(t, test_over_the_budget);
    tcase_add_test(t, test_observer);
    tcase_add_test(t, test_standing);
    tcase_add_test(t, test_standing_of_a_late_start);
    tcase_add_test(t, test_standing_of_what_is_cut_off);
    tcase_add_test(t, test_prediction);
    tcase_add_test(t, test_failing_allocations);
    tcase_add_test(t, test_answer_too_long);
    tcase_add_test(t, test_contract);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
