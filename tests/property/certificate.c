/* SPDX-License-Identifier: MIT
 *
 * Every certificate that the daemon hands out is accepted by lipschitz-check:
 * all methods, all pairs of norms, all kinds of networks. One that was altered
 * is not: as it is, for its digest; with a digest that fits, because what it
 * claims no longer follows. Whatever else the checker is given, it answers
 * with a sentence. */
#include "tests/support/certificate.h"
#include "tests/support/contract.h"
#include "tests/support/golden.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct daemon daemon_;
static struct bytes model;

static void setup(void)
{
    daemon_start(&daemon_, (const char *[]){"--max-body", "64M", NULL});
    model = (struct bytes){NULL, 0, 0};
}

static void teardown(void)
{
    bytes_clear(&model);
    daemon_end(&daemon_);
}

/* A JSON model: "dense N" has N outputs and random weights of the given size,
 * everything else is a layer as it stands. */
static void make_model(const char *const *layer, size_t inputs, double size,
                       uint64_t seed)
{
    const char *comma = "";
    model.size = 0;
    bytes_text(&model, "{\"layers\":[");
    for (; *layer; layer++, comma = ",") {
        size_t n;
        if (sscanf(*layer, "dense %zu", &n) != 1) {
            bytes_text(&model, "%s%s", comma, *layer);
            continue;
        }
        bytes_text(&model, "%s{\"type\":\"dense\",\"weight\":", comma);
        for (size_t i = 0; i < n * inputs; i++)
            bytes_text(&model, "%s%.17g",
                       i == 0            ? "[["
                       : i % inputs == 0 ? "],["
                                         : ",",
                       size * plain_normal(&seed) / sqrt((double)inputs));
        bytes_text(&model, "]]}");
        inputs = n;
    }
    bytes_text(&model, "]}");
    bytes_put(&model, "", 1); /* a closing NUL, for those who look for text */
    model.size--;
    write_file(&daemon_, "model", model.data, model.size);
}

/* The lower bound has an accepted certificate too, but where it is 0. */
static void check_lower(const json_t *answer, const char *query)
{
    const json_t *lower = json_object_get(answer, "lower_bound");
    const json_t *certificate = json_object_get(lower, "certificate");
    ck_assert_ptr_nonnull(lower);
    if (certificate)
        ck_assert_msg(checker_proves(&daemon_, certificate), "lower, %s: %s",
                      query, checker_said);
    else
        ck_assert_double_eq(json_number_value(json_object_get(lower, "value")),
                            0);
}

/* All certificates of the model are accepted; returns how many there are of
 * upper bounds. */
static int all_pass(const char *query)
{
    json_t *answer = certificates_of(&daemon_, &model, query), *bound;
    size_t i;
    int count = 0;
    json_array_foreach(json_object_get(answer, "bounds"), i, bound)
    {
        if (json_object_get(bound, "skipped"))
            continue;
        const json_t *certificate = json_object_get(bound, "certificate");
        ck_assert_ptr_nonnull(certificate);
        ck_assert_msg(checker_proves(&daemon_, certificate), "%s, %s: %s",
                      json_string_value(json_object_get(bound, "method")),
                      query, checker_said);
        count++;
    }
    check_lower(answer, query);
    json_decref(answer);
    return count;
}

#define RELU "{\"type\":\"relu\"}"
#define TANH "{\"type\":\"tanh\"}"
#define SILU "{\"type\":\"silu\"}"
#define ABS "{\"type\":\"abs\"}"
#define FOLD "{\"type\":\"leaky-relu\",\"negative_slope\":-0.3}"
#define STEEP "{\"type\":\"leaky-relu\",\"negative_slope\":0.3}"
#define PRELU "{\"type\":\"prelu\",\"slope\":[0.25,-2,0,1,2]}"
#define FLAT "{\"type\":\"flatten\"}"

enum { SHAPES = 12 };

static const char *const shape[SHAPES][10] = {
    {"dense 7", RELU, "dense 5", RELU, "dense 3"},
    {"dense 5", PRELU, "dense 4", TANH, "dense 1"},
    {"dense 6", ABS, "dense 6", ABS, "dense 2"},
    {"dense 6", SILU, "dense 6", FOLD, "dense 2"},
    {"dense 6", STEEP, "dense 4", SILU, "dense 2"},
    {"dense 4"},
    {"dense 4", "dense 9", "dense 2"}, /* multiplied */
    {FLAT, RELU, "dense 5", TANH, "dense 6", "dense 3", RELU},
    {"dense 5", SILU, PRELU, STEEP, "dense 4", TANH, TANH}, /* composed */
    {"dense 1", RELU, "dense 1", RELU, "dense 1"},
    {"dense 3", "{\"type\":\"identity\"}", "dense 40", RELU, "dense 3"},
    {"dense 6", FOLD, PRELU, "dense 3"},
};

/* Every activation that there is: upper bounds and the witness pair. */
START_TEST(activations_of_every_kind_pass)
{
    for (size_t i = 0; lip_activations[i]; i++) {
        char layer[80];
        const char *name = lip_activations[i]->name;
        if (lip_activations[i]->per_neuron)
            snprintf(layer, sizeof layer,
                     "{\"type\":\"%s\",\"slope\":[0.5,-1,0,2]}", name);
        else
            snprintf(layer, sizeof layer, "{\"type\":\"%s\"}", name);
        make_model((const char *const[]){"dense 4", layer, "dense 4", layer,
                                         "dense 2", NULL},
                   3, 2, i + 1);
        ck_assert_int_ge(all_pass(""), 7);
    }
}
END_TEST

START_TEST(networks_of_every_kind_pass)
{
    for (int i = 0; i < SHAPES; i++) {
        size_t inputs = i == 11 ? 5 : i == 9 ? 1 : 6;
        make_model(shape[i], inputs, 1, (uint64_t)i + 1);
        if (i == 11) /* slopes of both signs within one layer */
            make_model(
                (const char *const[]){"dense 5", FOLD, PRELU, "dense 3", NULL},
                5, 1, 77);
        ck_assert_int_ge(all_pass(""), 7);
    }
}
END_TEST

START_TEST(every_pair_of_norms_passes)
{
    static const char *const norm[] = {"1", "2", "inf"};
    for (int i = 0; i < SHAPES; i += 3)
        for (int p = 0; p < 9; p++) {
            char query[40];
            snprintf(query, sizeof query, "norm=%s,%s", norm[p / 3],
                     norm[p % 3]);
            make_model(shape[i], i == 9 ? 1 : 6, 1, (uint64_t)(i + p));
            ck_assert_int_ge(all_pass(query), 3);
        }
}
END_TEST

/* Weights at the ends of what doubles can hold, constant networks. */
START_TEST(extreme_networks_pass)
{
    static const double size[] = {1e-300, 1e-160, 1e100, 1e-320};
    for (int i = 0; i < 4; i++) {
        make_model(shape[0], 6, size[i], 5);
        all_pass("");
        all_pass("norm=1,inf");
        make_model(shape[8], 5, size[i], 5);
        all_pass("");
    }
    make_model(shape[0], 6, 0, 5);
    ck_assert_int_ge(all_pass(""), 7);
    make_model((const char *const[]){"dense 5",
                                     "{\"type\":\"leaky-relu\","
                                     "\"negative_slope\":1e-300}",
                                     "dense 3", NULL},
               5, 1, 1);
    ck_assert_int_ge(all_pass(""), 7);
}
END_TEST

static void load_model(const char *path)
{
    model.size = 0;
    ck_assert_msg(bytes_load(&model, path), "%s", path);
    write_file(&daemon_, "model", model.data, model.size);
}

/* Trained and golden networks, from files that hold weights only: how they are
 * read is told by the certificate. */
START_TEST(files_of_weights_pass)
{
    load_model(GOLDEN_SHIPPED "/r_784_128_64_10.npz");
    ck_assert_int_ge(all_pass("tolerance=0.05"), 7);
    load_model(GOLDEN_SHIPPED "/r_10_30x5_1.npz");
    ck_assert_int_ge(all_pass("activation=gelu"), 7);
    ck_assert_int_ge(
        all_pass("activation=leaky-relu&negative_slope=0.125&norm=inf,2"), 3);
    load_model(GOLDEN_SHIPPED "/r_5_16x40_2.npz");
    ck_assert_int_ge(all_pass("max_iterations=100"), 7);
    load_model(GOLDEN_SHIPPED "/r_4_20_20_1.npz");
    ck_assert_int_ge(all_pass(""), 7);
}
END_TEST

/* --- what was altered */

static json_t *part(json_t *certificate, const char *one, const char *other)
{
    json_t *value = json_object_get(json_object_get(certificate, one), other);
    ck_assert_ptr_nonnull(value);
    return value;
}

static void set_bound(json_t *certificate, double bound)
{
    char hex[40];
    json_t *claim = json_object_get(certificate, "claim");
    snprintf(hex, sizeof hex, "%a", bound);
    json_object_set_new(claim, "upper_bound", json_real(bound));
    json_object_set_new(claim, "upper_bound_hex", json_string(hex));
}

static void scale_bound(json_t *certificate, double factor)
{
    set_bound(certificate, factor * json_number_value(part(certificate, "claim",
                                                           "upper_bound")));
}

/* The first number of a row of the evidence times a factor. */
static void scale_number(json_t *certificate, size_t row, double factor)
{
    json_t *numbers =
        json_array_get(part(certificate, "evidence", "numbers"), row);
    double x = json_number_value(json_array_get(numbers, 0));
    json_array_set_new(numbers, 0, json_real(factor * x));
}

static void bound_too_small(json_t *c)
{
    scale_bound(c, 1 - 1e-9);
}

static void other_number(json_t *c)
{
    scale_number(c, 0, nextafter(1, 2));
}

static void other_norm(json_t *c)
{
    json_object_set_new(part(c, "claim", "norm"), "input", json_real(1));
}

static void other_method(json_t *c)
{
    json_object_set_new(c, "method", json_string("lipsdp-network"));
}

static void other_model(json_t *c)
{
    json_object_set_new(c, "model", json_string("sha256:00"));
}

static void one_more(json_t *c)
{
    json_object_set_new(c, "note", json_string("checked"));
}

static void other_digest(json_t *c)
{
    json_object_set_new(c, "digest",
                        json_string("sha256:0000000000000000000000000000000000"
                                    "000000000000000000000000000000"));
}

static void (*const alter[])(json_t *) = {
    bound_too_small, other_number, other_norm,   other_method,
    other_model,     one_more,     other_digest,
};

/* Any change shows, whatever it is and whether or not the claim still holds. */
START_TEST(altered_ones_fail)
{
    make_model(shape[0], 6, 1, 1);
    json_t *answer = certificates_of(&daemon_, &model, "tolerance=1e-6");
    for (size_t m = 0; lip_methods[m]; m++)
        if (!is_for_images(lip_methods[m]))
            for (size_t i = 0; i < sizeof alter / sizeof *alter; i++) {
                json_t *c = certificate_of(answer, lip_methods[m]->id);
                alter[i](c);
                ck_assert_msg(!checker_proves(&daemon_, c), "%s, %zu",
                              lip_methods[m]->id, i);
                ck_assert_msg(strstr(checker_said, "altered") != NULL, "%s",
                              checker_said);
                json_decref(c);
            }
    json_decref(answer);
}
END_TEST

/* The bound x (1 - 1e-9) does not follow from the evidence: bounds are that
 * tight. */
START_TEST(smaller_bounds_do_not_follow)
{
    static const int of[] = {0, 3, 4, 7, 8};
    for (size_t k = 0; k < sizeof of / sizeof *of; k++) {
        make_model(shape[of[k]], 6, 1, 3);
        json_t *answer = certificates_of(&daemon_, &model, "tolerance=1e-6");
        for (size_t m = 0; lip_methods[m]; m++) {
            if (is_for_images(lip_methods[m]))
                continue;
            json_t *c = certificate_of(answer, lip_methods[m]->id);
            scale_bound(c, 1 + 1e-9);
            reseal(c);
            ck_assert_msg(checker_proves(&daemon_, c), "%s: %s",
                          lip_methods[m]->id, checker_said);
            scale_bound(c, (1 - 1e-9) / (1 + 1e-9));
            reseal(c);
            ck_assert_msg(!checker_proves(&daemon_, c), "%s",
                          lip_methods[m]->id);
            json_decref(c);
        }
        json_decref(answer);
    }
}
END_TEST

/* Evidence that is off proves nothing, or not as much; near the optimum any
 * other multiplier proves less. */
START_TEST(other_evidence_does_not_prove_it)
{
    make_model(shape[0], 6, 1, 3);
    json_t *answer = certificates_of(&daemon_, &model, "tolerance=1e-6");
    for (size_t m = 0; lip_methods[m]; m++)
        if (!is_for_images(lip_methods[m]))
            for (int i = 0; i < 4; i++) {
                static const double factor[] = {0.5, 2, -1, 1e9};
                json_t *c = certificate_of(answer, lip_methods[m]->id);
                bool inexact =
                    !strcmp(json_string_value(part(c, "theorem", "id")),
                            "block-recursion") &&
                    strcmp(lip_methods[m]->id, "lipsdp") != 0;
                scale_number(c, 0, factor[i]);
                reseal(c);
                if (!inexact || i > 1)
                    ck_assert_msg(!checker_proves(&daemon_, c), "%s x %g",
                                  lip_methods[m]->id, factor[i]);
                json_decref(c);
            }
    json_decref(answer);
}
END_TEST

static void set_theorem(json_t *c, const char *id)
{
    json_object_set_new(json_object_get(c, "theorem"), "id", json_string(id));
    reseal(c);
}

START_TEST(other_theorems_do_not_prove_it)
{
    static const char *const id[] = {"constant",         "product-of-norms",
                                     "absolute-weights", "averaged-recursion",
                                     "block-recursion",  "difference-quotient"};
    make_model(shape[0], 6, 1, 3);
    json_t *answer = certificates_of(&daemon_, &model, "");
    for (size_t m = 0; lip_methods[m]; m++) {
        if (is_for_images(lip_methods[m]))
            continue;
        json_t *c = certificate_of(answer, lip_methods[m]->id);
        char own[40];
        snprintf(own, sizeof own, "%s",
                 json_string_value(part(c, "theorem", "id")));
        for (int i = 0; i < 6; i++) {
            set_theorem(c, id[i]);
            ck_assert_msg(checker_proves(&daemon_, c) == !strcmp(own, id[i]),
                          "%s by %s: %s", lip_methods[m]->id, id[i],
                          checker_said);
        }
        json_decref(c);
    }
    json_decref(answer);
}
END_TEST

/* Norms, slopes and merging are the checker's own. */
START_TEST(the_chain_is_derived_anew)
{
    make_model(shape[7], 6, 1, 3);
    json_t *answer = certificates_of(&daemon_, &model, "");
    for (size_t m = 0; lip_methods[m]; m++) {
        if (is_for_images(lip_methods[m]))
            continue;
        json_t *c = certificate_of(answer, lip_methods[m]->id);
        json_t *slopes = json_array_get(part(c, "chain", "slopes"), 0);
        json_t *upper = json_object_get(slopes, "upper");
        json_array_set_new(upper, 0, json_real(0.999));
        reseal(c);
        ck_assert(!checker_proves(&daemon_, c));
        json_array_set_new(upper, 0, json_real(1));
        reseal(c);
        ck_assert(checker_proves(&daemon_, c));
        json_array_clear(part(c, "chain", "matrices"));
        reseal(c);
        ck_assert(!checker_proves(&daemon_, c));
        json_decref(c);
        c = certificate_of(answer, lip_methods[m]->id);
        json_object_set_new(part(c, "claim", "norm"), "input", json_real(1));
        json_object_set_new(part(c, "claim", "norm"), "output",
                            json_string("inf"));
        scale_bound(c, 1e-3);
        reseal(c);
        ck_assert(!checker_proves(&daemon_, c));
        json_decref(c);
    }
    json_decref(answer);
}
END_TEST

/* One weight changed: another digest; and with the digest of the new model the
 * bound of the old one does not hold. */
START_TEST(another_weight_is_another_model)
{
    static const char *const layers[] = {"dense 6", RELU, "dense 3", NULL};
    make_model(layers, 6, 1, 3);
    json_t *answer = certificates_of(&daemon_, &model, "tolerance=1e-6");
    char *weight = strstr((char *)model.data, "[[") + 2;
    memset(weight, '9', strcspn(weight, ",]")); /* about 1e20 */
    write_file(&daemon_, "model", model.data, model.size);
    json_t *other = certificates_of(&daemon_, &model, "");
    const json_t *id = json_object_get(json_object_get(other, "model"), "id");
    for (size_t m = 0; lip_methods[m]; m++) {
        if (is_for_images(lip_methods[m]))
            continue;
        json_t *c = certificate_of(answer, lip_methods[m]->id);
        ck_assert(!checker_proves(&daemon_, c));
        ck_assert(strstr(checker_said, "another model") != NULL);
        json_object_set(c, "model", (json_t *)(uintptr_t)id);
        reseal(c);
        ck_assert_msg(!checker_proves(&daemon_, c), "%s", lip_methods[m]->id);
        ck_assert(strstr(checker_said, "another model") == NULL);
        json_decref(c);
    }
    json_decref(answer);
    json_decref(other);
}
END_TEST

/* A pair of points proves its own quotient and nothing above it. */
START_TEST(lower_bounds_do_not_follow_from_other_points)
{
    static const char *const norm[] = {"norm=2", "norm=inf,1", "norm=1,inf"};
    for (int i = 0; i < 3; i++) {
        make_model(shape[i], 6, 1, 3);
        json_t *answer = certificates_of(&daemon_, &model, norm[i]);
        json_t *c = json_object_get(json_object_get(answer, "lower_bound"),
                                    "certificate");
        json_t *claim = json_object_get(c, "claim");
        double value = json_number_value(json_object_get(claim, "lower_bound"));
        ck_assert_double_gt(value, 0);
        for (int k = -1; k < 2; k++) {
            char hex[40];
            double bound = value * (1 + k * 1e-9);
            snprintf(hex, sizeof hex, "%a", bound);
            json_object_set_new(claim, "lower_bound", json_real(bound));
            json_object_set_new(claim, "lower_bound_hex", json_string(hex));
            reseal(c);
            ck_assert_int_eq(checker_proves(&daemon_, c), k < 1);
        }
        set_theorem(c, "block-recursion");
        ck_assert(!checker_proves(&daemon_, c));
        set_theorem(c, "difference-quotient");
        /* As an upper bound, with all that such a certificate has. */
        json_t *as_upper = certificate_of(answer, "naive");
        json_object_set(as_upper, "evidence", json_object_get(c, "evidence"));
        json_object_set(as_upper, "theorem", json_object_get(c, "theorem"));
        set_bound(as_upper, value * (1 - 1e-9));
        reseal(as_upper);
        ck_assert(!checker_proves(&daemon_, as_upper));
        json_decref(as_upper);
        json_t *points = part(c, "evidence", "numbers");
        json_array_set(points, 1, json_array_get(points, 0));
        reseal(c);
        ck_assert(!checker_proves(&daemon_, c));
        json_decref(answer);
    }
}
END_TEST

/* --- hostile files */

START_TEST(truncated_ones_fail)
{
    make_model(shape[0], 6, 1, 1);
    json_t *answer = certificates_of(&daemon_, &model, "");
    json_t *c = certificate_of(answer, "lipsdp");
    char *text = json_dumps(c, JSON_COMPACT);
    size_t size = strlen(text);
    for (size_t n = 0; n < size; n += 1 + size / 40)
        ck_assert(!checker_proves_text(&daemon_, text, n));
    ck_assert(checker_proves_text(&daemon_, text, size));
    free(text);
    json_decref(c);
    json_decref(answer);
}
END_TEST

START_TEST(shapeless_ones_fail)
{
    static const char *const text[] = {
        "null",
        "[]",
        "{}",
        "1e999",
        "\"\\u0000\"",
        "{\"format\":\"a\"}",
        "{\"format\":\"lipschitz-certificate\",\"version\":1}",
        "{\"format\":1,\"format\":2}",
        "\xff\xfe",
        ""};
    make_model(shape[0], 6, 1, 1);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        ck_assert(!checker_proves_text(&daemon_, text[i], strlen(text[i])));
    size_t large = 20 << 20;
    char *brackets = malloc(large);
    ck_assert_ptr_nonnull(brackets);
    memset(brackets, '[', large);
    ck_assert(!checker_proves_text(&daemon_, brackets, large));
    ck_assert(!checker_proves_text(&daemon_, brackets, 1000000));
    ck_assert(!checker_proves_text(&daemon_, brackets, 1500));
    free(brackets);
}
END_TEST

static const char *const odd[] = {
    "null", "[]",    "{}",           "\"inf\"",
    "-1.0", "1e308", "[[[[[[]]]]]]", "{\"exponent\":1e300,\"mantissa\":1.0}"};

/* Puts each odd value in the place of each member of a tree in turn. */
static void try_odd(json_t *root, json_t *tree)
{
    size_t n =
        json_is_array(tree) ? json_array_size(tree) : json_object_size(tree);
    void *at = json_object_iter(tree);
    for (size_t i = 0; i < n && i < 4; i++) {
        json_t *own = json_is_array(tree) ? json_array_get(tree, i)
                                          : json_object_iter_value(at);
        json_incref(own);
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
            json_t *value = json_loads(
                odd[k], JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
            if (json_is_array(tree))
                json_array_set_new(tree, i, value);
            else
                json_object_iter_set_new(tree, at, value);
            reseal(root);
            checker_proves(&daemon_, root);
        }
        if (json_is_array(tree))
            json_array_set(tree, i, own);
        else
            json_object_iter_set(tree, at, own);
        try_odd(root, own);
        json_decref(own);
        at = json_is_object(tree) ? json_object_iter_next(tree, at) : NULL;
    }
}

/* Of networks that sort or mirror numbers the lower bound has a certificate,
 * and so have the upper ones from the block recursion; others say why not. A
 * lower claim, other multipliers or slopes are refused, and so is another
 * model's. */
START_TEST(certificates_of_joint_layers_pass)
{
    static const char *const joint[] = {
        "{\"type\":\"max-min\"}", "{\"type\":\"groupsort\",\"group\":4}",
        "{\"type\":\"groupsort\"}",
        "{\"type\":\"householder\",\"angles\":[0.3,-2,5,1e5]}",
        "{\"type\":\"groupsort\",\"group\":5}"};
    static const char *const last[] = {"tanh", "relu", "silu", "abs", "relu"};
    for (int i = 0; i < 5; i++) {
        char activation[40];
        int certificates = 0;
        snprintf(activation, sizeof activation, "{\"type\":\"%s\"}", last[i]);
        if (i == 4)
            make_model((const char *const[]){joint[4], "dense 6", activation,
                                             joint[0], NULL},
                       5, 2, 9);
        else
            make_model((const char *const[]){"dense 8", joint[i], activation,
                                             "dense 4", joint[i / 2], "dense 3",
                                             NULL},
                       3, 2, (uint64_t)i + 1);
        json_t *answer = certificates_of(&daemon_, &model, ""), *bound;
        size_t k;
        ck_assert_ptr_nonnull(json_object_get(
            json_object_get(answer, "lower_bound"), "certificate"));
        check_lower(answer, joint[i]);
        json_array_foreach(json_object_get(answer, "bounds"), k, bound)
        {
            json_t *c = json_object_get(bound, "certificate");
            if (!c)
                ck_assert(json_object_get(bound, "skipped") ||
                          json_object_get(bound, "certificate_missing"));
            if (!c)
                continue;
            certificates++;
            ck_assert_msg(checker_proves(&daemon_, c), "%s, %s: %s", joint[i],
                          json_string_value(json_object_get(bound, "method")),
                          checker_said);
            scale_bound(c, 0.98);
            reseal(c);
            if (strcmp(json_string_value(json_object_get(bound, "method")),
                       "lipsdp") == 0)
                ck_assert(!checker_proves(&daemon_, c));
            scale_bound(c, 1 / 0.98 * 1.001);
            reseal(c);
            ck_assert_msg(checker_proves(&daemon_, c), "%s", checker_said);
            scale_number(c, 0, 1000);
            reseal(c);
            ck_assert(!checker_proves(&daemon_, c));
        }
        ck_assert_int_eq(certificates, 4);
        json_decref(answer);
    }
}
END_TEST

/* As many groups as there may be numbers. */
START_TEST(many_groups_pass)
{
    make_model((const char *const[]){"dense 120", "{\"type\":\"max-min\"}",
                                     "dense 1", NULL},
               3, 1, 3);
    json_t *answer = certificates_of(&daemon_, &model, "");
    check_lower(answer, "120 numbers in pairs");
    json_decref(answer);
}
END_TEST

/* Whatever stands in the place of what, the checker says a sentence. */
START_TEST(odd_values_are_survived)
{
    static const char *const of[] = {"lipsdp", "midpoint", "absolute"};
    static const char *const layers[] = {"dense 3", RELU, "dense 2", NULL};
    make_model(layers, 2, 1, 1);
    json_t *answer = certificates_of(&daemon_, &model, "");
    for (int m = 0; m < 3; m++) {
        static const char *const key[] = {"claim", "chain", "evidence",
                                          "theorem"};
        json_t *c = certificate_of(answer, of[m]);
        for (int i = 0; i < (m == 0 ? 4 : 1); i++)
            try_odd(c, json_object_get(c, m == 0 ? key[i] : "evidence"));
        reseal(c);
        ck_assert(checker_proves(&daemon_, c));
        json_decref(c);
    }
    json_decref(answer);
}
END_TEST

START_TEST(documents_follow_the_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("property/certificate");
    TCase *tc = tcase_create("certificates");
    tcase_set_timeout(tc, 120);
    tcase_add_unchecked_fixture(tc, contract_open, NULL);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, networks_of_every_kind_pass);
    tcase_add_test(tc, activations_of_every_kind_pass);
    tcase_add_test(tc, certificates_of_joint_layers_pass);
    tcase_add_test(tc, many_groups_pass);
    tcase_add_test(tc, every_pair_of_norms_passes);
    tcase_add_test(tc, extreme_networks_pass);
    tcase_add_test(tc, files_of_weights_pass);
    tcase_add_test(tc, altered_ones_fail);
    tcase_add_test(tc, smaller_bounds_do_not_follow);
    tcase_add_test(tc, other_evidence_does_not_prove_it);
    tcase_add_test(tc, other_theorems_do_not_prove_it);
    tcase_add_test(tc, the_chain_is_derived_anew);
    tcase_add_test(tc, another_weight_is_another_model);
    tcase_add_test(tc, lower_bounds_do_not_follow_from_other_points);
    tcase_add_test(tc, truncated_ones_fail);
    tcase_add_test(tc, shapeless_ones_fail);
    tcase_add_test(tc, odd_values_are_survived);
    suite_add_tcase(suite, tc);
    TCase *last = tcase_create("contract");
    tcase_set_timeout(last, 60);
    tcase_add_test(last, documents_follow_the_contract);
    suite_add_tcase(suite, last);
    return run_suite(suite);
}
