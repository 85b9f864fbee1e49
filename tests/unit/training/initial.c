/* SPDX-License-Identifier: MIT
 *
 * Initial weights: reproducible, of the size they promise, orthonormal. */
#include "training/initial.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

static double square(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i] / (double)n;
    return sum;
}

START_TEST(sizes)
{
    static const struct {
        const char *name;
        double variance;
    } expected[] = {{"he-normal", 2.0 / 80},
                    {"he-uniform", 2.0 / 80},
                    {"glorot-normal", 2.0 / 200},
                    {"glorot-uniform", 2.0 / 200},
                    {"orthogonal", 1.0 / 120}};
    struct lip_model *model = train_model(80, "dense:120", 1);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const struct lip_initial *initial = lip_initial_find(expected[i].name);
        ck_assert_int_eq(lip_initialise(model, initial, 5, NULL), LIP_OK);
        double v = square(model->value, 9600);
        ck_assert_double_lt(fabs(v / expected[i].variance - 1), 0.08);
        ck_assert_double_eq(square(model->layer[0].bias, 120), 0);
    }
    lip_model_free(model);
}
END_TEST

/* Rows of a wide matrix, columns of a tall one. */
START_TEST(orthonormal)
{
    static const char *const words[] = {"dense:7", "dense:20", "dense:12"};
    for (int k = 0; k < 3; k++) {
        struct lip_model *model = train_model(12, words[k], 1);
        ck_assert_int_eq(
            lip_initialise(model, lip_initial_find("orthogonal"), 5, NULL),
            LIP_OK);
        size_t m = model->outputs, n = 12, few = m < n ? m : n;
        size_t length = m < n ? n : m, step = m < n ? n : 1;
        size_t stride = m < n ? 1 : n;
        for (size_t a = 0; a < few; a++)
            for (size_t b = 0; b < few; b++) {
                double sum = 0;
                for (size_t j = 0; j < length; j++)
                    sum += (double)model->value[a * step + j * stride] *
                           (double)model->value[b * step + j * stride];
                ck_assert_double_lt(fabs(sum - (a == b)), 1e-6);
            }
        lip_model_free(model);
    }
}
END_TEST

START_TEST(seeds)
{
    struct lip_model *a = train_model(6, "dense:6 relu dense:6", 1);
    struct lip_model *b = train_model(6, "dense:6 relu dense:6", 2);
    for (size_t k = 0; lip_initials[k]; k++) {
        size_t bytes = a->parameters * sizeof *a->value;
        lip_initialise(a, lip_initials[k], 3, NULL);
        lip_initialise(b, lip_initials[k], 3, NULL);
        ck_assert_mem_eq(a->value, b->value, bytes);
        ck_assert_int_ne(memcmp(a->layer[0].weight, a->layer[2].weight, 144),
                         0);
        lip_initialise(b, lip_initials[k], 4, NULL);
        ck_assert_int_ne(memcmp(a->value, b->value, bytes), 0);
    }
    lip_model_free(a);
    lip_model_free(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/initial");
    TCase *tc = tcase_create("initial");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, sizes);
    tcase_add_test(tc, orthonormal);
    tcase_add_test(tc, seeds);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
