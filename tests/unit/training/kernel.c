/* SPDX-License-Identifier: MIT
 *
 * Float32 loops against the plainest form of each, for all lengths. */
#include "training/kernel.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

enum { MOST = 70 };

static float x[MOST], y[MOST], z[MOST], w[MOST];

static void fill(size_t n)
{
    train_fill(x, n, 1, 1 + n);
    train_fill(y, n, 1, 100 + n);
    memcpy(z, y, sizeof z);
    memcpy(w, x, sizeof w);
}

/* The same bits as number by number, whatever the width of registers. */
START_TEST(elementwise)
{
    for (size_t n = 0; n <= MOST; n++) {
        fill(n);
        lip_kernel_axpy(y, 0.3F, x, n);
        for (size_t i = 0; i < n; i++) {
            float product = 0.3F * x[i];
            ck_assert_float_eq(y[i], z[i] + product);
        }
        lip_kernel_scale(x, -2.5F, n);
        for (size_t i = 0; i < n; i++)
            ck_assert_float_eq(x[i], -2.5F * w[i]);
        lip_kernel_leaky(y, x, 0.1F, n);
        for (size_t i = 0; i < n; i++)
            ck_assert_float_eq(y[i], x[i] > 0 ? x[i] : 0.1F * x[i]);
        lip_kernel_leaky_back(y, w, x, 0.1F, n);
        for (size_t i = 0; i < n; i++)
            ck_assert_float_eq(y[i], x[i] > 0 ? w[i] : 0.1F * w[i]);
    }
}
END_TEST

START_TEST(max_min)
{
    for (size_t n = 0; n <= MOST; n += 2) {
        fill(n);
        lip_kernel_max_min(y, x, n);
        lip_kernel_max_min_back(w, y, x, n);
        for (size_t i = 0; i < n; i += 2) {
            ck_assert_float_eq(y[i], fmaxf(x[i], x[i + 1]));
            ck_assert_float_eq(y[i + 1], fminf(x[i], x[i + 1]));
            ck_assert_float_eq(w[i], x[i]);
            ck_assert_float_eq(w[i + 1], x[i + 1]);
        }
    }
}
END_TEST

START_TEST(rows)
{
    float sum[7];
    fill(MOST);
    lip_kernel_sum_rows(sum, x, 10, 5, 7);
    for (size_t j = 0; j < 5; j++) {
        float own = 0;
        for (size_t i = 0; i < 10; i++)
            own += x[i * 7 + j];
        ck_assert_float_eq(sum[j], own);
    }
    lip_kernel_add_row(y, x, 10, 7, 7);
    for (size_t i = 0; i < MOST; i++)
        ck_assert_float_eq(y[i], z[i] + x[i % 7]);
}
END_TEST

START_TEST(dot)
{
    for (size_t n = 0; n <= MOST; n++) {
        double sum = 0, size = 1;
        fill(n);
        for (size_t i = 0; i < n; i++) {
            sum += (double)x[i] * (double)y[i];
            size += fabs((double)x[i] * (double)y[i]);
        }
        ck_assert_double_lt(fabs(lip_kernel_dot(x, y, n) - sum), 1e-14 * size);
    }
}
END_TEST

/* Momenta of weights without a gradient end at 0, never as subnormal numbers.
 */
START_TEST(fading)
{
    enum { N = 40 };
    struct lip_sgd_rule sgd = {0.1F, 0.9F, 0, true};
    struct lip_adam_rule adam = {0.001F, 0.9F, 0.99F, 1e-8F, 1, 0, 1};
    float value[N], v[N], m[N], s[N], zero[N] = {0};
    for (size_t i = 0; i < N; i++)
        value[i] = v[i] = m[i] = s[i] = (float)(i + 1);
    for (int step = 0; step < 9000; step++) {
        lip_kernel_sgd(value, v, zero, N, &sgd);
        lip_kernel_adam(value, m, s, NULL, zero, N, &adam);
        for (size_t i = 0; i < N; i++)
            ck_assert(fpclassify(v[i]) != FP_SUBNORMAL &&
                      fpclassify(m[i]) != FP_SUBNORMAL &&
                      fpclassify(s[i]) != FP_SUBNORMAL);
    }
    ck_assert_mem_eq(v, zero, sizeof v);
    ck_assert_mem_eq(m, zero, sizeof m);
    ck_assert_mem_eq(s, zero, sizeof s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/kernel");
    TCase *tc = tcase_create("kernel");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, elementwise);
    tcase_add_test(tc, max_min);
    tcase_add_test(tc, rows);
    tcase_add_test(tc, dot);
    tcase_add_test(tc, fading);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
