/* SPDX-License-Identifier: MIT
 *
 * The end of a run: what is served is proven within the limit. */
#include "training/loop.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"
#include "training/generate.h"
#include "training/random.h"

#include <math.h>
#include <string.h>

static double length(const double *x, size_t n, enum lip_norm norm)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (norm == LIP_NORM_INF)
            sum = fmax(sum, fabs(x[i]));
        else
            sum += norm == LIP_NORM_1 ? fabs(x[i]) : x[i] * x[i];
    }
    return norm == LIP_NORM_2 ? sqrt(sum) : sum;
}

/* No pair of points is farther apart than the limit allows. */
static void search(const struct lip_network *network, struct lip_norm_pair pair,
                   double limit)
{
    double a[2], b[2], gap[2], fa[2], fb[2], rise[2];
    for (uint64_t t = 0; t < 500; t++) {
        for (int i = 0; i < 2; i++) {
            a[i] = 2 * lip_draw_normal(t, 60, (uint64_t)i);
            b[i] = a[i] + 0.1 * lip_draw_normal(t, 61, (uint64_t)i);
            gap[i] = a[i] - b[i];
        }
        lip_network_eval(fa, network, a, NULL);
        lip_network_eval(fb, network, b, NULL);
        for (int i = 0; i < 2; i++)
            rise[i] = fa[i] - fb[i];
        ck_assert_double_le(length(rise, 2, pair.output),
                            limit * length(gap, 2, pair.input) + 1e-12);
    }
}

static void check(const struct lip_constraint *constraint,
                  struct lip_norm_pair pair, const char *normalisation,
                  double limit)
{
    struct lip_train_options options = train_options("hinge", constraint->name);
    struct lip_data *data = train_data("two-moons", 200, 1);
    struct lip_model *model =
        train_model(2, "dense:12 leaky-relu dense:9 abs dense:2", 3);
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_scaling scaling;
    struct lip_run *run;
    struct lip_ctx ctx = {0};
    options.pair = pair;
    options.direction = (const signed char[]){1, -1};
    options.directions = 2;
    options.limit = limit;
    for (size_t i = 0; i < 2 * data->rows; i++)
        data->x[i] *= i % 2 ? 0.1F : 3;
    ck_assert_int_eq(lip_scaling_fit(&scaling,
                                     lip_normalisation_find(normalisation),
                                     data, NULL),
                     LIP_OK);
    lip_scaling_apply(data, &scaling);
    ck_assert_int_eq(
        lip_run_new(&run, &options, model, data, NULL, &scaling, &ctx), LIP_OK);
    ck_assert_int_eq(lip_run_go(run, NULL, NULL, &ctx), LIP_OK);
    ck_assert_msg(lip_run_finish(&network, &outcome, run, &ctx) == LIP_OK,
                  "%s %g: %s", constraint->name, limit, ctx.error.detail);
    ck_assert_double_le(outcome.norm, limit);
    ck_assert_uint_eq(outcome.layers, 3);
    search(network, pair, limit);
    lip_network_free(network);
    lip_run_free(run);
    lip_model_free(model);
    lip_data_free(data);
    lip_scaling_clear(&scaling);
}

START_TEST(within_the_limit)
{
    for (size_t k = 0; lip_constraints[k]; k++)
        for (int i = 0; i < 9; i++) {
            const struct lip_constraint *constraint = lip_constraints[k];
            struct lip_norm_pair pair = {(enum lip_norm)(i / 3),
                                         (enum lip_norm)(i % 3)};
            if (constraint->free ||
                lip_constraint_check(constraint, pair, NULL) != LIP_OK)
                continue;
            check(constraint, pair, "none", 1);
            check(constraint, pair, "standard", 0.01);
            check(constraint, pair, "uniform", 40);
        }
}
END_TEST

/* Stopped in the middle, what there is can be finished all the same. */
static bool stop(void *arg, const struct lip_progress *progress)
{
    (void)arg;
    return progress->done < 7;
}

START_TEST(half_way)
{
    struct lip_train_options options = train_options("hinge", "rank-one-clip");
    struct lip_data *data = train_data("two-moons", 200, 1);
    struct lip_model *model = train_model(2, "dense:12 relu dense:2", 3);
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_run *run;
    struct lip_ctx ctx = {.progress = stop};
    ck_assert_int_eq(lip_run_new(&run, &options, model, data, NULL, NULL, NULL),
                     LIP_OK);
    ck_assert_int_eq(lip_run_go(run, NULL, NULL, &ctx), LIP_CANCELLED);
    ck_assert_uint_eq(lip_run_where(run).step, 0);
    ck_assert_uint_eq(lip_run_where(run).epoch, 1);
    ck_assert_int_eq(lip_run_finish(&network, &outcome, run, NULL), LIP_OK);
    ck_assert_double_le(outcome.norm, 1);
    lip_network_free(network);
    lip_run_free(run);
    lip_model_free(model);
    lip_data_free(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/run_finish");
    TCase *tc = tcase_create("run_finish");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, within_the_limit);
    tcase_add_test(tc, half_way);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
