/* SPDX-License-Identifier: MIT
 *
 * Symbols: Gram bounds from above, clipping that converges and keeps what is
 * inside. */
#include "training/symbol.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"
#include "tests/support/whole.h"

#include <math.h>
#include <string.h>

static const struct lip_norm_pair spectral = {LIP_NORM_2, LIP_NORM_2};

enum { MOST = 6 * 4 * 25 };
static float kernel[MOST], held[MOST];

/* On a large image, so that the edges matter little. */
static struct lip_trainable layer_of(long size, long stride, float **work)
{
    struct lip_image in = {2, 4, 14, 14};
    struct lip_trainable layer = {.kind = lip_trainable_find("conv"),
                                  .units = 6,
                                  .kernel = {1, {size}},
                                  .stride = {1, {stride}},
                                  .padding = {1, {size / 2}}};
    ck_assert_int_eq(lip_trainable_plan(&layer, &in, NULL), LIP_OK);
    *work = lip_alloc(NULL, lip_symbol_room(&layer.window), sizeof **work);
    train_fill(kernel, layer.weights, 0.3, (uint64_t)(size + stride));
    return layer;
}

static const long shape[][2] = {{3, 1}, {5, 2}, {4, 2}, {3, 3}, {2, 3}};

START_TEST(gram_is_near_the_norm)
{
    for (int k = 0; k < 5; k++) {
        float *work;
        struct lip_trainable layer = layer_of(shape[k][0], shape[k][1], &work);
        double norm = whole_norm(&layer, kernel, spectral);
        double gram = lip_symbol_gram(kernel, &layer.window, 10, work);
        ck_assert_msg(gram >= norm * 0.97 && gram <= norm * 1.1,
                      "%ld: %g, the norm is %g", shape[k][0], gram, norm);
        lip_free(work);
    }
}
END_TEST

START_TEST(clipping_converges)
{
    for (int k = 0; k < 5; k++) {
        float *work;
        struct lip_trainable layer = layer_of(shape[k][0], shape[k][1], &work);
        double norm = whole_norm(&layer, kernel, spectral);
        for (int i = 0; i < 40; i++)
            ck_assert_int_eq(
                lip_symbol_clip(kernel, &layer.window, norm / 2, work, NULL),
                LIP_OK);
        double now = whole_norm(&layer, kernel, spectral);
        ck_assert_msg(now <= norm / 2 * 1.03 && now >= norm / 2 * 0.8,
                      "%ld: %g of %g", shape[k][0], now, norm);
        lip_free(work);
    }
}
END_TEST

START_TEST(what_is_inside_stays)
{
    float *work;
    struct lip_trainable layer = layer_of(3, 1, &work);
    double gram = lip_symbol_gram(kernel, &layer.window, 10, work);
    memcpy(held, kernel, sizeof held);
    ck_assert_int_eq(
        lip_symbol_clip(kernel, &layer.window, gram * 1.01, work, NULL),
        LIP_OK);
    ck_assert_mem_eq(held, kernel, layer.weights * sizeof *held);
    lip_free(work);
}
END_TEST

START_TEST(gram_of_a_matrix)
{
    float w[6] = {3, 0, 0, 0, -4, 0}, work[8];
    double norm = lip_gram_norm(w, 2, 3, 12, work);
    ck_assert_double_ge(norm, 4 - 1e-5);
    ck_assert_double_le(norm, 4.01);
    norm = lip_gram_norm(w, 2, 3, 1, work); /* |W W'|_F^1/2 */
    ck_assert_double_lt(fabs(norm - pow(81 + 256, 0.25)), 1e-5);
    norm = lip_gram_norm(w, 3, 2, 12, work); /* other sides, one column */
    ck_assert_double_lt(fabs(norm - 5), 1e-2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/symbol");
    TCase *tc = tcase_create("symbol");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, gram_is_near_the_norm);
    tcase_add_test(tc, clipping_converges);
    tcase_add_test(tc, what_is_inside_stays);
    tcase_add_test(tc, gram_of_a_matrix);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
