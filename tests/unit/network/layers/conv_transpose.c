/* SPDX-License-Identifier: MIT
 *
 * Transposed convolutions against the sum written out, and as the adjoint
 * of the convolution with the same numbers. */
#include "network/operator.h"
#include "network/window.h"
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <string.h>

struct geometry {
    size_t in[3], out, groups, kernel[2], stride[2], pad[4], dilation[2],
        more[2];
};

static void set_sizes(struct lip_layer *layer, const char *name, size_t count,
                      const size_t *size)
{
    long value[4];
    for (size_t k = 0; k < count; k++)
        value[k] = (long)size[k];
    set(layer, name, count, value);
}

/* y[out][big[0]][big[1]], every number of x spread as the kernel says. */
static void spread(double *y, const struct geometry *g, const size_t big[2],
                   const double *k, const double *bias, const double *x)
{
    size_t area = big[0] * big[1], of_group = g->out / g->groups;
    size_t in_group = g->in[0] / g->groups, size = g->kernel[0] * g->kernel[1];
    for (size_t i = 0; i < g->out * area; i++)
        y[i] = bias[i / area];
    for (size_t c = 0; c < g->in[0]; c++)
        for (size_t i = 0; i < g->in[1] * g->in[2]; i++)
            for (size_t o = 0; o < of_group; o++)
                for (size_t q = 0; q < size; q++) {
                    long row = (long)(i / g->in[2] * g->stride[0] +
                                      q / g->kernel[1] * g->dilation[0]) -
                               (long)g->pad[0];
                    long col = (long)(i % g->in[2] * g->stride[1] +
                                      q % g->kernel[1] * g->dilation[1]) -
                               (long)g->pad[1];
                    if (row < 0 || col < 0 || row >= (long)big[0] ||
                        col >= (long)big[1])
                        continue;
                    y[(c / in_group * of_group + o) * area +
                      (size_t)row * big[1] + (size_t)col] +=
                        k[(c * of_group + o) * size + q] *
                        x[c * g->in[1] * g->in[2] + i];
                }
}

static struct geometry random_geometry(uint64_t *seed)
{
    struct geometry g = {.groups = shaped_from(seed, 1, 3)};
    g.in[0] = g.groups * shaped_from(seed, 1, 2);
    g.out = g.groups * shaped_from(seed, 1, 2);
    for (size_t a = 0; a < 2; a++) {
        g.in[a + 1] = shaped_from(seed, 2, 5);
        g.kernel[a] = shaped_from(seed, 2, 3);
        g.stride[a] = shaped_from(seed, 1, 3);
        g.dilation[a] = shaped_from(seed, 1, 2);
        g.pad[a] = shaped_from(seed, 0, 1);
        g.pad[a + 2] = shaped_from(seed, 0, 1);
        g.more[a] = shaped_from(seed, 0, g.stride[a] - 1);
    }
    return g;
}

static struct lip_network *network_of(const struct geometry *g,
                                      const double *kernel, const double *bias)
{
    struct lip_layer layer = make_kind(&lip_layer_conv_transpose);
    layer.weight = make_array(
        (size_t[]){g->in[0], g->out / g->groups, g->kernel[0], g->kernel[1], 0},
        kernel, NULL);
    layer.bias = make_tensor(LIP_F64, false, g->out, 0, bias, NULL);
    set_sizes(&layer, "stride", 2, g->stride);
    set_sizes(&layer, "padding", 4, g->pad);
    set_sizes(&layer, "dilation", 2, g->dilation);
    set_sizes(&layer, "groups", 1, &g->groups);
    set_sizes(&layer, "output_padding", 2, g->more);
    return shaped((long[]){(long)g->in[0], (long)g->in[1], (long)g->in[2], 0},
                  layer);
}

START_TEST(follows_the_formula)
{
    uint64_t seed = 20;
    for (int round = 0; round < 200; round++) {
        struct geometry g = random_geometry(&seed);
        double kernel[6 * 2 * 9], bias[6], x[6 * 25], y[6 * 400], z[6 * 400];
        for (size_t i = 0; i < sizeof kernel / sizeof *kernel; i++)
            kernel[i] = shaped_uniform(&seed);
        for (size_t i = 0; i < 6; i++)
            bias[i] = shaped_uniform(&seed);
        for (size_t i = 0; i < sizeof x / sizeof *x; i++)
            x[i] = shaped_uniform(&seed);
        size_t big[2];
        for (size_t a = 0; a < 2; a++)
            big[a] = (g.in[a + 1] - 1) * g.stride[a] +
                     (g.kernel[a] - 1) * g.dilation[a] + 1 + g.more[a] -
                     g.pad[a] - g.pad[a + 2];
        struct lip_network *n = network_of(&g, kernel, bias);
        shaped_out(n, (size_t[]){g.out, big[0], big[1], 0});
        ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
        spread(z, &g, big, kernel, bias, x);
        for (size_t k = 0; k < n->outputs; k++)
            ck_assert_double_eq_tol(y[k], z[k], 1e-12);
        shaped_rows_agree(n);
        lip_network_free(n);
    }
}
END_TEST

/* Its window is that of the convolution whose transpose it is. */
START_TEST(it_is_the_adjoint)
{
    uint64_t seed = 2;
    double kernel[54], x[100], y[100], zero[6] = {0};
    for (size_t i = 0; i < 54; i++)
        kernel[i] = shaped_uniform(&seed);
    for (size_t i = 0; i < 100; i++)
        x[i] = shaped_uniform(&seed);
    struct geometry g = {.in = {3, 2, 3},
                         .out = 2,
                         .groups = 1,
                         .kernel = {3, 3},
                         .stride = {2, 1},
                         .pad = {1, 0, 0, 1},
                         .dilation = {1, 1},
                         .more = {1, 0}};
    struct lip_network *n = network_of(&g, kernel, zero);
    struct lip_window w = lip_layer_window(&n->layer[1]);
    struct lip_layer conv =
        make_conv((size_t[]){3, 2, 3, 3, 0}, kernel, NULL, NULL);
    set_sizes(&conv, "stride", 2, g.stride);
    set_sizes(&conv, "padding", 4, g.pad);
    struct lip_network *c =
        shaped((long[]){2, (long)w.in[0], (long)w.in[1], 0}, conv);
    struct lip_window v = lip_layer_window(&c->layer[1]);
    ck_assert_mem_eq(&v, &w, sizeof v);
    struct lip_operator op;
    ck_assert_int_eq(lip_operator_new(&op, &c->layer[1], NULL), LIP_OK);
    double z[100];
    lip_operator_adjoint(z, &op, x);
    lip_operator_clear(&op);
    ck_assert_uint_eq(n->outputs, c->inputs);
    ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
    for (size_t i = 0; i < n->outputs; i++)
        ck_assert_double_eq_tol(y[i], z[i], 1e-12);
    lip_network_free(n);
    lip_network_free(c);
}
END_TEST

static struct lip_layer make(const size_t *dim, const char *name, size_t count,
                             const long *value)
{
    static const double zero[64];
    struct lip_layer layer = make_kind(&lip_layer_conv_transpose);
    layer.weight = make_array(dim, zero, NULL);
    if (name)
        set(&layer, name, count, value);
    return layer;
}

START_TEST(sequences)
{
    struct lip_network *n =
        shaped((long[]){2, 5, 0},
               make((size_t[]){2, 3, 4, 0}, "stride", 1, (long[]){3}));
    shaped_out(n, (size_t[]){3, 16, 0});
    shaped_rows_agree(n);
    lip_network_free(n);
}
END_TEST

START_TEST(refusals)
{
    static const long shape[] = {2, 5, 0};
    static const size_t dim[] = {2, 3, 4, 0}, two[] = {1, 1, 2, 2, 0};
#define ONE(x) 1, (long[]){x}
    shaped_refused(shape, make(dim, "stride", ONE(0)), "at least 1");
    shaped_refused(shape, make(dim, "stride", ONE(1L << 40)), "at most");
    shaped_refused(shape, make(dim, "padding", ONE(-1)), "at least 0");
    shaped_refused(shape, make(dim, "padding", ONE(4)), "cuts off all");
    shaped_refused(shape, make(dim, "groups", ONE(4)), "4 groups");
    shaped_refused(shape, make(dim, "groups", ONE(0)), "at least 1");
    shaped_refused(shape, make(dim, "output_padding", ONE(1)),
                   "less than the stride");
    shaped_refused(shape, make(dim, "dilation", 2, (long[]){1, 1}),
                   "2 numbers");
    shaped_refused(shape, make(two, NULL, 0, NULL), "has 4 dimensions");
    shaped_refused((long[]){3, 5, 0}, make(dim, NULL, 0, NULL), "takes 2");
    shaped_refused((long[]){10, 0}, make(dim, NULL, 0, NULL), "A reshape");
    shaped_refused((long[]){2, 1 << 20, 0}, make(dim, "stride", ONE(1 << 20)),
                   "would be more than");
    shaped_refused(shape, make_kind(&lip_layer_conv_transpose), "0 dimensions");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/conv_transpose");
    TCase *tc = tcase_create("conv_transpose");
    tcase_add_test(tc, follows_the_formula);
    tcase_add_test(tc, it_is_the_adjoint);
    tcase_add_test(tc, sequences);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
