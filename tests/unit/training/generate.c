/* SPDX-License-Identifier: MIT
 *
 * Generators: reproducible, balanced, as steep as they say. */
#include "training/generate.h"

#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

START_TEST(all_are_sound)
{
    for (size_t k = 0; lip_generators[k]; k++) {
        const struct lip_generator *g = lip_generators[k];
        struct lip_data *a, *b, *c;
        ck_assert_ptr_eq(lip_generator_find(g->name), g);
        ck_assert_int_eq(lip_generate(&a, g, 200, 0.05, 1, NULL), LIP_OK);
        ck_assert_int_eq(lip_generate(&b, g, 200, 0.05, 1, NULL), LIP_OK);
        ck_assert_int_eq(lip_generate(&c, g, 200, 0.05, 2, NULL), LIP_OK);
        ck_assert_int_eq(lip_data_check(a, NULL), LIP_OK);
        size_t bytes = 200 * g->features * sizeof *a->x, ones = 0;
        ck_assert_mem_eq(a->x, b->x, bytes);
        ck_assert_int_ne(memcmp(a->x, c->x, bytes), 0);
        for (size_t i = 0; a->label && i < 200; i++)
            ones += a->label[i];
        ck_assert_uint_eq(ones, a->label ? 100 : 0);
        lip_data_free(a);
        lip_data_free(b);
        lip_data_free(c);
    }
    ck_assert_ptr_null(lip_generator_find("three-moons"));
}
END_TEST

/* Without noise, no two points of a function are steeper than 1. */
START_TEST(functions_have_slope_one)
{
    for (size_t k = 0; lip_generators[k]; k++) {
        struct lip_data *d;
        double steepest = 0;
        if (lip_generators[k]->classes)
            continue;
        ck_assert_int_eq(lip_generate(&d, lip_generators[k], 300, 0, 1, NULL),
                         LIP_OK);
        for (size_t i = 0; i < 300; i++)
            for (size_t j = 0; j < i; j++) {
                double run = fabs((double)d->x[i] - (double)d->x[j]);
                double rise = fabs((double)d->y[i] - (double)d->y[j]);
                ck_assert_double_le(rise, run + 1e-6);
                steepest = run > 1e-3 ? fmax(steepest, rise / run) : steepest;
            }
        ck_assert_double_ge(steepest, 0.95);
        lip_data_free(d);
    }
}
END_TEST

START_TEST(refuses_noise)
{
    struct lip_data *d;
    const struct lip_generator *g = lip_generators[0];
    ck_assert_int_eq(lip_generate(&d, g, 9, -1, 1, NULL), LIP_INVALID);
    ck_assert_int_eq(lip_generate(&d, g, 9, (double)NAN, 1, NULL), LIP_INVALID);
    ck_assert_int_eq(lip_generate(&d, g, 9, (double)INFINITY, 1, NULL),
                     LIP_INVALID);
    ck_assert_int_eq(lip_generate(&d, g, 0, 0, 1, NULL), LIP_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/generate");
    TCase *tc = tcase_create("generate");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, all_are_sound);
    tcase_add_test(tc, functions_have_slope_one);
    tcase_add_test(tc, refuses_noise);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
