/* SPDX-License-Identifier: MIT
 *
 * Monotone models: what is refused, that the served chain is the trained
 * function, that it is monotone and proven so, and that it learns. */
#include "training/monotone.h"

#include "network/partials.h"
#include "tests/support/suite.h"
#include "tests/support/training.h"
#include "training/random.h"

#include <math.h>
#include <string.h>

static const signed char rising[] = {1, -1, 0};

/* y = x_0 - x_1^3 / 6 + sin 2 x_2, or whether that is above 0. */
static struct lip_data *make_data(bool classes)
{
    struct lip_data *data;
    ck_assert_int_eq(
        lip_data_new(&data, 400, 3, classes ? 2 : 0, classes ? 0 : 1, NULL),
        LIP_OK);
    for (size_t i = 0; i < data->rows; i++) {
        float *x = data->x + 3 * i;
        train_fill(x, 3, 1, 1000 + i);
        double y = x[0] - pow(x[1], 3) / 6 + sin(2 * (double)x[2]);
        if (classes)
            data->label[i] = y > 0;
        else
            data->y[i] = (float)y;
    }
    return data;
}

static struct lip_train_options make_options(bool classes)
{
    struct lip_train_options options =
        train_options(classes ? "cross-entropy" : "mse", "monotone");
    options.pair = (struct lip_norm_pair){LIP_NORM_1, LIP_NORM_INF};
    options.limit = 6;
    options.direction = rising;
    options.directions = 3;
    options.optimiser = lip_optimiser_find("adam");
    options.step = options.optimiser->fallback;
    options.rate = 0.03;
    return options;
}

struct result {
    struct lip_model *model;
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_score score;
};

static struct result train(const struct lip_train_options *options,
                           const struct lip_data *data, const char *words,
                           const struct lip_scaling *scaling)
{
    struct result r = {.model = train_model(3, words, 5)};
    struct lip_run *run;
    struct lip_ctx ctx = {0};
    ck_assert_msg(lip_run_new(&run, options, r.model, data, NULL, scaling,
                              &ctx) == LIP_OK,
                  "%s", ctx.error.detail);
    ck_assert_int_eq(lip_run_go(run, NULL, NULL, &ctx), LIP_OK);
    ck_assert_msg(lip_run_finish(&r.network, &r.outcome, run, &ctx) == LIP_OK,
                  "%s: %s", words, ctx.error.detail);
    ck_assert_int_eq(
        lip_model_score(&r.score, r.model, data, &options->loss, NULL, NULL),
        LIP_OK);
    lip_run_free(run);
    return r;
}

static void clear(struct result *r)
{
    lip_network_free(r->network);
    lip_model_free(r->model);
}

/* Quotients of the served function along each input have the right sign. */
static void check_signs(const struct lip_network *network, bool classes)
{
    double x[3], a[2], b[2];
    for (uint64_t t = 0; t < 3000; t++) {
        size_t j = t % 2;
        for (uint64_t i = 0; i < 3; i++)
            x[i] = 2 * lip_draw_normal(t, 90, i);
        lip_network_eval(a, network, x, NULL);
        x[j] += t % 3 ? 0x1p-8 : 1;
        lip_network_eval(b, network, x, NULL);
        for (size_t k = 0; k < network->outputs; k++) {
            bool falls = (j == 1) != (classes && k == 0);
            double gain = falls ? a[k] - b[k] : b[k] - a[k];
            ck_assert_double_ge(gain, -1e-12);
        }
    }
}

static const char *const words[] = {
    "dense:8 groupsort:2 dense:6 groupsort:3 dense:%",
    "dense:8 groupsort:0 dense:%",
    "dense:8 relu dense:8 abs dense:8 leaky-relu dense:%",
    "dense:12 groupsort:4 abs groupsort:6 dense:6 dense:%",
    "dense:5 dense:%",
};

START_TEST(served)
{
    for (size_t i = 0; i < 2 * sizeof words / sizeof *words; i++) {
        bool classes = i % 2;
        char text[80];
        strcpy(text, words[i / 2]);
        *strchr(text, '%') = classes ? '2' : '1';
        struct lip_data *data = make_data(classes);
        struct lip_train_options options = make_options(classes);
        struct result r = train(&options, data, text, NULL);
        ck_assert_double_le(r.outcome.norm, options.limit);
        ck_assert_double_ge(r.outcome.norm, options.limit / 2);
        check_signs(r.network, classes);
        float z[800];
        ck_assert_int_eq(lip_model_predict(z, r.model, data, NULL), LIP_OK);
        for (size_t k = 0; k < data->rows; k++) {
            double x[3], y[2];
            for (size_t j = 0; j < 3; j++)
                x[j] = data->x[3 * k + j];
            lip_network_eval(y, r.network, x, NULL);
            for (size_t j = 0; j < r.network->outputs; j++)
                ck_assert_double_lt(
                    fabs(y[j] - (double)z[k * r.network->outputs + j]), 1e-4);
        }
        clear(&r);
        lip_data_free(data);
    }
}
END_TEST

/* The proof covers the scaling, and says so where it fails. */
START_TEST(proven)
{
    struct lip_data *data = make_data(true);
    struct lip_train_options options = make_options(true);
    struct lip_scaling scaling;
    struct lip_ctx ctx = {0};
    signed char other[] = {1, -1, -1};
    for (size_t i = 0; i < data->rows; i++)
        data->x[3 * i] *= 1e-3F;
    lip_scaling_fit(&scaling, lip_normalisation_find("standard"), data, NULL);
    lip_scaling_apply(data, &scaling);
    options.limit = 3000;
    struct result r =
        train(&options, data, "dense:8 groupsort:2 dense:2", &scaling);
    ck_assert_double_le(r.outcome.norm, options.limit);
    ck_assert_int_eq(lip_monotone_prove(r.network, rising, true, &ctx), LIP_OK);
    ck_assert_int_eq(lip_monotone_prove(r.network, rising, false, &ctx),
                     LIP_UNPROVEN);
    lip_error_clear(&ctx);
    ck_assert_int_eq(lip_monotone_prove(r.network, other, true, &ctx),
                     LIP_UNPROVEN);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "input 2"));
    lip_scaling_clear(&scaling);
    clear(&r);
    lip_data_free(data);
}
END_TEST

/* The targets vary by about 1.8; what is not monotone in x_2 needs layers. */
START_TEST(learns)
{
    struct lip_data *data = make_data(false);
    struct lip_train_options options = make_options(false);
    options.epochs = 150;
    struct result r =
        train(&options, data,
              "dense:16 groupsort:2 dense:16 groupsort:2 dense:1", NULL);
    ck_assert_msg(r.score.error < 0.3, "%g", r.score.error);
    clear(&r);
    lip_data_free(data);
    data = make_data(true);
    options = make_options(true);
    options.epochs = 60;
    r = train(&options, data,
              "dense:16 groupsort:2 dense:16 groupsort:2 dense:2", NULL);
    ck_assert_msg(r.score.accuracy > 0.9, "%g", r.score.accuracy);
    clear(&r);
    lip_data_free(data);
}
END_TEST

static void refuse(struct lip_train_options *options, const char *layers,
                   bool classes, const char *because)
{
    struct lip_data *data = make_data(classes);
    struct lip_model *model = train_model(3, layers, 5);
    struct lip_run *run;
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(lip_run_new(&run, options, model, data, NULL, NULL, &ctx),
                     LIP_INVALID);
    ck_assert_msg(strstr(ctx.error.detail, because), "%s", ctx.error.detail);
    lip_model_free(model);
    lip_data_free(data);
}

START_TEST(refusals)
{
    static const signed char none[] = {0, 0, 0}, odd[] = {1, 2, 0};
    static const double own[] = {1, 1};
    const char *good = "dense:4 relu dense:1";
    struct lip_train_options options = make_options(false);
    refuse(&options, "relu dense:1", false, "at least two");
    refuse(&options, "dense:1", false, "at least two");
    refuse(&options, "dense:1 relu", false, "at least two");
    refuse(&options, "dense:4 tanh dense:1", false, "abs, groupsort.");
    options.directions = 2;
    refuse(&options, good, false, "2 directions for 3 inputs");
    options.directions = 3;
    options.direction = NULL;
    refuse(&options, good, false, "0 directions for 3 inputs");
    options.direction = none;
    refuse(&options, good, false, "all inputs free");
    options.direction = odd;
    refuse(&options, good, false, "input 1 is 2");
    options.direction = rising;
    options.limit = 1e-11;
    refuse(&options, good, false, "limit");
    options.limit = 1;
    options.layer_limit = own;
    options.layer_limits = 2;
    refuse(&options, good, false, "itself");
    options.layer_limit = NULL;
    options.pair.input = LIP_NORM_INF;
    refuse(&options, good, false, "can do: 1 to inf.");
    options = make_options(true);
    refuse(&options, "dense:4 relu dense:3", true, "3 outputs");
}
END_TEST

START_TEST(survives_lack_of_memory)
{
    struct lip_data *data = make_data(false);
    struct lip_train_options options = make_options(false);
    struct result r = train(&options, data, "dense:4 relu dense:1", NULL);
    struct lip_network *network = NULL;
    struct lip_run *run;
    struct lip_budget budget;
    lip_budget_init(&budget, 0);
    ck_assert_int_eq(
        lip_run_new(&run, &options, r.model, data, NULL, NULL, NULL), LIP_OK);
    for (long n = 0; !network; n++) {
        struct lip_ctx ctx = {.budget = &budget};
        budget.fail_after = n;
        enum lip_status status =
            lip_run_finish(&network, &r.outcome, run, &ctx);
        ck_assert_int_eq(status, network ? LIP_OK : LIP_NO_MEMORY);
        ck_assert(network || budget.used == 0);
        ck_assert_int_lt(n, 100);
    }
    lip_network_free(network);
    lip_run_free(run);
    clear(&r);
    lip_data_free(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/monotone");
    TCase *tc = tcase_create("monotone");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, served);
    tcase_add_test(tc, proven);
    tcase_add_test(tc, learns);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, survives_lack_of_memory);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
