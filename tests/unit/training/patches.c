/* SPDX-License-Identifier: MIT
 *
 * Patches: what they hold, their adjoint, and that a cut changes nothing. */
#include "training/patches.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"
#include "training/kernel.h"

#include <math.h>
#include <string.h>

enum { IN = 5 * 4 * 3, OUT = 3 * 4, WIDTH = 3 * 2 * 3, ROWS = 2 };

static const struct lip_window window = {.channels = {3, 1},
                                         .groups = 1,
                                         .in = {5, 4},
                                         .out = {3, 4},
                                         .kernel = {3, 2},
                                         .stride = {2, 1},
                                         .dilation = {1, 2},
                                         .before = {1, 1},
                                         .after = {1, 1}};

START_TEST(hold_what_windows_see)
{
    float x[ROWS * IN], p[ROWS * OUT * WIDTH];
    struct lip_patches all = {&window, 0, ROWS * OUT, 0, 3};
    train_fill(x, ROWS * IN, 1, 1);
    ck_assert_uint_eq(lip_patches_width(&all), WIDTH);
    lip_patches_take(p, &all, x);
    for (long t = 0; t < ROWS * OUT; t++)
        for (long k = 0; k < WIDTH; k++) {
            long y = t % OUT / 4 * 2 + k / 6 - 1, c = k % 3;
            long z = t % 4 + k / 3 % 2 * 2 - 1;
            bool in = y >= 0 && y < 5 && z >= 0 && z < 4;
            float want = in ? x[((t / OUT * 5 + y) * 4 + z) * 3 + c] : 0;
            ck_assert_float_eq(p[t * WIDTH + k], want);
        }
}
END_TEST

START_TEST(adjoint)
{
    float x[ROWS * IN], p[ROWS * OUT * WIDTH], c[ROWS * OUT * WIDTH];
    float back[ROWS * IN] = {0};
    struct lip_patches all = {&window, 0, ROWS * OUT, 0, 3};
    train_fill(x, ROWS * IN, 1, 1);
    train_fill(c, ROWS * OUT * WIDTH, 1, 2);
    lip_patches_take(p, &all, x);
    lip_patches_add(back, &all, c);
    double a = lip_kernel_dot(p, c, ROWS * OUT * WIDTH);
    ck_assert_double_lt(fabs(a - lip_kernel_dot(x, back, ROWS * IN)), 1e-4);
}
END_TEST

START_TEST(in_pieces)
{
    float x[ROWS * IN], p[ROWS * OUT * WIDTH], part[7 * WIDTH];
    struct lip_patches all = {&window, 0, ROWS * OUT, 0, 3};
    train_fill(x, ROWS * IN, 1, 1);
    lip_patches_take(p, &all, x);
    for (size_t first = 0; first + 7 <= ROWS * OUT; first += 5)
        for (size_t top = 0; top < 3; top++) {
            struct lip_patches some = {&window, first, 7, top, top + 1};
            lip_patches_take(part, &some, x);
            for (size_t i = 0; i < 7; i++)
                ck_assert_mem_eq(part + i * 6,
                                 p + (first + i) * WIDTH + top * 6,
                                 6 * sizeof *p);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/patches");
    TCase *tc = tcase_create("patches");
    tcase_add_test(tc, hold_what_windows_see);
    tcase_add_test(tc, adjoint);
    tcase_add_test(tc, in_pieces);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
