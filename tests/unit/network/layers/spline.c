/* SPDX-License-Identifier: MIT
 *
 * spline: values by hand, slopes that hold and are exact where the numbers
 * allow it, bounds through them, files, refusals. */
#include "bounds/method.h"
#include "certify/forward.h"
#include "formats/format.h"
#include "formats/writer.h"
#include "linalg/random.h"
#include "network/partials.h"

#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

static struct lip_layer make(size_t neurons, size_t knots, const double *value,
                             const double *grid, enum lip_dtype dtype)
{
    return (struct lip_layer){
        .kind = &lip_layer_spline,
        .weight = make_tensor(dtype, false, neurons, knots, value, NULL),
        .bias = make_tensor(dtype, false, 2, 0, grid, NULL)};
}

static struct lip_network *network(size_t neurons, size_t knots,
                                   const double *value, const double *grid)
{
    struct lip_layer layer = make(neurons, knots, value, grid, LIP_F64);
    struct lip_network *out;
    ck_assert_int_eq(make_network(&out, &layer, 1, NULL), LIP_OK);
    return out;
}

/* |x|, and 1, 2, 0 at -1, 0, 1. */
static const double value[] = {1, 0, 1, 1, 2, 0}, grid[] = {-1, 1};

START_TEST(by_hand)
{
    static const double at[][3] = {{0, 0, 2}, {-0.5, 0.5, 1.5}, {0.5, 0.5, 1},
                                   {1, 1, 0}, {3, 3, -4},       {-4, 4, -2}};
    struct lip_network *n = network(2, 3, value, grid);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        double x[] = {at[i][0], at[i][0]}, y[2];
        ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
        ck_assert_double_eq_tol(y[0], at[i][1], 1e-15);
        ck_assert_double_eq_tol(y[1], at[i][2], 1e-15);
    }
    lip_network_free(n);
}
END_TEST

START_TEST(slopes_by_hand)
{
    struct lip_network *n = network(2, 3, value, grid);
    struct lip_slopes a = lip_layer_slopes(n->layer, 0);
    struct lip_slopes b = lip_layer_slopes(n->layer, 1);
    ck_assert(a.lo == -1 && a.hi == 1 && b.lo == -2 && b.hi == 1);
    lip_network_free(n);
    const double thirds[] = {0, 1}, step[] = {0, 3};
    n = network(1, 2, thirds, step);
    a = lip_layer_slopes(n->layer, 0);
    ck_assert(a.lo * 3 < 1 && a.hi * 3 > 1);
    ck_assert(a.hi - a.lo < 1e-15);
    lip_network_free(n);
}
END_TEST

/* No two points are farther apart than the slopes say, whatever the numbers;
 * the largest quotient comes near. */
START_TEST(slopes_hold)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        double c[7], g[2], r[400], most = -INFINITY, least = INFINITY;
        lip_random_fill(c, 7, seed);
        lip_random_fill(g, 2, seed + 1000);
        lip_random_fill(r, 400, seed + 2000);
        g[1] = fabs(g[1]) + 0.01;
        struct lip_network *n = network(1, 7, c, g);
        struct lip_slopes s = lip_layer_slopes(n->layer, 0);
        for (size_t i = 0; i < 400; i++) {
            double x = g[0] + (4 + 6 * r[i]) * g[1];
            double z = x + (i % 2 ? 0.01 : 3) * g[1], y[2];
            lip_network_eval(y, n, &x, NULL);
            lip_network_eval(y + 1, n, &z, NULL);
            double q = (y[1] - y[0]) / (z - x);
            most = fmax(most, q);
            least = fmin(least, q);
        }
        ck_assert_double_le(most, s.hi + 1e-9);
        ck_assert_double_ge(least, s.lo - 1e-9);
        ck_assert_double_ge(most, s.hi - 0.3 * (s.hi - s.lo));
        lip_network_free(n);
    }
}
END_TEST

/* W, splines, V: all methods bound it above what points attain. */
static struct lip_network *between(uint64_t seed)
{
    double r[100];
    struct lip_network *out;
    lip_random_fill(r, 100, seed);
    struct lip_layer layer[] = {make_dense(6, 3, r, r + 20, NULL),
                                make(6, 5, r + 30, grid, LIP_F64),
                                make_dense(2, 6, r + 70, NULL, NULL)};
    ck_assert_int_eq(make_network(&out, layer, 3, NULL), LIP_OK);
    return out;
}

static double attained(const struct lip_network *n, uint64_t seed)
{
    double most = 0;
    for (uint64_t t = 0; t < 500; t++) {
        double x[6], y[4];
        lip_random_fill(x, 6, seed + t);
        for (int i = 0; i < 3; i++)
            x[3 + i] = x[i] + 1e-3 * x[3 + i];
        lip_network_eval(y, n, x, NULL);
        lip_network_eval(y + 2, n, x + 3, NULL);
        double gap = sqrt(pow(x[3] - x[0], 2) + pow(x[4] - x[1], 2) +
                          pow(x[5] - x[2], 2));
        most = fmax(most, hypot(y[2] - y[0], y[3] - y[1]) / gap);
    }
    return most;
}

START_TEST(bounds)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct lip_network *n = between(seed);
        double least = attained(n, 100 * seed);
        struct lip_chain *chain;
        size_t ran = 0;
        struct lip_bound_options options = {.norm = {LIP_NORM_2, LIP_NORM_2}};
        ck_assert_int_eq(lip_chain_new(&chain, n, NULL), LIP_OK);
        for (size_t i = 0; lip_methods[i]; i++) {
            struct lip_bound bound;
            struct lip_ctx ctx = {0};
            ck_assert_int_eq(
                lip_method_run(&bound, lip_methods[i], chain, &options, &ctx),
                LIP_OK);
            if (bound.skipped)
                continue;
            ran++;
            ck_assert_double_ge(bound.upper_bound, least);
        }
        ck_assert_uint_ge(ran, 4);
        lip_chain_free(chain);
        lip_network_free(n);
    }
}
END_TEST

START_TEST(partials_hold)
{
    struct lip_network *n = between(3);
    struct lip_partials p;
    ck_assert_int_eq(lip_partials_new(&p, n, NULL), LIP_OK);
    for (uint64_t t = 0; t < 600; t++) {
        double x[3], a[2], b[2];
        size_t j = t % 3;
        lip_random_fill(x, 3, t);
        lip_network_eval(a, n, x, NULL);
        x[j] += 0x1p-6;
        lip_network_eval(b, n, x, NULL);
        for (size_t k = 0; k < 2; k++) {
            double q = (b[k] - a[k]) / 0x1p-6;
            ck_assert_double_ge(q, p.lo[3 * k + j] - 1e-9);
            ck_assert_double_le(q, p.hi[3 * k + j] + 1e-9);
        }
    }
    lip_partials_clear(&p);
    lip_network_free(n);
}
END_TEST

/* The error of the evaluation in doubles covers that in long doubles. */
START_TEST(rounding)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        double c[5], g[] = {-1.7, 0.8 + 1e-3 * (double)seed}, x[40], y[40];
        double error[40];
        struct lip_forward *f;
        lip_random_fill(c, 5, seed);
        lip_random_fill(x, 40, seed + 500);
        for (size_t i = 0; i < 40; i++)
            x[i] *= 3;
        struct lip_network *n = network(1, 5, c, g);
        ck_assert_int_eq(lip_forward_new(&f, n, 1, LIP_NORM_2, NULL), LIP_OK);
        ck_assert_int_eq(lip_forward_run(y, error, f, x, 40, NULL), LIP_OK);
        for (size_t i = 0; i < 40; i++) {
            long double k = floorl(((long double)x[i] - g[0]) / g[1]);
            size_t m = (size_t)(k < 0 ? 0 : k > 3 ? 3 : k);
            long double at = g[0] + (long double)m * g[1];
            long double z =
                c[m] + ((long double)c[m + 1] - c[m]) * (x[i] - at) / g[1];
            ck_assert(fabsl(z - y[i]) <= error[i]);
            ck_assert_double_le(error[i], 1e-12);
        }
        lip_forward_free(f);
        lip_network_free(n);
    }
}
END_TEST

/* Written and read in every format: the same id. */
START_TEST(files)
{
    struct lip_network *n = between(2);
    for (size_t i = 0; lip_writers[i]; i++) {
        unsigned char *bytes;
        size_t size;
        struct lip_network *again;
        struct lip_read_options options;
        struct lip_ctx ctx = {0};
        ck_assert_int_eq(lip_writers[i]->write(&bytes, &size, n, NULL, NULL),
                         LIP_OK);
        struct lip_buffer *buffer = lip_buffer_take(bytes, size, NULL);
        lip_read_options_default(&options);
        ck_assert_msg(lip_model_read(&again, buffer, &options, &ctx) == LIP_OK,
                      "%s: %s", lip_writers[i]->name, ctx.error.detail);
        ck_assert_str_eq(again->id, n->id);
        lip_network_free(again);
        lip_buffer_put(buffer);
    }
    lip_network_free(n);
}
END_TEST

static void refuse(struct lip_layer layer, const char *because)
{
    const double w[] = {1, 1, 1};
    struct lip_layer all[] = {make_dense(3, 1, w, NULL, NULL), layer};
    struct lip_network *out;
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(make_network(&out, all, 2, &ctx), LIP_INVALID);
    ck_assert_msg(strstr(ctx.error.detail, because), "%s", ctx.error.detail);
}

START_TEST(refusals)
{
    static const double bad[] = {0, 0}, v[9] = {0};
    refuse(make(2, 3, v, grid, LIP_F64), "2 neurons, but 3");
    refuse(make(3, 1, v, grid, LIP_F64), "at least 2");
    refuse(make(3, 3, v, bad, LIP_F64), "above 0");
    struct lip_layer layer = make(3, 3, v, grid, LIP_F64);
    lip_tensor_clear(&layer.bias);
    refuse(layer, "two numbers");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/spline");
    TCase *tc = tcase_create("spline");
    tcase_add_test(tc, by_hand);
    tcase_add_test(tc, slopes_by_hand);
    tcase_add_test(tc, slopes_hold);
    tcase_add_test(tc, bounds);
    tcase_add_test(tc, partials_hold);
    tcase_add_test(tc, rounding);
    tcase_add_test(tc, files);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
