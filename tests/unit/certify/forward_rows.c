/* SPDX-License-Identifier: MIT
 *
 * Layers by their rows: what a network of convolutions and pools gives is
 * within the claimed error of the same network unrolled, in ball arithmetic. */
#include "certify/forward_rows.h"

#include "certify/forward.h"
#include "network/operator.h"
#include "tests/support/exact_network.h"
#include "tests/support/suite.h"
#include "training/random.h"

#include <math.h>
#include <string.h>

enum { PREC = 300, INPUTS = 2 * 6 * 6, COUNT = 5, OUTPUTS = 3 * 9 };

static struct lip_tensor random_tensor(size_t rank, const size_t *dim,
                                       uint64_t stream)
{
    struct lip_tensor t = {.dtype = LIP_F64, .rank = rank};
    size_t count = 1;
    for (size_t k = 0; k < rank; k++)
        count *= t.dim[k] = dim[k];
    double *x = lip_alloc(NULL, count, sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = lip_draw_normal(7, stream, i);
    t.buffer = lip_buffer_take(x, count * sizeof *x, NULL);
    t.data = lip_buffer_bytes(t.buffer);
    return t;
}

static void set(struct lip_layer *layer, const char *name, long value)
{
    *lip_layer_set(layer, name) = (struct lip_setting){1, {value}};
}

/* [2, 6, 6], convolution to [3, 6, 6], activation, average over 2 x 2. */
static struct lip_network *images(void)
{
    struct lip_layer *layer = lip_calloc(NULL, 4, sizeof *layer);
    struct lip_network *network;
    struct lip_ctx ctx = {0};
    layer[0].kind = &lip_layer_reshape;
    *lip_layer_set(&layer[0], "shape") = (struct lip_setting){3, {2, 6, 6}};
    layer[1].kind = &lip_layer_conv;
    layer[1].weight = random_tensor(4, (size_t[]){3, 2, 3, 3}, 1);
    layer[1].bias = random_tensor(1, (size_t[]){3}, 2);
    set(&layer[1], "padding", 1);
    layer[2].kind = &lip_layer_activation;
    layer[2].activation = lip_activation_find("tanh");
    layer[3].kind = &lip_layer_average_pool;
    set(&layer[3], "kernel", 2);
    ck_assert_msg(lip_network_new(&network, layer, 4, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    return network;
}

/* A dense layer with the same entries. */
static void unroll(struct lip_layer *out, const struct lip_layer *layer)
{
    struct lip_operator op;
    size_t n = layer->inputs, m = layer->outputs;
    out->kind = &lip_layer_dense;
    out->weight = random_tensor(2, (size_t[]){m, n}, 0);
    out->bias = random_tensor(1, (size_t[]){m}, 0);
    double *w = (double *)(uintptr_t)out->weight.data;
    double *b = (double *)(uintptr_t)out->bias.data;
    memset(w, 0, m * n * sizeof *w);
    ck_assert_int_eq(lip_operator_new(&op, layer, NULL), LIP_OK);
    for (size_t k = 0; k < m; k++) {
        size_t entries = lip_operator_row(&op, k);
        for (size_t j = 0; j < entries; j++)
            w[k * n + op.column[j]] = op.value[j];
        b[k] = lip_operator_offset(&op, k);
    }
    lip_operator_clear(&op);
}

static struct lip_network *unrolled(const struct lip_network *network)
{
    struct lip_layer *layer = lip_calloc(NULL, 3, sizeof *layer);
    struct lip_network *out;
    unroll(&layer[0], &network->layer[1]);
    layer[1].kind = &lip_layer_activation;
    layer[1].activation = network->layer[2].activation;
    unroll(&layer[2], &network->layer[3]);
    ck_assert_int_eq(lip_network_new(&out, layer, 3, NULL), LIP_OK);
    return out;
}

static double distance(const double *y, arb_srcptr truth, enum lip_norm norm)
{
    double d[OUTPUTS];
    arb_t gap;
    arb_init(gap);
    for (size_t k = 0; k < OUTPUTS; k++) {
        arb_set_d(gap, y[k]);
        arb_sub(gap, gap, truth + k, PREC);
        d[k] = arf_get_d(arb_midref(gap), ARF_RND_NEAR);
    }
    arb_clear(gap);
    return lip_vector_upper(d, OUTPUTS, norm);
}

START_TEST(within_the_error)
{
    struct lip_network *network = images(), *flat = unrolled(network);
    double x[COUNT * INPUTS], y[COUNT * OUTPUTS], error[COUNT];
    for (size_t k = 0; k < COUNT * INPUTS; k++)
        x[k] = lip_draw_normal(3, 3, k);
    arb_ptr truth = _arb_vec_init(OUTPUTS);
    for (int r = 0; r < LIP_NORM_COUNT; r++) {
        struct lip_forward *f;
        ck_assert_int_eq(
            lip_forward_new(&f, network, 4, (enum lip_norm)r, NULL), LIP_OK);
        ck_assert_int_eq(lip_forward_run(y, error, f, x, COUNT, NULL), LIP_OK);
        for (size_t i = 0; i < COUNT; i++) {
            exact_evaluate(truth, flat, x + i * INPUTS, PREC);
            double off = distance(y + i * OUTPUTS, truth, (enum lip_norm)r);
            ck_assert_double_le(off, error[i]);
            ck_assert_double_gt(off, 0);
            ck_assert_double_le(error[i], 1e-11);
        }
        lip_forward_free(f);
    }
    _arb_vec_clear(truth, OUTPUTS);
    lip_network_free(network);
    lip_network_free(flat);
}
END_TEST

/* What is divided by 9 is off by a rounding: that is part of the error. */
START_TEST(norms_know_what_is_uncertain)
{
    struct lip_network *network = images();
    struct lip_forward_norms n;
    ck_assert_int_eq(
        lip_forward_norms(&n, &network->layer[3], LIP_NORM_2, NULL), LIP_OK);
    ck_assert_double_gt(n.uncertainty, 0);
    ck_assert_double_ge(n.norm, 0.5);
    ck_assert_double_le(n.norm, 0.5 + 1e-9);
    ck_assert_uint_eq(n.terms, 4);
    ck_assert_int_eq(
        lip_forward_norms(&n, &network->layer[1], LIP_NORM_2, NULL), LIP_OK);
    ck_assert_double_le(n.norm, n.absolute);
    ck_assert_double_gt(n.offset, 0);
    lip_network_free(network);
}
END_TEST

/* x + A x is no chain. */
START_TEST(others_than_chains_are_refused)
{
    struct lip_network *network = images();
    struct lip_forward *f;
    struct lip_ctx ctx = {0};
    size_t from = 0;
    network->layer[2].source = &from;
    network->layer[2].sources = 1;
    ck_assert_int_eq(lip_forward_new(&f, network, 4, LIP_NORM_2, &ctx),
                     LIP_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "Layer 2"));
    network->layer[2].source = NULL;
    network->layer[2].sources = 0;
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certify/forward_rows");
    TCase *tc = tcase_create("forward_rows");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, within_the_error);
    tcase_add_test(tc, norms_know_what_is_uncertain);
    tcase_add_test(tc, others_than_chains_are_refused);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
