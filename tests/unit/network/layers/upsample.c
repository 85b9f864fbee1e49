/* SPDX-License-Identifier: MIT
 *
 * Positions repeated along each axis. */
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

static struct lip_layer make(size_t count, const long *factor)
{
    struct lip_layer layer = make_kind(&lip_layer_upsample);
    set(&layer, "factor", count, factor);
    return layer;
}

START_TEST(positions_are_repeated)
{
    double x[2 * 2 * 3], y[2 * 6 * 6];
    struct lip_network *n =
        shaped((long[]){2, 2, 3, 0}, make(2, (long[]){3, 2}));
    for (size_t i = 0; i < 12; i++)
        x[i] = (double)i;
    shaped_out(n, (size_t[]){2, 6, 6, 0});
    ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
    for (size_t c = 0; c < 2; c++)
        for (size_t i = 0; i < 6; i++)
            for (size_t j = 0; j < 6; j++)
                ck_assert_double_eq(y[(c * 6 + i) * 6 + j],
                                    x[(c * 2 + i / 3) * 3 + j / 2]);
    shaped_rows_agree(n);
    lip_network_free(n);
    n = shaped((long[]){2, 3, 0}, make(1, (long[]){4}));
    shaped_out(n, (size_t[]){2, 12, 0});
    lip_network_free(n);
}
END_TEST

START_TEST(refusals)
{
    shaped_refused((long[]){6, 0}, make(1, (long[]){2}), "reshape before it");
    shaped_refused((long[]){2, 3, 4, 0}, make(3, (long[]){2, 2, 2}),
                   "3 numbers");
    shaped_refused((long[]){2, 3, 4, 0}, make(1, (long[]){0}), "at least 1");
    shaped_refused((long[]){2, 3, 4, 0}, make(1, (long[]){1 << 16}),
                   "would be more than");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/upsample");
    TCase *tc = tcase_create("upsample");
    tcase_add_test(tc, positions_are_repeated);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
