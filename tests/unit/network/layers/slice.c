/* SPDX-License-Identifier: MIT
 *
 * Parts along each axis, against loops. */
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

static struct lip_layer make(long start, long stop, long step)
{
    struct lip_layer layer = make_kind(&lip_layer_slice);
    set(&layer, "start", 2, (long[]){1, start});
    set(&layer, "stop", 2, (long[]){2, stop});
    set(&layer, "step", 2, (long[]){1, step});
    return layer;
}

START_TEST(every_step_th_position_is_taken)
{
    double x[18], y[9];
    for (size_t i = 0; i < 18; i++)
        x[i] = (double)i;
    for (long start = 0; start < 9; start++)
        for (long stop = start + 1; stop <= 9; stop++)
            for (long step = 1; step <= 9; step++) {
                struct lip_network *n =
                    shaped((long[]){2, 9, 0}, make(start, stop, step));
                size_t k = 0;
                ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
                for (long i = start; i < stop; i += step)
                    ck_assert_double_eq(y[k++], x[9 + i]);
                ck_assert_uint_eq(n->outputs, k);
                shaped_rows_agree(n);
                lip_network_free(n);
            }
}
END_TEST

/* All of it, and two ways to say the same. */
START_TEST(what_is_left_out)
{
    struct lip_network *all =
        shaped((long[]){2, 9, 0}, make_kind(&lip_layer_slice));
    shaped_out(all, (size_t[]){2, 9, 0});
    lip_network_free(all);
    struct lip_network *a = shaped((long[]){2, 9, 0}, make(0, 8, 3));
    struct lip_network *b = shaped((long[]){2, 9, 0}, make(0, 7, 3));
    ck_assert_str_eq(a->id, b->id);
    ck_assert_int_eq(lip_layer_setting(&a->layer[1], "stop")->value[1], 7);
    lip_network_free(a);
    lip_network_free(b);
}
END_TEST

START_TEST(parts_that_are_not_there)
{
    static const long shape[] = {2, 9, 0};
    shaped_refused(shape, make(0, 10, 1), "cuts 0 to 10 out of axis 1");
    shaped_refused(shape, make(4, 4, 1), "start must lie below stop");
    shaped_refused(shape, make(0, 4, 0), "at least 1");
    shaped_refused(shape, make(-1, 4, 1), "at least 0");
    shaped_refused((long[]){18, 0}, make(0, 4, 1), "2 numbers");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/slice");
    TCase *tc = tcase_create("slice");
    tcase_add_test(tc, every_step_th_position_is_taken);
    tcase_add_test(tc, what_is_left_out);
    tcase_add_test(tc, parts_that_are_not_there);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
