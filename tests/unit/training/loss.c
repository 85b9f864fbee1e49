/* SPDX-License-Identifier: MIT
 *
 * Every loss: gradients against differences, values by hand, refusals. */
#include "training/loss.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

enum { N = 6 };

static double row(const struct lip_loss *loss, const float *z, float *dz,
                  const float *y, const double *parameter)
{
    struct lip_target target = {2, y};
    return loss->row(dz, z, N, &target, parameter);
}

START_TEST(gradients)
{
    float z[N], y[N], dz[N], other[N];
    for (size_t k = 0; lip_losses[k]; k++)
        for (uint64_t seed = 0; seed < 40; seed++) {
            struct lip_loss_use use = lip_loss_defaults(lip_losses[k]);
            train_fill(z, N, 1, seed);
            train_fill(y, N, 1, seed + 100);
            double at = row(use.loss, z, dz, y, use.parameter);
            ck_assert(isfinite(at));
            for (size_t i = 0; i < N; i++) {
                const float held = z[i];
                z[i] = held + 0x1p-12F;
                double up = row(use.loss, z, other, y, use.parameter);
                double high = z[i];
                z[i] = held - 0x1p-12F;
                double down = row(use.loss, z, other, y, use.parameter);
                double slope = (up - down) / (high - (double)z[i]);
                z[i] = held;
                ck_assert_msg(fabs(slope - (double)dz[i]) < 2e-3,
                              "%s seed %d output %zu: %g, %g", use.loss->name,
                              (int)seed, i, slope, (double)dz[i]);
            }
        }
}
END_TEST

static double value(const char *name, const float *z, const float *y)
{
    float dz[N];
    struct lip_loss_use use = lip_loss_defaults(lip_loss_find(name));
    return row(use.loss, z, dz, y, use.parameter);
}

/* The right class is number 2. */
START_TEST(by_hand)
{
    const float z[N] = {0, 0.5F, 1, 0.25F, -1, -2}, y[N] = {0, 0, 0, 0, 0, 0};
    double sum = 0;
    ck_assert_double_eq(value("hinge", z, y), 0.5);
    ck_assert_double_eq(value("multi-margin", z, y), (0.5 + 0.25) / 6);
    for (int j = 0; j < N; j++)
        sum += exp(10 * (double)z[j]);
    ck_assert_double_lt(
        fabs(value("cross-entropy", z, y) - (log(sum) - 10) / 10), 1e-12);
    sum = 0;
    for (int j = 0; j < N; j++)
        sum += exp(4 * ((double)z[j] - (j == 2 ? sqrt(2) : 0)));
    ck_assert_double_lt(fabs(value("offset-cross-entropy", z, y) -
                             0.25 * (log(sum) - 4 * (1 - sqrt(2)))),
                        1e-12);
    ck_assert_double_lt(
        fabs(value("mse", z, y) - (0.25 + 1 + 0.0625 + 1 + 4) / 6), 1e-12);
    ck_assert_double_lt(fabs(value("mae", z, y) - (0.5 + 1 + 0.25 + 1 + 2) / 6),
                        1e-12);
    /* -KR: the right output times 5, less the others; hinges at 1/2. */
    double kr = -5 * 1 + (0 + 0.5 + 0.25 - 1 - 2);
    double hinge = 0 + (0.5 + 1 + 0.75);
    ck_assert_double_lt(
        fabs(value("hinge-kr", z, y) - (0.01 * kr + 0.99 * hinge) / 6), 1e-7);
}
END_TEST

/* Huge outputs give no overflow. */
START_TEST(stays_finite)
{
    const float z[N] = {3e4F, -3e4F, 0, 1, 2, 3}, y[N] = {0};
    for (size_t k = 0; lip_losses[k]; k++)
        ck_assert(isfinite(value(lip_losses[k]->name, z, y)));
}
END_TEST

START_TEST(refusals)
{
    struct lip_data *moons = train_data("two-moons", 4, 1);
    struct lip_data *sine = train_data("sine", 4, 1);
    struct lip_loss_use hinge = lip_loss_defaults(lip_loss_find("hinge"));
    struct lip_loss_use mse = lip_loss_defaults(lip_loss_find("mse"));
    ck_assert_int_eq(lip_loss_check(&hinge, moons, 2, NULL), LIP_OK);
    ck_assert_int_eq(lip_loss_check(&hinge, moons, 1, NULL), LIP_INVALID);
    ck_assert_int_eq(lip_loss_check(&hinge, sine, 2, NULL), LIP_INVALID);
    ck_assert_int_eq(lip_loss_check(&mse, sine, 1, NULL), LIP_OK);
    ck_assert_int_eq(lip_loss_check(&mse, sine, 2, NULL), LIP_INVALID);
    ck_assert_int_eq(lip_loss_check(&mse, moons, 2, NULL), LIP_INVALID);
    hinge.parameter[0] = (double)NAN;
    ck_assert_int_eq(lip_loss_check(&hinge, moons, 2, NULL), LIP_INVALID);
    ck_assert_ptr_null(lip_loss_find("nothing"));
    lip_data_free(moons);
    lip_data_free(sine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/loss");
    TCase *tc = tcase_create("loss");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, gradients);
    tcase_add_test(tc, by_hand);
    tcase_add_test(tc, stays_finite);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
