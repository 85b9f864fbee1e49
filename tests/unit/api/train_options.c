/* SPDX-License-Identifier: MIT
 *
 * Properties: every constraint, loss, optimiser and schedule of the tables can
 * be named; defaults follow what was chosen; a norm that a constraint cannot
 * do gets the list of those it can; what is out of range or means nothing for
 * the choice is refused at its pointer. */
#include "tests/support/suite.h"
#include "tests/support/train_request.h"

#include <stdio.h>
#include <string.h>

START_TEST(test_losses)
{
    for (size_t i = 0; lip_losses[i]; i++) {
        struct api_train_request out;
        const struct lip_loss *loss = lip_losses[i];
        char member[400];
        snprintf(member, sizeof member,
                 "'loss': {'type': '%s'}, 'dataset': {'generate': '%s'}%s",
                 loss->name, loss->classification ? "circles" : "sine",
                 loss->classification ? ""
                                      : ", 'model': {'layers': [{'type': "
                                        "'dense', 'units': 1}]}");
        train_request_good(&out, member);
        ck_assert_ptr_eq(out.options.loss.loss, loss);
        for (size_t k = 0; loss->parameter[k].name; k++)
            ck_assert_double_eq(out.options.loss.parameter[k],
                                loss->parameter[k].fallback);
        api_train_clear(&out);
    }
}
END_TEST

/* Mapped weights get an adaptive optimiser, mended ones the usual one. */
START_TEST(test_constraints)
{
    for (size_t i = 0; lip_constraints[i]; i++) {
        struct api_train_request out;
        const struct lip_constraint *constraint = lip_constraints[i];
        if (constraint->monotone) /* train_monotone.c */
            continue;
        struct lip_norm_pair two = {LIP_NORM_2, LIP_NORM_2};
        struct lip_norm_pair inf = {LIP_NORM_INF, LIP_NORM_INF};
        bool l2 = lip_constraint_check(constraint, two, NULL) == LIP_OK;
        char member[300];
        ck_assert(l2 || constraint->free ||
                  lip_constraint_check(constraint, inf, NULL) == LIP_OK);
        snprintf(member, sizeof member,
                 "'constraint': {'method': '%s', "
                 "'norm': %s}",
                 constraint->name, l2 || constraint->free ? "2" : "'inf'");
        train_request_good(&out, member);
        ck_assert_ptr_eq(out.options.constraint, constraint);
        ck_assert_uint_eq(out.options.every, constraint->every);
        ck_assert_str_eq(out.options.optimiser->name,
                         constraint->mapped ? "adam" : "sgd");
        ck_assert_double_eq(out.options.limit, constraint->free ? 0 : 1);
        api_train_clear(&out);
    }
}
END_TEST

START_TEST(test_norms)
{
    struct api_train_request out;
    train_request_good(&out, "'constraint': {'norm': {'input': 1, 'output': "
                             "'inf'}, 'lipschitz': 3, 'every': 7}");
    ck_assert_int_eq(out.options.pair.input, LIP_NORM_1);
    ck_assert_int_eq(out.options.pair.output, LIP_NORM_INF);
    ck_assert_str_eq(out.options.constraint->name, "projection");
    ck_assert_uint_eq(out.options.every, 7);
    ck_assert_double_eq(out.options.limit, 3);
    api_train_clear(&out);
}
END_TEST

START_TEST(test_shares)
{
    struct api_train_request out;
    train_request_good(&out, "'constraint': {'lipschitz_per_layer': 0.5}");
    ck_assert_uint_eq(out.options.layer_limits, 2);
    ck_assert_double_eq(out.options.layer_limit[1], 0.5);
    ck_assert_double_eq(out.options.limit, 0);
    api_train_clear(&out);
    train_request_good(&out, "'constraint': {'lipschitz_per_layer': [2, 0.5], "
                             "'lipschitz': 1}");
    ck_assert_double_eq(out.options.layer_limit[0], 2);
    ck_assert_double_eq(out.options.layer_limit[1], 0.5);
    ck_assert_double_eq(out.options.limit, 1);
    api_train_clear(&out);
}
END_TEST

START_TEST(test_optimisers)
{
    for (size_t i = 0; lip_optimisers[i]; i++) {
        struct api_train_request out;
        const struct lip_optimiser *optimiser = lip_optimisers[i];
        char member[100];
        snprintf(member, sizeof member, "'optimizer': {'type': '%s'}",
                 optimiser->name);
        train_request_good(&out, member);
        ck_assert_ptr_eq(out.options.optimiser, optimiser);
        ck_assert_double_eq(out.options.rate, optimiser->rate);
        ck_assert_double_eq(out.options.step.momentum,
                            optimiser->fallback.momentum);
        ck_assert_double_eq(out.options.step.weight_decay,
                            optimiser->fallback.weight_decay);
        api_train_clear(&out);
    }
    for (size_t i = 0; lip_schedules[i]; i++) {
        struct api_train_request out;
        char member[100];
        snprintf(member, sizeof member, "'optimizer': {'schedule': %s'%s'%s}",
                 i % 2 ? "{'type': " : "", lip_schedules[i]->name,
                 i % 2 ? "}" : "");
        train_request_good(&out, member);
        ck_assert_ptr_eq(out.options.schedule, lip_schedules[i]);
        api_train_clear(&out);
    }
}
END_TEST

START_TEST(test_steps)
{
    struct api_train_request out;
    train_request_good(&out,
                       "'optimizer': {'type': 'adam', 'learning_rate': 0.5, "
                       "'beta1': 0.8, 'beta2': 0.9, 'epsilon': 1e-6, "
                       "'amsgrad': true, 'weight_decay': 0.1, 'clip': 2}");
    const struct lip_step_options *step = &out.options.step;
    ck_assert_double_eq(out.options.rate, 0.5);
    ck_assert_double_eq(step->momentum, 0.8);
    ck_assert_double_eq(step->beta2, 0.9);
    ck_assert_double_eq(step->eps, 1e-6);
    ck_assert(step->amsgrad);
    ck_assert_double_eq(step->weight_decay, 0.1);
    ck_assert_double_eq(out.options.clip, 2);
    api_train_clear(&out);
    train_request_good(&out, "'optimizer': {'momentum': 0.5, 'nesterov': "
                             "false}");
    ck_assert_double_eq(out.options.step.momentum, 0.5);
    ck_assert(!out.options.step.nesterov);
    api_train_clear(&out);
}
END_TEST

static const struct {
    const char *member, *pointer, *words;
} bad[] = {
    {"'loss': {'type': 'huber'}", "/loss/type", "multi-margin"},
    {"'loss': {}", "/loss/type", "hinge"},
    {"'loss': 'hinge'", "/loss", "object"},
    {"'loss': {'type': 'mse'}", "/loss/type", "classification"},
    {"'loss': {'type': 'hinge', 'temperature': 1}", "/loss/temperature",
     "margin"},
    {"'loss': {'type': 'hinge', 'margin': -1}", "/loss/margin", "at least 0"},
    {"'constraint': {'limit': 1}", "/constraint/limit", "lipschitz"},
    {"'constraint': {'method': 'clip'}", "/constraint/method", "projection"},
    {"'constraint': {'lipschitz': 0}", "/constraint/lipschitz", "1e-06"},
    {"'constraint': {'lipschitz': -1}", "/constraint/lipschitz", "1e+12"},
    {"'constraint': {'lipschitz': null}", "/constraint/lipschitz", "number"},
    {"'constraint': {'norm': 3}", "/constraint/norm", "inf"},
    {"'constraint': {'norm': {'input': 2}}", "/constraint/norm/output", "inf"},
    {"'constraint': {'method': 'rank-one-clip', 'norm': 1}", "/constraint/norm",
     "It can do: 2 to 2"},
    {"'constraint': {'method': 'projection', 'norm': {'input': 'inf', "
     "'output': 1}}",
     "/constraint/norm", "1 to inf"},
    {"'constraint': {'method': 'none', 'lipschitz': 1}",
     "/constraint/lipschitz", "no limit"},
    {"'constraint': {'lipschitz_per_layer': [1]}",
     "/constraint/lipschitz_per_layer", "2 limits"},
    {"'constraint': {'lipschitz_per_layer': [1, 0]}",
     "/constraint/lipschitz_per_layer/1", "1e-12"},
    {"'constraint': {'lipschitz_per_layer': true}",
     "/constraint/lipschitz_per_layer", "number"},
    {"'constraint': {'every': 0}", "/constraint/every", "1 to"},
    {"'constraint': {'method': 'aol', 'every': 2}", "/constraint/every",
     "every step"},
    {"'optimizer': {'type': 'lion'}", "/optimizer/type", "adamw"},
    {"'optimizer': {'rate': 1}", "/optimizer/rate", "learning_rate"},
    {"'optimizer': {'learning_rate': 0}", "/optimizer/learning_rate",
     "above 0"},
    {"'optimizer': {'beta1': 0.9}", "/optimizer/beta1", "momentum"},
    {"'optimizer': {'type': 'adam', 'momentum': 0.9}", "/optimizer/momentum",
     "beta1"},
    {"'optimizer': {'momentum': 1}", "/optimizer/momentum", "below 1"},
    {"'optimizer': {'nesterov': 1}", "/optimizer/nesterov", "true or false"},
    {"'optimizer': {'schedule': 'up'}", "/optimizer/schedule", "one-cycle"},
    {"'optimizer': {'schedule': {'name': 'step'}}", "/optimizer/schedule/name",
     "type"},
    {"'optimizer': {'clip': -1}", "/optimizer/clip", "at least 0"},
};

START_TEST(test_bad)
{
    train_request_bad(bad[_i].member, bad[_i].pointer, bad[_i].words);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/train_options");
    TCase *t = tcase_create("train_options");
    tcase_add_test(t, test_losses);
    tcase_add_test(t, test_constraints);
    tcase_add_test(t, test_norms);
    tcase_add_test(t, test_shares);
    tcase_add_test(t, test_optimisers);
    tcase_add_test(t, test_steps);
    tcase_add_loop_test(t, test_bad, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
