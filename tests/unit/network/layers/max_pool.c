/* SPDX-License-Identifier: MIT
 *
 * Max pools: the largest of each window, and their constants. */
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <math.h>

struct geometry {
    long in[2], kernel[2], stride[2], pad[4], dilation[2];
};

static struct geometry random_geometry(uint64_t *seed)
{
    struct geometry g;
    for (size_t a = 0; a < 2; a++) {
        g.in[a] = (long)shaped_from(seed, 6, 9);
        g.kernel[a] = (long)shaped_from(seed, 1, 4);
        g.stride[a] = (long)shaped_from(seed, 1, 4);
        g.dilation[a] = (long)shaped_from(seed, 1, 2);
        g.pad[a] = (long)shaped_from(seed, 0, (size_t)g.kernel[a] / 2);
        g.pad[a + 2] = g.kernel[a] / 2;
    }
    return g;
}

static struct lip_network *network_of(const struct geometry *g)
{
    struct lip_layer layer = make_kind(&lip_layer_max_pool);
    set(&layer, "kernel", 2, g->kernel);
    set(&layer, "stride", 2, g->stride);
    set(&layer, "padding", 4, g->pad);
    set(&layer, "dilation", 2, g->dilation);
    return shaped((long[]){2, g->in[0], g->in[1], 0}, layer);
}

/* Of the window that begins at (top, left); counts how often each is seen. */
static double largest(const struct geometry *g, const double *x, double *seen,
                      long top, long left)
{
    double most = -INFINITY;
    for (long p = 0; p < g->kernel[0]; p++)
        for (long q = 0; q < g->kernel[1]; q++) {
            long i = top + p * g->dilation[0], j = left + q * g->dilation[1];
            if (i < 0 || j < 0 || i >= g->in[0] || j >= g->in[1])
                continue;
            most = fmax(most, x[i * g->in[1] + j]);
            seen[i * g->in[1] + j]++;
        }
    return most;
}

static void check_columns(const struct lip_layer *layer, const double *x,
                          size_t k, double want)
{
    size_t column[64];
    size_t n = layer->kind->largest_of(layer, k, column);
    ck_assert(n >= 1 && n <= layer->fan_in);
    double most = -INFINITY;
    for (size_t j = 0; j < n; j++)
        most = fmax(most, x[column[j]]);
    ck_assert_double_eq(most, want);
}

/* The number of windows that see one number is what one spike shows. */
static void check_constant(const struct lip_layer *layer, double often)
{
    double one = layer->kind->constant(layer, LIP_NORM_1);
    double two = layer->kind->constant(layer, LIP_NORM_2);
    ck_assert_double_ge(one, often);
    ck_assert_double_ge(two * two, often);
    ck_assert_double_le(two, sqrt(one) * (1 + 1e-15));
    ck_assert_double_eq(layer->kind->constant(layer, LIP_NORM_INF), 1);
}

START_TEST(windows_and_constants)
{
    uint64_t seed = 12;
    for (int round = 0; round < 300; round++) {
        struct geometry g = random_geometry(&seed);
        double x[162], y[400], seen[81] = {0}, often = 1;
        for (size_t i = 0; i < 162; i++)
            x[i] = shaped_uniform(&seed);
        struct lip_network *n = network_of(&g);
        const struct lip_layer *layer = &n->layer[1];
        ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
        const size_t *out = layer->out.dim;
        for (size_t k = 0; k < n->outputs; k++) {
            size_t c = k / (out[1] * out[2]);
            long i = (long)(k / out[2] % out[1]) * g.stride[0] - g.pad[0];
            long j = (long)(k % out[2]) * g.stride[1] - g.pad[1];
            const double *channel = x + (long)c * g.in[0] * g.in[1];
            double want = largest(&g, channel, seen, i, j);
            ck_assert_double_eq(y[k], want);
            check_columns(layer, x, k, want);
        }
        /* Both channels were counted. */
        for (long i = 0; i < g.in[0] * g.in[1]; i++)
            often = fmax(often, seen[i] / 2);
        check_constant(layer, often);
        lip_network_free(n);
    }
}
END_TEST

START_TEST(common_constants)
{
    struct lip_layer layer = make_kind(&lip_layer_max_pool);
    set(&layer, "kernel", 1, (long[]){2});
    struct lip_network *n = shaped((long[]){3, 8, 8, 0}, layer);
    ck_assert_double_eq(lip_layer_max_pool.constant(&n->layer[1], LIP_NORM_2),
                        1);
    lip_network_free(n);
    layer = make_kind(&lip_layer_max_pool);
    set(&layer, "kernel", 1, (long[]){3});
    set(&layer, "stride", 1, (long[]){2});
    n = shaped((long[]){3, 9, 9, 0}, layer);
    double two = lip_layer_max_pool.constant(&n->layer[1], LIP_NORM_2);
    ck_assert_double_eq_tol(two, 2, 1e-15);
    ck_assert_double_eq(lip_layer_max_pool.constant(&n->layer[1], LIP_NORM_1),
                        4);
    lip_network_free(n);
    n = shaped((long[]){3, 9, 9, 0}, make_kind(&lip_layer_max_pool));
    shaped_out(n, (size_t[]){3, 1, 1, 0});
    ck_assert_double_eq(lip_layer_max_pool.constant(&n->layer[1], LIP_NORM_1),
                        1);
    lip_network_free(n);
}
END_TEST

START_TEST(refusals)
{
    struct lip_layer layer = make_kind(&lip_layer_max_pool);
    set(&layer, "kernel", 1, (long[]){2});
    set(&layer, "padding", 1, (long[]){2});
    shaped_refused((long[]){1, 4, 4, 0}, layer, "nothing but padding");
    layer = make_kind(&lip_layer_max_pool);
    set(&layer, "kernel", 2, (long[]){2, 2});
    shaped_refused((long[]){1, 4, 0}, layer, "2 numbers");
    layer = make_kind(&lip_layer_max_pool);
    set(&layer, "stride", 1, (long[]){0});
    shaped_refused((long[]){1, 4, 0}, layer, "at least 1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/max_pool");
    TCase *tc = tcase_create("max_pool");
    tcase_add_test(tc, windows_and_constants);
    tcase_add_test(tc, common_constants);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
