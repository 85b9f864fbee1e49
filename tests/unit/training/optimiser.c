/* SPDX-License-Identifier: MIT
 *
 * Optimisers: steps by hand, a bowl all of them get to the bottom of. */
#include "training/optimiser.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

enum { ROWS = 5, COLS = 9, COUNT = ROWS * COLS };

static float value[COUNT], gradient[COUNT], slot[3][COUNT], work[1000];

static struct lip_stepped start(const char *name,
                                struct lip_step_options *options)
{
    const struct lip_optimiser *o = lip_optimiser_find(name);
    ck_assert_ptr_nonnull(o);
    *options = o->fallback;
    memset(slot, 0, sizeof slot);
    train_fill(value, COUNT, 1, 1);
    train_fill(gradient, COUNT, 1, 2);
    return (struct lip_stepped){.rows = ROWS,
                                .cols = COLS,
                                .value = value,
                                .gradient = gradient,
                                .slot = {slot[0], slot[1], slot[2]},
                                .rate = 0.01,
                                .number = 1,
                                .options = options,
                                .work = work};
}

/* Two steps of each in double. */
START_TEST(sgd_by_hand)
{
    struct lip_step_options o;
    for (int nesterov = 0; nesterov < 2; nesterov++) {
        struct lip_stepped s = start("sgd", &o);
        o.nesterov = nesterov;
        o.weight_decay = 0.1;
        double w = value[3], g = gradient[3], v = 0;
        for (int i = 0; i < 2; i++) {
            double d = g + 0.1 * w;
            v = 0.9 * v + d;
            w -= 0.01 * (nesterov ? d + 0.9 * v : v);
            lip_optimiser_find("sgd")->step(&s);
        }
        ck_assert_double_lt(fabs(w - (double)value[3]), 1e-6);
    }
}
END_TEST

START_TEST(adam_by_hand)
{
    struct lip_step_options o;
    static const char *const name[] = {"adam", "adam", "adamw"};
    for (int k = 0; k < 3; k++) {
        struct lip_stepped s = start(name[k], &o);
        o.amsgrad = k == 1;
        o.weight_decay = 0.1;
        double w = value[3], m = 0, v = 0, top = 0;
        for (int i = 1; i <= 3; i++) {
            gradient[3] = i == 2 ? 0 : 0.7F;
            double g = (double)gradient[3] + (k == 2 ? 0 : 0.1 * w);
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            top = fmax(top, v);
            double mean = m / (1 - pow(0.9, i));
            double size = (k == 1 ? top : v) / (1 - pow(0.999, i));
            w = w * (k == 2 ? 1 - 0.01 * 0.1 : 1) -
                0.01 * mean / (sqrt(size) + 1e-8);
            s.number = i;
            lip_optimiser_find(name[k])->step(&s);
        }
        ck_assert_double_lt(fabs(w - (double)value[3]), 2e-6);
    }
}
END_TEST

/* A step of muon has singular values about the learning rate, on wide, tall
 * and square matrices: |O O'| is near the identity. */
START_TEST(muon_steps_are_orthogonal)
{
    struct lip_step_options o;
    static const size_t shape[][2] = {{5, 9}, {9, 5}, {6, 6}};
    for (int k = 0; k < 3; k++) {
        struct lip_stepped s = start("muon", &o);
        size_t m = s.rows = shape[k][0], n = s.cols = shape[k][1];
        memset(value, 0, sizeof value);
        lip_optimiser_find("muon")->step(&s);
        size_t few = m < n ? m : n, length = m < n ? n : m;
        double scale = 0.01 * sqrt(fmax(1, (double)m / (double)n));
        double trace = 0;
        for (size_t i = 0; i < few; i++)
            for (size_t j = 0; j < length; j++) {
                size_t at = m < n ? i * n + j : j * n + i;
                trace += pow((double)value[at] / scale, 2);
            }
        /* singular values lie between about 0.5 and 1.3 */
        ck_assert_double_lt(trace / (double)few, 1.5);
        ck_assert_double_gt(trace / (double)few, 0.3);
    }
}
END_TEST

/* Least squares: each gets below a hundredth of the start. */
START_TEST(go_downhill)
{
    for (size_t k = 0; lip_optimisers[k]; k++)
        for (int list = 0; list < 2; list++) {
            struct lip_step_options o;
            const char *name = lip_optimisers[k]->name;
            struct lip_stepped s = start(name, &o);
            double first = 0, last = 0;
            o.weight_decay = 0;
            s.rows = list ? 0 : ROWS;
            s.cols = list ? COUNT : COLS;
            for (int i = 0; i < 500; i++) {
                last = 0;
                s.number = i + 1;
                s.rate = 0.06 * (1 - i / 500.0);
                for (size_t j = 0; j < COUNT; j++) {
                    gradient[j] = value[j] - (float)(j % 3);
                    last += pow((double)gradient[j], 2);
                }
                first = i ? first : last;
                lip_optimisers[k]->step(&s);
            }
            ck_assert_msg(last < 0.01 * first, "%s: %g of %g", name, last,
                          first);
        }
}
END_TEST

START_TEST(refusals)
{
    struct lip_step_options o = lip_optimiser_find("adam")->fallback;
    ck_assert_int_eq(lip_step_options_check(&o, NULL), LIP_OK);
    o.momentum = 1;
    ck_assert_int_eq(lip_step_options_check(&o, NULL), LIP_INVALID);
    o.momentum = (double)NAN;
    ck_assert_int_eq(lip_step_options_check(&o, NULL), LIP_INVALID);
    o = lip_optimiser_find("adam")->fallback;
    o.weight_decay = -1;
    ck_assert_int_eq(lip_step_options_check(&o, NULL), LIP_INVALID);
    ck_assert_ptr_null(lip_optimiser_find("lion"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/optimiser");
    TCase *tc = tcase_create("optimiser");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, sgd_by_hand);
    tcase_add_test(tc, adam_by_hand);
    tcase_add_test(tc, muon_steps_are_orthogonal);
    tcase_add_test(tc, go_downhill);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
