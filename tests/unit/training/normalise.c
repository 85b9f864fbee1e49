/* SPDX-License-Identifier: MIT
 *
 * Normalisation: what each promises of the data, and its norm. */
#include "training/normalise.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>

static void column(const struct lip_data *d, size_t j, double out[4])
{
    double n = (double)d->rows;
    out[0] = out[1] = 0;
    out[2] = INFINITY;
    out[3] = -INFINITY;
    for (size_t i = 0; i < d->rows; i++) {
        double x = d->x[i * d->features + j];
        out[0] += x / n;
        out[1] += x * x / n;
        out[2] = fmin(out[2], x);
        out[3] = fmax(out[3], x);
    }
    out[1] -= out[0] * out[0];
}

static struct lip_data *uneven(void)
{
    struct lip_data *d = train_data("circles", 100, 1);
    for (size_t i = 0; i < 100; i++)
        d->x[2 * i] = 50 + 7 * d->x[2 * i];
    return d;
}

static struct lip_data *normalised(const char *name, struct lip_scaling *s)
{
    struct lip_data *d = uneven();
    ck_assert_int_eq(lip_scaling_fit(s, lip_normalisation_find(name), d, NULL),
                     LIP_OK);
    lip_scaling_apply(d, s);
    return d;
}

START_TEST(promises)
{
    struct lip_scaling s;
    double a[4], b[4];
    struct lip_data *d = normalised("standard", &s);
    column(d, 0, a);
    column(d, 1, b);
    ck_assert_double_lt(fabs(a[0]) + fabs(b[0]), 1e-4);
    ck_assert_double_lt(fabs(a[1] - 1) + fabs(b[1] - 1), 1e-4);
    lip_data_free(d);
    lip_scaling_clear(&s);
    d = normalised("uniform", &s);
    column(d, 0, a);
    column(d, 1, b);
    ck_assert_float_eq(s.scale[0], s.scale[1]);
    ck_assert_double_lt(fabs(a[0]) + fabs(b[0]), 1e-4);
    ck_assert_double_lt(fabs(a[1] + b[1] - 2), 1e-4);
    lip_data_free(d);
    lip_scaling_clear(&s);
    d = normalised("range", &s);
    column(d, 0, a);
    ck_assert_double_lt(fabs(a[2]) + fabs(a[3] - 1), 1e-5);
    lip_data_free(d);
    lip_scaling_clear(&s);
}
END_TEST

/* A column that never changes keeps a finite scale. */
START_TEST(constant_columns)
{
    for (size_t k = 0; lip_normalisations[k]; k++) {
        struct lip_scaling s;
        struct lip_data *d = uneven();
        for (size_t i = 0; i < 100; i++)
            d->x[2 * i] = 3;
        ck_assert_int_eq(lip_scaling_fit(&s, lip_normalisations[k], d, NULL),
                         LIP_OK);
        lip_scaling_apply(d, &s);
        ck_assert_int_eq(lip_data_check(d, NULL), LIP_OK);
        lip_data_free(d);
        lip_scaling_clear(&s);
    }
}
END_TEST

/* Nothing is stretched more than the norm says, and something that much. */
START_TEST(norm)
{
    struct lip_scaling s;
    struct lip_norm_pair pair = {LIP_NORM_2, LIP_NORM_2};
    struct lip_data *d = normalised("standard", &s);
    double largest = fmax((double)s.scale[0], (double)s.scale[1]);
    ck_assert_double_eq(lip_scaling_norm(&s, pair), largest);
    lip_data_free(d);
    lip_scaling_clear(&s);
    d = normalised("none", &s);
    ck_assert_double_eq(lip_scaling_norm(&s, pair), 1);
    lip_data_free(d);
}
END_TEST

/* Shares are never above limit / largest, and next to it. */
START_TEST(shares)
{
    static const double limit[] = {0.1, 3, 1e-5};
    struct lip_scaling s = {0};
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(lip_scaling_share(&s, limit, 3, &ctx), LIP_OK);
    for (size_t j = 0; j < 3; j++) {
        ck_assert_double_eq(s.centre[j], 0);
        ck_assert(fma(s.scale[j], 3, -limit[j]) <= 0);
        ck_assert_double_ge(s.scale[j], limit[j] / 3 * (1 - 0x1p-22));
    }
    ck_assert_double_eq(
        lip_scaling_norm(&s, (struct lip_norm_pair){LIP_NORM_1, LIP_NORM_1}),
        1);
    lip_scaling_clear(&s);
    /* Limits whose quotient is all but a float. */
    for (uint64_t seed = 1; seed < 1000; seed++) {
        uint64_t x = seed * 0x9e3779b97f4a7c15U;
        double most = (double)(x >> 11 | 1);
        double pair[] = {most * (double)((float)(x >> 40) * 0x1p-24F), most};
        ck_assert_int_eq(lip_scaling_share(&s, pair, 2, &ctx), LIP_OK);
        ck_assert(fma(s.scale[0], most, -pair[0]) <= 0);
        ck_assert_double_eq(s.scale[1], 1);
    }
    lip_scaling_clear(&s);
    static const double apart[] = {1e-6, 1e300};
    ck_assert_int_eq(lip_scaling_share(&s, apart, 2, &ctx), LIP_INVALID);
    lip_scaling_clear(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/normalise");
    TCase *tc = tcase_create("normalise");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, promises);
    tcase_add_test(tc, shares);
    tcase_add_test(tc, constant_columns);
    tcase_add_test(tc, norm);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
