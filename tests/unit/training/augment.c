/* SPDX-License-Identifier: MIT
 *
 * Moving images: every shift comes, nothing else changes, scaling and moving
 * can be exchanged, turning a half turn is a half turn. */
#include "training/augment.h"

#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

enum { HIGH = 5, WIDE = 4, PIXELS = HIGH * WIDE };

static void fill(float x[PIXELS])
{
    for (size_t i = 0; i < PIXELS; i++)
        x[i] = (float)(i * i % 17) + 1;
}

static size_t held(int i, size_t count)
{
    return i < 0 ? 0 : i < (int)count ? (size_t)i : count - 1;
}

static bool is_shift(const float *out, const float *x, int down, int right)
{
    for (int i = 0; i < HIGH; i++)
        for (int j = 0; j < WIDE; j++)
            if (fabsf(out[i * WIDE + j] -
                      x[held(i - down, HIGH) * WIDE + held(j - right, WIDE)]) >
                1e-4F)
                return false;
    return true;
}

/* Each of the 25 shifts comes about as often. */
START_TEST(shifts)
{
    struct lip_augment augment = {HIGH, WIDE, 2, 0, 0};
    float x[PIXELS], out[PIXELS];
    size_t count[25] = {0}, all = 0;
    fill(x);
    for (size_t row = 0; row < 2500; row++) {
        lip_augment_row(out, x, PIXELS, &augment, NULL, 7, 3, row);
        for (int k = 0; k < 25; k++)
            if (is_shift(out, x, k / 5 - 2, k % 5 - 2)) {
                count[k]++;
                all++;
            }
    }
    ck_assert_uint_eq(all, 2500);
    for (size_t k = 0; k < 25; k++)
        ck_assert(count[k] > 60 && count[k] < 140);
}
END_TEST

START_TEST(draws)
{
    struct lip_augment augment = {HIGH, WIDE, 1, 20, 0.1};
    float x[PIXELS], a[PIXELS], b[PIXELS];
    fill(x);
    lip_augment_row(a, x, PIXELS, &augment, NULL, 7, 3, 5);
    lip_augment_row(b, x, PIXELS, &augment, NULL, 7, 3, 5);
    ck_assert_mem_eq(a, b, sizeof a);
    for (size_t k = 0; k < 3; k++) {
        lip_augment_row(b, x, PIXELS, &augment, NULL, 7 + (k == 0),
                        3 + (k == 1), 5 + (k == 2));
        ck_assert_mem_ne(a, b, sizeof a);
    }
}
END_TEST

/* Two planes move alike, and moving what was scaled is scaling what was moved.
 */
START_TEST(scaled)
{
    struct lip_augment augment = {HIGH, WIDE, 1, 30, 0.2};
    float centre[2 * PIXELS], scale[2 * PIXELS];
    float x[2 * PIXELS], raw[2 * PIXELS], out[2 * PIXELS];
    struct lip_scaling scaling = {2 * PIXELS, centre, scale};
    fill(x);
    fill(x + PIXELS);
    lip_augment_row(raw, x, 2 * PIXELS, &augment, NULL, 1, 2, 3);
    ck_assert_mem_eq(raw, raw + PIXELS, PIXELS * sizeof *raw);
    for (size_t i = 0; i < 2 * PIXELS; i++) {
        centre[i] = (float)i;
        scale[i] = 1 / (1 + (float)(i % 7));
        x[i] = (x[i] - centre[i]) * scale[i];
    }
    lip_augment_row(out, x, 2 * PIXELS, &augment, &scaling, 1, 2, 3);
    for (size_t i = 0; i < 2 * PIXELS; i++)
        ck_assert_float_eq_tol(out[i], (raw[i] - centre[i]) * scale[i], 1e-4F);
}
END_TEST

/* Images that are the same all round a point stay as they are when turned; a
 * ramp that is stretched by s has slope 1 / s. */
START_TEST(turned)
{
    enum { SIDE = 21 };
    float x[SIDE * SIDE], out[SIDE * SIDE];
    struct lip_augment turn = {SIDE, SIDE, 0, 180, 0};
    struct lip_augment stretch = {SIDE, SIDE, 0, 0, 0.3};
    for (int i = 0; i < SIDE * SIDE; i++) {
        int r = i / SIDE - SIDE / 2, c = i % SIDE - SIDE / 2;
        x[i] = expf((float)-(r * r + c * c) / 50);
    }
    lip_augment_row(out, x, SIDE * SIDE, &turn, NULL, 1, 2, 3);
    for (int i = 0; i < SIDE * SIDE; i++)
        if (x[i] > 0.2F)
            ck_assert_float_eq_tol(out[i], x[i], 0.02F);
    for (int i = 0; i < SIDE * SIDE; i++)
        x[i] = (float)(i % SIDE);
    lip_augment_row(out, x, SIDE * SIDE, &stretch, NULL, 1, 2, 3);
    float slope = out[10 * SIDE + 11] - out[10 * SIDE + 10];
    ck_assert_float_eq_tol(out[10 * SIDE + 10], 10, 1e-4F);
    ck_assert(fabsf(slope - 1) > 1e-3F && slope > 0.7F && slope < 1.5F);
    ck_assert_float_eq_tol(out[10 * SIDE + 8], 10 - 2 * slope, 1e-4F);
}
END_TEST

START_TEST(checked)
{
    static const struct lip_augment bad[] = {
        {3, 4, 1, 0, 0},       {0, 4, 1, 0, 0},    {5, 0, 0, 0, 0},
        {5, 4, 4, 0, 0},       {0, 0, 1, 0, 0},    {SIZE_MAX, 4, 1, 0, 0},
        {5, 4, 0, -1, 0},      {5, 4, 0, NAN, 0},  {5, 4, 0, 181, 0},
        {5, 4, 0, 0, 0.6},     {5, 4, 0, 0, -0.1}, {5, 4, 0, 0, NAN},
        {5, SIZE_MAX, 1, 0, 0}};
    static const struct lip_augment good[] = {
        {0, 0, 0, 0, 0}, {5, 4, 3, 180, 0.5}, {2, 5, 1, 0, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct lip_ctx ctx = {0};
        ck_assert_int_eq(lip_augment_check(&bad[i], PIXELS, &ctx), LIP_INVALID);
        ck_assert_uint_gt(strlen(ctx.error.detail), 20);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_int_eq(lip_augment_check(&good[i], PIXELS, NULL), LIP_OK);
    ck_assert(!lip_augment_acts(&good[0]));
    ck_assert(lip_augment_acts(&good[1]));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/augment");
    TCase *tcase = tcase_create("augment");
    tcase_add_test(tcase, shifts);
    tcase_add_test(tcase, draws);
    tcase_add_test(tcase, scaled);
    tcase_add_test(tcase, turned);
    tcase_add_test(tcase, checked);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
