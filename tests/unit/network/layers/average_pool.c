/* SPDX-License-Identifier: MIT
 *
 * Average pools against loops over each window. */
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

struct geometry {
    long in[2], kernel[2], stride[2], pad[4], dilation[2];
};

static struct geometry random_geometry(uint64_t *seed)
{
    struct geometry g;
    for (size_t a = 0; a < 2; a++) {
        g.in[a] = (long)shaped_from(seed, 5, 8);
        g.kernel[a] = (long)shaped_from(seed, 1, 3);
        g.stride[a] = (long)shaped_from(seed, 1, 3);
        g.dilation[a] = (long)shaped_from(seed, 1, 2);
        g.pad[a] = g.kernel[a] / 2;
        g.pad[a + 2] = (long)shaped_from(seed, 0, (size_t)g.kernel[a] / 2);
    }
    return g;
}

static struct lip_network *network_of(const struct geometry *g, long include)
{
    struct lip_layer layer = make_kind(&lip_layer_average_pool);
    set(&layer, "kernel", 2, g->kernel);
    set(&layer, "stride", 2, g->stride);
    set(&layer, "padding", 4, g->pad);
    set(&layer, "dilation", 2, g->dilation);
    set(&layer, "include_padding", 1, &include);
    return shaped((long[]){2, g->in[0], g->in[1], 0}, layer);
}

/* The mean of the window that begins at (top, left). */
static double mean(const struct geometry *g, const double *x, long top,
                   long left, bool include)
{
    double sum = 0, count = 0;
    for (long p = 0; p < g->kernel[0]; p++)
        for (long q = 0; q < g->kernel[1]; q++) {
            long i = top + p * g->dilation[0], j = left + q * g->dilation[1];
            bool in = i >= 0 && j >= 0 && i < g->in[0] && j < g->in[1];
            count += in || include;
            sum += in ? x[i * g->in[1] + j] : 0;
        }
    return sum / count;
}

START_TEST(each_window_is_averaged)
{
    uint64_t seed = 12;
    for (int round = 0; round < 200; round++) {
        struct geometry g = random_geometry(&seed);
        double x[128], y[256];
        for (size_t i = 0; i < 128; i++)
            x[i] = shaped_uniform(&seed);
        struct lip_network *n = network_of(&g, round % 2);
        ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
        const size_t *out = n->layer[1].out.dim;
        for (size_t k = 0; k < n->outputs; k++) {
            size_t c = k / (out[1] * out[2]);
            long i = (long)(k / out[2] % out[1]) * g.stride[0] - g.pad[0];
            long j = (long)(k % out[2]) * g.stride[1] - g.pad[1];
            double want =
                mean(&g, x + (long)c * g.in[0] * g.in[1], i, j, round % 2);
            ck_assert_double_eq_tol(y[k], want, 1e-14);
        }
        shaped_rows_agree(n);
        lip_network_free(n);
    }
}
END_TEST

/* Without a kernel there is one mean a channel; without a stride windows do not
 * overlap. */
START_TEST(what_is_left_out)
{
    double x[6] = {1, 2, 6, 4, 5, 9}, y[4];
    struct lip_network *n =
        shaped((long[]){2, 3, 0}, make_kind(&lip_layer_average_pool));
    shaped_out(n, (size_t[]){2, 1, 0});
    ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
    ck_assert_double_eq_tol(y[0], 3, 1e-15);
    ck_assert_double_eq_tol(y[1], 6, 1e-15);
    lip_network_free(n);
    struct lip_layer layer = make_kind(&lip_layer_average_pool);
    set(&layer, "kernel", 1, (long[]){2});
    n = shaped((long[]){1, 4, 6, 0}, layer);
    shaped_out(n, (size_t[]){1, 2, 3, 0});
    lip_network_free(n);
}
END_TEST

static struct lip_layer make(const char *name, long value)
{
    struct lip_layer layer = make_kind(&lip_layer_average_pool);
    set(&layer, "kernel", 1, (long[]){2});
    set(&layer, name, 1, &value);
    return layer;
}

START_TEST(refusals)
{
    static const long shape[] = {2, 3, 3, 0};
    shaped_refused(shape, make("kernel", 4), "spans a height of 4");
    shaped_refused(shape, make("kernel", 0), "at least 1");
    shaped_refused(shape, make("stride", 0), "at least 1");
    shaped_refused(shape, make("padding", -1), "at least 0");
    shaped_refused(shape, make("padding", 2), "nothing but padding");
    shaped_refused(shape, make("include_padding", 2), "at most 1");
    shaped_refused((long[]){6, 0}, make("stride", 1), "A reshape");
    struct lip_layer wide = make("dilation", 5);
    set(&wide, "padding", 1, (long[]){2});
    shaped_refused(shape, wide, "nothing but padding");
    struct lip_layer after = make("stride", 1);
    set(&after, "padding", 4, (long[]){0, 0, 0, 2});
    shaped_refused(shape, after, "along the width");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/average_pool");
    TCase *tc = tcase_create("average_pool");
    tcase_add_test(tc, each_window_is_averaged);
    tcase_add_test(tc, what_is_left_out);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
