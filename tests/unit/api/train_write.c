/* SPDX-License-Identifier: MIT
 *
 * Property: over random requests, what is written is read back as the same
 * request, member by member, and written again as the same bytes; every
 * default stands in it. */
#include "tests/support/contract.h"
#include "tests/support/suite.h"
#include "tests/support/train_request.h"
#include "training/random.h"

#include <stdio.h>
#include <string.h>

enum { REQUESTS = 2000 };
static const uint64_t seed = 20261121;
static uint64_t drawn;

static size_t below(size_t n)
{
    return (size_t)(lip_draw(seed, 1, drawn++) % n);
}

static double between(double a, double b)
{
    return a + (b - a) * lip_draw_uniform(seed, 2, drawn++);
}

/* Now and then a member is left out. */
static void number(json_t *object, const char *name, double a, double b)
{
    if (below(3))
        json_object_set_new(object, name, json_real(between(a, b)));
}

static void count(json_t *object, const char *name, size_t least, size_t n)
{
    if (below(3))
        json_object_set_new(object, name,
                            json_integer((json_int_t)(least + below(n))));
}

static void word(json_t *object, const char *name, const char *value)
{
    if (below(3))
        json_object_set_new(object, name, json_string(value));
}

static void parameters(json_t *object, const struct lip_parameter *p)
{
    for (; p->name; p++)
        number(object, p->name, p->min, p->max);
}

#define TABLE_SIZE(n, table)                                                   \
    do {                                                                       \
        (n) = 0;                                                               \
        while ((table)[n])                                                     \
            (n)++;                                                             \
    } while (0)

static json_t *random_layers(void)
{
    json_t *list = json_array();
    size_t n, layers = below(5);
    TABLE_SIZE(n, lip_trainable_kinds);
    for (size_t i = 0; i < layers; i++) {
        const struct lip_trainable_kind *kind = lip_trainable_kinds[below(n)];
        json_t *layer = json_object();
        json_object_set_new(layer, "type", json_string(kind->name));
        if (kind->matrix)
            json_object_set_new(layer, kind->windowed ? "filters" : "units",
                                json_integer((json_int_t)(1 + below(65536))));
        if (kind->windowed)
            count(layer, "kernel", 1, 9);
        if (kind->windowed && below(2))
            json_object_set_new(
                layer, "stride",
                json_pack("[i,i]", (int)(1 + below(3)), (int)(1 + below(3))));
        if (kind->grouped)
            count(layer, "group", 1, 9);
        parameters(layer, kind->parameter);
        json_array_append_new(list, layer);
    }
    json_array_append_new(list, json_pack("{s:s,s:i}", "type", "dense", "units",
                                          (int)(1 + below(10))));
    return list;
}

static json_t *random_model(json_t *request, bool *stored)
{
    char id[LIP_DIGEST_TEXT] = "sha256:";
    size_t n;
    *stored = below(8) == 0;
    if (*stored) {
        for (size_t i = 0; i < 64; i++)
            id[7 + i] = "0123456789abcdef"[below(16)];
        id[71] = '\0';
        return json_pack("{s:s}", "id", id);
    }
    TABLE_SIZE(n, lip_initials);
    word(request, "initialization", lip_initials[below(n)]->name);
    TABLE_SIZE(n, lip_normalisations);
    word(request, "normalization", lip_normalisations[below(n)]->name);
    json_t *model = json_pack("{s:o}", "layers", random_layers());
    if (below(2))
        json_object_set_new(model, "input",
                            below(2) ? json_pack("[i,i,i]", 3, 4, 5)
                                     : json_pack("[i,i]", 3, 7));
    return model;
}

/* A norm pair that the constraint can do. */
static json_t *random_norm(const struct lip_constraint *constraint)
{
    static const char *const name[] = {"1", "2", "\"inf\""};
    struct lip_norm_pair pair;
    do {
        pair = (struct lip_norm_pair){(enum lip_norm)below(3),
                                      (enum lip_norm)below(3)};
    } while (!constraint->free &&
             lip_constraint_check(constraint, pair, NULL) != LIP_OK);
    char text[80];
    snprintf(text, sizeof text, "{\"input\": %s, \"output\": %s}",
             name[pair.input], name[pair.output]);
    return json_loads(text, 0, NULL);
}

static json_t *random_constraint(bool stored, bool *limited)
{
    json_t *object = json_object();
    size_t n;
    TABLE_SIZE(n, lip_constraints);
    const struct lip_constraint *constraint = lip_constraints[below(n)];
    json_object_set_new(object, "method", json_string(constraint->name));
    json_object_set_new(object, "norm", random_norm(constraint));
    if (!constraint->free)
        number(object, "lipschitz", 0.01, 100);
    if (!constraint->free && !stored)
        number(object, "lipschitz_per_layer", 0.01, 3);
    if (constraint->mend)
        count(object, "every", 1, 50);
    if (constraint->monotone)
        json_object_set_new(object, "directions",
                            json_pack("[i,i,i]", 1, -1, 0));
    *limited = !constraint->free;
    return object;
}

static json_t *random_optimizer(void)
{
    json_t *object = json_object();
    size_t n, schedules;
    TABLE_SIZE(n, lip_optimisers);
    TABLE_SIZE(schedules, lip_schedules);
    const struct lip_optimiser *optimiser = lip_optimisers[below(n)];
    json_object_set_new(object, "type", json_string(optimiser->name));
    number(object, "learning_rate", 1e-9, 10);
    word(object, "schedule", lip_schedules[below(schedules)]->name);
    number(object, "clip", 0, 10);
    number(object, "weight_decay", 0, 1);
    if (optimiser->fallback.beta2 > 0) {
        number(object, "beta1", 0, 0.99);
        number(object, "beta2", 0, 0.99);
        number(object, "epsilon", 0, 0.1);
        json_object_set_new(object, "amsgrad", json_boolean(below(2)));
    } else {
        number(object, "momentum", 0, 0.99);
        json_object_set_new(object, "nesterov", json_boolean(below(2)));
    }
    return object;
}

static json_t *random_loss(bool *regression)
{
    size_t n;
    TABLE_SIZE(n, lip_losses);
    const struct lip_loss *loss = lip_losses[below(n)];
    json_t *object = json_object();
    json_object_set_new(object, "type", json_string(loss->name));
    parameters(object, loss->parameter);
    *regression = !loss->classification;
    return object;
}

/* Shapes that meet are for other tests: the data are stored ones, which nobody
 * has seen yet. */
static json_t *random_request(void)
{
    json_t *request = train_json(
        "{'dataset': {'id': 'sha256:0123456789abcdef0123456789abcdef01234567"
        "89abcdef0123456789abcdef'}}");
    json_t *validation = json_object();
    bool stored, limited, regression;
    json_object_set_new(request, "loss", random_loss(&regression));
    word(request, "task", regression ? "regression" : "classification");
    json_object_set_new(request, "model", random_model(request, &stored));
    json_object_set_new(request, "constraint",
                        random_constraint(stored, &limited));
    if (below(4))
        json_object_set_new(request, "optimizer", random_optimizer());
    if (below(4) == 0) {
        json_t *images = json_pack("{s:i,s:i}", "height", (int)(1 + below(99)),
                                   "width", (int)(1 + below(99)));
        count(images, "shift", 0, 5);
        number(images, "turn", 0, 180);
        number(images, "stretch", 0, 0.5);
        json_object_set_new(request, "augmentation", images);
    }
    count(request, "epochs", 1, 100000);
    count(request, "batch_size", 1, 1 << 20);
    count(request, "seed", 0, (size_t)1 << 53);
    number(request, "time_limit", 0, 1e4);
    number(validation, "split", 0.01, 0.9);
    count(validation, "patience", 0, 100);
    if (limited && !regression)
        json_object_set_new(validation, "radii",
                            json_pack("[f,f]", between(0.01, 1), 1e-3));
    json_object_set_new(request, "validation", validation);
    return request;
}

static void ck_layers(const struct api_train_request *a,
                      const struct api_train_request *b)
{
    ck_assert_uint_eq(a->layers, b->layers);
    for (size_t i = 0; i < a->layers; i++) {
        ck_assert_ptr_eq(a->layer[i].kind, b->layer[i].kind);
        ck_assert_uint_eq(a->layer[i].units, b->layer[i].units);
        ck_assert_uint_eq(a->layer[i].group, b->layer[i].group);
        for (size_t k = 0; k < LIP_MAX_PARAMETERS; k++)
            ck_assert_double_eq(a->layer[i].parameter[k],
                                b->layer[i].parameter[k]);
    }
}

static void ck_options(const struct lip_train_options *a,
                       const struct lip_train_options *b)
{
    ck_assert_ptr_eq(a->loss.loss, b->loss.loss);
    for (size_t k = 0; k < LIP_MAX_PARAMETERS; k++)
        ck_assert_double_eq(a->loss.parameter[k], b->loss.parameter[k]);
    ck_assert_ptr_eq(a->optimiser, b->optimiser);
    ck_assert_double_eq(a->step.momentum, b->step.momentum);
    ck_assert_double_eq(a->step.beta2, b->step.beta2);
    ck_assert_double_eq(a->step.eps, b->step.eps);
    ck_assert_double_eq(a->step.weight_decay, b->step.weight_decay);
    ck_assert_int_eq(a->step.nesterov, b->step.nesterov);
    ck_assert_int_eq(a->step.amsgrad, b->step.amsgrad);
    ck_assert_double_eq(a->rate, b->rate);
    ck_assert_ptr_eq(a->schedule, b->schedule);
    ck_assert_double_eq(a->clip, b->clip);
    ck_assert_ptr_eq(a->constraint, b->constraint);
    ck_assert_uint_eq(a->every, b->every);
    ck_assert_int_eq(a->pair.input, b->pair.input);
    ck_assert_int_eq(a->pair.output, b->pair.output);
    ck_assert_double_eq(a->limit, b->limit);
    ck_assert_uint_eq(a->layer_limits, b->layer_limits);
    for (size_t i = 0; i < a->layer_limits; i++)
        ck_assert_double_eq(a->layer_limit[i], b->layer_limit[i]);
    ck_assert_uint_eq(a->directions, b->directions);
    for (size_t i = 0; i < a->directions; i++)
        ck_assert_int_eq(a->direction[i], b->direction[i]);
    ck_assert_uint_eq(a->augment.height, b->augment.height);
    ck_assert_uint_eq(a->augment.width, b->augment.width);
    ck_assert_uint_eq(a->augment.shift, b->augment.shift);
    ck_assert_double_eq(a->augment.turn, b->augment.turn);
    ck_assert_double_eq(a->augment.stretch, b->augment.stretch);
    ck_assert_uint_eq(a->epochs, b->epochs);
    ck_assert_uint_eq(a->batch, b->batch);
    ck_assert_uint_eq(a->patience, b->patience);
    ck_assert_uint_eq(a->seed, b->seed);
}

static void ck_same(const struct api_train_request *a,
                    const struct api_train_request *b)
{
    ck_assert_int_eq(a->source, b->source);
    ck_assert_str_eq(a->dataset_id, b->dataset_id);
    ck_assert_int_eq(a->regression, b->regression);
    ck_assert_str_eq(a->model_id, b->model_id);
    ck_assert_ptr_eq(a->initial, b->initial);
    ck_assert_ptr_eq(a->normalisation, b->normalisation);
    ck_assert_double_eq(a->split, b->split);
    ck_assert_uint_eq(a->radii, b->radii);
    for (size_t i = 0; i < a->radii; i++)
        ck_assert_double_eq(a->radius[i], b->radius[i]);
    ck_assert_double_eq(a->time_limit, b->time_limit);
    ck_layers(a, b);
    ck_options(&a->options, &b->options);
}

static void read_into(struct api_train_request *out, const json_t *json)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct api_problem problem = {.detail = ""};
    if (api_train_read(out, json, &problem, &ctx) == LIP_OK)
        return;
    char *text = json_dumps(json, JSON_COMPACT);
    ck_abort_msg("seed %llu: %s: %s in %s", (unsigned long long)seed,
                 problem.where, problem.detail, text);
}

START_TEST(test_again)
{
    printf("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < REQUESTS; i++) {
        struct api_train_request a, b;
        json_t *json = random_request();
        read_into(&a, json);
        char *text = train_request_text(&a);
        json_t *written = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_ptr_nonnull(written);
        read_into(&b, written);
        ck_same(&a, &b);
        char *again = train_request_text(&b);
        ck_assert_str_eq(text, again);
        if (i % 50 == 0)
            contract_add("TrainRequest", text);
        lip_free(text);
        lip_free(again);
        api_train_clear(&a);
        api_train_clear(&b);
        json_decref(json);
        json_decref(written);
    }
}
END_TEST

START_TEST(test_whole)
{
    struct api_train_request request;
    train_request_good(&request, NULL);
    char *text = train_request_text(&request);
    ck_assert_str_eq(
        text,
        "{\"dataset\":{\"generate\":\"two-moons\",\"samples\":200,\"noise\":"
        "0.1,\"seed\":1},\"task\":\"classification\",\"model\":{\"layers\":[{"
        "\"type\":\"dense\",\"units\":8},{\"type\":\"groupsort\",\"group\":2},{"
        "\"type\":\"dense\",\"units\":2}]},\"initialization\":\"orthogonal\","
        "\"normalization\":\"none\",\"constraint\":{\"method\":\"rank-one-"
        "clip\",\"norm\":{\"input\":2,\"output\":2},\"lipschitz\":2,\"every\":"
        "1},\"loss\":{\"type\":\"hinge\",\"margin\":1},\"optimizer\":{\"type\":"
        "\"sgd\",\"learning_rate\":0.1,\"momentum\":0.9,\"nesterov\":true,"
        "\"weight_decay\":0,\"schedule\":\"one-cycle\",\"clip\":0},\"epochs\":"
        "3,\"batch_size\":32,\"seed\":1,\"validation\":{\"split\":0.1,"
        "\"radii\":[],\"patience\":0},\"time_limit\":0}");
    contract_add("TrainRequest", text);
    lip_free(text);
    api_train_clear(&request);
}
END_TEST

START_TEST(test_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/train_write");
    TCase *t = tcase_create("train_write");
    tcase_add_unchecked_fixture(t, contract_open, NULL);
    tcase_add_test(t, test_again);
    tcase_add_test(t, test_whole);
    tcase_add_test(t, test_contract);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
