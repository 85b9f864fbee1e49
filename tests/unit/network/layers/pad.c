/* SPDX-License-Identifier: MIT
 *
 * Padding of each axis, against loops. */
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

static struct lip_layer make(const long *before, const long *after,
                             double value)
{
    struct lip_layer layer = make_kind(&lip_layer_pad);
    set(&layer, "before", 2, before);
    set(&layer, "after", 2, after);
    layer.parameter[0] = value;
    return layer;
}

START_TEST(the_middle_is_the_input)
{
    for (long a = 0; a < 3; a++)
        for (long b = 0; b < 3; b++) {
            double x[6] = {1, 2, 3, 4, 5, 6}, y[6 * 6];
            struct lip_network *n = shaped(
                (long[]){2, 3, 0}, make((long[]){a, b}, (long[]){b, 1}, -7));
            size_t rows = (size_t)(2 + a + b), cols = (size_t)(4 + b);
            shaped_out(n, (size_t[]){rows, cols, 0});
            ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
            for (long i = 0; i < (long)rows; i++)
                for (long j = 0; j < (long)cols; j++) {
                    bool in = i >= a && i < a + 2 && j >= b && j < b + 3;
                    ck_assert_double_eq(y[i * (long)cols + j],
                                        in ? x[(i - a) * 3 + j - b] : -7);
                }
            shaped_rows_agree(n);
            lip_network_free(n);
        }
}
END_TEST

START_TEST(refusals)
{
    static const long shape[] = {2, 3, 0}, none[] = {0, 0};
    shaped_refused(shape, make((long[]){0, -1}, none, 0), "before is -1");
    shaped_refused(shape, make(none, (long[]){0, 1L << 40}, 0), "after is");
    shaped_refused(shape, make((long[]){1L << 20, 1L << 20}, none, 0),
                   "would be more than");
    struct lip_layer three = make(none, none, 0);
    set(&three, "before", 3, (long[]){1, 1, 1});
    shaped_refused(shape, three, "3 numbers");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/pad");
    TCase *tc = tcase_create("pad");
    tcase_add_test(tc, the_middle_is_the_input);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
