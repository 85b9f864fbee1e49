/* SPDX-License-Identifier: MIT
 *
 * Stages are the network: the same layers, numbers and parameters, without
 * what changes nothing. */
#include "certify/stages.h"

#include "tests/support/layers.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <limits.h>
#include <string.h>

static struct lip_ctx none;

START_TEST(layers_become_stages)
{
    const double w[] = {1, 2, 3, 4, 5, 6}, b[] = {7, 0, -8}, s[] = {.1, .2, .3};
    struct lip_layer prelu = make_activation("prelu");
    prelu.weight =
        make_tensor(LIP_F32, false, 3, 0, (double[]){1, 2, 4}, &none);
    struct lip_layer leaky = make_activation("leaky-relu");
    leaky.parameter[0] = 0.5;
    const struct lip_layer layer[] = {make_flatten(),
                                      make_dense(3, 2, w, b, &none), prelu,
                                      leaky, make_dense(1, 3, s, NULL, &none)};
    struct lip_network *network;
    struct lip_stages *stages;
    ck_assert_int_eq(make_network(&network, layer, 5, &none), LIP_OK);
    ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
    lip_network_free(network); /* stages stand on their own */
    ck_assert_uint_eq(stages->count, 4);
    ck_assert_uint_eq(stages->inputs, 2);
    ck_assert_uint_eq(stages->outputs, 1);
    ck_assert_uint_eq(stages->widest, 3);
    ck_assert_uint_eq(stages->neurons, 6);
    ck_assert_double_eq(stages->products, 9);
    ck_assert(stages->straight);
    const struct lip_stage *stage = stages->stage;
    ck_assert_int_eq(memcmp(stage[0].weight, w, sizeof w), 0);
    ck_assert_int_eq(memcmp(stage[0].bias, b, sizeof b), 0);
    ck_assert_int_eq((int)stage[0].top_weight, 3); /* 6 < 2^3 */
    ck_assert_int_eq((int)stage[0].top_bias, 4);   /* 8 < 2^4 */
    double room[LIP_MAX_PARAMETERS];
    ck_assert_ptr_null(stage[1].weight);
    ck_assert_double_eq(*lip_stage_parameter(&stage[1], 2, room), 4);
    ck_assert_double_eq(*lip_stage_parameter(&stage[2], 2, room), 0.5);
    ck_assert_ptr_null(stage[3].bias);
    ck_assert(stage[3].top_bias == LONG_MIN);
    lip_stages_free(stages);
    lip_stages_free(NULL);
}
END_TEST

/* x through stages first .. end - 1, which have no biases. */
static void walk(double *x, const struct lip_stage *first,
                 const struct lip_stage *end)
{
    double y[8], room[LIP_MAX_PARAMETERS];
    for (const struct lip_stage *s = first; s < end; s++) {
        for (size_t i = 0; i < s->outputs; i++) {
            y[i] = 0;
            for (size_t k = 0; s->weight && k < s->inputs; k++)
                y[i] += s->weight[i * s->inputs + k] * x[k];
            if (!s->weight)
                y[i] =
                    s->activation->value(x[i], lip_stage_parameter(s, i, room));
        }
        memcpy(x, y, s->outputs * sizeof *x);
    }
}

/* Each step of a sort is three stages, all together give its values. A mirror
 * at some angle is refused, and so is a sort that would outgrow the model. */
START_TEST(sorts_are_folded)
{
    const double w[] = {1, 2, 3, 4};
    static double wide[5000];
    struct lip_layer layer[] = {make_dense(4, 1, w, NULL, &none),
                                {.kind = &lip_layer_group_sort, .group = 2}};
    struct lip_network *network;
    struct lip_stages *stages;
    ck_assert_int_eq(make_network(&network, layer, 2, &none), LIP_OK);
    ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
    ck_assert_uint_eq(stages->count, 4);
    double x[] = {3, 5, 2, -7};
    walk(x, stages->stage + 1, stages->stage + 4);
    ck_assert(x[0] == 5 && x[1] == 3 && x[2] == 2 && x[3] == -7);
    ck_assert(stages->straight);
    lip_stages_free(stages);
    lip_network_free(network);
    struct lip_ctx ctx = {0};
    layer[0] = make_dense(4, 1, w, NULL, &none);
    layer[1].group = 4;
    ck_assert_int_eq(make_network(&network, layer, 2, &none), LIP_OK);
    ck_assert_int_eq(lip_stages_new(&stages, network, &ctx), LIP_OK);
    ck_assert_uint_eq(stages->count, 1 + 3 * 3);
    walk(x, stages->stage + 1, stages->stage + stages->count);
    ck_assert(x[0] == 5 && x[1] == 3 && x[2] == 2 && x[3] == -7);
    double z[] = {-3, -0x1p-40, 7, 7};
    walk(z, stages->stage + 1, stages->stage + stages->count);
    ck_assert(z[0] == 7 && z[1] == 7 && z[2] == -0x1p-40 && z[3] == -3);
    lip_stages_free(stages);
    lip_network_free(network);
    layer[0] = make_dense(4, 1, w, NULL, &none);
    layer[1] = (struct lip_layer){.kind = &lip_layer_householder};
    layer[1].weight = make_tensor(LIP_F64, false, 2, 0, w, NULL);
    ck_assert_int_eq(make_network(&network, layer, 2, &none), LIP_OK);
    ck_assert_int_eq(lip_stages_new(&stages, network, &ctx), LIP_UNSUPPORTED);
    lip_network_free(network);
    layer[1] = (struct lip_layer){.kind = &lip_layer_group_sort};
    layer[0] = make_dense(5000, 1, wide, NULL, &none);
    layer[1].group = 2;
    ck_assert_int_eq(make_network(&network, layer, 2, &none), LIP_OK);
    ck_assert_int_eq(lip_stages_new(&stages, network, &ctx), LIP_UNSUPPORTED);
    ck_assert(lip_stages_bytes(network) < 1e6);
    lip_network_free(network);
}
END_TEST

START_TEST(only_straight_pieces_are_straight)
{
    for (size_t i = 0; lip_activations[i]; i++) {
        struct plain net;
        struct lip_stages *stages;
        plain_random(&net, lip_activations[i]->name, (size_t[]){2, 3, 1}, 2, 1);
        struct lip_network *network = plain_network(&net, &none);
        ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
        ck_assert(stages->straight == (lip_activations[i]->pieces != NULL));
        lip_stages_free(stages);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    struct plain net;
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    plain_random(&net, "relu", (size_t[]){4, 5, 6, 2}, 3, 1);
    struct lip_network *network = plain_network(&net, &none);
    enum lip_status status = LIP_NO_MEMORY;
    lip_budget_init(&budget, 0);
    long n = 0;
    for (; status != LIP_OK; n++) {
        struct lip_stages *stages = NULL;
        lip_error_clear(&ctx);
        atomic_store(&budget.fail_after, n);
        status = lip_stages_new(&stages, network, &ctx);
        if (status == LIP_OK) {
            double used = (double)atomic_load(&budget.used);
            ck_assert_double_le(used, lip_stages_bytes(network));
            lip_stages_free(stages);
        } else {
            ck_assert_int_eq(status, LIP_NO_MEMORY);
        }
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
    ck_assert_int_ge((int)n, 8);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certify/stages");
    TCase *tc = tcase_create("stages");
    tcase_add_test(tc, layers_become_stages);
    tcase_add_test(tc, sorts_are_folded);
    tcase_add_test(tc, only_straight_pieces_are_straight);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
